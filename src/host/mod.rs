//! The world outside: one call per function, no policy.

pub mod archive;
pub mod certs;
pub mod checkout;
pub mod child_env;
pub mod clock;
pub mod docker;
pub mod engine;
pub mod file_watch;
pub mod files;
pub mod git;
pub mod http;
pub mod ignore;
pub mod limits;
pub mod locks;
pub mod machine;
pub mod network;
pub mod notify;
pub mod outputs;
pub mod outside_request;
pub mod process;
pub mod random;
pub mod root_image;
pub mod standard_input;
pub mod terminal;
pub mod user;
pub mod watcher_process;
