//! What a machine's facts mean for devenv: findings. How to repair them: `plan::doctor::repairs`.

pub mod apt_packages;
pub mod certs;
pub mod purpose;
pub mod repair_plan;
pub mod repairs;

use std::fmt::Write;

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::error::{Error, Kind};
use crate::plan::machine::{
    Endpoint, EndpointOrigin, EngineState, MachineFacts, NoEndpoint, OLDEST_COMPOSE, Programs, Rank, Silence, System,
    Tool, User, Version,
};

/// The oldest engine that devenv works with.
const ENGINE: (u32, u32) = (20, 10);
/// Below this many free bytes, builds are likely to fail.
const LITTLE_SPACE: u64 = 5 << 30;
/// Below this many watches, a large checkout cannot be watched.
const FEW_WATCHES: u64 = 65_536;
/// Below this many instances, a few editors leave none for devenv.
const FEW_INSTANCES: u64 = 128;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub name: &'static str,
    /// How much devenv needs it.
    pub need: Need,
    /// How it is.
    pub state: FindingState,
    /// What was seen.
    pub detail: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How much devenv needs something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// Nothing works without it.
    Required,
    /// Something works less well without it.
    Recommended,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingState {
    /// As it should be.
    Ok,
    /// It could be better.
    Warning,
    /// It is not there, or cannot be used.
    Missing,
}

impl Finding {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, need: Need::Required, state: FindingState::Ok, detail: detail.into(), hint: None }
    }

    fn missing(name: &'static str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { state: FindingState::Missing, hint: Some(hint.into()), ..Self::ok(name, detail) }
    }

    fn warning(name: &'static str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { state: FindingState::Warning, ..Self::missing(name, detail, hint) }
    }

    fn recommended(self) -> Self {
        Self { need: Need::Recommended, ..self }
    }
}

/// Judges every fact, the required things first.
#[must_use]
pub fn findings(facts: &MachineFacts) -> Vec<Finding> {
    let programs = &facts.programs;
    let mut all = vec![
        system(facts),
        docker(facts),
        engine(facts),
        compose(facts),
        buildx(facts).recommended(),
        program("git", programs.git.is_some(), "git decides which files are ignored", facts).recommended(),
        program("tmux", programs.tmux.is_some(), "`devenv attach` needs it", facts).recommended(),
    ];
    all.extend(mmdebstrap(facts).map(Finding::recommended));
    all.extend(newuidmap(facts).map(Finding::recommended));
    all.extend(driver(facts).map(Finding::recommended));
    all.extend(disk(facts).map(Finding::recommended));
    all.extend(inotify(facts).map(Finding::recommended));
    all.extend(old_compose(programs).map(Finding::recommended));
    all
}

/// The error that says what is missing of the required things; none if nothing is.
#[must_use]
pub fn missing(findings: &[Finding]) -> Option<Error> {
    let missing =
        findings.iter().filter(|finding| finding.state == FindingState::Missing && finding.need == Need::Required);
    let (messages, hints): (Vec<_>, Vec<_>) =
        missing.map(|finding| (format!("{}: {}", finding.name, finding.detail), finding.hint.clone())).unzip();
    if messages.is_empty() {
        return None;
    }
    let mut hints: Vec<_> = hints.into_iter().flatten().collect();
    hints.dedup();
    Some(Error { hints, ..Error::message(Kind::Missing, messages.join("\n")) })
}

/// Whether `--fix` repairs all that is missing: it touches neither certificates nor an engine that runs or that somebody has
/// chosen.
#[must_use]
pub fn is_repairable(facts: &MachineFacts, findings: &[Finding]) -> bool {
    let is_repaired = |finding: &Finding| match finding.name {
        "authority" => false,
        "engine" => matches!(
            &facts.engine,
            EngineState::Silent { endpoint, silence: Silence::NoSocket | Silence::Refused | Silence::Denied }
                if endpoint.origin == EndpointOrigin::Default
        ),
        _ => true,
    };
    findings.iter().all(|finding| finding.state != FindingState::Missing || is_repaired(finding))
}

/// The findings as a table, hints below what they are about.
#[must_use]
pub fn table(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.name.width()).max().unwrap_or_default();
    let mut text = String::new();
    for Finding { name, state, detail, hint, .. } in findings {
        let state = match state {
            FindingState::Ok => "ok",
            FindingState::Warning => "warning",
            FindingState::Missing => "missing",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{state:<9}{name:<width$}  {detail}");
        if let Some(hint) = hint {
            let _ = writeln!(text, "{:<9}{:<width$}  hint: {hint}", "", "");
        }
    }
    text
}

