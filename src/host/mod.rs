//! The world outside: one call per function, no policy.

pub mod certs;
pub mod changes;
pub mod checkout;
pub mod comparison;
pub mod compose;
pub mod contexts;
pub mod endpoint;
pub mod engine;
pub mod exports;
pub mod files;
pub mod generated;
pub mod locks;
pub mod machine;
pub mod manifest;
pub mod network;
pub mod notify;
pub mod outputs;
pub mod pack;
mod patterns;
pub mod pipe;
pub mod process;
pub mod roots;
mod rules;
pub mod source;
pub mod state;
pub mod trust;
pub mod watch;
