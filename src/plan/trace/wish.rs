//! The request that a person has asked for: checked, completed, and as it is sent. Pure.

use crate::plan::parts::Route;
use crate::plan::trace::facts::Outside;
use crate::plan::trace::urls::{Url, without_login};

/// The most redirects that are followed.
const REDIRECTS: usize = 10;

/// What was given on the command line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'a> {
    /// A path on the gateway, or an address.
    pub target: &'a str,
    /// The gateway's address.
    pub gateway: Option<&'a str>,
    /// Method.
    pub method: Option<&'a str>,
    /// Body.
    pub body: Option<&'a str>,
    /// Headers, as `Name: value`.
    pub headers: &'a [String],
}

/// Why something is not a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotARequest {
    /// The method has other characters than letters.
    #[error("`{}` is not a method", .0.escape_debug())]
    Method(String),
    /// The header at this position, counted from 1, has no name, or would be two. What it holds may be a credential.
    #[error("header {0} is not a valid header")]
    Header(usize),
    /// The target is neither a path nor an address.
    #[error("`{}` is neither a path nor an address", .0.escape_debug())]
    Target(String),
    /// The address has a user or a password in it.
    #[error("the address has credentials in it, which `trace` does not send")]
    Credentials,
    /// A path without a gateway.
    #[error("no module has a `route`, so there is no gateway to ask for a path")]
    NoGateway,
}

impl NotARequest {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Method(_) => "methods are words such as GET, POST and PATCH".to_owned(),
            Self::Header(_) => "write `Name: value`".to_owned(),
            Self::Target(_) => {
                "`devenv trace /PATH` asks the gateway, `devenv trace --from NAME PART` starts at a part".to_owned()
            }
            Self::Credentials => "pass them as a header: -H 'Authorization: …'".to_owned(),
            Self::NoGateway => "`devenv trace --from NAME TARGET` starts at a part".to_owned(),
        }
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Method.
    pub method: String,
    /// Where it goes.
    pub url: Url,
    /// Path and query.
    pub target: String,
    /// Its id.
    pub id: String,
    /// Headers, as `Name: value`.
    pub headers: Vec<String>,
    /// Body.
    pub body: Option<String>,
}

impl Wish {
    /// Where an answer leads to on the same host, if that is followed; `redirects` are the addresses up to here.
    #[must_use]
    pub fn followed(&self, seen: &Outside, redirects: &[String]) -> Option<Self> {
        let location = seen.answered()?.redirect()?;
        let came = redirects.iter().filter(|one| Some(*one) == redirects.last()).count();
        let is_followed = self.is_safe() && came < 2 && redirects.len() <= REDIRECTS;
        if is_followed { self.led(location) } else { None }
    }

