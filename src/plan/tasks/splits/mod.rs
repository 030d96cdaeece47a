//! A task that is split: its tests are dealt to several containers by how long they took before. Pure.

pub mod attribution;
pub mod deal;
pub mod manifest;
pub mod names;
pub mod times;

use crate::config::model::split;

/// How a task is split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Into how many containers.
    pub into: u32,
    /// What its tests are.
    pub tests: Tests,
}

/// Where the names of tests come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tests {
    /// Files below the task's folder that match a pattern.
    Files(String),
    /// What a shell command prints in a container of the task, one per line.
    Printed(String),
}

impl Split {
    /// As it is configured; none where that says neither or both, which was refused before.
    #[must_use]
    pub fn of(split: &split::Split) -> Option<Self> {
        let tests = match (&split.of, &split.command) {
            (Some(pattern), None) => Tests::Files(pattern.clone()),
            (None, Some(command)) => Tests::Printed(command.clone()),
            _ => return None,
        };
        Some(Self { into: split.into, tests })
    }

    /// One text that no other split has.
    #[must_use]
    pub fn text(&self) -> String {
        let tests = match &self.tests {
            Tests::Files(pattern) => format!("files\0{pattern}"),
            Tests::Printed(command) => format!("command\0{command}"),
        };
        format!("{}\0{tests}", self.into)
    }
}

#[cfg(test)]
mod simulation;