/// What to do when it is not known where the engine is.
#[must_use]
pub fn advice(problem: &NoEndpoint) -> String {
    match problem {
        NoEndpoint::UnknownContext { origin: EndpointOrigin::ContextVariable(_), .. } => {
            "unset DOCKER_CONTEXT, or set it to a context that exists".to_owned()
        }
        NoEndpoint::UnknownContext { .. } => "choose one that exists: `docker context use default`".to_owned(),
        NoEndpoint::BadFile { path, .. } => format!("repair {} or move it away", path.display()),
    }
}

/// Whether compose is there and new enough.
#[must_use]
pub fn compose_is_good(compose: &Tool) -> bool {
    matches!(compose, Tool::Works(version) if is_compose(version))
}

/// Whether a version of compose is new enough.
#[must_use]
pub fn is_compose(version: &Version) -> bool {
    version.at_least(OLDEST_COMPOSE.0, OLDEST_COMPOSE.1)
}

/// What to do about something that can be installed.
fn install(facts: &MachineFacts, what: &str) -> String {
    match (&facts.system, &facts.programs.apt_get) {
        (_, Some(_)) => "`devenv doctor --fix` installs it".to_owned(),
        (System::Macos, None) => format!("install {what}, for example with Docker Desktop: {}", docs(&facts.system)),
        (_, None) => format!("install {what}: {}", docs(&facts.system)),
    }
}

/// Where the engine's makers describe its installation.
#[must_use]
pub fn docs(system: &System) -> &'static str {
    match system {
        System::Macos => "https://docs.docker.com/desktop/setup/install/mac-install/",
        _ => "https://docs.docker.com/engine/install/",
    }
}

fn system(facts: &MachineFacts) -> Finding {
    let name = match &facts.system {
        System::Linux(release) => release.name.clone(),
        System::Wsl(release) => format!("{} on WSL", release.name),
        System::Macos => "macOS".to_owned(),
        System::Other(name) => {
            let hint = "use Linux, macOS, or Linux in Windows (WSL 2)";
            return Finding::warning("system", format!("devenv was never tested on {name}"), hint);
        }
    };
    Finding::ok("system", format!("{name}, user {}", facts.user.name))
}

fn docker(facts: &MachineFacts) -> Finding {
    match &facts.docker {
        Tool::Works(version) => Finding::ok("docker", version.to_string()),
        Tool::Absent => {
            Finding::missing("docker", "the docker command line is not installed", install(facts, "Docker Engine"))
        }
        Tool::Broken(said) => Finding::missing("docker", said, "try `docker --version`"),
    }
}

fn engine(facts: &MachineFacts) -> Finding {
    match &facts.engine {
        EngineState::Answers { endpoint, version, api, driver } => {
            let detail = format!("{version} (API {api}, {driver}) at {endpoint}");
            if version.at_least(ENGINE.0, ENGINE.1) {
                Finding::ok("engine", detail)
            } else {
                let hint =
                    format!("update Docker Engine to {}.{} or newer: {}", ENGINE.0, ENGINE.1, docs(&facts.system));
                Finding::missing("engine", detail, hint)
            }
        }
        EngineState::Nowhere(problem) => Finding::missing("engine", problem.to_string(), advice(problem)),
        EngineState::Silent { endpoint, silence } => {
            let detail = match silence {
                Silence::NoSocket => format!("not running: there is no socket {endpoint}"),
                Silence::Refused => format!("not running: nothing listens at {endpoint}"),
                Silence::Denied => format!("user {} may not open {endpoint}", facts.user.name),
                Silence::Hangs(seconds) => format!("{endpoint} does not answer within {seconds} s"),
                Silence::Unsupported => format!("devenv can talk to unix:// and plain tcp:// only, not to {endpoint}"),
                Silence::Failed(said) => format!("{endpoint}: {said}"),
            };
            Finding::missing("engine", detail, silence_hint(facts, endpoint, silence))
        }
    }
}

fn silence_hint(facts: &MachineFacts, endpoint: &Endpoint, silence: &Silence) -> String {
    match (silence, &endpoint.origin) {
        (Silence::Denied, _) => denied_hint(&facts.user),
        (Silence::Hangs(_) | Silence::Failed(_), _) => "check its log, then restart it".to_owned(),
        (Silence::Unsupported, EndpointOrigin::HostVariable) => {
            "choose an engine of this machine, or unset DOCKER_HOST".to_owned()
        }
        (Silence::Unsupported, EndpointOrigin::ContextVariable(_)) => {
            "choose an engine of this machine, or unset DOCKER_CONTEXT".to_owned()
        }
        (_, EndpointOrigin::HostVariable) => "start that engine, or unset DOCKER_HOST".to_owned(),
        (_, EndpointOrigin::ContextVariable(_)) => "start that engine, or unset DOCKER_CONTEXT".to_owned(),
        (_, EndpointOrigin::CurrentContext(_)) => {
            "start that engine, or choose another: `docker context use default`".to_owned()
        }
        (_, EndpointOrigin::Default) => match (&facts.system, &facts.programs.dockerd) {
            (System::Macos, _) => format!("start Docker Desktop, or install it: {}", docs(&facts.system)),
            (_, Some(_)) => "`devenv doctor --fix` starts it".to_owned(),
            (_, None) => install(facts, "Docker Engine"),
        },
    }
}

