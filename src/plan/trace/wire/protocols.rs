//! The first bytes of a conversation, in the protocols that are known. Requests are named and not repeated, because they
//! may hold credentials; of what servers say, errors are repeated.

use crate::plan::trace::wire::seen::Words;

/// What both sides have said.
pub(super) fn words(asked: &[&[u8]], answered: &[&[u8]]) -> Option<Words> {
    let (first, answer) = (*asked.first().unwrap_or(&&[][..]), *answered.first().unwrap_or(&&[][..]));
    http(first, answer)
        .or_else(|| postgres(first, answered))
        .or_else(|| mysql(answered))
        .or_else(|| redis(first, answered))
        .or_else(|| tls(first, answered))
}

fn well(text: impl Into<String>) -> Option<Words> {
    Some(Words { text: text.into(), problem: None })
}

/// The text with only what a person can read, and not much of it.
fn readable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take_while(|c| *c != '\0').take(160).collect()
}

fn http(asked: &[u8], answered: &[u8]) -> Option<Words> {
    const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"];
    let line = readable(asked.split(|byte| *byte == b'\r').next()?);
    let mut words = line.split(' ');
    let method = words.next().filter(|word| METHODS.contains(word))?;
    // A query, and what stands before a host, may hold a credential.
    let target = words.next()?.split(['?', '#']).next()?;
    let target = match target.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit('@').next().unwrap_or(rest)),
        None => target.to_owned(),
    };
    let status = answered.strip_prefix(b"HTTP/1.").and_then(|rest| std::str::from_utf8(rest.get(2..5)?).ok());
    let Some(status) = status.and_then(|status| status.parse::<u16>().ok()) else {
        return well(format!("{method} {target}"));
    };
    let is_bad = status >= 500 || status == 407;
    let text = format!("{method} {target} answered {status}");
    Some(Words { problem: is_bad.then(|| text.clone()), text })
}

/// PostgreSQL, "Message Formats": a start-up message or a request for TLS, and the server's errors.
fn postgres(asked: &[u8], answered: &[&[u8]]) -> Option<Words> {
    const TLS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    let is_startup = asked.get(4..8) == Some(&[0, 3, 0, 0]);
    if !is_startup && asked != TLS && !is_simple_query(asked) {
        return None;
    }
    let error = answered.iter().find_map(|bytes| postgres_error(bytes));
    Some(Words {
        text: error.clone().map_or("postgres".to_owned(), |error| format!("postgres: {error}")),
        problem: error,
    })
}

/// A query on a connection that was open before.
fn is_simple_query(asked: &[u8]) -> bool {
    let [b'Q' | b'P', a, b, c, d, ..] = asked else { return false };
    (5..1_000_000).contains(&u32::from_be_bytes([*a, *b, *c, *d]))
}

/// The message of the first error among a server's messages.
fn postgres_error(mut bytes: &[u8]) -> Option<String> {
    while let [kind, a, b, c, d, rest @ ..] = bytes {
        let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).ok()?.checked_sub(4)?;
        if *kind == b'E' {
            let fields = rest.get(..length.min(rest.len()))?.split(|byte| *byte == 0);
            return fields.filter_map(|field| field.strip_prefix(b"M")).map(readable).next();
        }
        bytes = rest.get(length..)?;
    }
    None
}

/// MySQL and MariaDB: the server greets, with protocol 10, or says an error at once.
fn mysql(answered: &[&[u8]]) -> Option<Words> {
    let first = answered.first()?;
    let is_greeting = first.get(3..5) == Some(&[0, 10]);
    let error = answered.iter().find_map(|bytes| match bytes.get(4..)? {
        [255, _, _, b'#', _, _, _, _, _, words @ ..] | [255, _, _, words @ ..] => Some(readable(words)),
        _ => None,
    });
    let is_error = first.get(3..5) == Some(&[0, 255]);
    (is_greeting || is_error).then(|| Words {
        text: error.clone().map_or("mysql".to_owned(), |error| format!("mysql: {error}")),
        problem: error,
    })
}

/// Redis: arrays of words go out, and a line that begins with `-` is an error.
fn redis(asked: &[u8], answered: &[&[u8]]) -> Option<Words> {
    if !matches!(asked, [b'*', b'1'..=b'9', ..]) || !asked.contains(&b'$') {
        return None;
    }
    let error = answered.iter().find_map(|bytes| bytes.strip_prefix(b"-"));
    let error = error.map(|line| readable(line.split(|byte| *byte == b'\r').next().unwrap_or(line)));
    Some(Words { text: error.clone().map_or("redis".to_owned(), |error| format!("redis: {error}")), problem: error })
}

/// TLS: a handshake is asked for; what goes wrong with it in the clear is an alert (RFC 8446, section 6).
fn tls(asked: &[u8], answered: &[&[u8]]) -> Option<Words> {
    if !matches!(asked, [22, 3, ..]) {
        return None;
    }
    let alert = answered.iter().find_map(|bytes| match bytes {
        [21, 3, _, _, _, 2, number, ..] => Some(*number),
        _ => None,
    });
    match alert {
        Some(number) => {
            let problem = format!("the TLS handshake is refused: alert {number}");
            Some(Words { text: format!("tls: alert {number}"), problem: Some(problem) })
        }
        None => well("tls"),
    }
}
