//! Runs of tasks: what is needed for one, its coordinator, and the containers that do the work.

pub mod coordinator;
pub mod install;
mod log;
pub mod recipes;
mod release;
pub mod results;
pub mod run_context;
mod sidecar_containers;
pub mod sidecars;
pub mod sources;
pub mod splits;
pub mod story;
mod worker;
