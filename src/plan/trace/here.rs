//! The questions of an interview that this machine can put by itself, at the addresses of the containers, which takes much
//! less time than a tool box. What it finds counts only where all of it is well: why something is not, only the part's own
//! network can tell. Pure.

use std::net::{IpAddr, SocketAddr};

use crate::plan::login::Protocol;
use crate::plan::parts::Part;
use crate::plan::states::Severity;
use crate::plan::trace::facts::{Peer, Spoken};
use crate::plan::trace::interview::Findings;
use crate::plan::trace::questions::{Login, Question, Request};
use crate::plan::trace::urls::Url;
use crate::plan::trace::wish::message;

/// What this machine does for a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act<'a> {
    /// Nothing: the answer matters only where something is not well.
    None,
    /// Nothing: the engine has given this address to the name.
    Known(IpAddr),
    /// Connect.
    Connect(SocketAddr),
    /// Send these bytes and read an answer.
    Send(SocketAddr, Vec<u8>),
    /// Log in.
    LogIn(SocketAddr, &'a Login),
}

/// Whether a part finds others where the environment's network has them: it has no names or name servers of its own.
#[must_use]
pub fn finds_others_as_usual(part: &Part) -> bool {
    const OWN: [&str; 4] = ["dns", "extra_hosts", "network_mode", "networks"];
    let is_set = |key: &str| part.extra.get(key).is_some_and(|value| !value.is_null());
    !OWN.into_iter().any(is_set)
}

/// What to do for each question, in their order; none where one of them only the part's network can answer. `address` knows
/// the addresses of the parts' containers.
#[must_use]
pub fn acts<'a>(questions: &'a [Question], address: &dyn Fn(&str) -> Option<IpAddr>) -> Option<Vec<Act<'a>>> {
    questions.iter().map(|question| act(question, address)).collect()
}

fn act<'a>(question: &'a Question, address: &dyn Fn(&str) -> Option<IpAddr>) -> Option<Act<'a>> {
    Some(match question {
        Question::Sockets => Act::None,
        Question::Name(host) => Act::Known(address(host)?),
        Question::Tcp(host, port) => Act::Connect(SocketAddr::new(address(host)?, *port)),
        // What a proxy does, and which authorities count, is a matter of the part's own surroundings.
        Question::Http(request) => {
            let url = Url::parse("", &request.url).filter(|url| url.scheme == "http")?;
            let is_plain = request.proxy.is_none() && request.authorities.is_none() && url.user.is_empty();
            let at = SocketAddr::new(address(&url.host).filter(|_| is_plain)?, url.port.unwrap_or(80));
            Act::Send(at, bytes(request))
        }
        Question::Login(login) if login.protocol == Protocol::MariaDb => return None,
        Question::Login(login) => Act::LogIn(SocketAddr::new(address(&login.host)?, login.port), login),
    })
}

/// A request as it is sent.
fn bytes(request: &Request) -> Vec<u8> {
    let place = request.url.split_once("://").map_or("", |(_, rest)| rest);
    let (authority, target) = place.split_at(place.find(['/', '?']).unwrap_or(place.len()));
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let usual = [format!("Host: {authority}"), "User-Agent: devenv".to_owned(), "Accept: */*".to_owned()];
    let name = |header: &str| header.split(':').next().unwrap_or_default().to_lowercase();
    let is_given = |header: &String| request.headers.iter().any(|given| name(given) == name(header));
    let usual = usual.into_iter().filter(|header| !is_given(header));
    message(&request.method, &target, usual.chain(request.headers.iter().cloned()), request.body.as_deref())
}

/// Whether everything that was found is as it should be.
#[must_use]
pub fn is_well(findings: &Findings) -> bool {
    let direct = findings.direct.as_ref().map(|direct| &direct.result);
    direct.is_none_or(|result| result.as_ref().is_ok_and(|answer| answer.status < 400))
        && findings.peers.iter().all(is_peer_well)
}

