//! Registries of images, as far as it can be decided without asking one. Pure.

pub mod challenge;
pub mod origin;
pub mod place;
pub mod retry;
pub mod tag;
