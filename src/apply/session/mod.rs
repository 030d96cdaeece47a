//! What commands decide from: what the engine has, credentials, and the merged definition.

pub mod checkout;
pub mod compose_merge;
pub mod credentials;
pub mod observe;
pub mod permissions;
pub(in crate::apply) mod probe;
