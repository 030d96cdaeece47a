//! Text: bytes, the tree in which every node knows its place, and how values are written as YAML.

pub mod bytes;
pub mod parse;
pub mod place;
pub mod quote;
pub mod scalar;
pub mod tree;
pub mod typed;
pub mod unknown_words;
pub mod yaml;
pub mod yaml_errors;
