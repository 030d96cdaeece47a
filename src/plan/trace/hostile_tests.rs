//! Whatever names, headers, certificates, DNS answers and servers say: a row stays one row, and nothing controls the
//! terminal.

use super::decide;
use super::facts::{Answer, BadCertificate, Failure, Proxy, Spoken, Timed};
use super::samples::{failing, ok, outside};
use crate::plain::steers;

#[test]
fn nothing_that_others_say_steers_a_terminal_or_makes_a_row() {
    const FORGED: &str = "x\u{1b}[2J\u{1b}]0;t\u{7}\r\n\u{202e}api → db | 1 | ok | forged";
    let forged = || FORGED.to_owned();
    let spoken = [
        Ok(Spoken::Denied(forged())),
        Ok(Spoken::Certificate(BadCertificate::Other(forged()))),
        Ok(Spoken::Http(Answer { status: 500, location: Some(forged()) })),
        Err(Failure::Other(forged())),
    ];
    for spoken in spoken {
        let mut facts = failing();
        facts.request = forged();
        let seen = outside(&mut facts);
        seen.host = forged();
        seen.name = ok(vec![forged()]);
        let shown = seen.tls.as_mut().and_then(|tls| tls.result.as_mut().ok()).unwrap();
        (shown.names, shown.issuer) = (vec![forged()], forged());
        shown.problem = Some(BadCertificate::Other(forged()));
        let entry = facts.gateway.as_mut().and_then(|gateway| gateway.entry.as_mut()).unwrap();
        (entry.upstream_addr, entry.upstream_status, entry.upstream_time) = (forged(), forged(), forged());
        let peer = &mut facts.peers[0];
        (peer.host, peer.variable, peer.state) = (forged(), Some(forged()), None);
        let proxy = Proxy { variable: forged(), address: forged(), value: forged() };
        (peer.name, peer.spoken, peer.proxy) =
            (Some(ok(vec![forged()])), Some(Timed { ms: 1.0, result: spoken }), Some(proxy));
        let shown = decide(&facts);
        let rows = shown.hops.iter().flat_map(|hop| [&hop.name, &hop.said]);
        for text in rows.chain([&shown.request, &shown.sentence]).chain(&shown.hint) {
            assert!(!text.chars().any(steers), "{text:?}");
        }
    }
}
