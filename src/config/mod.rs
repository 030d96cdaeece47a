//! Text and path facts become a [`project::Project`]. Pure: reads no file, no clock, no environment.
//!
//! ```text
//! bytes → text → tree → interpolated → checked → merged → references → paths → structs
//! ```

use crate::config::inputs::Inputs;
use crate::config::unchecked::Unchecked;

pub mod compose_file;
pub mod compose_project;
pub mod compose_variables;
pub mod cross_checks;
pub mod edit;
pub mod inputs;
mod interpolate;
mod merge;
pub mod model;
mod nix;
mod origin;
pub mod paths;
pub mod placeholders;
pub mod problems;
pub mod project;
pub mod relative_path;
pub mod schema;
pub mod text;
pub mod unchecked;

/// Reads the files as far as text alone goes; [`Unchecked::checked_against`] looks at names, and [`Unchecked::finish`] returns
/// what is wrong.
#[must_use]
pub fn read(inputs: Inputs<'_>) -> Unchecked {
    Unchecked::new(inputs)
}

#[cfg(test)]
mod bad_input_tests;
#[cfg(test)]
mod reading_tests;

pub use cross_checks::is_reserved;
