//! The only place that prints: progress, tables, errors, JSON. Data goes to stdout, everything else to stderr.

pub mod dates;
pub mod errors;
pub mod help;
pub mod live;
pub mod problems;
pub mod progress;
pub mod screen;
pub mod stream;
pub mod table;
