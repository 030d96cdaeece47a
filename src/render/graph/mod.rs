//! A graph as text of a drawing: SVG, Mermaid, DOT. Names and sentences of others stay text in each of them.

pub mod dot;
mod layout;
pub mod mermaid;
pub mod svg;

use crate::plain::steers;
use crate::plan::states::Severity;

/// Fill and border of what has a verdict: they can be told apart without colour vision by their lightness, too.
#[must_use]
pub(super) fn colours(verdict: Severity) -> (&'static str, &'static str) {
    match verdict {
        Severity::Good => ("#d7f0dc", "#2e7d44"),
        Severity::Off => ("#eceff3", "#7a8594"),
        Severity::Waiting => ("#ffefc4", "#b07d00"),
        Severity::Bad => ("#f7c6c3", "#b3261e"),
    }
}

/// A text without what would break a line or steer a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !steers(*c)).collect()
}

#[cfg(test)]
mod graph_tests;
