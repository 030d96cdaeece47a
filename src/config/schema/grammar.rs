//! Texts of the configuration that have a grammar but stay texts: each says why a text is refused.
//!
//! A grammar is named by the JSON Schema's `format`, so that the schema, the check and the reference page agree.

use std::borrow::Cow;

use ignore::gitignore::GitignoreBuilder;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::model::image;
use crate::config::model::snapshot;
use crate::config::model::values::{Duration, RelPath, Route};
use crate::config::model::version;
use crate::config::text::quote::quoted;
use crate::names::{NAME_PATTERN, PartName, is_host_label};

/// What texts of one kind look like.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// The JSON Schema's `format`.
    pub format: &'static str,
    /// Pattern for editors and for keys; rougher than `check`.
    pub pattern: &'static str,
    /// One of them in a sentence, such as `a name`.
    pub one: &'static str,
    /// Many of them in a sentence, such as `names`.
    pub many: &'static str,
    /// Says why a text is not one.
    pub check: fn(&str) -> Result<(), String>,
}

/// Grammars that have a type of their own elsewhere.
static TYPED: [Grammar; 5] = [
    Grammar { format: "name", pattern: NAME_PATTERN, one: "a name", many: "names", check: name },
    Grammar { format: "path", pattern: ".", one: "a path", many: "paths", check: |text| RelPath::new(text).map(drop) },
    Grammar {
        format: "duration",
        pattern: "^[0-9]+(ms|s|m|h)$",
        one: "a duration such as 30s",
        many: "lengths of time",
        check: |text| Duration::parse(text).map(drop),
    },
    Grammar {
        format: snapshot::FORMAT,
        pattern: snapshot::PATTERN,
        one: "an address such as https://archive.example.com/{date}/debian",
        many: "addresses",
        check: snapshot::check,
    },
    Grammar {
        format: "route",
        pattern: "^/",
        one: "a path such as /api",
        many: "paths",
        check: |text| Route::path_of(text).map(drop),
    },
];

/// The grammar that the schema calls `format`.
pub(crate) fn by_format(format: &str) -> Option<&'static Grammar> {
    TYPED.iter().chain(TEXTS).find(|grammar| grammar.format == format)
}

/// The grammar of keys that match `pattern`.
pub(crate) fn by_pattern(pattern: &str) -> Option<&'static Grammar> {
    TYPED.iter().chain(TEXTS).find(|grammar| grammar.pattern == pattern)
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $format:literal, $pattern:literal, $one:literal, $many:literal, $check:expr;)*) => {
        static TEXTS: &[Grammar] = &[$(Grammar {
            format: $format, pattern: $pattern, one: $one, many: $many, check: $check,
        }),*];
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }
                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({"type": "string", "format": $format, "pattern": $pattern})
                }
            }
        )*
    };
}

texts! {
    /// A command for `sh -e -c`.
    Shell: "shell", "[^ ]", "a shell command", "shell commands", shell;
    /// A variable's name.
    Variable: "variable", "^[A-Za-z_][A-Za-z0-9_]*$", "a variable's name", "variables' names", variable;
    /// A variable's name in a container, which may be one that no shell could set, such as `discovery.type`.
    EnvName: "environment-variable", "^[A-Za-z_][A-Za-z0-9_.-]*$", "a variable's name", "variables' names", env_name;
    /// A package of the operating system.
    Package: "package", "^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=.+)?$", "a package", "packages", package;
    /// A pattern as in `.gitignore`.
    Pattern: "gitignore", "^[^ ]", "a pattern", "patterns", pattern;
    /// The name of an image in a registry.
    ImageReference: "image", "^[^ ]+$", "an image such as redis:7", "images", image::check;
    /// A place in a registry, without tag.
    Registry: "registry", "^[^ @]+$", "a place such as registry.example.com/shop", "registries", image::check_registry;
    /// The address of something outside.
    Url: "address", "^[a-z][a-z0-9+.-]*://", "an address such as https://example.com", "addresses", url;
    /// Which versions of devenv a file works with.
    Versions: "versions", "^(>=|<=|>|<|=)", "versions such as \">=0.3\"", "versions", |text| version::parse(text).map(drop);
    /// A full host name.
    HostName: "host-name", "^[a-z0-9-]+(\\.[a-z0-9-]+)+$", "a host name such as dev.acme.internal", "host names", host_name;
    /// What is asked of an HTTP server.
    RequestPath: "request", "^/[^ ]*$", "a path such as /healthz", "paths", request;
    /// A folder or file in a container.
    ContainerPath: "container-path", "^(/|~/|[^/~])", "a path in the container", "paths in the container", container_path;
    /// Where a volume is mounted.
    VolumePath: "volume-path", "^/.", "an absolute path", "absolute paths", volume_path;
    /// What a secret is called where it is kept.
    SecretReference: "secret-reference", "^[A-Za-z0-9][A-Za-z0-9_.-]*$", "the name of a secret", "names of secrets", secret_reference;
    /// Which credential: `PART.KEY`.
    SecretName: "secret", "^[a-z][a-z0-9-]*\\.[A-Za-z0-9_.-]+$", "a credential such as db.password", "credentials", secret;
}