    /// The target without the path of the route, where the module does not know it with that path.
    #[must_use]
    pub fn without_prefix(&self, route: &Route, status: Option<u16>) -> Option<String> {
        let is_asked = status == Some(404) && self.is_safe() && !matches!(route.path.as_str(), "" | "/");
        let rest = self.target.strip_prefix(&route.path).filter(|_| is_asked)?;
        Some(if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") })
    }

    /// Checks what was given.
    pub fn of(given: Given<'_>, id: String) -> Result<Self, NotARequest> {
        let otherwise = if given.body.is_some() { "POST" } else { "GET" };
        let method = given.method.unwrap_or(otherwise).to_owned();
        let is_token =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if !is_token(&method) {
            return Err(NotARequest::Method(method));
        }
        for (number, header) in given.headers.iter().enumerate() {
            let is_named = header.split_once(':').is_some_and(|(name, _)| is_token(name));
            if !is_named || header.chars().any(char::is_control) {
                return Err(NotARequest::Header(number + 1));
            }
        }
        let address = match (given.target.strip_prefix('/'), given.gateway) {
            (Some(path), Some(gateway)) => format!("{gateway}/{path}"),
            (Some(_), None) => return Err(NotARequest::NoGateway),
            (None, _) => given.target.to_owned(),
        };
        let not_one = || match given.target.starts_with('/') {
            true => NotARequest::Target(given.target.to_owned()),
            false => NotARequest::Target(without_login(given.target)),
        };
        let url = http(&address).ok_or_else(not_one)?;
        if !url.user.is_empty() || !url.password.is_empty() {
            return Err(NotARequest::Credentials);
        }
        let (headers, body) = (given.headers.to_vec(), given.body.map(str::to_owned));
        let mut wish = Self { method, url, target: String::new(), id, headers, body };
        wish.go_to(&address);
        Ok(wish)
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.url.port.unwrap_or(if self.url.scheme == "https" { 443 } else { 80 })
    }

    /// Host and port as the header `Host` has them.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.url.host.contains(':') { format!("[{}]", self.url.host) } else { self.url.host.clone() };
        self.url.port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
    }

    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("/")
    }

    /// The address as a person reads it.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}://{}{}", self.url.scheme, self.authority(), self.target)
    }

    /// The same request to the place that a redirect names; `None` where that is another host, which is not followed.
    /// Another scheme or port may be another program: it gets neither the headers nor the body that were given.
    #[must_use]
    fn led(&self, location: &str) -> Option<Self> {
        let address = if location.starts_with("//") {
            format!("{}:{location}", self.url.scheme)
        } else if location.starts_with('/') {
            format!("{}://{}{location}", self.url.scheme, self.authority())
        } else {
            location.to_owned()
        };
        let mut next = self.clone();
        next.url = http(&address).filter(|url| url.host == self.url.host)?;
        next.go_to(&address);
        if (&next.url.scheme, next.port()) != (&self.url.scheme, self.port()) {
            (next.headers, next.body) = (Vec::new(), None);
        }
        Some(next)
    }

    fn go_to(&mut self, address: &str) {
        let rest = address.split_once("://").map_or("", |(_, rest)| rest);
        let target = rest.find(['/', '?']).map_or("/", |at| &rest[at..]).split('#').next().unwrap_or("/");
        self.target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    }

    /// All headers, as `Name: value`, but for those that belong to one connection or frame the body: the usual ones, and
    /// those that were given, which count in place of usual ones. Whoever sends the request sends these.
    #[must_use]
    pub fn all_headers(&self) -> Vec<String> {
        let usual = [
            ("Host", Some(self.authority())),
            ("User-Agent", Some("devenv".to_owned())),
            ("Accept", Some("*/*".to_owned())),
            ("Content-Type", self.body.as_ref().map(|_| "application/x-www-form-urlencoded".to_owned())),
        ];
        let is_given = |name: &str| self.headers.iter().any(|header| is_named(header, name));
        let usual = usual.into_iter().filter(|(name, _)| !is_given(name));
        let usual = usual.filter_map(|(name, value)| Some(format!("{name}: {}", value?)));
        let given = self.headers.iter().filter(|header| !RESERVED.iter().any(|name| is_named(header, name))).cloned();
        [format!("X-Request-Id: {}", self.id)].into_iter().chain(usual).chain(given).collect()
    }

    /// The bytes that are sent.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        message(&self.method, &self.target, self.all_headers(), self.body.as_deref())
    }
}

/// The bytes of a request, whose connection ends with the answer.
pub(super) fn message(
    method: &str,
    target: &str,
    headers: impl IntoIterator<Item = String>,
    body: Option<&str>,
) -> Vec<u8> {
    let length = body.map(|body| format!("Content-Length: {}", body.len()));
    let framing = ["Connection: close".to_owned()].into_iter().chain(length);
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    headers.into_iter().chain(framing).for_each(|header| text.push_str(&format!("{header}\r\n")));
    text.push_str("\r\n");
    text.push_str(body.unwrap_or_default());
    text.into_bytes()
}

/// Headers that are this program's alone: the id that all logs are searched for, and those of one connection.
const RESERVED: [&str; 4] = ["X-Request-Id", "Connection", "Content-Length", "Transfer-Encoding"];

