//! What the hops of one request have answered. Values only: whoever asks fills them in, the decision reads them.

use serde::Serialize;

use std::net::IpAddr;

use crate::names::PartName;
use crate::plan::login::Protocol;
use crate::plan::logs::access::Access;
use crate::plan::parts::Route;
use crate::plan::states::PartState;
use crate::plan::trace::wire::seen::Wire;

/// Why something did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The name has no address.
    NotFound,
    /// Nobody listens.
    Refused,
    /// Nothing came within this many seconds.
    TimedOut(u64),
    /// The other side has closed the connection without an answer.
    Closed,
    /// The other side speaks TLS, and was asked without.
    SpeaksTls,
    /// Anything else, in the words of whoever found it.
    Other(String),
}

/// What came, or did not, and after how many milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed<T> {
    /// Milliseconds.
    pub ms: f64,
    /// What came.
    pub result: Result<T, Failure>,
}

/// The certificate that a server has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Names that it is for.
    pub names: Vec<String>,
    /// Who has signed it.
    pub issuer: String,
    /// Days that are left; negative when it is over.
    pub days_left: i64,
    /// What is wrong with it, for a client that trusts this checkout's authorities.
    pub problem: Option<BadCertificate>,
    /// Whether programs of this machine trust who has signed it; none where that is not known.
    pub machine_trusts: Option<bool>,
}

impl Shown {
    /// Whether a server gets the request, which may hold credentials: not from another machine that has not proved who it is.
    #[must_use]
    pub fn may_be_told(&self, peer: Option<IpAddr>) -> bool {
        self.problem.is_none() || peer.is_some_and(|address| address.is_loopback())
    }
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadCertificate {
    /// Its time is over, or has not come.
    Expired,
    /// It is for other names.
    OtherName,
    /// No authority that this client trusts has signed it.
    Untrusted,
    /// Anything else.
    Other(String),
}

/// An answer over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Where it leads to.
    pub location: Option<String>,
}

impl Answer {
    /// Its words in a table.
    #[must_use]
    pub fn words(&self) -> String {
        let to = self.redirect().map(|to| format!(" to {to}")).unwrap_or_default();
        format!("status {}{to}", self.status)
    }

    /// Where it leads a client that follows it.
    #[must_use]
    pub fn redirect(&self) -> Option<&str> {
        self.location.as_deref().filter(|_| matches!(self.status, 301 | 302 | 303 | 307 | 308))
    }
}

/// One request from this machine: as far as it got.
#[derive(Debug, Clone, PartialEq)]
pub struct Outside {
    /// Host name, without port.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The addresses of the name.
    pub name: Timed<Vec<String>>,
    /// The connection.
    pub tcp: Option<Timed<()>>,
    /// The handshake; none for plain HTTP.
    pub tls: Option<Timed<Shown>>,
    /// The answer.
    pub answer: Option<Timed<Answer>>,
    /// Addresses that the answers before have led through, the first one first.
    pub redirects: Vec<String>,
}

impl Outside {
    /// The answer, where there was one.
    #[must_use]
    pub fn answered(&self) -> Option<&Answer> {
        self.answer.as_ref()?.result.as_ref().ok()
    }

    /// Whether it was answered, and not with an error of a server.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.answered().is_some_and(|answer| answer.status < 500)
    }
}

/// The module that a request is for, seen from its own network.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// Its name.
    pub name: PartName,
    /// The port that it should listen on.
    pub port: u16,
    /// What it does.
    pub state: PartState,
    /// The kernel's tables of its sockets; empty where they could not be read.
    pub sockets: String,
    /// The same request, sent to it directly; none where it was not sent.
    pub direct: Option<Timed<Answer>>,
    /// The same without the path of the route.
    pub without_prefix: Option<Timed<Answer>>,
}

/// Something that a part talks to.
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    /// Who talks.
    pub from: PartName,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What the part behind that name does, where it is one.
    pub state: Option<PartState>,
    /// The variable of `from` that names it, where that is known.
    pub variable: Option<String>,
    /// The proxy that the variables of `from` send the call to.
    pub proxy: Option<Proxy>,
    /// The addresses of the name, from inside.
    pub name: Option<Timed<Vec<String>>>,
    /// The connection.
    pub tcp: Option<Timed<()>>,
    /// Its own protocol.
    pub spoken: Option<Timed<Spoken>>,
    /// The protocol.
    pub speaks: Speaks,
}

/// A proxy that is set by a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The variable.
    pub variable: String,
    /// Its address without credentials, which is what is shown.
    pub address: String,
    /// The whole value of the variable, which is what is used.
    pub value: String,
}

/// What a peer is asked in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaks {
    /// A database, as this user.
    Database(Protocol, String),
    /// HTTP, this address.
    Http(String),
    /// Nothing that is known: a connection is all.
    Tcp,
}

/// What a peer has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoken {
    /// The database lets in, and answers.
    LoggedIn,
    /// It does not, in its own words.
    Denied(String),
    /// An answer over HTTP.
    Http(Answer),
    /// A certificate that the part does not accept, in the client's words.
    Certificate(BadCertificate),
}

/// A line of a part's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// The part.
    pub part: String,
    /// When, as the engine writes it.
    pub time: String,
    /// What.
    pub text: String,
}

/// The gateway, as the engine and its log show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gateway {
    /// What it does.
    pub state: PartState,
    /// Whether it has read the configuration that is generated now.
    pub configuration: Configuration,
    /// What it has logged of this request: the last line is that of the last redirect.
    pub entry: Option<Access>,
}

/// Which configuration the gateway has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Configuration {
    /// The one that is generated now.
    Current,
    /// An earlier one.
    Earlier,
    /// It did not say.
    Unknown,
}

/// Where a module and its peers were asked from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Vantage {
    /// The module's own network.
    #[default]
    Inside,
    /// This machine.
    Here,
}

/// Everything that is known of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// What was asked, as a person reads it.
    pub request: String,
    /// Path, without the query.
    pub path: String,
    /// The request's id; empty where none was sent.
    pub id: String,
    /// Whether the network of the environment is gone although there are containers.
    pub is_network_gone: bool,
    /// The request from this machine; none where it begins at a part.
    pub outside: Option<Outside>,
    /// The gateway, where the request goes through it.
    pub gateway: Option<Gateway>,
    /// All routes.
    pub routes: Vec<Route>,
    /// Host names that the gateway serves.
    pub hosts: Vec<String>,
    /// The route that should match.
    pub route: Option<Route>,
    /// The module behind it.
    pub module: Option<Module>,
    /// What that talks to.
    pub peers: Vec<Peer>,
    /// Where both were asked from.
    pub vantage: Vantage,
    /// What the module did on the wire while it had the request, where that was watched.
    pub wire: Option<Wire>,
    /// Requests of modules that carry the same id, by the gateway's log.
    pub calls: Vec<Access>,
    /// What the parts involved have logged meanwhile.
    pub log: Vec<LogLine>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_to_no_other_machine_whose_certificate_is_bad() {
        let is_told = |address: &str, problem: Option<BadCertificate>| {
            let shown = Shown { names: vec![], issuer: String::new(), days_left: 1, problem, machine_trusts: None };
            shown.may_be_told(Some(address.parse().unwrap()))
        };
        assert!(is_told("192.0.2.1", None));
        assert!(!is_told("192.0.2.1", Some(BadCertificate::Untrusted)));
        assert!(!is_told("2001:db8::1", Some(BadCertificate::Expired)));
        assert!(is_told("127.0.0.1", Some(BadCertificate::Untrusted)));
        assert!(is_told("::1", Some(BadCertificate::OtherName)));
    }
}
