//! What a person may write, as types.

pub mod beside;
pub mod container;
pub mod environment;
pub mod feature;
pub mod file;
pub mod health;
pub mod image;
pub mod local;
pub mod memory_folder;
pub mod mirror;
pub mod module;
pub mod occasions;
pub mod once;
pub mod secret;
pub mod signer;
pub mod snapshot;
pub mod split;
pub mod task;
pub mod task_texts;
pub mod values;
pub mod version;
