//! Decides what a machine lacks, and which packages bring it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::plan::doctor::purpose::Purpose;
use crate::plan::doctor::repairs::{Check, Fix, RepairAction, RootAccess, Way};
use crate::plan::doctor::{compose_is_good, is_compose};
use crate::plan::machine::{
    AppArmor, Apt, Daemon, DaemonConfig, EndpointOrigin, EngineState, MachineFacts, Means, OLDEST_COMPOSE, Overlay,
    Rank, Release, Silence, System, Tool, Version,
};

/// The Debian suite that has compose 2 and buildx, for machines whose own suite has not.
const POOL: &str = "trixie";
/// The storage driver for machines where the kernel's own cannot be mounted; also its package and program.
pub(crate) const FUSE_OVERLAY: &str = "fuse-overlayfs";

/// The package with `newuidmap`, without which mmdebstrap works only as root.
const UIDMAP: &str = "uidmap";

/// A part that devenv uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// `dockerd`.
    Engine,
    /// `docker`.
    CommandLine,
    /// Its plugin `compose`.
    Compose,
    /// Its plugin `buildx`.
    Buildx,
    /// A program, and the package of the same name.
    Program(&'static str),
}

impl Part {
    /// For people.
    pub(crate) fn name(self) -> String {
        let name = match self {
            Self::Engine => "Docker Engine",
            Self::CommandLine => "docker's command line",
            Self::Compose => {
                let (major, minor) = OLDEST_COMPOSE;
                return format!("docker-compose {major}.{minor} or newer");
            }
            Self::Buildx => "docker-buildx",
            Self::Program(name) => name,
        };
        name.to_owned()
    }

    fn check(self) -> Check {
        match self {
            Self::Engine => Check::Program("dockerd".to_owned()),
            Self::CommandLine => Check::Program("docker".to_owned()),
            Self::Compose => Check::Compose,
            Self::Buildx => Check::Buildx,
            Self::Program(UIDMAP) => Check::Program("newuidmap".to_owned()),
            Self::Program(name) => Check::Program(name.to_owned()),
        }
    }
}

