//! The table that files are checked against, and what else is made from the same types.

pub mod check;
pub mod grammar;
pub mod json_schema;
pub mod reference_page;
pub mod table;
