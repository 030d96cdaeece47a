//! The wire view: what a module itself has asked, called and been told while it answered one request, read from the packets
//! of its own network. Nothing in it is believed further than its bytes go: packets may be cut, forged or hostile. Pure.

pub mod calls;
mod capture;
mod dns;
mod protocols;
pub mod seen;

#[cfg(test)]
mod tests;
