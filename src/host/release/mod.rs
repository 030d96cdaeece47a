//! What a release needs of this machine: the committed source, and the layer that is made of what a build leaves.

pub mod layer;
pub mod signing_key;
pub mod source;
pub mod source_archive;
