//! Tasks on this machine: the records of their runs, their source as an archive, and what they leave.

pub mod artifacts;
pub mod bundle;
pub mod records;
pub mod source;
pub mod tail;
