//! Addresses in the variables of a part, and the proxies that its variables send calls to. Pure.

use crate::plan::login::Protocol;
use crate::plan::trace::facts::Proxy;

/// An address in a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// The variable.
    pub variable: String,
    /// Scheme.
    pub scheme: String,
    /// User; empty where there is none.
    pub user: String,
    /// Password; empty where there is none.
    pub password: String,
    /// Host name, or an address without the brackets around it.
    pub host: String,
    /// Port, where one is named.
    pub port: Option<u16>,
    /// What follows the host, without the first `/` and without the query.
    pub path: String,
}

impl Url {
    /// Reads an address; `None` where the text is not one.
    #[must_use]
    pub fn parse(variable: &str, text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        if scheme.is_empty() || !scheme.chars().all(plain) || rest.contains(char::is_whitespace) {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port.parse().ok()?)),
            _ => (place, None),
        };
        // Only an address of numbers has colons in it, and brackets around it.
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(numbers) => numbers,
            None if host.contains([':', '[', ']']) => return None,
            None => host,
        };
        let path = path.trim_start_matches('/').split(['?', '#']).next().unwrap_or_default();
        (!host.is_empty()).then(|| Self {
            variable: variable.to_owned(),
            // `postgresql+asyncpg` is how some frameworks choose a driver.
            scheme: scheme.split('+').next().unwrap_or(scheme).to_lowercase(),
            user: decoded(user),
            password: decoded(password),
            host: host.to_lowercase(),
            port,
            path: decoded(path),
        })
    }

    /// The protocol of a database.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        match self.scheme.as_str() {
            "postgres" | "postgresql" => Some(Protocol::Postgres),
            "redis" | "rediss" => Some(Protocol::Redis),
            "mysql" | "mariadb" => Some(Protocol::MariaDb),
            _ => None,
        }
    }
}

/// All addresses in variables, given as `NAME=value`.
#[must_use]
pub fn urls(env: &[String]) -> Vec<Url> {
    env.iter().filter_map(|line| line.split_once('=')).filter_map(|(name, value)| Url::parse(name, value)).collect()
}

/// The proxy that variables, given as `NAME=value`, send calls of a scheme to a host to.
#[must_use]
pub fn proxy(env: &[String], scheme: &str, host: &str) -> Option<Proxy> {
    let both = |name: &str| [name.to_lowercase(), name.to_uppercase()];
    let value = |name: &str| env.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let exempt = both("no_proxy").iter().find_map(|name| value(name).map(str::to_owned)).unwrap_or_default();
    let is_exempt = exempt.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.split(':').next().unwrap_or_default().trim_start_matches("*.").trim_start_matches('.');
        entry == "*" || entry == host || host.ends_with(&format!(".{entry}"))
    });
    if is_exempt {
        return None;
    }
    let names = [both(&format!("{scheme}_proxy")), both("all_proxy")].concat();
    names.into_iter().find_map(|name| {
        let found = value(&name).filter(|value| !value.is_empty())?;
        Some(Proxy { address: without_login(found), value: found.to_owned(), variable: name })
    })
}

/// An address as it may be shown: without user and password.
#[must_use]
pub fn without_login(address: &str) -> String {
    address.rsplit_once('@').map_or(address.to_owned(), |(before, place)| {
        before.split_once("://").map_or(place.to_owned(), |(scheme, _)| format!("{scheme}://{place}"))
    })
}

/// A text with its `%41` turned into `A`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_whole() {
        let url = Url::parse("X", "postgresql+asyncpg://me:p%40ss%2f@DB:5433/shop?sslmode=off").unwrap();
        assert_eq!(
            (
                url.scheme.as_str(),
                url.user.as_str(),
                url.password.as_str(),
                url.host.as_str(),
                url.port,
                url.path.as_str()
            ),
            ("postgresql", "me", "p@ss/", "db", Some(5433), "shop")
        );
        assert_eq!(url.protocol(), Some(Protocol::Postgres));
        let plain = Url::parse("X", "redis://:pw@cache").unwrap();
        assert_eq!((plain.password.as_str(), plain.port, plain.path.as_str()), ("pw", None, ""));
        let numbers = Url::parse("X", "http://[FE80::1]:8000/").unwrap();
        assert_eq!((numbers.host.as_str(), numbers.port), ("fe80::1", Some(8000)));
        for no in
            ["http://[::1:8000/", "http://::1/", "no", "a b://c", "://x", "x://", "http://h:port/", "SELECT x://y z"]
        {
            assert_eq!(Url::parse("X", no), None, "{no}");
        }
    }

    #[test]
    fn a_proxy_takes_what_is_not_exempt() {
        let env = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let of = |lines: &[&str], host: &str| {
            proxy(&env(lines), "http", host).map(|proxy| proxy.variable + " " + &proxy.address)
        };
        let set = "HTTP_PROXY=http://me:secret@proxy:3128";
        assert_eq!(of(&[set], "web"), Some("HTTP_PROXY http://proxy:3128".to_owned()));
        assert_eq!(proxy(&env(&[set]), "http", "web").unwrap().value, "http://me:secret@proxy:3128");
        assert_eq!(of(&[set, "NO_PROXY=localhost,web"], "web"), None);
        assert_eq!(of(&[set, "no_proxy=.shop.test"], "web.shop.test"), None);
        assert_eq!(of(&[set, "NO_PROXY=*"], "web"), None);
        assert_eq!(of(&[set, "NO_PROXY=eb"], "web"), Some("HTTP_PROXY http://proxy:3128".to_owned()));
        assert_eq!(of(&["https_proxy=x:1"], "web"), None);
        assert_eq!(of(&["HTTP_PROXY="], "web"), None);
    }
}
