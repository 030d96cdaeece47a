//! Who listens on which port, by the kernel's tables, and what that says about a part that nobody reaches. Pure.

use crate::names::PartName;

/// A port that somebody listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// Who can reach it.
    pub reach: Reach,
}

/// Who can reach a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Other machines and containers too.
    Everybody,
    /// Only its own machine or container.
    Loopback,
}

/// The listeners of a table such as /proc/net/tcp, which has addresses in hex, lowest byte of each word first. What the
/// engine's own resolver listens on in each container, 127.0.0.11, is left out.
pub fn listeners(table: &str) -> impl Iterator<Item = Listener> + '_ {
    table.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (address, port) = words.nth(1)?.rsplit_once(':')?;
        let is_listening = words.nth(1)? == "0A";
        let port = u16::from_str_radix(port, 16).ok()?;
        let reach = if is_loopback(address) { Reach::Loopback } else { Reach::Everybody };
        (is_listening && address != "0B00007F").then_some(Listener { port, reach })
    })
}

/// The ports of a table such as /proc/net/udp that somebody receives on.
pub fn receivers(table: &str) -> impl Iterator<Item = u16> + '_ {
    table.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (_, port) = words.nth(1)?.rsplit_once(':')?;
        let has_no_peer = words.nth(1)? == "07";
        has_no_peer.then(|| u16::from_str_radix(port, 16).ok())?
    })
}

/// The port that the engine could not have, by its words: they end in an address, such as
/// `0.0.0.0:8080: bind: address already in use` or `Bind for 127.0.0.1:8080 failed: port is already allocated`.
#[must_use]
pub fn taken(words: &str) -> Option<u16> {
    let end = ["failed: port is already allocated", "bind: address already in use"];
    let before = end.iter().find_map(|end| words.split_once(end)).map(|(before, _)| before)?;
    let digits = |c: char| c.is_ascii_digit();
    before.trim_end_matches(|c: char| !digits(c)).rsplit(|c: char| !digits(c)).next()?.parse().ok()
}

/// The inodes of the sockets that listen on a port, by a table such as /proc/net/tcp.
pub fn inodes(table: &str, port: u16) -> impl Iterator<Item = &str> {
    table.lines().filter_map(move |line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let found = u16::from_str_radix(words.get(1)?.rsplit_once(':')?.1, 16).ok()?;
        (found == port && *words.get(3)? == "0A").then(|| words.get(9).copied())?
    })
}

/// Whether it is 127.x.x.x, also as IPv6 has it, or ::1.
fn is_loopback(address: &str) -> bool {
    let four = address.strip_prefix("0000000000000000FFFF0000").unwrap_or(address);
    (four.len() == 8 && four.ends_with("7F")) || address == "00000000000000000000000001000000"
}

/// Where a program listens that should on one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listening {
    /// There, for everybody.
    Here,
    /// There, and only its own container reaches it.
    OnlyLoopback,
    /// On this port instead.
    Elsewhere(u16),
    /// On no port.
    Nowhere,
}

/// Where the program of a container listens that should on `port`, given the container's tables.
#[must_use]
pub fn listening(tables: &str, port: u16) -> Listening {
    let all: Vec<Listener> = listeners(tables).collect();
    match all.iter().filter(|one| one.port == port).map(|one| one.reach).min() {
        Some(Reach::Everybody) => Listening::Here,
        Some(Reach::Loopback) => Listening::OnlyLoopback,
        None => all
            .iter()
            .min_by_key(|one| (one.reach, one.port))
            .map_or(Listening::Nowhere, |other| Listening::Elsewhere(other.port)),
    }
}

/// What to do about a part that does not answer on `port`, given the tables of its container.
#[must_use]
pub fn advice(part: &PartName, port: u16, tables: &str) -> Option<String> {
    match listening(tables, port) {
        Listening::Here | Listening::Nowhere => None,
        Listening::OnlyLoopback => Some(format!(
            "`{part}` listens on 127.0.0.1:{port}, which only its own container reaches: make it listen on 0.0.0.0"
        )),
        Listening::Elsewhere(other) => {
            Some(format!("`{part}` listens on port {other} and not on {port}, which is its `port`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reach::{Everybody, Loopback};
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";

    fn line(local: &str, state: &str) -> String {
        format!("   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 1 1\n")
    }

    #[test]
    fn a_receiver_of_datagrams_is_a_line_in_state_close() {
        let table = [HEAD.to_owned(), line("0100007F:0035", "07"), line("0100007F:1000", "01")].concat();
        assert_eq!(receivers(&table).collect::<Vec<_>>(), [53]);
    }

    #[test]
    fn a_listener_is_a_line_in_state_listen() {
        let table = [
            HEAD.to_owned(),
            line("0100007F:1F90", "0A"),
            line("00000000:1F91", "0A"),
            line("0B00007F:8A3B", "0A"),
            line("00000000:1F92", "01"),
            line("00000000000000000000000001000000:1F93", "0A"),
            line("00000000000000000000000000000000:1F94", "0A"),
            line("0000000000000000FFFF00000100007F:1F95", "0A"),
            line("000000FD000000000000000001000000:1F96", "0A"),
        ];
        let found: Vec<(u16, Reach)> = listeners(&table.concat()).map(|one| (one.port, one.reach)).collect();
        let expected = [
            (8080, Loopback),
            (8081, Everybody),
            (8083, Loopback),
            (8084, Everybody),
            (8085, Loopback),
            (8086, Everybody),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_engines_words_name_the_port_that_is_taken() {
        for (words, port) in [
            (
                "driver failed programming external connectivity on endpoint shop-1 (9f8e): Bind for 127.0.0.1:6379 failed: port is already allocated",
                Some(6379),
            ),
            ("Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use", Some(8080)),
            ("listen tcp6 [::]:443: bind: address already in use", Some(443)),
            ("exec: \"serve\": executable file not found", None),
        ] {
            assert_eq!(taken(words), port, "{words}");
        }
    }

    #[test]
    fn a_socket_is_found_by_its_port() {
        let table = line("0100007F:1F90", "0A") + &line("00000000:1F90", "01") + &line("00000000:1F91", "0A");
        assert_eq!(inodes(&table, 0x1f90).collect::<Vec<_>>(), ["1"]);
    }

    #[test]
    fn a_wrong_port_and_a_loopback_address_are_told_apart() {
        let api = PartName::new("api").unwrap();
        let advice = |lines: &[String]| advice(&api, 8080, &lines.concat());
        assert_eq!(advice(&[]), None);
        assert_eq!(advice(&[line("0100007F:1F90", "0A"), line("00000000:1F90", "0A")]), None);
        assert_eq!(
            advice(&[line("0100007F:1F90", "0A"), line("00000000:1388", "0A")]).as_deref(),
            Some("`api` listens on 127.0.0.1:8080, which only its own container reaches: make it listen on 0.0.0.0")
        );
        assert_eq!(
            advice(&[line("0100007F:0050", "0A"), line("00000000:1388", "0A")]).as_deref(),
            Some("`api` listens on port 5000 and not on 8080, which is its `port`")
        );
    }
}
