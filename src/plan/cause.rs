//! Why a step is done, as a value; its sentence is made here alone.

use std::fmt;

use crate::names::{ImageName, PartName};
use crate::plan::images::inputs::InputChange;
use crate::plan::parts::Ask;

/// Why a step is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Nothing of it exists.
    NotThere,
    /// An option of the command asks for it.
    AskedFor(String),
    /// Fewer containers of a part exist than it has.
    TooFew {
        /// As many exist.
        there: usize,
        /// As many it has.
        wanted: usize,
    },
    /// More containers of a part exist than it has.
    TooMany(usize),
    /// An image is made from other inputs than the newest one that exists; never none.
    Inputs(Vec<InputChange>),
    /// The newest image has the same inputs, and lost its tag.
    TagGone,
    /// Its parent is made by this plan.
    ParentRebuilt(ImageName),
    /// Another project of this machine has built it.
    BuiltElsewhere,
    /// The root is got in this way.
    Root(String),
    /// The container's image is made by this plan.
    ImageRebuilt(ImageName),
    /// The container should run in this image.
    ImageIs(String),
    /// Another image has the tag that the container was made from.
    ImageReplaced(String),
    /// These keys of a definition, or inputs of an installation, changed; never none.
    Changed(Vec<String>),
    /// A definition changed, and no key says how.
    DefinitionChanged,
    /// The checkout's key is another one.
    CannotCompare,
    /// A container lost this network.
    NetworkRemoved(String),
    /// A container lost this volume.
    VolumeRemoved(String),
    /// The data of a container is recreated.
    DataRecreated,
    /// The user starts with fresh data.
    StartFresh,
    /// The user gave `down -v`.
    DownVolumes,
    /// A copy is made equal before its program starts.
    BeforeStart,
    /// A copy is compared while its program runs.
    RunsOnCopy,
    /// A halted mirror goes on.
    Resumed,
    /// No dependencies are installed.
    NotInstalled,
    /// What is installed cannot be known without a container.
    NoContainer,
    /// A running program has other dependencies now.
    DependenciesChanged,
    /// A container was created, and never started.
    NeverStarted,
    /// A container is stopped.
    Stopped,
    /// A program ended with this code.
    Ended(i64),
    /// A container is paused.
    Paused,
    /// A container is in this state of the engine's.
    InState(String),
    /// The data that a task works on is new.
    DataIsNew(PartName),
    /// Nobody could read whether a task was done.
    CannotTellWhetherDone,
    /// A running part has read another configuration.
    ConfigurationChanged,
    /// Waits for the end of a task.
    UntilEnded,
    /// Waits until the part answers.
    UntilReady(Ask),
    /// Waits for the health check of a compose file.
    HealthCheck,
    /// Waits until a part without a check runs steadily.
    UntilSteady,
    /// A command that was killed left it.
    LeftOver,
    /// A command that was killed was installing in it.
    Installing,
    /// A command was killed while it replaced the container.
    HalfReplaced,
    /// A command was killed while it removed the container.
    HalfRemoved,
    /// A part is switched off at this place.
    SwitchedOff(String),
    /// The gateway has nothing to route.
    NoRoute,
    /// A part is not in the configuration.
    NotConfigured,
    /// Several networks have the name of a container's.
    NetworksOfOneName {
        /// As many.
        count: usize,
        /// The name.
        name: String,
    },
    /// As many networks have this one's name.
    OneOfSeveral(usize),
    /// A container was made with other credentials.
    CredentialsChanged,
    /// A container was made with other ports.
    PortsChanged,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = match self {
            Self::NotThere => "not there yet",
            Self::AskedFor(option) => return write!(f, "asked for by {option}"),
            Self::TooFew { there, wanted } => return write!(f, "{there} of {wanted} exist"),
            Self::TooMany(1) => "duplicate container",
            Self::TooMany(wanted) => return write!(f, "more than {wanted} exist"),
            Self::Inputs(changes) => return inputs(changes, f),
            Self::TagGone => "its tag is gone",
            Self::ParentRebuilt(parent) => return write!(f, "parent {parent} is rebuilt"),
            Self::BuiltElsewhere => "another project of this machine has built it",
            Self::Root(way) => way,
            Self::ImageRebuilt(image) => return write!(f, "image {image} is rebuilt"),
            Self::ImageIs(tag) => return write!(f, "image is {tag} now"),
            Self::ImageReplaced(image) => return write!(f, "image {image} was replaced"),
            Self::Changed(keys) => return write!(f, "{} changed", keys.join(", ")),
            Self::DefinitionChanged => "its definition changed",
            Self::CannotCompare => "cannot compare: .devenv was recreated",
            Self::NetworkRemoved(network) => return write!(f, "its network {network} was removed"),
            Self::VolumeRemoved(volume) => return write!(f, "its volume {volume} was removed"),
            Self::DataRecreated => "its data is recreated",
            Self::StartFresh => "start fresh",
            Self::DownVolumes => "down -v",
            Self::BeforeStart => "before it starts",
            Self::RunsOnCopy => "it runs on a copy",
            Self::Resumed => "resumed",
            Self::NotInstalled => "not installed yet",
            Self::NoContainer => "no container shows what is installed",
            Self::DependenciesChanged => "its dependencies changed",
            Self::NeverStarted => "it was never started",
            Self::Stopped => "it is stopped",
            Self::Ended(code) => return write!(f, "it ended with code {code}"),
            Self::Paused => "it is paused",
            Self::InState(state) => return write!(f, "it is {}", state.to_lowercase()),
            Self::DataIsNew(part) => return write!(f, "the data of {part} is new"),
            Self::CannotTellWhetherDone => "cannot tell whether it was done",
            Self::ConfigurationChanged => "its configuration changed",
            Self::UntilEnded => "until it completes",
            Self::UntilReady(ask) => return write!(f, "{ask}"),
            Self::HealthCheck => "its health check",
            Self::UntilSteady => "until it runs steadily",
            Self::LeftOver => "left over by a command that was killed",
            Self::Installing => "this command installs its dependencies again",
            Self::HalfReplaced => "a command was killed while replacing it",
            Self::HalfRemoved => "a command was killed while removing it",
            Self::SwitchedOff(place) => return write!(f, "switched off in {place}"),
            Self::NoRoute => "no module has a route",
            Self::NotConfigured => "no longer in devenv.yaml",
            Self::NetworksOfOneName { count, name } => return write!(f, "{count} networks are called {name}"),
            Self::OneOfSeveral(count) => return write!(f, "{count} networks have this name"),
            Self::CredentialsChanged => "its credentials changed since it was created",
            Self::PortsChanged => "its ports changed since it was created",
        };
        f.write_str(plain)
    }
}

/// The first change that is the image's own, and how many more there are.
fn inputs(changes: &[InputChange], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(first) = changes.iter().find(|change| !change.is_of_parent()).or(changes.first()) else { return Ok(()) };
    match changes.len() - 1 {
        0 => write!(f, "{first}"),
        more => write!(f, "{first}, and {more} more"),
    }
}
