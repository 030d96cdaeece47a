//! `devenv deploy`, `devenv deployments`.

pub mod args;
pub mod deployments;
mod prepare;
pub mod run;
