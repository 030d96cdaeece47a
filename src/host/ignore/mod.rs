//! Which files count: git's rules and the module's own.

mod patterns;
pub(super) mod rules;
pub mod source;
