//! devenv: a reproducible dev environment manager on top of Docker.
//!
//! Layers import only downwards (`tests/architecture.rs` enforces it):
//! `cli → commands → ui → apply → host → render → plan → config → assets, redact, plain, digest, labels, nearest, names, paths, amounts, error`.

pub mod amounts;
pub mod apply;
pub mod assets;
pub mod cli;
pub mod commands;
pub mod config;
pub mod digest;
pub mod error;
pub mod host;
pub mod labels;
pub mod names;
pub mod nearest;
pub mod paths;
pub mod plain;
pub mod plan;
pub mod redact;
pub mod render;
pub mod ui;
