//! The request that a person has asked for: checked, completed, and as it is sent. Pure.

use crate::plan::trace::urls::Url;

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
    /// A header has no name, or would be two.
    #[error("`{}` is not a header", .0.escape_debug())]
    Header(String),
    /// The target is neither a path nor an address.
    #[error("`{}` is neither a path nor an address", .0.escape_debug())]
    Target(String),
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
                "`devenv trace /PATH` asks the gateway, `devenv trace --from NAME PART` begins at a part".to_owned()
            }
            Self::NoGateway => "`devenv trace --from NAME TARGET` begins at a part".to_owned(),
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
    /// Checks what was given.
    pub fn of(given: Given<'_>, id: String) -> Result<Self, NotARequest> {
        let otherwise = if given.body.is_some() { "POST" } else { "GET" };
        let method = given.method.unwrap_or(otherwise).to_owned();
        let is_token =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if !is_token(&method) {
            return Err(NotARequest::Method(method));
        }
        for header in given.headers {
            let is_named = header.split_once(':').is_some_and(|(name, _)| is_token(name));
            if !is_named || header.chars().any(char::is_control) {
                return Err(NotARequest::Header(header.clone()));
            }
        }
        let address = match (given.target.strip_prefix('/'), given.gateway) {
            (Some(path), Some(gateway)) => format!("{gateway}/{path}"),
            (Some(_), None) => return Err(NotARequest::NoGateway),
            (None, _) => given.target.to_owned(),
        };
        let not_one = || NotARequest::Target(given.target.to_owned());
        if address.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(not_one());
        }
        let (headers, body) = (given.headers.to_vec(), given.body.map(str::to_owned));
        let mut wish =
            Self { method, url: http(&address).ok_or_else(not_one)?, target: String::new(), id, headers, body };
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
        self.url.port.map_or_else(|| self.url.host.clone(), |port| format!("{}:{port}", self.url.host))
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

    /// The same request to where an answer leads; `None` where that is another host, which is no part of this way.
    #[must_use]
    pub fn led(&self, location: &str) -> Option<Self> {
        let address = match location.strip_prefix('/') {
            Some(_) => format!("{}://{}{location}", self.url.scheme, self.authority()),
            None => location.to_owned(),
        };
        let mut next = self.clone();
        next.url = http(&address).filter(|url| url.host == self.url.host)?;
        next.go_to(&address);
        Some(next)
    }

    fn go_to(&mut self, address: &str) {
        let rest = address.split_once("://").map_or("", |(_, rest)| rest);
        let target = rest.find(['/', '?']).map_or("/", |at| &rest[at..]).split('#').next().unwrap_or("/");
        self.target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    }

    /// The bytes that are sent.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.target, self.authority());
        text.push_str(&format!(
            "X-Request-Id: {}\r\nUser-Agent: devenv\r\nAccept: */*\r\nConnection: close\r\n",
            self.id
        ));
        self.headers.iter().for_each(|header| text.push_str(&format!("{header}\r\n")));
        if let Some(body) = &self.body {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        text.push_str(self.body.as_deref().unwrap_or_default());
        text.into_bytes()
    }
}

fn http(address: &str) -> Option<Url> {
    Url::parse("", address).filter(|url| matches!(url.scheme.as_str(), "http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            "POST /a?b=c HTTP/1.1\nHost: shop.localhost:8443\nX-Request-Id: id-1\nUser-Agent: devenv\nAccept: */*\n\
             Connection: close\nContent-Type: text/plain\nContent-Length: 2\n\nhi"
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
    }

    #[test]
    fn what_would_be_two_requests_is_refused() {
        let target = |target: &str| wish(Given { target, ..Given::default() }).unwrap_err();
        assert_eq!(target("api"), "`api` is neither a path nor an address");
        assert_eq!(target("/a b"), "`/a b` is neither a path nor an address");
        assert_eq!(target("/a\r\nX: y"), "`/a\\r\\nX: y` is neither a path nor an address");
        let headers = ["X: a\r\nY: b".to_owned()];
        let said = wish(Given { target: "/", headers: &headers, ..Given::default() }).unwrap_err();
        assert_eq!(said, "`X: a\\r\\nY: b` is not a header");
        let said = wish(Given { target: "/", method: Some("GET /x"), ..Given::default() }).unwrap_err();
        assert_eq!(said, "`GET /x` is not a method");
    }
}
