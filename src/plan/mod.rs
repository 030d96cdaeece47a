//! The decision: project × what was observed → a [`Plan`], steps each with its cause and what it comes after. Pure.

pub mod adopt;
pub mod catalogue;
pub mod cause;
pub mod certs;
pub mod check;
pub mod databases;
pub mod debug;
pub mod definition;
pub mod deploy;
pub mod detect;
pub mod doctor;
pub mod environment;
pub mod features;
pub mod graph;
pub mod identity;
pub mod images;
pub(crate) mod known_images;
pub mod lock_files;
pub mod login;
pub mod logs;
pub mod machine;
pub mod mirror;
pub mod missing_program;
pub mod mounts;
pub mod observed;
pub mod part_variables;
pub mod parts;
pub mod permissions;
pub mod presets;
pub mod registry;
pub mod release;
pub mod screens;
pub mod secrets;
pub mod short_cuts;
pub mod sockets;
pub mod source_folder;
pub mod source_tree;
pub mod states;
pub mod stats;
pub mod status;
pub mod steps;
pub mod tasks;
pub mod trace;
pub mod watch;
pub mod why;

use std::fmt;

use serde::Serialize;

use crate::names::{ImageName, PartName};
use crate::plan::cause::Cause;

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Gets the image below `base`, in the way that the lock says.
    Root,
    /// Gets an image of the hierarchy from the registry.
    Pull(ImageName),
    /// Builds an image of the hierarchy.
    Build(ImageName),
    /// Gives an image that another project has built the name of this project's.
    Reuse {
        /// The image of the hierarchy.
        image: ImageName,
        /// Engine's id of the one that is there.
        id: String,
    },
    /// Makes the released image of a module.
    Release(PartName),
    /// Gets the released image of a module from the registry.
    PullReleased(PartName),
    /// Gets a third-party image.
    Fetch(String),
    /// Makes a volume.
    MakeVolume(String),
    /// Deletes a volume with all that is in it.
    DeleteVolume(String),
    /// Stops and removes a container.
    Remove {
        /// Engine's id.
        id: String,
        /// What people call it.
        name: String,
    },
    /// Removes a network.
    RemoveNetwork {
        /// Engine's id.
        id: String,
        /// Engine's name.
        name: String,
    },
    /// Creates a container.
    Create(PartName),
    /// Replaces a container.
    Recreate(PartName),
    /// Installs a module's dependencies.
    Install(PartName),
    /// Makes the copy of a module's source like this machine's, by content.
    Mirror(PartName),
    /// Starts a container.
    Start(PartName),
    /// Stops a running container and starts it again.
    Restart(PartName),
    /// Stops a container.
    Stop(PartName),
    /// Waits until a part is ready, or a task has ended well.
    Wait(PartName),
    /// Makes a running part read its configuration again.
    Reload(PartName),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("get image:root"),
            Self::Pull(image) => write!(f, "pull image:{image}"),
            Self::Build(image) => write!(f, "build image:{image}"),
            Self::Reuse { image, .. } => write!(f, "reuse image:{image}"),
            Self::Release(part) => write!(f, "release {part}"),
            Self::PullReleased(part) => write!(f, "pull released {part}"),
            Self::Fetch(image) => write!(f, "pull {image}"),
            Self::MakeVolume(volume) => write!(f, "create volume:{volume}"),
            Self::DeleteVolume(volume) => write!(f, "delete volume:{volume}"),
            Self::Remove { name, .. } => write!(f, "remove {name}"),
            Self::RemoveNetwork { name, .. } => write!(f, "remove network:{name}"),
            Self::Create(part) => write!(f, "create {part}"),
            Self::Recreate(part) => write!(f, "recreate {part}"),
            Self::Install(part) => write!(f, "install {part}"),
            Self::Mirror(part) => write!(f, "mirror {part}"),
            Self::Start(part) => write!(f, "start {part}"),
            Self::Restart(part) => write!(f, "restart {part}"),
            Self::Stop(part) => write!(f, "stop {part}"),
            Self::Wait(part) => write!(f, "wait {part}"),
            Self::Reload(part) => write!(f, "reload {part}"),
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<A = Action, C = Cause> {
    /// What.
    pub action: A,
    /// Why; none where the step before it says so.
    pub cause: Option<C>,
    /// Indices of the steps that come first.
    pub after: Vec<usize>,
}

impl<A, C: fmt::Display> Step<A, C> {
    /// Its cause as people read it.
    #[must_use]
    pub fn why(&self) -> String {
        self.cause.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

/// What is to be done, in an order that respects what comes after what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan<A = Action, C = Cause> {
    /// The steps.
    pub steps: Vec<Step<A, C>>,
}

impl<A, C> Default for Plan<A, C> {
    fn default() -> Self {
        Self { steps: Vec::new() }
    }
}

impl<A: fmt::Display, C: fmt::Display> Plan<A, C> {
    /// Adds a step and returns its index.
    pub fn push(&mut self, action: A, cause: impl Into<Option<C>>, after: Vec<usize>) -> usize {
        self.steps.push(Step { action, cause: cause.into(), after });
        self.steps.len() - 1
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The number of the first step that is such.
    pub fn find(&self, is: impl Fn(&A) -> bool) -> Option<usize> {
        self.steps.iter().position(|step| is(&step.action))
    }

    /// The plan for programs.
    #[must_use]
    pub fn json(&self) -> Vec<StepJson> {
        let steps = self.steps.iter().enumerate();
        steps
            .map(|(at, step)| StepJson {
                step: at + 1,
                action: step.action.to_string(),
                cause: step.why(),
                after: step.after.iter().map(|index| index + 1).collect(),
            })
            .collect()
    }
}

/// A step as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct StepJson {
    step: usize,
    action: String,
    cause: String,
    after: Vec<usize>,
}

impl<A: fmt::Display, C: fmt::Display> fmt::Display for Plan<A, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps.iter().enumerate() {
            write!(f, "{} {}", at + 1, step.action)?;
            if let Some(cause) = &step.cause {
                write!(f, ": {cause}")?;
            }
            if !step.after.is_empty() {
                let after: Vec<String> = step.after.iter().map(|index| (index + 1).to_string()).collect();
                write!(f, " (after {})", after.join(", "))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
