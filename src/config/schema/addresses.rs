//! Addresses, host names and paths of requests: each check says why not.

use crate::config::text::quote::quoted;
use crate::names::is_host_label;

pub(super) fn url(text: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("{} is not a valid address: {why}", quoted(text)));
    let Some((scheme, rest)) = text.split_once("://") else {
        return wrong("write it with its scheme, such as https://example.com");
    };
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c);
    if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.chars().all(inner) {
        return wrong("the scheme before `://` is wrong");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return wrong("it has a space");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match host.strip_prefix('[') {
        Some(inside) => match inside.split_once(']') {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => return wrong("`[` is not closed"),
        },
        None => host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return wrong("it names no host");
    }
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        return wrong("its port is not a number from 1 to 65535");
    }
    Ok(())
}

pub(super) fn host_name(text: &str) -> Result<(), String> {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return Err(format!("{} is an address: write a name that leads to it", quoted(text)));
    }
    if text.len() <= 253 && text.contains('.') && text.split('.').all(is_host_label) {
        return Ok(());
    }
    Err(format!(
        "{} is not a valid host name: write it in full and in lower case, such as dev.acme.internal",
        quoted(text)
    ))
}

pub(super) fn request(text: &str) -> Result<(), String> {
    if !text.starts_with('/') {
        return Err(format!("{} must start with `/`, such as /healthz", quoted(text)));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        return Err(format!("{} has a character that must be %-encoded in a request", quoted(text)));
    }
    Ok(())
}
