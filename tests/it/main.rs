//! The program from outside, without an engine: what it prints and how it ends, compared whole every time.
//! `SNAPSHOTS=overwrite cargo test --test it` writes what is printed now into these files; read the difference.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod adopt;
mod certs;
mod check;
mod deploy;
mod engine;
mod engines;
mod features;
mod help;
mod image_programs;
mod input;
mod looking;
mod permissions;
mod pins;
mod pipes;
mod prod;
mod project;
mod reading;
mod registries;
mod runner;
mod signing;
mod tasks;
mod test;
mod tools;
