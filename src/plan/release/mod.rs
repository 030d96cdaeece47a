//! Releases: what a module's released image is made from, what it is called, and which files it holds. Pure.
//!
//! A released image is one layer on an image of the hierarchy. Everything that the layer depends on is in its
//! fingerprint, so the same commit gives the same reference in every checkout, and an image that is there under its
//! reference is never built again.

pub mod artefact;
pub mod artifacts;
pub mod differences;
pub mod local;
pub mod manifest;
pub mod names;
pub mod recipe;
pub mod recipe_error;
pub mod record;
pub mod selection;
pub mod set;
pub mod signature;
pub mod signers;
pub mod source;
