//! Names of things in texts: each check says why a text is not one.

use crate::config::text::quote::quoted;
use crate::names::PartName;

pub(super) fn name(text: &str) -> Result<(), String> {
    PartName::new(text).map(drop).map_err(|_| match text {
        "" => "a name must not be empty".to_owned(),
        text if text.len() > 40 => format!("{} is longer than 40 characters", quoted(text)),
        text => format!(
            "{} is not a valid name: use lower-case letters, digits and `-`, starting with a letter",
            quoted(text)
        ),
    })
}

pub(super) fn env_name(text: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if first && text.chars().all(inner) {
        return Ok(());
    }
    let known = "use letters, digits, `_`, `.` and `-`, starting with a letter or `_`";
    Err(format!("{} is not a variable's name: {known}", quoted(text)))
}

pub(super) fn variable(text: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if first && text.chars().all(inner) {
        return Ok(());
    }
    Err(format!(
        "{} is not a valid variable name: use letters, digits and `_`, not starting with a digit",
        quoted(text)
    ))
}

pub(super) fn account(text: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if first && text.len() <= 63 && text.chars().all(inner) {
        return Ok(());
    }
    let known = "use at most 63 letters, digits, `_` and `-`, starting with a letter or `_`";
    Err(format!("{} is not the name of a user or a database: {known}", quoted(text)))
}

/// Debian's grammar of package names, with an optional architecture and version.
pub(super) fn package(text: &str) -> Result<(), String> {
    let (name, version) = text.split_once('=').map_or((text, None), |(name, version)| (name, Some(version)));
    let (name, architecture) = name.split_once(':').map_or((name, None), |(name, rest)| (name, Some(rest)));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let good_name = name.len() >= 2 && name.starts_with(plain) && name.chars().all(|c| plain(c) || "+.-".contains(c));
    let good_version = version.is_none_or(|version| {
        !version.is_empty() && version.chars().all(|c| c.is_ascii_alphanumeric() || "+.~:-*".contains(c))
    });
    if good_name && good_version && architecture.is_none_or(|rest| !rest.is_empty() && rest.chars().all(plain)) {
        return Ok(());
    }
    Err(format!("{} is not a package name: write one name such as libpq5", quoted(text)))
}

pub(super) fn secret_reference(text: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(inner) {
        return Ok(());
    }
    // It may be a credential that somebody has put here by mistake, so it is not shown.
    Err("this is not a valid name of a secret: use at most 64 letters, digits and `_.-`; never write a credential here"
        .to_owned())
}

pub(super) fn context(text: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.+-".contains(c);
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(inner) {
        return Ok(());
    }
    Err(format!("{} is not the name of an engine context: `docker context ls` lists them", quoted(text)))
}

pub(super) fn secret(text: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    match text.split_once('.') {
        Some((part, key)) if !key.is_empty() && key.chars().all(inner) => name(part),
        _ => Err(format!("{} is not a credential: write PART.KEY, such as db.password", quoted(text))),
    }
}
