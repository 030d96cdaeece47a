//! What lines of a log say about an answer that went wrong, by the words of the programs that people use. Pure.

use crate::plan::trace::facts::LogLine;
use crate::plan::trace::verdict::plain;

/// Words of a log, what they mean, and what to do.
type Known = (&'static [&'static str], &'static str, &'static str);

/// The words of the programs that people use.
const KNOWN: [Known; 9] = [
    (
        &["relation \"", "UndefinedTable", "no such table", "doesn't exist"],
        "a table is missing",
        "a module with `once: true` that creates the tables runs before this one if this one `needs` it; `devenv up` runs it",
    ),
    (
        &["too many clients", "remaining connection slots", "Too many connections"],
        "the database has no connections left",
        "close what is not used, or raise its limit",
    ),
    (
        &["password authentication failed", "WRONGPASS", "NOAUTH", "Access denied for user"],
        "the password is wrong",
        "`devenv secrets` shows where each comes from; `devenv up` recreates what has an old one",
    ),
    (
        &[
            "could not translate host name",
            "Name or service not known",
            "Temporary failure in name resolution",
            "ENOTFOUND",
            "no such host",
        ],
        "a name does not resolve",
        "parts are found by their names in devenv.yaml",
    ),
    (
        &["certificate has expired", "CERT_HAS_EXPIRED"],
        "a certificate has expired",
        "`devenv up` renews those that devenv issues",
    ),
    (
        &["certificate verify failed", "unable to get local issuer", "self-signed certificate", "unknown authority"],
        "a certificate is signed by an authority that it does not trust",
        "SSL_CERT_FILE of the module names what it trusts",
    ),
    (&["onnection refused", "ECONNREFUSED"], "a connection was refused", "the lines of the log name the address"),
    (&["MemoryError", "out of memory", "Out of memory"], "there is not enough memory", "raise its memory limit"),
    (&["No space left on device"], "the disk is full", "`docker system df` shows what uses it"),
];

/// The first known cause in lines: a sentence, and what to do.
pub(super) fn of(log: &[LogLine]) -> Option<(String, Option<String>)> {
    KNOWN.iter().find_map(|known| {
        let line = log.iter().find(|line| has(known.0, &line.text) && !is_noise(&line.text))?;
        Some(meaning(known, &line.part, &line.text))
    })
}

/// The known cause in the words of somebody.
pub(super) fn of_words(who: &str, words: &str) -> Option<(String, Option<String>)> {
    KNOWN.iter().find(|known| has(known.0, words)).map(|known| meaning(known, who, words))
}

fn has(all: &[&str], text: &str) -> bool {
    all.iter().any(|word| text.contains(word))
}

fn meaning((_, meaning, hint): &Known, who: &str, words: &str) -> (String, Option<String>) {
    (format!("{meaning}, says `{who}`: {}", plain(words)), Some((*hint).to_owned()))
}

/// Lines that have the words of a failure and tell of none: what a database logs while it is asked whether it is there.
fn is_noise(text: &str) -> bool {
    text.contains("doesn't exist") && !text.contains("Table ")
}
