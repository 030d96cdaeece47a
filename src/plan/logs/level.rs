//! How urgent a line of a log is, in the ways that programs write it: JSON, logfmt, Python, Go, nginx, Postgres, Redis.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

/// How urgent a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Of interest to whoever follows each step.
    Trace,
    /// Of interest to whoever looks for a fault.
    Debug,
    /// What happens.
    Info,
    /// It may become a fault.
    Warn,
    /// Something failed.
    Error,
    /// The program ends.
    Fatal,
}

/// Their names, least urgent first.
pub const NAMES: [(&str, Level); 6] = [
    ("trace", Level::Trace),
    ("debug", Level::Debug),
    ("info", Level::Info),
    ("warn", Level::Warn),
    ("error", Level::Error),
    ("fatal", Level::Fatal),
];

/// Words of a line that are looked at: what comes later is its message.
const WORDS: usize = 7;
/// Keys under which a level stands, in JSON and logfmt.
const KEYS: [&str; 6] = ["level", "severity", "lvl", "levelname", "loglevel", "log.level"];

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.iter().find(|(_, level)| level == self).map_or("", |(name, _)| name))
    }
}

/// A word that no level has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {}", NAMES.map(|(name, _)| name).join(", "))]
pub struct UnknownLevel;

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        named(text).ok_or(UnknownLevel)
    }
}

/// The level that a word stands for, in any case.
fn named(word: &str) -> Option<Level> {
    Some(match word.to_ascii_lowercase().as_str() {
        "trace" | "verbose" => Level::Trace,
        "debug" | "debug1" | "debug2" | "debug3" | "debug4" | "debug5" | "dbg" => Level::Debug,
        "info" | "information" | "informational" | "notice" | "log" => Level::Info,
        "warn" | "warning" | "wrn" => Level::Warn,
        "error" | "err" | "severe" => Level::Error,
        "fatal" | "critical" | "crit" | "panic" | "emergency" | "emerg" | "alert" => Level::Fatal,
        _ => return None,
    })
}

/// The level that a line names; none where it names none.
#[must_use]
pub fn level(line: &str) -> Option<Level> {
    let line = line.trim_start();
    if line.starts_with('{') {
        return of_json(line);
    }
    of_signs(line).or_else(|| of_logfmt(line)).or_else(|| of_words(line))
}

fn of_json(line: &str) -> Option<Level> {
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else { return None };
    match KEYS.iter().find_map(|key| fields.get(*key))? {
        Value::String(word) => named(word),
        // pino and bunyan: 10 is trace, 60 fatal.
        Value::Number(number) => {
            NAMES.get(usize::try_from(number.as_u64()? / 10).ok()?.clamp(1, 6) - 1).map(|one| one.1)
        }
        _ => None,
    }
}

fn of_logfmt(line: &str) -> Option<Level> {
    KEYS.iter().find_map(|key| {
        let at = line.find(&format!("{key}="))?;
        let begins = at == 0 || line[..at].ends_with([' ', '\t']);
        let value = line[at + key.len() + 1..].trim_start_matches('"');
        let end = value.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(value.len());
        named(&value[..end]).filter(|_| begins)
    })
}

/// Signs in a fixed place: Go's glog, Redis, and what programs print when they fall over.
fn of_signs(line: &str) -> Option<Level> {
    const FALLS: [&str; 6] =
        ["Traceback (most recent call last)", "panic: ", "fatal error: ", "Uncaught ", "Unhandled ", "Exception in "];
    if FALLS.iter().any(|fall| line.starts_with(fall)) || (line.starts_with("thread '") && line.contains("panicked at"))
    {
        return Some(Level::Error);
    }
    let bytes = line.as_bytes();
    let is_glog = bytes.len() > 6 && bytes[1..5].iter().all(u8::is_ascii_digit) && bytes[5] == b' ';
    if is_glog {
        return match bytes[0] {
            b'I' => Some(Level::Info),
            b'W' => Some(Level::Warn),
            b'E' => Some(Level::Error),
            b'F' => Some(Level::Fatal),
            _ => None,
        };
    }
    let (process, rest) = line.split_once(' ')?;
    let (number, role) = process.split_once(':')?;
    let is_redis =
        !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) && matches!(role, "X" | "C" | "S" | "M");
    match rest.split(' ').nth(4).filter(|_| is_redis)? {
        "." => Some(Level::Trace),
        "-" => Some(Level::Debug),
        "*" => Some(Level::Info),
        "#" => Some(Level::Warn),
        _ => None,
    }
}

