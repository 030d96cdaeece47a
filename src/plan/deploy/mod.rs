//! Deployments: what should run on a cluster × what runs there → steps with their causes; and what allows them. Pure.

pub mod action;
pub mod cluster;
pub mod errors;
pub mod gates;
pub mod history;
pub mod planner;
#[cfg(test)]
pub(crate) mod samples;
pub mod secrets;
pub mod stack;
pub mod variables;
pub mod verdict;
