//! Tasks: their graph, in which order they run, what they are made from, and the record of a run. Pure.

pub mod decision;
pub mod fingerprint;
pub mod flaky;
pub mod graph;
pub mod history;
pub mod junit;
pub mod record;
pub mod schedule;
pub mod sidecar;
pub mod spec;
pub mod splits;
pub mod state;
pub mod timeline;