/// Where a part comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PackageSource {
    /// A package of this name, from the machine's own apt.
    Apt(&'static str),
    /// A package of this name, from the pool of a newer Debian.
    Pool(&'static str),
    /// Not from devenv.
    Elsewhere,
}

/// What a machine lacks for a purpose.
pub(crate) fn lacking(facts: &MachineFacts, purpose: Purpose) -> Vec<Part> {
    let programs = &facts.programs;
    let optional = [
        ("mmdebstrap", &programs.mmdebstrap, Purpose::MakeRoot),
        (UIDMAP, &programs.newuidmap, Purpose::MakeRoot),
        ("git", &programs.git, Purpose::Everything),
        ("tmux", &programs.tmux, Purpose::Everything),
    ];
    let is_linux = matches!(facts.system, System::Linux(_) | System::Wsl(_));
    let runs_here = |name: &str| match name {
        "mmdebstrap" => is_linux,
        UIDMAP => is_linux && facts.user.rank == Rank::Normal,
        _ => true,
    };
    let optional = optional.into_iter();
    let optional = optional.filter(|(name, path, from)| path.is_none() && purpose >= *from && runs_here(name));
    [
        (engine_is_off(facts) && programs.dockerd.is_none(), Part::Engine),
        (facts.docker == Tool::Absent, Part::CommandLine),
        (!compose_is_good(&facts.compose), Part::Compose),
        (!matches!(facts.buildx, Tool::Works(_)), Part::Buildx),
    ]
    .into_iter()
    .filter_map(|(lacks, part)| lacks.then_some(part))
    .chain(optional.map(|(name, ..)| Part::Program(name)))
    .collect()
}

/// Whether nobody listens where the engine is when nobody says anything else.
pub(crate) fn engine_is_off(facts: &MachineFacts) -> bool {
    let EngineState::Silent { endpoint, silence } = &facts.engine else { return false };
    endpoint.origin == EndpointOrigin::Default && matches!(silence, Silence::NoSocket | Silence::Refused)
}

/// Where a part would come from.
pub(crate) fn source(part: Part, facts: &MachineFacts, means: &Means) -> PackageSource {
    let (System::Linux(release) | System::Wsl(release), Some(apt)) = (&facts.system, &means.apt) else {
        return PackageSource::Elsewhere;
    };
    let shipped = shipped(release);
    let candidates = if apt.candidates.is_empty() { &shipped } else { &apt.candidates };
    let offered = |names: &[&'static str]| names.iter().copied().find(|name| candidates.contains_key(*name));
    let package = match part {
        Part::Engine => offered(&["docker-ce", "docker.io"]),
        Part::CommandLine => offered(&["docker-ce-cli", "docker-cli", "docker.io"]),
        Part::Compose => {
            let good = |name: &&str| {
                candidates.get(*name).and_then(|text| Version::new(text)).is_some_and(|it| is_compose(&it))
            };
            ["docker-compose-plugin", "docker-compose-v2", "docker-compose"].into_iter().find(good)
        }
        Part::Buildx => offered(&["docker-buildx-plugin", "docker-buildx"]),
        Part::Program(name) => offered(&[name]),
    };
    match (package, part) {
        (Some(package), _) => PackageSource::Apt(package),
        (None, Part::Compose) if has_pool(release, apt) => PackageSource::Pool("docker-compose"),
        (None, Part::Buildx) if has_pool(release, apt) => PackageSource::Pool("docker-buildx"),
        (None, _) => PackageSource::Elsewhere,
    }
}

/// What a suite is known to offer, for machines on which `apt-get update` has never run.
fn shipped(release: &Release) -> BTreeMap<String, String> {
    let version = Version::new(&release.version);
    let is = |id: &str| release.id == id || release.like.iter().any(|like| like == id);
    let everywhere = ["docker.io", "git", "mmdebstrap", "tmux", UIDMAP, FUSE_OVERLAY].map(|name| (name, ""));
    let more: &[_] = if is("ubuntu") {
        &[("docker-compose-v2", "2.20"), ("docker-buildx", "")]
    } else if release.id == "debian" && version.is_none_or(|version| version.at_least(13, 0)) {
        &[("docker-cli", ""), ("docker-compose", "2.26"), ("docker-buildx", "")]
    } else {
        &[]
    };
    everywhere.iter().chain(more).map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect()
}

/// Whether packages of a newer Debian can be had, and trusted.
fn has_pool(release: &Release, apt: &Apt) -> bool {
    release.id == "debian" && apt.keyring.is_some()
}

/// The fix that installs packages of the machine's own apt.
pub(crate) fn from_apt(
    sources: &[(Part, PackageSource)],
    facts: &MachineFacts,
    means: &Means,
    root: RootAccess,
) -> Option<Fix> {
    let mut packages: Vec<_> = Vec::new();
    let mut done = Vec::new();
    for (part, source) in sources {
        if let PackageSource::Apt(package) = source {
            packages.push(*package);
            done.push(part.check());
        }
    }
    let starts = sources.iter().any(|(part, _)| *part == Part::Engine) || may_start(facts, means);
    let helpers = [
        (wants_fuse(facts, means), FUSE_OVERLAY, FUSE_OVERLAY),
        (means.apparmor == AppArmor::LacksParser, "apparmor", "apparmor_parser"),
    ];
    for (_, package, program) in helpers.into_iter().filter(|(wanted, ..)| *wanted && starts) {
        packages.push(package);
        done.push(Check::Program(program.to_owned()));
    }
    packages.sort_unstable();
    packages.dedup();
    (!packages.is_empty()).then(|| Fix {
        why: format!("install {}", packages.join(", ")),
        by: Rank::Root,
        ways: vec![Way::of(install(&packages, root).to_vec())],
        done,
    })
}

/// Installs packages as root. `apt-get update` may fail: one foreign archive that does not answer is enough for that.
pub(crate) fn install(packages: &[&str], root: RootAccess) -> [RepairAction; 2] {
    let call = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"];
    let call = [call.as_slice(), &["install", "-y", "--no-install-recommends"], packages].concat();
    [root.call(&["apt-get", "update"]).may_fail(), root.call(&call)]
}

/// Whether the engine is off and may be started. Never while one runs: a second one takes the first one's bridge away.
pub(crate) fn may_start(facts: &MachineFacts, means: &Means) -> bool {
    engine_is_off(facts) && means.daemon == Daemon::Absent
}

/// The engine takes this driver by itself when it is there and the kernel's own is not.
pub(crate) fn wants_fuse(facts: &MachineFacts, means: &Means) -> bool {
    let wanted = match &means.daemon_config {
        DaemonConfig::Absent => means.overlay == Overlay::Doubtful,
        DaemonConfig::Present(driver) => driver == FUSE_OVERLAY,
    };
    wanted && facts.programs.fuse_overlayfs.is_none()
}

/// Plugins for this user only, from the pool of a newer Debian: apt verifies them, in directories of its own, so that
/// nothing else of the system changes.
pub(crate) fn from_pool(
    sources: &[(Part, PackageSource)],
    facts: &MachineFacts,
    means: &Means,
    apt: &Apt,
) -> Option<Fix> {
    let from_pool = |(part, source): &(Part, PackageSource)| match source {
        PackageSource::Pool(package) => Some((*package, part.check())),
        PackageSource::Apt(_) | PackageSource::Elsewhere => None,
    };
    let (packages, done): (Vec<_>, Vec<_>) = sources.iter().filter_map(from_pool).unzip();
    let keyring = apt.keyring.as_deref()?;
    let mirror = apt.mirror.as_deref()?;
    let (System::Linux(release) | System::Wsl(release)) = &facts.system else { return None };
    let scratch = &means.scratch;
    let config = scratch.join("apt.conf").display().to_string();
    let here = |call: &[&str]| {
        let folder = scratch.display().to_string();
        RepairAction::run(&[&["env", "-C", &folder], call].concat())
    };
    let lists = scratch.join("lists/partial").display().to_string();
    let mut actions = vec![
        RepairAction::Scratch(scratch.clone()),
        RepairAction::run(&["mkdir", "-p", &lists]),
        RepairAction::Write(scratch.join("sources.list"), pool_source(keyring, mirror)),
        RepairAction::Write(scratch.join("apt.conf"), pool_config(scratch)),
        RepairAction::run(&["apt-get", "-c", &config, "update"]),
        here(&[&["apt-get", "-c", &config, "download"], packages.as_slice()].concat()),
        here(&["sh", "-ec", r#"for deb in *.deb; do dpkg-deb -x "$deb" .; done"#]),
    ];
    for package in &packages {
        let from = scratch.join("usr/libexec/docker/cli-plugins").join(package).display().to_string();
        let to = means.plugins.join(package).display().to_string();
        let new = means.plugins.join(format!(".{package}.new")).display().to_string();
        actions.push(RepairAction::run(&["install", "-D", "-m", "755", &from, &new]));
        actions.push(RepairAction::run(&["mv", "-f", &new, &to]));
    }
    (!packages.is_empty()).then(|| Fix {
        why: format!(
            "{} has no such version: take {} from Debian {POOL}, for this user only",
            release.name,
            packages.join(", ")
        ),
        by: Rank::Normal,
        ways: vec![Way::of(actions)],
        done,
    })
}

fn pool_source(keyring: &Path, mirror: &str) -> String {
    format!("deb [signed-by={}] {mirror} {POOL} main\n", keyring.display())
}

/// Configuration of an apt that shares nothing with the system's own: read last, so that it has the last word, also
/// against hooks that would clear the system's caches. The sandbox user could not enter this user's directory.
fn pool_config(scratch: &Path) -> String {
    let scratch = scratch.display();
    format!(
        "\
#clear APT::Update;
#clear DPkg::Post-Invoke;
APT::Sandbox::User \"root\";
APT::Update::Error-Mode \"any\";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";
Acquire::Languages \"none\";
Dir::Cache \"{scratch}\";
Dir::Etc::Preferences \"/dev/null\";
Dir::Etc::PreferencesParts \"/dev/null\";
Dir::Etc::SourceList \"{scratch}/sources.list\";
Dir::Etc::SourceParts \"/dev/null\";
Dir::State \"{scratch}\";
Dir::State::Lists \"{scratch}/lists\";
Dir::State::Status \"/dev/null\";
"
    )
}
