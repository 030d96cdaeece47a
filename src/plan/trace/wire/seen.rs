//! What was seen on the wire, as values.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// What a module did on the wire while it had the request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wire {
    /// In chronological order.
    pub seen: Vec<Seen>,
    /// Requests of others that the module had meanwhile: what is seen may have been done for them.
    pub others: usize,
}

/// Something that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Milliseconds until it was answered; none where it was not.
    pub ms: Option<f64>,
    /// What it was.
    pub what: What,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A name was looked up.
    Name(String, Looked),
    /// A connection was opened or used.
    Call(Call),
}

/// What came of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// Its addresses; there may be none of the kind that was asked for.
    Addresses(Vec<IpAddr>),
    /// There is no such name.
    NoSuchName,
    /// The server could not say, with this code.
    Failed(u8),
    /// Nothing was answered.
    Silence,
}

/// A connection of the module to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Whom it called.
    pub to: SocketAddr,
    /// By which name, where one is known.
    pub name: Option<String>,
    /// How far it came.
    pub came: Came,
    /// What was said, where the protocol is known.
    pub spoken: Option<Words>,
}

/// How far a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// The connection was refused.
    Refused,
    /// Nobody answered.
    Silence,
    /// It was connected, and nothing was asked.
    Connected,
    /// Something was asked, and no answer came.
    Unanswered,
    /// Something was asked, and the connection was closed without an answer.
    Closed,
    /// It was answered.
    Answered,
}

/// The beginning of a conversation in a protocol that is known, without anything that may be a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Such as `postgres` or `GET /prices answered 503`.
    pub text: String,
    /// What went wrong by the server's own words.
    pub problem: Option<String>,
}

/// What is known before a capture is read.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The port that the module listens on.
    pub port: u16,
    /// Names of addresses: the parts of the environment.
    pub names: BTreeMap<IpAddr, String>,
    /// The name of the module itself.
    pub own: String,
    /// The id of the request.
    pub id: String,
}
