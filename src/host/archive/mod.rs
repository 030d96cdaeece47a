//! Archives: what is sent to the engine and what comes out of it.

pub mod build_context;
pub mod chunks;
pub mod comparison;
pub mod deps_export;
pub mod pack;
pub mod pipe;
