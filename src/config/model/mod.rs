//! What a person may write, as types.

pub mod file;
pub mod health;
pub mod image;
pub mod local;
pub mod mirror;
pub mod module;
pub mod occasions;
pub mod once;
pub mod prod;
pub mod snapshot;
pub mod values;
pub mod version;
