//! What belongs to the user and not to a checkout.

pub mod checkout_table;
pub mod permissions;
pub mod xdg;