fn denied_hint(user: &User) -> String {
    match user {
        User { rank: Rank::Root, .. } => "check who owns the socket".to_owned(),
        User { name, in_docker_group: true, .. } => {
            format!(
                "log in again: {name} is in group `docker`, but this session started before that; \
                 until then `devenv up` continues in a new one, and `newgrp docker` starts one"
            )
        }
        User { name, .. } => {
            format!("`sudo usermod -aG docker {name}`, then log in again (members of that group can become root)")
        }
    }
}

fn compose(facts: &MachineFacts) -> Finding {
    let (major, minor) = OLDEST_COMPOSE;
    let hint = || install(facts, "the plugin docker-compose");
    match &facts.compose {
        Tool::Works(version) if is_compose(version) => Finding::ok("compose", version.to_string()),
        Tool::Works(version) => {
            Finding::missing("compose", format!("{version} is too old, devenv needs {major}.{minor} or newer"), hint())
        }
        Tool::Absent => {
            let detail = format!("`docker compose` is not installed, devenv needs {major}.{minor} or newer");
            Finding::missing("compose", detail, hint())
        }
        Tool::Broken(said) => Finding::missing("compose", said, "try `docker compose version`"),
    }
}

fn buildx(facts: &MachineFacts) -> Finding {
    match &facts.buildx {
        Tool::Works(version) => Finding::ok("buildx", version.to_string()),
        Tool::Absent => {
            let detail = "`docker buildx` is not installed: builds with secrets need it";
            Finding::warning("buildx", detail, install(facts, "the plugin docker-buildx"))
        }
        Tool::Broken(said) => Finding::warning("buildx", said, "try `docker buildx version`"),
    }
}

/// Only Linux can run it.
fn mmdebstrap(facts: &MachineFacts) -> Option<Finding> {
    let why = "builds the root image if no registry can be reached";
    let is_linux = matches!(facts.system, System::Linux(_) | System::Wsl(_));
    is_linux.then(|| program("mmdebstrap", facts.programs.mmdebstrap.is_some(), why, facts))
}

/// Without root, mmdebstrap works in a user namespace, which this program sets up.
fn newuidmap(facts: &MachineFacts) -> Option<Finding> {
    let is_needed = facts.programs.mmdebstrap.is_some() && facts.user.rank != Rank::Root;
    let is_lacking = is_needed && facts.programs.newuidmap.is_none();
    is_lacking.then(|| program("uidmap", false, "mmdebstrap works without it only as root", facts))
}

fn program(name: &'static str, is_there: bool, why: &str, facts: &MachineFacts) -> Finding {
    if is_there {
        return Finding::ok(name, "installed");
    }
    let hint = match facts.programs.apt_get {
        Some(_) => "`devenv doctor --fix` installs it".to_owned(),
        None => format!("install the package {name}"),
    };
    Finding::warning(name, format!("not installed: {why}"), hint)
}

fn driver(facts: &MachineFacts) -> Option<Finding> {
    let slow = matches!(&facts.engine, EngineState::Answers { driver, .. } if driver == "vfs");
    slow.then(|| {
        let hint = "install fuse-overlayfs, set `\"storage-driver\": \"fuse-overlayfs\"` in /etc/docker/daemon.json, \
                    and restart the engine (images must be rebuilt)";
        Finding::warning("storage", "driver vfs copies whole images: slow, and it fills the disk", hint)
    })
}

fn disk(facts: &MachineFacts) -> Option<Finding> {
    let free = facts.disk_free?;
    let detail = format!("{:.1} GiB free for images", free as f64 / f64::from(1 << 30));
    Some(if free >= LITTLE_SPACE {
        Finding::ok("disk", detail)
    } else {
        Finding::warning("disk", detail, "find what to remove: `docker system df`")
    })
}

fn inotify(facts: &MachineFacts) -> Option<Finding> {
    let limits = facts.inotify?;
    let detail = format!("{} watches, {} instances", limits.watches, limits.instances);
    Some(if limits.watches >= FEW_WATCHES && limits.instances >= FEW_INSTANCES {
        Finding::ok("inotify", detail)
    } else {
        let hint = "`sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512`";
        Finding::warning("inotify", detail, hint)
    })
}

fn old_compose(programs: &Programs) -> Option<Finding> {
    let path = programs.compose_1.as_ref()?;
    Some(Finding::ok("compose 1", format!("{} is installed too, but never used", path.display())))
}

#[cfg(test)]
mod tests;
