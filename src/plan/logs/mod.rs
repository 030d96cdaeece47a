//! Logs as text: lines out of what the engine sends, how urgent each is, and which of them are wanted. Pure.

pub mod access;
pub mod filter;
pub mod level;
pub mod lines;
pub mod no_answer;
