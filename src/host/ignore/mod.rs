//! Which files count: git's rules, and those of a module or a context.

mod docker_patterns;
mod patterns;
pub(super) mod rules;
pub mod source;
pub mod tree;