/// A text, or a number or boolean that stands for the text as it was written.
pub(crate) struct AnyText;

impl JsonSchema for AnyText {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "AnyText".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

fn name(text: &str) -> Result<(), String> {
    PartName::new(text).map(drop).map_err(|_| match text {
        "" => "a name must not be empty".to_owned(),
        text if text.len() > 40 => format!("{} is longer than 40 characters", quoted(text)),
        text => format!(
            "{} is not a valid name: use lower-case letters, digits and `-`, starting with a letter",
            quoted(text)
        ),
    })
}

fn shell(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err("a command must not be empty".to_owned()) } else { Ok(()) }
}

fn env_name(text: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if first && text.chars().all(inner) {
        return Ok(());
    }
    let known = "use letters, digits, `_`, `.` and `-`, starting with a letter or `_`";
    Err(format!("{} is not a variable's name: {known}", quoted(text)))
}

fn variable(text: &str) -> Result<(), String> {
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

/// Debian's grammar of package names, with an optional architecture and version.
fn package(text: &str) -> Result<(), String> {
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

fn pattern(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("a pattern must not be empty".to_owned());
    }
    if text.contains(['\n', '\0']) {
        return Err(format!("{} has a line break: write one pattern per entry", quoted(text)));
    }
    let wrong = |why: &str| Err(format!("{} is not a valid pattern: {why}", quoted(text)));
    if text.starts_with('#') {
        return wrong("after `#` comes a comment; write `\\#` for the character");
    }
    if matches!(text.trim_end(), "!" | "/" | "!/") {
        return wrong("it names nothing");
    }
    // Braces mean themselves to git.
    let mut escaped = String::new();
    let mut after_backslash = false;
    for c in text.chars() {
        if matches!(c, '{' | '}') && !after_backslash {
            escaped.push('\\');
        }
        after_backslash = c == '\\' && !after_backslash;
        escaped.push(c);
    }
    if is_open(text) {
        return wrong("`[` is not closed; write `\\[` for the character");
    }
    match GitignoreBuilder::new("").add_line(None, &escaped) {
        Ok(_) => Ok(()),
        Err(error) => wrong(&reason(error)),
    }
}

/// Whether a class of characters has no end; git takes such a pattern and never matches it.
fn is_open(pattern: &str) -> bool {
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => {
                let _negated = chars.next_if(|c| matches!(c, '!' | '^'));
                // A `]` that comes first means itself.
                let _itself = chars.next_if_eq(&']');
                if !chars.by_ref().any(|c| c == ']') {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// Why a pattern is none, without the pattern.
fn reason(error: ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err,
        ignore::Error::WithLineNumber { err, .. }
        | ignore::Error::WithPath { err, .. }
        | ignore::Error::WithDepth { err, .. } => reason(*err),
        other => other.to_string(),
    }
}

fn url(text: &str) -> Result<(), String> {
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

fn host_name(text: &str) -> Result<(), String> {
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

fn request(text: &str) -> Result<(), String> {
    if !text.starts_with('/') {
        return Err(format!("{} must start with `/`, such as /healthz", quoted(text)));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        return Err(format!("{} has a character that must be %-encoded in a request", quoted(text)));
    }
    Ok(())
}

fn container_path(text: &str) -> Result<(), String> {
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

fn volume_path(text: &str) -> Result<(), String> {
    container_path(text)?;
    if !text.starts_with('/') {
        return Err(format!("{} must be absolute: where in the container the volume is mounted", quoted(text)));
    }
    if text.trim_matches('/').is_empty() {
        return Err("a volume cannot be mounted over `/`".to_owned());
    }
    Ok(())
}

fn secret_reference(text: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(inner) {
        return Ok(());
    }
    // It may be a credential that somebody has put here by mistake, so it is not shown.
    Err("this is not a valid name of a secret: use at most 64 letters, digits and `_.-`; never write a credential here"
        .to_owned())
}

fn secret(text: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    match text.split_once('.') {
        Some((part, key)) if !key.is_empty() && key.chars().all(inner) => name(part),
        _ => Err(format!("{} is not a credential: write PART.KEY, such as db.password", quoted(text))),
    }
}
