//! The wire view: lookups, calls and responses of a module while it answered one request, read from the packets
//! of its own network. Nothing in it is believed further than its bytes go: packets may be cut, forged or hostile. Pure.

pub mod calls;
mod capture;
mod dns;
mod protocols;
pub mod seen;

#[cfg(test)]
mod tests;