fn is_peer_well(peer: &Peer) -> bool {
    peer.state.as_ref().is_some_and(|state| state.verdict() == Severity::Good)
        && peer.tcp.as_ref().is_none_or(|tcp| tcp.result.is_ok())
        && peer.spoken.as_ref().is_none_or(|spoken| match &spoken.result {
            Ok(Spoken::LoggedIn) => true,
            Ok(Spoken::Http(answer)) => answer.status < 400,
            Ok(Spoken::Denied(_) | Spoken::Certificate(_)) | Err(_) => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::PartName;
    use crate::plan::parts::{ImageRef, PartKind};
    use crate::plan::states::PartState;
    use crate::plan::trace::facts::{Failure, Proxy, Speaks};
    use crate::plan::trace::samples::{answer, database, failed, ok, peer};

    fn address(host: &str) -> Option<IpAddr> {
        matches!(host, "api" | "db").then(|| "10.0.0.2".parse().unwrap())
    }

    fn login(protocol: Protocol) -> Question {
        let (host, none) = ("db".to_owned(), String::new());
        Question::Login(Login { protocol, host, port: 1, user: none.clone(), password: none.clone(), database: none })
    }

    fn http(url: &str) -> Request {
        Request { method: "GET".to_owned(), url: url.to_owned(), ..Request::default() }
    }

    #[test]
    fn what_only_the_parts_network_can_answer_is_not_asked_from_here() {
        let is_asked = |question: Question| acts(&[question], &address).is_some();
        assert!(is_asked(Question::Sockets));
        assert!(is_asked(Question::Name("db".to_owned())));
        assert!(is_asked(login(Protocol::Postgres)) && is_asked(login(Protocol::Redis)));
        assert!(is_asked(Question::Http(http("http://api:8000/healthz"))));
        assert!(!is_asked(Question::Name("localhost".to_owned())));
        assert!(!is_asked(Question::Tcp("billing.example.com".to_owned(), 443)));
        assert!(!is_asked(login(Protocol::MariaDb)));
        assert!(!is_asked(Question::Http(http("https://api:8000/"))));
        let proxy = Proxy { variable: "HTTP_PROXY".to_owned(), address: String::new(), value: String::new() };
        assert!(!is_asked(Question::Http(Request { proxy: Some(proxy), ..http("http://api:8000/") })));
    }

    #[test]
    fn a_part_with_names_of_its_own_is_left_to_its_own_network() {
        let name = PartName::new("api").unwrap();
        let mut part = Part::new(name, PartKind::Module, ImageRef::Theirs("scratch".to_owned()));
        assert!(finds_others_as_usual(&part));
        part.extra.insert("extra_hosts".to_owned(), serde_json::json!({"db": "10.1.2.3"}));
        assert!(!finds_others_as_usual(&part));
    }

    #[test]
    fn a_request_is_the_one_that_the_tool_box_would_send() {
        let headers = vec!["X-Request-Id: 1".to_owned(), "host: shop.localhost:8443".to_owned()];
        let body = Some("{}".to_owned());
        let request = Request { method: "POST".to_owned(), headers, body, ..http("http://api:8000?q=1") };
        assert_eq!(
            String::from_utf8(bytes(&request)).unwrap(),
            "POST /?q=1 HTTP/1.1\r\nUser-Agent: devenv\r\nAccept: */*\r\nX-Request-Id: 1\r\nhost: shop.localhost:8443\r\n\
             Connection: close\r\nContent-Length: 2\r\n\r\n{}"
        );
        let sent = String::from_utf8(bytes(&http("http://api:8000/a/b"))).unwrap();
        assert!(sent.starts_with("GET /a/b HTTP/1.1\r\nHost: api:8000\r\n"), "{sent}");
    }

    #[test]
    fn one_thing_that_is_not_well_is_enough() {
        let well =
            Findings { direct: Some(answer(200)), peers: vec![database(Spoken::LoggedIn)], ..Findings::default() };
        assert!(is_well(&well));
        assert!(is_well(&Findings { direct: None, ..well.clone() }));
        assert!(!is_well(&Findings { direct: Some(answer(404)), ..well.clone() }));
        assert!(!is_well(&Findings { direct: failed(Failure::Refused), ..well.clone() }));
        let with = |peer: Peer| is_well(&Findings { peers: vec![database(Spoken::LoggedIn), peer], ..well.clone() });
        assert!(with(peer("web", Speaks::Http(String::new()), Spoken::Http(answer(204).result.unwrap()))));
        assert!(!with(peer("web", Speaks::Http(String::new()), Spoken::Http(answer(503).result.unwrap()))));
        assert!(!with(database(Spoken::Denied("no".to_owned()))));
        assert!(!with(Peer { state: Some(PartState::Unhealthy), ..database(Spoken::LoggedIn) }));
        assert!(!with(Peer { tcp: failed(Failure::Refused), spoken: None, ..database(Spoken::LoggedIn) }));
        assert!(with(Peer { tcp: Some(ok(())), spoken: None, ..database(Spoken::LoggedIn) }));
    }
}
