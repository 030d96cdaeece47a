//! Packets put together: lookups of names with their answers, and connections with how far each came.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::plan::trace::wire::capture::{Kind, Packet, packets};
use crate::plan::trace::wire::dns::{self, Message};
use crate::plan::trace::wire::protocols;
use crate::plan::trace::wire::seen::{Call, Came, Known, Looked, Seen, What, Wire};

/// The engine's own DNS server, and the port of all others.
const ENGINE: [u8; 4] = [127, 0, 0, 11];
const DNS: u16 = 53;
/// Records that programs ask for to find addresses.
const A: u16 = 1;
const AAAA: u16 = 28;
/// Pieces of each side of a connection that are looked at.
const PIECES: usize = 16;
/// Things that are shown.
const MOST: usize = 40;

/// A lookup that was begun.
struct Lookup {
    at: u64,
    name: String,
    answer: Option<(u64, Looked)>,
}

/// A connection of the module to somebody else.
#[derive(Default)]
struct Flow<'a> {
    at: u64,
    is_opened: bool,
    accepted: Option<u64>,
    refused: Option<u64>,
    is_closed: bool,
    asked: Vec<&'a [u8]>,
    first_asked: Option<u64>,
    answered: Vec<&'a [u8]>,
    first_answered: Option<u64>,
}

/// Reads a capture that was made in the network of a module while it had a request.
#[must_use]
pub fn read(capture: &[u8], known: &Known) -> Wire {
    let mut lookups: BTreeMap<(SocketAddr, u16, String, u16), Lookup> = BTreeMap::new();
    let mut flows: BTreeMap<(SocketAddr, SocketAddr), Flow<'_>> = BTreeMap::new();
    let mut names = known.names.clone();
    let mut others = 0;
    for packet in packets(capture) {
        match packet.kind {
            Kind::Udp => lookup(&packet, known, &mut lookups, &mut names),
            Kind::Tcp { .. } => {
                others += usize::from(is_request_of_another(&packet, known));
                follow(&packet, known, &mut flows);
            }
        }
    }
    let named = lookups.into_values().map(|lookup| {
        let Lookup { at, name, answer } = lookup;
        let (ended, looked) = match answer {
            Some((ended, looked)) => (Some(ended), looked),
            None => (None, Looked::Silence),
        };
        (at, Seen { ms: ended.map(|ended| millis(at, ended)), what: What::Name(name, looked) })
    });
    let called = flows.into_iter().map(|((_, to), flow)| (flow.at, flow.seen(to, names.get(&to.ip()).cloned())));
    let mut all: Vec<(u64, Seen)> = named.chain(called).collect();
    all.sort_by_key(|(at, _)| *at);
    // A program asks for addresses of both kinds, and again: one line tells of it.
    let has_addresses = |name: &str| {
        let of = |seen: &Seen| matches!(&seen.what, What::Name(asked, Looked::Addresses(all)) if asked == name && !all.is_empty());
        all.iter().any(|(_, seen)| of(seen))
    };
    let is_half =
        |what: &What| matches!(what, What::Name(name, Looked::Addresses(all)) if all.is_empty() && has_addresses(name));
    let mut seen: Vec<Seen> = Vec::new();
    for (_, one) in &all {
        if seen.len() < MOST && !is_half(&one.what) && !seen.iter().any(|told| told.what == one.what) {
            seen.push(one.clone());
        }
    }
    Wire { seen, others }
}

fn millis(from: u64, to: u64) -> f64 {
    f64::from(u32::try_from(to.saturating_sub(from)).unwrap_or(u32::MAX)) / 1000.0
}

fn lookup(
    packet: &Packet<'_>,
    known: &Known,
    lookups: &mut BTreeMap<(SocketAddr, u16, String, u16), Lookup>,
    names: &mut BTreeMap<IpAddr, String>,
) {
    let is_server = |side: SocketAddr| side.port() == DNS || side.ip() == IpAddr::from(ENGINE);
    if !is_server(packet.from) && !is_server(packet.to) {
        return;
    }
    let Some(Message { id, is_answer, code, name, kind, addresses }) = dns::message(packet.payload) else { return };
    // The name of the module itself is asked for by whoever sends it the request.
    if !matches!(kind, A | AAAA) || name == known.own {
        return;
    }
    if !is_answer {
        let begun = || Lookup { at: packet.micros, name: name.clone(), answer: None };
        lookups.entry((packet.from, id, name.clone(), kind)).or_insert_with(begun);
        return;
    }
    let Some(lookup) = lookups.get_mut(&(packet.to, id, name.clone(), kind)) else { return };
    let looked = match code {
        0 => Looked::Addresses(addresses.clone()),
        dns::NO_SUCH_NAME => Looked::NoSuchName,
        code => Looked::Failed(code),
    };
    for address in addresses {
        names.entry(address).or_insert_with(|| name.clone());
    }
    lookup.answer.get_or_insert((packet.micros, looked));
}

