//! The steps of `up`, `down`, `stop` and `start`, each with its cause.

pub mod dependencies;
pub mod down;
pub mod once;
mod removals;
mod tasks;
pub mod up;

#[cfg(test)]
mod compose_files_tests;
#[cfg(test)]
mod world;
