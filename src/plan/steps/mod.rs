//! The steps of `up`, `down`, `stop` and `start`, each with its cause.

pub mod down;
pub mod once;
pub mod removals;
pub mod up;
