//! The origin of a URL: scheme, host and port. Credentials are sent to an origin, so this is the one place that reads it.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// The origin of an `http` or `https` URL, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The scheme.
    pub scheme: Scheme,
    /// The host; an IPv6 address keeps its brackets.
    pub host: String,
    /// The port, or that of the scheme.
    pub port: u16,
}

/// How a registry is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// By TLS.
    Https,
}

impl Scheme {
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Origin {
    /// Reads an absolute URL as the HTTP client does; none for another scheme and for a URL with a user in it.
    #[must_use]
    pub fn of(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let scheme = match uri.scheme_str()?.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let authority = uri.authority()?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return None;
        }
        let port = authority.port_u16().unwrap_or(scheme.port());
        Some(Self { scheme, host: authority.host().to_ascii_lowercase(), port })
    }

    /// Whether the host is this machine.
    #[must_use]
    pub fn is_here(&self) -> bool {
        let name = self.host.trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == self.scheme.port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// The absolute URL of a `Location` or `Link` header, which may be a path alone; none for one at another origin, so that
/// credentials stay with the registry that was asked.
#[must_use]
pub fn location(asked: &str, answered: &str) -> Option<String> {
    let origin = Origin::of(asked)?;
    let is_path = answered.starts_with('/') && !answered.starts_with("//");
    let url = if is_path { format!("{origin}{answered}") } else { answered.to_owned() };
    (Origin::of(&url)? == origin).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_without_regard_to_case_and_never_from_a_user() {
        let shown = |url: &str| Origin::of(url).map(|origin| format!("{origin} {}", origin.is_here()));
        assert_eq!(shown("HTTPS://R.example.com:443/v2/").as_deref(), Some("https://r.example.com false"));
        assert_eq!(shown("HTTP://LocalHost:5000").as_deref(), Some("http://localhost:5000 true"));
        assert_eq!(shown("http://[::1]:5000/?x").as_deref(), Some("http://[::1]:5000 true"));
        assert_eq!(shown("http://127.0.0.1.example.com/").as_deref(), Some("http://127.0.0.1.example.com false"));
        for wrong in ["http://localhost:1@evil.example.com/", "ftp://x/", "//x/", "/x", "http:///x", "http://a b/"] {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_upload_continues_at_the_same_origin_only() {
        let asked = "https://r.example.com/v2/a/blobs/uploads/";
        assert_eq!(location(asked, "/v2/a/x?y=1").as_deref(), Some("https://r.example.com/v2/a/x?y=1"));
        assert_eq!(location(asked, "https://r.example.com/z").as_deref(), Some("https://r.example.com/z"));
        assert_eq!(location(asked, "https://R.example.com:443/z").as_deref(), Some("https://R.example.com:443/z"));
        let elsewhere = ["https://evil.example.com/z", "HTTP://r.example.com/z", "//evil.example.com/z", "x"];
        for other in elsewhere.into_iter().chain(["https://r.example.com@evil.example.com/z"]) {
            assert_eq!(location(asked, other), None, "{other}");
        }
    }
}