/// Whether a header, as `Name: value`, has a name.
fn is_named(header: &str, name: &str) -> bool {
    header.split_once(':').is_some_and(|(own, _)| own.eq_ignore_ascii_case(name))
}

fn http(address: &str) -> Option<Url> {
    let is_clean = !address.contains(|c: char| c.is_control() || c.is_whitespace());
    Url::parse("", address).filter(|url| is_clean && matches!(url.scheme.as_str(), "http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::trace::facts::Answer;
    use crate::plan::trace::samples::{facts, ok};

    fn wish(given: Given<'_>) -> Result<Wish, String> {
        let given = Given { gateway: Some("https://shop.localhost:8443"), ..given };
        Wish::of(given, "id-1".to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_path_is_one_of_the_gateway_and_a_body_makes_a_post() {
        let headers = ["Content-Type: text/plain".to_owned()];
        let made = wish(Given { target: "/a?b=c#d", body: Some("hi"), headers: &headers, ..Given::default() }).unwrap();
        assert_eq!((made.shown().as_str(), made.path()), ("https://shop.localhost:8443/a?b=c", "/a"));
        assert_eq!(
            String::from_utf8(made.bytes()).unwrap().replace("\r\n", "\n"),
            "POST /a?b=c HTTP/1.1\nX-Request-Id: id-1\nHost: shop.localhost:8443\nUser-Agent: devenv\nAccept: */*\n\
             Content-Type: text/plain\nConnection: close\nContent-Length: 2\n\nhi"
        );
        assert!(!made.is_safe());
        assert_eq!(wish(Given { target: "http://x.test", ..Given::default() }).unwrap().shown(), "http://x.test/");
    }

    #[test]
    fn a_redirect_is_followed_on_the_same_host() {
        let made = wish(Given { target: "/a", ..Given::default() }).unwrap();
        let led = |to: &str| made.led(to).map(|next| next.shown());
        assert_eq!(led("/b?c"), Some("https://shop.localhost:8443/b?c".to_owned()));
        assert_eq!(led("http://shop.localhost:8080/b"), Some("http://shop.localhost:8080/b".to_owned()));
        assert_eq!(led("https://elsewhere.test/"), None);
        assert_eq!(led("nonsense"), None);
        assert_eq!(led("//cdn.example/x"), None);
        assert_eq!(led("//shop.localhost:8443/x"), Some("https://shop.localhost:8443/x".to_owned()));
    }

    #[test]
    fn what_was_given_does_not_follow_a_redirect_to_another_scheme_or_port() {
        let headers = ["Authorization: Bearer x".to_owned()];
        let given = Given { target: "/a", headers: &headers, method: Some("GET"), body: Some("b"), ..Given::default() };
        let made = wish(given).unwrap();
        let kept = |to: &str| made.led(to).map(|next| (next.headers.len(), next.body));
        assert_eq!(kept("/b"), Some((1, Some("b".to_owned()))));
        assert_eq!(kept("https://shop.localhost:8443/b"), Some((1, Some("b".to_owned()))));
        assert_eq!(kept("http://shop.localhost:8443/b"), Some((0, None)));
        assert_eq!(kept("https://shop.localhost:9000/b"), Some((0, None)));
    }

    #[test]
    fn headers_that_were_given_count_once_and_in_place_of_the_usual_ones() {
        let headers =
            ["host: other.test", "content-length: 9", "X-Request-Id: mine", "Connection: upgrade", "Accept: a/b"];
        let headers = headers.map(str::to_owned);
        let made = wish(Given { target: "/", body: Some("hi"), headers: &headers, ..Given::default() }).unwrap();
        assert_eq!(
            made.all_headers(),
            [
                "X-Request-Id: id-1",
                "User-Agent: devenv",
                "Content-Type: application/x-www-form-urlencoded",
                "host: other.test",
                "Accept: a/b"
            ]
        );
        let text = String::from_utf8(made.bytes()).unwrap().to_lowercase();
        for name in ["\r\nhost:", "\r\ncontent-length:", "\r\nconnection:", "\r\nx-request-id:"] {
            assert_eq!(text.matches(name).count(), 1, "{text}");
        }
    }

    #[test]
    fn an_address_with_numbers_keeps_its_brackets_where_they_belong() {
        let made = wish(Given { target: "http://[::1]:8000/x", ..Given::default() }).unwrap();
        assert_eq!((made.url.host.as_str(), made.port()), ("::1", 8000));
        assert_eq!(made.shown(), "http://[::1]:8000/x");
    }

    #[test]
    fn credentials_in_an_address_are_neither_sent_nor_shown() {
        let said = wish(Given { target: "https://me:secret-word@x.test/", ..Given::default() }).unwrap_err();
        assert_eq!(said, "the address has credentials in it, which `trace` does not send");
        let said = wish(Given { target: "ftp://me:secret-word@x.test/", ..Given::default() }).unwrap_err();
        assert_eq!(said, "`ftp://x.test/` is neither a path nor an address");
    }

    #[test]
    fn what_would_be_two_requests_is_refused() {
        let target = |target: &str| wish(Given { target, ..Given::default() }).unwrap_err();
        assert_eq!(target("api"), "`api` is neither a path nor an address");
        assert_eq!(target("/a b"), "`/a b` is neither a path nor an address");
        assert_eq!(target("/a\r\nX: y"), "`/a\\r\\nX: y` is neither a path nor an address");
        let headers = ["X: a\r\nY: b".to_owned()];
        let said = wish(Given { target: "/", headers: &headers, ..Given::default() }).unwrap_err();
        assert_eq!(said, "header 1 is not a valid header");
        let said = wish(Given { target: "/", method: Some("GET /x"), ..Given::default() }).unwrap_err();
        assert_eq!(said, "`GET /x` is not a method");
    }

    #[test]
    fn a_circle_of_redirects_is_left_and_one_that_changes_something_is_not_followed() {
        let made = wish(Given { target: "/a", ..Given::default() }).unwrap();
        let answer = Answer { status: 302, location: Some("/b".to_owned()) };
        let seen = Outside { answer: Some(ok(answer)), ..facts().outside.unwrap() };
        let shown = |text: &str| format!("https://shop.localhost:8443{text}");
        let next = made.followed(&seen, &[shown("/a")]).map(|next| next.shown());
        assert_eq!(next, Some(shown("/b")));
        assert_eq!(made.followed(&seen, &[shown("/a"), shown("/b"), shown("/a")]), None);
        assert_eq!(made.followed(&seen, &vec![String::new(); 12]), None);
        let found = Answer { status: 200, location: Some("/b".to_owned()) };
        assert_eq!(
            made.followed(&Outside { answer: Some(ok(found)), ..facts().outside.unwrap() }, &[shown("/a")]),
            None
        );
        let post = wish(Given { target: "/a", method: Some("POST"), ..Given::default() }).unwrap();
        assert_eq!(post.followed(&seen, &[shown("/a")]), None);
    }

    #[test]
    fn a_module_that_does_not_know_a_path_is_asked_without_the_path_of_its_route() {
        let made = wish(Given { target: "/api/x?y", ..Given::default() }).unwrap();
        let route = |path: &str| Route { path: path.to_owned(), ..facts().route.unwrap() };
        assert_eq!(made.without_prefix(&route("/api"), Some(404)), Some("/x?y".to_owned()));
        assert_eq!(made.without_prefix(&route("/api/x?y"), Some(404)), Some("/".to_owned()));
        assert_eq!(made.without_prefix(&route("/api"), Some(200)), None);
        assert_eq!(made.without_prefix(&route("/"), Some(404)), None);
        assert_eq!(made.without_prefix(&route("/other"), Some(404)), None);
    }
}
