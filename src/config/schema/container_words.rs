//! Texts that the engine reads in the definition of a container: each check says why not.

use crate::amounts::Memory;
use crate::config::model::memory_folder::MemoryFolder;
use crate::config::text::quote::quoted;
use crate::names::is_host_label;
use crate::nearest::nearest;

pub(super) fn container_path(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("a path must not be empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{} has a control character", quoted(text)));
    }
    if text.split('/').any(|part| part == "..") {
        return Err(format!("{} must not contain `..`", quoted(text)));
    }
    if text.starts_with('~') && text != "~" && !text.starts_with("~/") {
        return Err(format!("{} names another user's home: write ~/…", quoted(text)));
    }
    Ok(())
}

pub(super) fn volume_path(text: &str) -> Result<(), String> {
    container_path(text)?;
    if !text.starts_with('/') {
        return Err(format!("{} must be absolute: where in the container the volume is mounted", quoted(text)));
    }
    if text.trim_matches('/').is_empty() {
        return Err("a volume cannot be mounted over `/`".to_owned());
    }
    Ok(())
}

pub(super) fn memory_folder(text: &str) -> Result<(), String> {
    let folder = MemoryFolder::of(text);
    volume_path(folder.path)?;
    if folder.options.is_some_and(str::is_empty) {
        return Err(format!("{} has no options behind `:`: write such as /cache:size=64m", quoted(text)));
    }
    Ok(())
}

/// Those that the engine knows.
const LIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

pub(super) fn limit(text: &str) -> Result<(), String> {
    if LIMITS.contains(&text) {
        return Ok(());
    }
    let near = nearest(text, LIMITS).map_or_else(|| LIMITS.join(", "), |near| format!("did you mean `{near}`?"));
    Err(format!("{} is not a limit of the kernel: {near}", quoted(text)))
}

pub(super) fn sysctl(text: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
    if text.contains('.') && !text.starts_with('.') && !text.ends_with('.') && text.chars().all(inner) {
        return Ok(());
    }
    Err(format!("{} is not a setting of the kernel: write it in full, such as net.core.somaxconn", quoted(text)))
}

pub(super) fn signal(text: &str) -> Result<(), String> {
    let name = text.strip_prefix("SIG").filter(|name| !name.is_empty());
    if name.is_some_and(|name| name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())) {
        return Ok(());
    }
    Err(format!("{} is not a signal: write it in capitals, such as SIGINT", quoted(text)))
}

pub(super) fn host_label(text: &str) -> Result<(), String> {
    if text.len() <= 253 && text.split('.').all(is_host_label) && text.parse::<std::net::IpAddr>().is_err() {
        return Ok(());
    }
    Err(format!("{} is not a host name: use lower-case letters, digits, `-` and `.`", quoted(text)))
}

pub(super) fn host_address(text: &str) -> Result<(), String> {
    if text == "host-gateway" || text.parse::<std::net::IpAddr>().is_ok() {
        return Ok(());
    }
    Err(format!("{} is not an address: write one such as 10.0.0.1, or host-gateway for this machine", quoted(text)))
}

pub(super) fn label_name(text: &str) -> Result<(), String> {
    if !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '=') {
        return Ok(());
    }
    Err(format!("{} is not a label's name: it has no space and no `=`", quoted(text)))
}

pub(super) fn memory(text: &str) -> Result<(), String> {
    let letters = text.chars().filter(char::is_ascii_alphabetic).count();
    match Memory::of(text) {
        // The schema has one way to write each.
        Some(Memory { number: 1.., .. }) if text.ends_with(['b', 'k', 'm', 'g']) && letters == 1 => Ok(()),
        _ => Err(format!(
            "{} is not an amount of memory: write a whole number and b, k, m or g, such as 512m",
            quoted(text)
        )),
    }
}

pub(super) fn capability(text: &str) -> Result<(), String> {
    let is_plain = text.starts_with(|c: char| c.is_ascii_uppercase());
    if text == "ALL"
        || text.starts_with("CAP_")
        || !is_plain
        || !text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    {
        return Err(format!(
            "{} is not a capability: name each by itself, in capitals, such as NET_BIND_SERVICE",
            quoted(text)
        ));
    }
    Ok(())
}