/// Whether a packet begins a request to the module that is not the one that is traced.
fn is_request_of_another(packet: &Packet<'_>, known: &Known) -> bool {
    let has_id = || packet.payload.windows(known.id.len().max(1)).any(|bytes| bytes == known.id.as_bytes());
    let is_request = [&b"GET "[..], b"POST ", b"PUT ", b"PATCH ", b"DELETE ", b"HEAD ", b"OPTIONS "]
        .iter()
        .any(|method| packet.payload.starts_with(method));
    packet.to.port() == known.port && !packet.is_outgoing && is_request && !has_id()
}

fn follow<'a>(packet: &Packet<'a>, known: &Known, flows: &mut BTreeMap<(SocketAddr, SocketAddr), Flow<'a>>) {
    let Kind::Tcp { syn, ack, rst, fin } = packet.kind else { return };
    let is_server_of_names = |side: SocketAddr| side.ip() == IpAddr::from(ENGINE) || side.port() == DNS;
    if is_server_of_names(packet.from) || is_server_of_names(packet.to) {
        return;
    }
    let at_module = |side: SocketAddr| side.port() == known.port;
    let is_begun = syn && !ack;
    let (to, from) = ((packet.from, packet.to), (packet.to, packet.from));
    // Who calls the module is not called by it.
    let is_inbound = |key: (SocketAddr, SocketAddr)| at_module(key.1) && (packet.is_local() || !packet.is_outgoing);
    let key = match (flows.contains_key(&to), flows.contains_key(&from)) {
        (true, _) => to,
        (_, true) => from,
        _ if is_begun && (packet.is_outgoing || packet.is_local()) && !is_inbound(to) => to,
        // A connection that was open before; the module's own port is on the side of its callers.
        _ if !syn && packet.is_outgoing && !packet.payload.is_empty() && !at_module(packet.from) => to,
        _ => return,
    };
    let flow = flows.entry(key).or_insert_with(|| Flow { at: packet.micros, is_opened: is_begun, ..Flow::default() });
    let is_asking = key == to;
    if syn && ack && !is_asking {
        flow.accepted.get_or_insert(packet.micros);
    }
    if rst && !is_asking && flow.is_opened && flow.accepted.is_none() {
        flow.refused.get_or_insert(packet.micros);
    }
    if (rst || fin) && !is_asking {
        flow.is_closed = true;
    }
    if packet.payload.is_empty() {
        return;
    }
    let (pieces, first) = if is_asking {
        (&mut flow.asked, &mut flow.first_asked)
    } else {
        (&mut flow.answered, &mut flow.first_answered)
    };
    first.get_or_insert(packet.micros);
    if pieces.len() < PIECES {
        pieces.push(packet.payload);
    }
}

impl Flow<'_> {
    fn seen(&self, to: SocketAddr, name: Option<String>) -> Seen {
        let is_connected = self.accepted.is_some() || !self.is_opened;
        let came = match (self.refused, is_connected, self.asked.is_empty(), self.answered.is_empty()) {
            (Some(_), ..) => Came::Refused,
            (_, false, ..) => Came::Silence,
            (_, _, _, false) => Came::Answered,
            (_, _, false, true) if self.is_closed => Came::Closed,
            (_, _, false, true) => Came::Unanswered,
            (_, _, true, true) => Came::Connected,
        };
        let ms = match came {
            Came::Refused => self.refused.map(|refused| millis(self.at, refused)),
            Came::Answered => {
                let begin = self.first_asked.unwrap_or(self.at);
                self.first_answered.map(|answered| millis(begin, answered))
            }
            Came::Connected => self.accepted.map(|accepted| millis(self.at, accepted)),
            Came::Silence | Came::Unanswered | Came::Closed => None,
        };
        let spoken = protocols::words(&self.asked, &self.answered);
        Seen { ms, what: What::Call(Call { to, name, came, spoken }) }
    }
}
