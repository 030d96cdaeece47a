//! Which files count: git's rules and the module's own.

pub mod patterns;
pub mod rules;
pub mod source;
