//! The table that files are checked against, and what else is made from the same types.

mod addresses;
pub mod check;
mod container_words;
pub mod grammar;
pub mod json_schema;
mod names;
mod patterns;
mod planned;
pub mod reference_page;
pub mod table;
