//! Decides how to repair a machine: what it lacks, where each part comes from, how the engine is started.

use std::path::{Path, PathBuf};

use crate::plan::doctor::apt_packages::{
    FUSE_OVERLAY, PackageSource, Part, engine_is_off, from_apt, from_pool, install, lacking, may_start, source,
    wants_fuse,
};
use crate::plan::doctor::docs;
use crate::plan::doctor::purpose::Purpose;
use crate::plan::doctor::repairs::{Check, Effect, Fix, Fixes, RootAccess, Way, When};
use crate::plan::machine::{
    Daemon, DaemonConfig, EndpointOrigin, EngineState, Init, MachineFacts, Means, Rank, Silence, User,
};

/// The log of an engine that nobody but devenv has started.
const DAEMON_LOG: &str = "/var/log/dockerd-devenv.log";

/// What devenv can do, and what it must leave to a person. Where nothing is to be fixed, nothing of both.
#[must_use]
pub fn fixes(facts: &MachineFacts, means: &Means, purpose: Purpose) -> Fixes {
    let root = RootAccess::of(facts, means);
    let sources: Vec<_> = lacking(facts, purpose).into_iter().map(|part| (part, source(part, facts, means))).collect();
    let mut all = Vec::new();
    all.extend(means.apt.as_ref().and_then(|_| from_apt(&sources, facts, means, root)));
    all.extend(means.apt.as_ref().and_then(|apt| from_pool(&sources, facts, means, apt)));
    if starts_engine(facts, means, &sources) {
        all.push(start_engine(facts, means, root));
    }
    all.extend(join_group(facts, means, &sources, root));

    let (ours, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|fix| fix.by == Rank::Normal || root != RootAccess::Never);
    let mut by_hand: Vec<_> = others.iter().map(as_root).collect();
    by_hand.extend(elsewhere(&sources, facts));
    by_hand.extend(stray_daemon(facts, means));
    Fixes { fixes: ours, by_hand }
}

/// When what was fixed is seen: by this session, or only by one that begins later, because it is older than its user's
/// place in group `docker`.
#[must_use]
pub fn effect(engine: &EngineState, user: &User) -> Effect {
    match engine {
        EngineState::Silent { endpoint, silence: Silence::Denied }
            if endpoint.origin == EndpointOrigin::Default && user.rank == Rank::Normal && user.in_docker_group =>
        {
            Effect::NextLogin
        }
        _ => Effect::Now,
    }
}

fn starts_engine(facts: &MachineFacts, means: &Means, sources: &[(Part, PackageSource)]) -> bool {
    let is_installed =
        || sources.iter().any(|(part, source)| *part == Part::Engine && *source != PackageSource::Elsewhere);
    may_start(facts, means) && (facts.programs.dockerd.is_some() || is_installed())
}

fn start_engine(facts: &MachineFacts, means: &Means, root: RootAccess) -> Fix {
    let log = PathBuf::from(DAEMON_LOG);
    let daemon = facts.programs.dockerd.as_deref().unwrap_or(Path::new("/usr/sbin/dockerd")).display().to_string();
    let detached = |options: &str| {
        let line = format!("setsid --fork {daemon}{options} </dev/null >{DAEMON_LOG} 2>&1");
        Way { log: Some(log.clone()), ..Way::of(vec![root.call(&["sh", "-c", &line])]) }
    };
    let mut ways = match means.init {
        Init::Systemd => vec![Way::of(vec![root.call(&["systemctl", "start", "docker"])])],
        // The script fails where it may not raise the limit of open files.
        Init::Scripts => vec![Way::of(vec![root.call(&["service", "docker", "start"])]), detached("")],
    };
    if means.init == Init::Scripts && means.daemon_config == DaemonConfig::Absent {
        let mut with_fuse = detached(&format!(" --storage-driver {FUSE_OVERLAY}"));
        with_fuse.when = When::LogSays(log, "graphdriver");
        if facts.programs.fuse_overlayfs.is_none() && means.apt.is_some() && !wants_fuse(facts, means) {
            with_fuse.actions.splice(..0, install(&[FUSE_OVERLAY], root));
        }
        ways.push(with_fuse);
    }
    Fix { why: "start Docker Engine".to_owned(), by: Rank::Root, ways, done: vec![Check::EngineRuns] }
}

fn join_group(facts: &MachineFacts, means: &Means, sources: &[(Part, PackageSource)], root: RootAccess) -> Option<Fix> {
    let denied = matches!(&facts.engine, EngineState::Silent { endpoint, silence: Silence::Denied } if endpoint.origin == EndpointOrigin::Default);
    let needs = denied || starts_engine(facts, means, sources);
    let user = &facts.user;
    (needs && user.rank == Rank::Normal && !user.in_docker_group).then(|| Fix {
        why: format!("let {} use the engine (members of group `docker` can become root)", user.name),
        by: Rank::Root,
        ways: vec![Way::of(vec![root.call(&["usermod", "-aG", "docker", &user.name])])],
        done: vec![Check::InDockerGroup],
    })
}

/// What somebody else must do as root.
fn as_root(fix: &Fix) -> String {
    let calls: Vec<_> = fix.ways.iter().take(1).flat_map(|way| &way.actions).map(ToString::to_string).collect();
    format!("as root, {}: {}", fix.why, calls.join(" && "))
}

fn elsewhere(sources: &[(Part, PackageSource)], facts: &MachineFacts) -> Vec<String> {
    let parts = sources.iter().filter(|(_, source)| *source == PackageSource::Elsewhere).map(|(part, _)| *part);
    let (programs, docker): (Vec<_>, Vec<_>) = parts.partition(|part| matches!(part, Part::Program(_)));
    let names = |parts: &[Part]| parts.iter().map(|part| part.name()).collect::<Vec<_>>().join(", ");
    let mut sentences = Vec::new();
    if !docker.is_empty() {
        sentences.push(format!("install {}: {}", names(&docker), docs(&facts.system)));
    }
    if !programs.is_empty() {
        sentences.push(format!("install {} with the system's package manager", names(&programs)));
    }
    sentences
}

fn stray_daemon(facts: &MachineFacts, means: &Means) -> Option<String> {
    let stray = engine_is_off(facts) && means.daemon == Daemon::Runs;
    stray
        .then(|| "an engine is running, but does not listen where it should: check its log, then restart it".to_owned())
}

#[cfg(test)]
mod tests;