/// One of the first words: in capitals, in brackets, or before a colon at the beginning.
fn of_words(line: &str) -> Option<Level> {
    line.split([' ', '\t', '|']).filter(|word| !word.is_empty()).take(WORDS).enumerate().find_map(|(at, word)| {
        // Python's own form: `WARNING:root:the message`.
        let head = word.split_once(':').filter(|_| at == 0).map_or(word, |(head, _)| head);
        let inside = head.strip_prefix('[').or(head.strip_prefix('<')).or(head.strip_prefix('('));
        let bare = inside.unwrap_or(head).trim_end_matches([']', '>', ')', ':', ',']);
        let is_capital = bare.len() > 2 && bare.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let is_head = at == 0 && word.len() > bare.len() && word[bare.len()..].starts_with(':');
        named(bare).filter(|_| is_capital || inside.is_some() || is_head)
    })
}

/// Whether a line that names no level goes on with what the line before it tells: what is indented, the last line of a
/// Python traceback, Postgres' hints.
#[must_use]
pub fn continues(line: &str) -> bool {
    const MORE: [&str; 6] = ["HINT:", "DETAIL:", "STATEMENT:", "CONTEXT:", "QUERY:", "Caused by"];
    let is_exception = || {
        let head = line.split([':', ' ']).next().unwrap_or_default();
        head.ends_with("Error") || head.ends_with("Exception")
    };
    line.starts_with([' ', '\t']) || MORE.iter().any(|word| line.contains(word)) || is_exception()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_found_in_the_ways_that_programs_write_it() {
        for (line, expected) in [
            (r#"{"level":"warn","msg":"x"}"#, "warn"),
            (r#"{"severity":"ERROR"}"#, "error"),
            (r#"{"level":50,"msg":"pino"}"#, "error"),
            (r#"{"msg":"none"}"#, "-"),
            ("time=2026-11-30T10:00:00Z level=INFO msg=\"level=error\"", "info"),
            ("ts=1 lvl=\"dbug\" level=debug", "debug"),
            ("WARNING:root:watch out", "warn"),
            ("2026-11-30 10:00:00,123 ERROR shop.app: no", "error"),
            ("[2026-11-30 10:00:00 +0000] [7] [INFO] Booting worker", "info"),
            ("Traceback (most recent call last):", "error"),
            ("E1130 10:00:00.000000       1 main.go:3] no", "error"),
            ("I1130 10:00:00.000000       1 main.go:3] yes", "info"),
            ("2026/11/30 10:00:00 listening on :8080", "-"),
            ("panic: runtime error: index out of range", "error"),
            ("2026-11-30T10:00:00.000Z\tWARN\tserver/main.go:3\tslow", "warn"),
            ("2026/11/30 10:00:00 [error] 7#7: *1 connect() failed", "error"),
            ("2026/11/30 10:00:00 [emerg] 7#7: bind() failed", "fatal"),
            ("2026-11-30 10:00:00.000 UTC [42] LOG:  checkpoint starting", "info"),
            ("2026-11-30 10:00:00.000 UTC [42] FATAL:  password authentication failed", "fatal"),
            ("1:M 30 Nov 2026 10:00:00.000 # Warning: no config file", "warn"),
            ("1:M 30 Nov 2026 10:00:00.000 * Ready to accept connections", "info"),
            ("thread 'main' panicked at src/main.rs:3:5:", "error"),
            ("error: cannot find `x`", "error"),
            ("there is nothing to say here about an ERROR", "-"),
            ("an error is a word", "-"),
            ("GET /ERROR 200", "-"),
        ] {
            let found = level(line).map_or("-".to_owned(), |level| level.to_string());
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn a_traceback_and_the_hints_of_postgres_belong_to_what_is_before_them() {
        for line in ["  File \"app.py\", line 3", "ValueError: no", "2026 UTC [42] HINT:  try again", "\tat Main.java"]
        {
            assert!(continues(line), "{line}");
        }
        assert!(!continues("listening"));
    }

    #[test]
    fn a_name_of_no_level_says_which_there_are() {
        let error = "loud".parse::<Level>().unwrap_err().to_string();
        assert_eq!(error, "expected one of trace, debug, info, warn, error, fatal");
        assert_eq!("WARNING".parse::<Level>().unwrap(), Level::Warn);
    }
}
