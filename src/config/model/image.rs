//! Names of images in registries: the grammar of the distribution project (`reference.Parse`), with messages.

use crate::config::text::quote::quoted;

/// Says why `text` is not `[registry[:port]/]name[:tag][@digest]`.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("{} is not a valid image: {why}", quoted(text)));
    if let Some(why) = early(text) {
        return wrong(why);
    }
    let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
    if let Some(digest) = digest
        && !is_digest(digest)
    {
        return wrong("after `@` comes a digest, `sha256:` and 64 hexadecimal digits");
    }
    let last = rest.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match rest[last..].find(':') {
        Some(colon) => (&rest[..last + colon], Some(&rest[last + colon + 1..])),
        None => (rest, None),
    };
    if let Some(tag) = tag
        && !is_tag(tag)
    {
        return wrong("after `:` comes a tag of letters, digits and `_.-`, at most 128 characters");
    }
    match name_fault(name) {
        Some(why) => wrong(why),
        None => Ok(()),
    }
}

/// Says why `text` cannot be a stage of a Dockerfile.
pub(crate) fn check_stage(text: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= 128 && text.chars().all(inner) {
        return Ok(());
    }
    Err(format!("{} is not the name of a stage: write what comes after `AS`", quoted(text)))
}

/// Whether the first part of an image's name is the host of a registry, as docker decides.
pub(crate) fn names_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

/// Says why `text` is not `registry[:port]/path`, the place below which images are shared.
pub(crate) fn check_registry(text: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("{} is not a registry path: {why}", quoted(text)));
    if let Some(why) = early(text) {
        return wrong(why);
    }
    if text.contains('@') {
        return wrong("write it without digest");
    }
    match text.split_once('/') {
        Some((_, path)) if path.contains(':') => wrong("write it without tag"),
        Some((host, _)) if is_host(host) && names_registry(host) => match name_fault(text) {
            Some(why) => wrong(why),
            None => Ok(()),
        },
        None if is_host(text) && names_registry(text) => Ok(()),
        _ => wrong("it starts with the registry's host, such as registry.example.com/shop"),
    }
}

fn early(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.contains("://") {
        return Some("write it without `://` and the scheme before it");
    }
    if text.len() > 512 {
        return Some("it is too long");
    }
    None
}

fn name_fault(name: &str) -> Option<&'static str> {
    let (host, path) = match name.split_once('/') {
        Some((host, path)) if names_registry(host) => (Some(host), path),
        _ => (None, name),
    };
    if host.is_some_and(|host| !is_host(host)) {
        return Some("the registry's host before the first `/` is wrong");
    }
    if path.len() > 255 {
        return Some("its name is longer than 255 characters");
    }
    if path.chars().any(|c| c.is_ascii_uppercase()) {
        return Some("its name must be in lower case");
    }
    if !path.split('/').all(is_component) {
        return Some("its name has lower-case letters and digits, with `.`, `_`, `-` or `/` between them");
    }
    None
}

/// One part of a name: runs of letters and digits, joined by `.`, `_`, `__` or any number of `-`.
fn is_component(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = part.starts_with(plain) && part.ends_with(plain);
    let joints = part.split(plain).filter(|joint| !joint.is_empty());
    ends && joints.into_iter().all(|joint| matches!(joint, "." | "_" | "__") || joint.bytes().all(|b| b == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= 128 && tag.starts_with(first) && tag.chars().all(|c| first(c) || c == '.' || c == '-')
}

fn is_digest(digest: &str) -> bool {
    let lengths = |algorithm: &str| match algorithm {
        "sha256" => Some(64),
        "sha512" => Some(128),
        _ => None,
    };
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        lengths(algorithm) == Some(hex.len()) && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

fn is_host(host: &str) -> bool {
    let (host, port) = host.rsplit_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    host.split('.').all(label) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_an_engine_takes_are_taken() {
        let digest = format!("redis@sha256:{}", "0a".repeat(32));
        for good in
            ["redis", "redis:7.2-alpine", "a/b/c", "localhost:5000/x:1", "ghcr.io/a__b/c--d", "a.b:5/x", &digest]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn other_names_are_refused() {
        let bad = [
            "",
            "Redis",
            "redis:",
            "redis:a b",
            "-a",
            "a//b",
            "a@sha256:12",
            "a___b",
            "/a",
            "a/",
            "a..b",
            "é",
            "a b",
            "https://a/b",
            "redis:-x",
            "host:99999/x.y",
            "a@b@c",
            ":tag",
            "@sha256:00",
            "a:1:2",
        ];
        for bad in bad {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_registry_is_a_host_and_a_path_without_tag() {
        for good in ["registry.example.com/shop", "localhost:5000/x", "localhost/x", "ghcr.io"] {
            assert_eq!(check_registry(good), Ok(()), "{good}");
        }
        for bad in ["", "shop", "shop/x", "https://r.io/x", "r.io/x:1", "r.io/X", "r.io/", "r.io:0/x"] {
            assert!(check_registry(bad).is_err(), "{bad}");
        }
    }
}
