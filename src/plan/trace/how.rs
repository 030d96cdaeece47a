//! How hops are asked, as the command line says and this machine allows. Values only.

use std::time::Duration;

/// How hops are asked.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Longest wait for an answer.
    pub patience: Duration,
    /// Whether the module gets the request a second time, whatever it does.
    pub is_direct: bool,
    /// Whether the wire is watched also where nothing is broken.
    pub wire: WireView,
    /// Whether a tool box can be made.
    pub tool_box: ToolBoxImage,
}

/// Whether the image of the tool box is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolBoxImage {
    /// It is.
    Here,
    /// It has to be built before a tool box is made.
    Missing,
}

/// When the wire is watched while the module has the request: that takes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireView {
    /// Where the answer from outside is an error, or takes its time.
    IfBroken,
    /// In any case.
    Always,
}
