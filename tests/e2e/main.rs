//! The program on a real engine: every test makes projects of its own, reads what became of them by label, waits for
//! conditions, and removes all of it, also when it fails.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod attach;
mod certs;
mod checkout;
mod compose;
mod containers;
mod copies;
mod db;
mod deaths;
mod debug;
mod deps;
mod editors;
mod engine;
mod faults;
mod fragments;
mod gateway;
mod http;
mod identity;
mod images;
mod kills;
mod lock;
mod logs;
mod mirror;
mod once;
mod outputs;
mod owner;
mod permissions;
mod place;
mod ports;
mod processes;
mod proxy;
mod registry;
mod repository;
mod revival;
mod secrets;
mod shared_images;
mod shop;
mod small;
mod state;
mod stores;
mod sync;
mod terminal;
mod trace;
mod trees;
mod truth;
mod values;
mod verifiers;
mod watch;
mod watcher;
