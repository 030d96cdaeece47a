//! Packets out of a capture: the file format of libpcap, Linux' cooked headers, and below them IP.

use std::net::{IpAddr, SocketAddr};

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};

/// Bytes of the head of a file, of that of a packet, and of a cooked header (LINUX_SLL).
const FILE_HEAD: usize = 24;
const RECORD_HEAD: usize = 16;
const COOKED: usize = 16;
/// The number of the link type LINUX_SLL.
const LINUX_SLL: u32 = 113;
/// The type of a packet, in its cooked header, that this network has sent.
const OUTGOING: u16 = 4;
/// Packets that are read; whoever makes more of them is not listened to.
const MOST: usize = 10_000;

/// A packet over TCP or UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// Microseconds since 1970.
    pub(super) micros: u64,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// Whether it was sent from this network; of what stays in it, each packet is seen once.
    pub(super) is_outgoing: bool,
    pub(super) kind: Kind,
    pub(super) payload: &'a [u8],
}

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Udp,
    Tcp { syn: bool, ack: bool, rst: bool, fin: bool },
}

impl Packet<'_> {
    /// Whether it never left this network.
    pub(super) fn is_local(&self) -> bool {
        self.from.ip().is_loopback() || self.to.ip().is_loopback() || self.from.ip() == self.to.ip()
    }
}

/// The packets of a capture, as far as it can be read.
pub(super) fn packets(capture: &[u8]) -> Vec<Packet<'_>> {
    let Some((head, mut rest)) = capture.split_at_checked(FILE_HEAD) else { return Vec::new() };
    // Of this machine's own byte order, with microseconds: tcpdump's default.
    if number(head, 0) != Some(0xa1b2_c3d4) || number(head, 20) != Some(LINUX_SLL) {
        return Vec::new();
    }
    let mut all = Vec::new();
    while all.len() < MOST {
        let Some((head, after)) = rest.split_at_checked(RECORD_HEAD) else { break };
        let length = number(head, 8).and_then(|length| usize::try_from(length).ok());
        let Some((packet, after)) = length.and_then(|length| after.split_at_checked(length)) else { break };
        rest = after;
        let (Some(seconds), Some(micros)) = (number(head, 0), number(head, 4)) else { break };
        all.extend(read(u64::from(seconds) * 1_000_000 + u64::from(micros), packet));
    }
    all
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

fn read(micros: u64, packet: &[u8]) -> Option<Packet<'_>> {
    let (cooked, ip) = packet.split_at_checked(COOKED)?;
    let is_outgoing = u16::from_be_bytes([*cooked.first()?, *cooked.get(1)?]) == OUTGOING;
    let parsed = LaxSlicedPacket::from_ip(ip).ok()?;
    let (from, to): (IpAddr, IpAddr) = match &parsed.net {
        Some(LaxNetSlice::Ipv4(slice)) => {
            (slice.header().source_addr().into(), slice.header().destination_addr().into())
        }
        Some(LaxNetSlice::Ipv6(slice)) => {
            (slice.header().source_addr().into(), slice.header().destination_addr().into())
        }
        _ => return None,
    };
    let (ports, kind, payload) = match &parsed.transport {
        Some(TransportSlice::Udp(udp)) => ((udp.source_port(), udp.destination_port()), Kind::Udp, udp.payload()),
        Some(TransportSlice::Tcp(tcp)) => (
            (tcp.source_port(), tcp.destination_port()),
            Kind::Tcp { syn: tcp.syn(), ack: tcp.ack(), rst: tcp.rst(), fin: tcp.fin() },
            tcp.payload(),
        ),
        _ => return None,
    };
    let (from, to) = (SocketAddr::new(from, ports.0), SocketAddr::new(to, ports.1));
    let packet = Packet { micros, from, to, is_outgoing, kind, payload };
    // What stays in this network is seen on its way out and on its way in.
    (!(packet.is_local() && is_outgoing)).then_some(packet)
}
