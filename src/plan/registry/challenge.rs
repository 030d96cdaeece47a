//! `WWW-Authenticate`: how a registry authenticates clients (RFC 7235, and the token flow of the distribution project).

use crate::redact::percent;

/// What a registry wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token of this service.
    Bearer {
        /// Where tokens are given.
        realm: String,
        /// For whom.
        service: String,
        /// For what.
        scope: String,
    },
}

impl Challenge {
    /// Reads the header; none where it asks for something else.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let (kind, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if kind.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !kind.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let fields = fields(rest);
        let field = |name: &str| {
            let found = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let realm = field("realm");
        (!realm.is_empty()).then(|| Self::Bearer { realm, service: field("service"), scope: field("scope") })
    }
}

/// `a="b c", d=e` as pairs; a comma in quotes belongs to the value.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        all.push((name.trim_matches([' ', ',']).to_owned(), value.to_owned()));
        rest = next;
    }
    all
}

/// A token from the answer of a token service: `token`, or `access_token` as OAuth 2 calls it.
#[must_use]
pub fn token(answer: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    let field = |name: &str| answer.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    field("token").or_else(|| field("access_token"))
}

/// The URL of a token service for a service and scope.
#[must_use]
pub fn token_url(realm: &str, service: &str, scope: &str) -> String {
    let sign = if realm.contains('?') { '&' } else { '?' };
    format!("{realm}{sign}service={}&scope={}", percent(service), percent(scope))
}

/// The form that exchanges an identity token for a token of a scope (OAuth 2).
#[must_use]
pub fn refresh_form(identity: &str, service: &str, scope: &str) -> String {
    format!(
        "grant_type=refresh_token&client_id=devenv&service={}&scope={}&refresh_token={}",
        percent(service),
        percent(scope),
        percent(identity)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_with_its_quotes() {
        let header = "Bearer realm=\"https://auth.example.com/token\",service=\"r.example.com\",scope=\"repository:a/b:pull,push\"";
        let expected = Challenge::Bearer {
            realm: "https://auth.example.com/token".to_owned(),
            service: "r.example.com".to_owned(),
            scope: "repository:a/b:pull,push".to_owned(),
        };
        assert_eq!(Challenge::parse(header), Some(expected));
        assert_eq!(Challenge::parse("Basic realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(Challenge::parse("Negotiate"), None);
        assert_eq!(Challenge::parse("Bearer service=x"), None);
    }

    #[test]
    fn what_a_token_is_asked_for_is_percent_encoded() {
        let url = token_url("https://a.example.com/t?x=1", "s s", "repository:a/b:pull,push");
        assert_eq!(url, "https://a.example.com/t?x=1&service=s%20s&scope=repository%3Aa%2Fb%3Apull%2Cpush");
        assert!(refresh_form("a&b", "s", "x").ends_with("&service=s&scope=x&refresh_token=a%26b"));
    }

    #[test]
    fn a_token_has_either_name() {
        assert_eq!(token(br#"{"token":"a","access_token":"b"}"#).as_deref(), Some("a"));
        assert_eq!(token(br#"{"access_token":"b"}"#).as_deref(), Some("b"));
        assert_eq!(token(b"<html>"), None);
    }
}
