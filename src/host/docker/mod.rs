//! The docker command line: which engine is meant, Compose, and registries.

pub mod compose;
pub mod endpoint;
pub mod registries;
pub mod tunnel;
