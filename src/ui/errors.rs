//! An error as a person reads it: what happened, and what to do next.

use crate::config::problems::Problems;
use crate::error::{Error, Kind};
use crate::redact::hide;
use crate::ui::problems::{self, Colours};
use crate::ui::screen::visible;

/// The text of an error and of those that came with it; empty for one that only passes a child's code on.
#[must_use]
pub fn text(error: &Error, colour: bool) -> String {
    let also = error.also.iter().map(|other| format!("\n{}", text(other, colour))).collect::<String>();
    one(error, colour) + &also
}

fn one(error: &Error, colour: bool) -> String {
    if let Kind::Child(_) = error.kind {
        return String::new();
    }
    let hints: String = error.hints.iter().map(|hint| format!("\nhint: {}", visible(hint))).collect();
    if let Some(problems) = error.source.downcast_ref::<Problems>() {
        return format!(
            "{}{}",
            problems::render(problems, if colour { Colours::On } else { Colours::Off }).trim_end(),
            hints
        );
    }
    let what = match error.kind {
        Kind::Bug => "bug in devenv",
        Kind::Signal(_) => return visible(&error.to_string()),
        _ => "error",
    };
    hide(&format!("{what}: {}{}", visible(&error.to_string()), hints))
}
