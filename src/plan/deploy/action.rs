//! What a step of a deployment does, and why; their sentences are made here alone.

use std::fmt;

use crate::names::PartName;
use crate::plan::Plan;

/// The steps of a deployment.
pub type DeployPlan = Plan<DeployAction, DeployCause>;

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeployAction {
    /// Makes the network of the environment.
    MakeNetwork(String),
    /// Gives the cluster a file.
    MakeConfig(String),
    /// Makes a service, and waits until it is healthy.
    Create(PartName),
    /// Replaces the containers of a service, and waits until the new ones are healthy.
    Update(PartName),
    /// Waits until a service is healthy that is as it should be.
    Wait(PartName),
    /// Runs a module with `once` to its end.
    Run(PartName),
    /// Runs a module with `once` to its end when everything is updated.
    Smoke(PartName),
    /// Asks the gateway for a path.
    Get(String),
    /// Removes a service.
    Remove(PartName),
    /// Removes a file that no service has any more.
    RemoveConfig(String),
}

impl DeployAction {
    /// Whether it only removes what the release does not have: by then the release runs, and nothing is undone for it.
    #[must_use]
    pub fn is_clean_up(&self) -> bool {
        matches!(self, Self::Remove(_) | Self::RemoveConfig(_))
    }
}

impl fmt::Display for DeployAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MakeNetwork(name) => write!(f, "create network:{name}"),
            Self::MakeConfig(name) => write!(f, "create config:{name}"),
            Self::Create(part) => write!(f, "create {part}"),
            Self::Update(part) => write!(f, "update {part}"),
            Self::Wait(part) => write!(f, "wait {part}"),
            Self::Run(part) => write!(f, "run {part}"),
            Self::Smoke(part) => write!(f, "smoke {part}"),
            Self::Get(path) => write!(f, "smoke GET {path}"),
            Self::Remove(part) => write!(f, "remove {part}"),
            Self::RemoveConfig(name) => write!(f, "remove config:{name}"),
        }
    }
}

/// Why a step is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeployCause {
    /// Nothing of it exists.
    NotThere,
    /// Its image is another one: the first digits of the digest.
    Image(String),
    /// Somebody has changed the image in the cluster.
    ImageChangedThere,
    /// These keys of its definition changed; never none.
    Changed(Vec<String>),
    /// It has another number of containers.
    Replicas {
        /// As many it has.
        there: u64,
        /// As many it should have.
        wanted: u64,
    },
    /// As many of its containers run.
    NotHealthy {
        /// As many run.
        running: u64,
        /// As many should.
        wanted: u64,
    },
    /// An earlier deployment has begun to update it, and was not there for the end.
    UnderWay,
    /// The engine has rolled it back.
    RolledBack,
    /// Its earlier run has failed.
    RunFailed,
    /// Its earlier run has not ended.
    RunUnderWay,
    /// It is not in this release.
    NotConfigured,
    /// No service has it any more.
    Unused,
}

impl fmt::Display for DeployCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotThere => "not there yet",
            Self::Image(digest) => return write!(f, "image is {digest} now"),
            Self::ImageChangedThere => "its image was changed in the cluster",
            Self::Changed(keys) => return write!(f, "{} changed", keys.join(", ")),
            Self::Replicas { there, wanted } => return write!(f, "replicas: {there} there, {wanted} wanted"),
            Self::NotHealthy { running, wanted } => return write!(f, "{running} of {wanted} run"),
            Self::UnderWay => "its update has not ended",
            Self::RolledBack => "the engine rolled it back",
            Self::RunFailed => "its last run failed",
            Self::RunUnderWay => "its run has not ended",
            Self::NotConfigured => "not in this release",
            Self::Unused => "no service uses it",
        })
    }
}
