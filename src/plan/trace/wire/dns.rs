//! Messages of DNS (RFC 1035): what was asked, and the addresses that were answered.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of the head of a message.
const HEAD: usize = 12;
/// The code for a name that does not exist.
pub(super) const NO_SUCH_NAME: u8 = 3;
/// Answers of one message that are read.
const MOST: usize = 32;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: u16,
    pub(super) is_answer: bool,
    /// The code of an answer; 0 is none.
    pub(super) code: u8,
    /// The name that was asked for, without the last dot.
    pub(super) name: String,
    /// The kind of record that was asked for.
    pub(super) kind: u16,
    pub(super) addresses: Vec<IpAddr>,
}

/// A message with one question, as far as it was captured; none where it is something else.
pub(super) fn message(bytes: &[u8]) -> Option<Message> {
    let flags = short(bytes, 2)?;
    let questions = short(bytes, 4)?;
    if questions != 1 {
        return None;
    }
    let (name, at) = name(bytes, HEAD)?;
    let kind = short(bytes, at)?;
    let is_answer = flags & 0x8000 != 0;
    let addresses = if is_answer { addresses(bytes, at + 4, usize::from(short(bytes, 6)?)) } else { Vec::new() };
    let code = u8::try_from(flags & 0xf).ok()?;
    Some(Message { id: short(bytes, 0)?, is_answer, code, name, kind, addresses })
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// The name of a question, which nothing before it could shorten, and where it ends. One with other characters than names
/// of hosts have is not taken.
fn name(bytes: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut name = String::new();
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        if length == 0 {
            return (!name.is_empty()).then_some((name, at));
        }
        let label = std::str::from_utf8(bytes.get(at..at + length).filter(|_| length < 64)?).ok()?;
        if !label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) || name.len() > 255 {
            return None;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&label.to_ascii_lowercase());
        at += length;
    }
}

/// Where the record's name ends: at its end, or at a reference to an earlier one.
fn after_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match usize::from(*bytes.get(at)?) {
            0 => return Some(at + 1),
            length @ 1..64 => at += 1 + length,
            192.. => return Some(at + 2),
            _ => return None,
        }
    }
}

fn addresses(bytes: &[u8], mut at: usize, count: usize) -> Vec<IpAddr> {
    let mut all = Vec::new();
    for _ in 0..count.min(MOST) {
        let Some((address, next)) = record(bytes, at) else { break };
        all.extend(address);
        at = next;
    }
    all
}

/// A record: its address, where it is one, and where the next one begins.
fn record(bytes: &[u8], at: usize) -> Option<(Option<IpAddr>, usize)> {
    let at = after_name(bytes, at)?;
    let (kind, length) = (short(bytes, at)?, usize::from(short(bytes, at + 8)?));
    let data = bytes.get(at + 10..at + 10 + length)?;
    let address = match kind {
        1 => <[u8; 4]>::try_from(data).ok().map(|bytes| Ipv4Addr::from(bytes).into()),
        28 => <[u8; 16]>::try_from(data).ok().map(|bytes| Ipv6Addr::from(bytes).into()),
        _ => None,
    };
    Some((address, at + 10 + length))
}
