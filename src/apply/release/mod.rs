//! Releases: the committed source is asked for, built in a container of its own, and laid on an image.

pub mod bring;
pub mod build;
#[cfg(test)]
mod fake_registry;
pub mod promote;
pub mod push;
pub mod recipes;
mod records;
mod signatures;
pub mod sources;
pub mod trust;
pub mod verify;

#[cfg(test)]
mod sets_tests;
#[cfg(test)]
mod signatures_tests;
