//! Facts as values become a table and a sentence: one for each failure that a trace tells apart.

use super::facts::{Answer, BadCertificate, Configuration, Facts, Failure, LogLine, Proxy, Speaks, Spoken, Timed};
use super::samples::{
    answer, answered, database, entry, facts, failed, failing, module, ok, outside, peer, sockets, unreachable,
};
use super::verdict::{Trace, Verdict};
use super::wire::seen::{Call, Came, Looked, Seen, What, Wire, Words};
use super::{decide, route};
use crate::plan::logs::access::Access;
use crate::plan::parts::Route;
use crate::plan::states::PartState;

fn text(facts: &Facts) -> String {
    let trace = decide(facts);
    let rows = trace.hops.iter().map(|hop| {
        let ms = hop.ms.map(|ms| format!("{ms}")).unwrap_or_default();
        format!("{} | {ms} | {} | {}\n", hop.name, hop.verdict, hop.said)
    });
    format!("{}{}\n{}\n", rows.collect::<String>(), trace.sentence, trace.hint.unwrap_or_default())
}

/// The sentence, and the first hop that is broken.
fn said(facts: &Facts) -> String {
    let Trace { ok, hops, sentence, .. } = decide(facts);
    assert!(!ok);
    let hop = hops.iter().find(|hop| hop.verdict == Verdict::Broken).unwrap();
    format!("{}: {sentence}", hop.name)
}

/// The sentence after a change.
fn after(mut facts: Facts, change: impl FnOnce(&mut Facts)) -> String {
    change(&mut facts);
    said(&facts)
}

#[test]
fn a_request_whose_hops_are_well() {
    assert!(decide(&facts()).ok);
    assert_eq!(
        text(&facts()),
        "\
name | 1 | ok | shop.localhost is 127.0.0.1
tcp | 1 | ok | port 8443: connected
tls | 1 | ok | for shop.localhost, signed by devenv on vm, 80 days left
gateway | 1 | ok | route /api → api (10.0.0.2:8000) answered 200 in 0.001 s, status 200
api | 1 | ok | directly: status 200
api → db | 1 | ok | logged in as me, select 1 answered
every hop is OK

"
    );
    let mut stranger = facts();
    outside(&mut stranger).tls.as_mut().unwrap().result.as_mut().unwrap().machine_trusts = Some(false);
    let shown = text(&stranger);
    assert!(shown.contains("80 days left; programs of this machine do not trust it: `devenv certs trust`"), "{shown}");
    let mut post = facts();
    module(&mut post).direct = None;
    assert!(text(&post).contains("api |  | - | not asked again: the request may change something"), "{}", text(&post));
}

#[test]
fn what_could_not_be_asked_is_not_said_to_be_well() {
    let mut unasked = unreachable();
    module(&mut unasked).direct = None;
    module(&mut unasked).state = PartState::CrashLoop(4);
    (unasked.peers[0].name, unasked.peers[0].tcp, unasked.peers[0].spoken) = (None, None, None);
    let shown = text(&unasked);
    assert!(shown.contains("api → db |  | - | not asked: nothing could inspect the network of `api`"), "{shown}");
}

#[test]
fn a_module_that_does_not_run() {
    let with = |state: PartState| after(unreachable(), |facts| module(facts).state = state);
    assert_eq!(with(PartState::Stopped), "gateway: `api` is not running: it was stopped");
    assert_eq!(with(PartState::Ended(1)), "gateway: `api` is not running: it ended with code 1");
    assert_eq!(with(PartState::CrashLoop(7)), "gateway: `api` crashes in a loop: it was restarted 7 times");
    assert_eq!(
        with(PartState::OutOfMemory(0)),
        "gateway: `api` is not running: the kernel ended it because it ran out of memory"
    );
    assert_eq!(with(PartState::NotCreated), "gateway: `api` has no container");
    // What it needs may be why.
    let both = after(unreachable(), |facts| {
        module(facts).state = PartState::CrashLoop(7);
        facts.peers[0].state = Some(PartState::Stopped);
    });
    assert_eq!(
        both,
        "gateway: `api` crashes in a loop: it was restarted 7 times; and `db`, which `api` needs, is not running: it was \
         stopped"
    );
}

#[test]
fn a_module_that_listens_elsewhere() {
    let with = |listeners: &[&str]| after(unreachable(), |facts| module(facts).sockets = sockets(listeners));
    assert_eq!(with(&["00000000:1F41"]), "gateway: `api` listens on port 8001 and not on 8000, which is its `port`");
    assert_eq!(
        with(&["0100007F:1F40"]),
        "gateway: `api` listens only on 127.0.0.1:8000, which no other container reaches"
    );
    assert_eq!(with(&[]), "gateway: `api` is running but listens on no port: it may still be starting");
}

#[test]
fn a_module_that_is_slow_or_hangs_up() {
    let slow = after(facts(), |facts| {
        outside(facts).answer = failed(Failure::TimedOut(10));
        module(facts).direct = failed(Failure::TimedOut(10));
    });
    assert_eq!(slow, "gateway: `api` accepts the request but does not answer within 10 s");
    let tls = after(unreachable(), |facts| module(facts).direct = failed(Failure::SpeaksTls));
    assert_eq!(tls, "gateway: `api` speaks HTTPS on port 8000, and the gateway speaks HTTP to it");
    let closed = after(unreachable(), |facts| module(facts).direct = failed(Failure::Closed));
    assert_eq!(closed, "gateway: `api` closes the connection without an answer");
}

#[test]
fn a_route_that_is_missing_or_wrong() {
    let mut missing = facts();
    answered(&mut missing, 404, "", "");
    (missing.route, missing.module, missing.path) = (None, None, "/nope".to_owned());
    missing.peers.clear();
    let shown = text(&missing);
    assert!(shown.ends_with("gateway | 1 | BROKEN | no route, status 404\nno module has a route for /nope\nroutes: /api; `route:` of a module in devenv.yaml adds one\n"), "{shown}");
    let prefix = after(facts(), |facts| {
        answered(facts, 404, "api", "404");
        module(facts).direct = Some(answer(404));
        module(facts).without_prefix = Some(answer(200));
    });
    assert_eq!(
        prefix,
        "gateway: `api` answers 404 to /api/x and 200 to /x: the gateway passes the path as it came, and the module does not \
         know its prefix /api"
    );
    let own = after(facts(), |facts| {
        answered(facts, 404, "api", "404");
        module(facts).direct = Some(answer(404));
        module(facts).without_prefix = Some(answer(404));
    });
    assert_eq!(own, "gateway: `api` answers 404");
}

#[test]
fn a_database_that_is_the_cause() {
    let denied = |words: &str| after(failing(), |facts| facts.peers = vec![database(Spoken::Denied(words.to_owned()))]);
    assert_eq!(
        denied("password authentication failed for user \"me\""),
        "gateway: `api` answers 500: `db` refuses the password that `DB_URL` of `api` has: password authentication failed for \
         user \"me\""
    );
    assert_eq!(
        denied("sorry, too many clients already"),
        "gateway: `api` answers 500: `db` has no connections left: sorry, too many clients already"
    );
    assert_eq!(
        denied("database \"shop\" does not exist"),
        "gateway: `api` answers 500: `db` has no such database: database \"shop\" does not exist"
    );
    let down = after(failing(), |facts| facts.peers[0].state = Some(PartState::Stopped));
    assert_eq!(down, "gateway: `api` answers 500: `db`, which `api` needs, is not running: it was stopped");
    let refused = after(failing(), |facts| {
        facts.peers[0].spoken = None;
        facts.peers[0].tcp = failed(Failure::Refused);
    });
    assert_eq!(
        refused,
        "gateway: `api` answers 500: `db` runs, and `api` does not reach its port 5432: connection refused"
    );
    let external = after(failing(), |facts| {
        facts.peers[0].state = None;
        facts.peers[0].host = "billing.example.com".to_owned();
        facts.peers[0].spoken = None;
        facts.peers[0].tcp = failed(Failure::Refused);
    });
    assert_eq!(
        external,
        "gateway: `api` answers 500: `api` does not reach port 5432 of billing.example.com: connection refused"
    );
    let table = after(failing(), |facts| {
        let text = "2026-01-01 ERROR:  relation \"orders\" does not exist at character 15".to_owned();
        facts.log = vec![LogLine { part: "db".to_owned(), time: String::new(), text }];
    });
    assert_eq!(
        table,
        "gateway: `api` answers 500: a table is missing, says `db`: 2026-01-01 ERROR:  relation \"orders\" does not exist at \
         character 15"
    );
    // A cause of its own is none of these.
    assert_eq!(said(&failing()), "gateway: `api` answers 500");
    // One that is broken beside a request that is well is reported too.
    let beside = after(facts(), |facts| facts.peers = vec![database(Spoken::Denied("NOAUTH".to_owned()))]);
    assert_eq!(beside, "api → db: `db` refuses the password that `DB_URL` of `api` has: NOAUTH");
}

#[test]
fn a_name_that_is_wrong() {
    let unknown = after(facts(), |facts| {
        outside(facts).name = Timed { ms: 1.0, result: Err(Failure::NotFound) };
        (outside(facts).tcp, outside(facts).tls, outside(facts).answer) = (None, None, None);
    });
    assert_eq!(unknown, "name: `shop.localhost` does not resolve on this machine");
    let other = after(facts(), |facts| {
        answered(facts, 421, "", "");
        outside(facts).host = "shopp.localhost".to_owned();
    });
    assert_eq!(other, "gateway: the gateway does not serve the name `shopp.localhost`");
    let inside = after(failing(), |facts| {
        facts.peers[0].host = "dbb".to_owned();
        facts.peers[0].state = None;
        facts.peers[0].name = failed(Failure::NotFound);
    });
    assert_eq!(
        inside,
        "gateway: `api` answers 500: `DB_URL` of `api` names `dbb`, which does not resolve in its network"
    );
    let itself = after(failing(), |facts| {
        facts.peers[0].host = "localhost".to_owned();
        facts.peers[0].state = None;
        facts.peers[0].tcp = failed(Failure::Refused);
        facts.peers[0].spoken = None;
    });
    assert!(itself.contains("`DB_URL` of `api` names localhost, which is the container of `api` itself"), "{itself}");
}

#[test]
fn a_certificate_that_cannot_be_used() {
    let with = |problem: BadCertificate| {
        after(facts(), |facts| {
            let tls = outside(facts).tls.as_mut().unwrap();
            tls.result.as_mut().unwrap().problem = Some(problem);
        })
    };
    assert_eq!(with(BadCertificate::Expired), "tls: the certificate for `shop.localhost` has expired");
    assert_eq!(with(BadCertificate::OtherName), "tls: the certificate presented is not for `shop.localhost`");
    assert_eq!(
        with(BadCertificate::Untrusted),
        "tls: the certificate for `shop.localhost` is signed by an authority that this client does not trust"
    );
    let mut unsent = facts();
    outside(&mut unsent).tls.as_mut().unwrap().result.as_mut().unwrap().problem = Some(BadCertificate::Untrusted);
    outside(&mut unsent).answer = None;
    assert!(text(&unsent).contains("gateway |  | - | not sent: "), "{}", text(&unsent));
    let inside = |problem: BadCertificate| {
        let speaks = Speaks::Http("https://web/".to_owned());
        after(facts(), |facts| facts.peers = vec![peer("web", speaks, Spoken::Certificate(problem))])
    };
    assert_eq!(inside(BadCertificate::Expired), "api → web: the certificate of `web` has expired");
    assert_eq!(
        inside(BadCertificate::Untrusted),
        "api → web: the certificate of `web` is signed by an authority that `api` does not trust"
    );
}

#[test]
fn a_gateway_that_is_down_or_behind() {
    let down = after(facts(), |facts| {
        facts.gateway.as_mut().unwrap().state = PartState::Stopped;
        outside(facts).tcp = failed(Failure::Refused);
        (outside(facts).tls, outside(facts).answer) = (None, None);
    });
    assert_eq!(down, "tcp: the gateway is not running: it was stopped");
    let earlier = |status: u16| {
        after(facts(), |facts| {
            answered(facts, status, "", "");
            facts.gateway.as_mut().unwrap().configuration = Configuration::Earlier;
        })
    };
    for status in [404, 502] {
        let expected = "gateway: the gateway runs with an earlier configuration than the one that is generated now";
        assert_eq!(earlier(status), expected);
    }
}

#[test]
fn a_circle_and_a_body_that_is_too_large() {
    let circle = after(facts(), |facts| {
        answered(facts, 302, "api", "302");
        outside(facts).redirects = ["/a", "/b", "/a"].map(str::to_owned).to_vec();
    });
    assert_eq!(circle, "gateway: `api` redirects in a loop: /a comes up again after 2 redirects");
    let large = |upstream_status: &str| after(facts(), |facts| answered(facts, 413, "api", upstream_status));
    assert!(large("-").starts_with("gateway: the gateway rejects the body as too large"), "{}", large("-"));
    assert_eq!(large("413"), "gateway: `api` rejects the body as too large");
}

#[test]
fn a_proxy_that_takes_a_call_and_a_network_that_is_gone() {
    let proxied = after(facts(), |facts| {
        let mut web = peer("web", Speaks::Http("http://web/".to_owned()), Spoken::LoggedIn);
        web.spoken = failed(Failure::Refused);
        web.proxy = Some(Proxy {
            variable: "HTTP_PROXY".to_owned(),
            address: "http://proxy:3128".to_owned(),
            value: "http://me:pw@proxy:3128".to_owned(),
        });
        facts.peers = vec![web];
    });
    assert_eq!(
        proxied,
        "api → web: `HTTP_PROXY` of `api` sends its calls of `web` to http://proxy:3128, and that fails: connection refused"
    );
    let gone = after(unreachable(), |facts| facts.is_network_gone = true);
    assert_eq!(gone, "network: the network of this environment is gone, so no part reaches another one");
}

#[test]
fn a_call_that_carries_the_id_is_a_hop_and_nothing_of_others_makes_one() {
    let called = after(failing(), |facts| {
        facts.calls = vec![Access { uri: "/pages\n/x".to_owned(), ..entry(503, "web", "503") }];
    });
    assert_eq!(
        called,
        "gateway: `api` answers 500: `web` answers 503 to GET /pages /x, a call that carries this request's id"
    );
    let mut hostile = facts();
    let location = Some("/\u{1b}[2J\r\napi → db | 1 | ok | forged".to_owned());
    module(&mut hostile).direct = Some(ok(Answer { status: 302, location }));
    let shown = text(&hostile);
    assert!(!shown.contains(['\u{1b}', '\r']) && shown.lines().count() == text(&facts()).lines().count(), "{shown}");
}

#[test]
fn the_longest_path_of_a_host_is_the_route() {
    let made = |name: &str, host: &str, path: &str| Route {
        name: name.to_owned(),
        path: path.to_owned(),
        host: host.to_owned(),
        upstream_host: name.to_owned(),
        upstream_port: 1,
        root: None,
    };
    let routes = [made("web", "", "/"), made("api", "", "/api"), made("v2", "", "/api/v2"), made("own", "own.x", "")];
    let of = |host: &str, path: &str| route(&routes, host, path).map(|route| route.name.as_str());
    assert_eq!(of("x", "/api/v2/a"), Some("v2"));
    assert_eq!(of("x", "/apis"), Some("web"));
    assert_eq!(of("x", "/api"), Some("api"));
    assert_eq!(of("own.x", "/api"), Some("own"));
}

fn seen(what: What) -> Seen {
    Seen { ms: Some(0.5), what }
}

fn call(name: &str, port: u16, came: Came, spoken: Option<Words>) -> Seen {
    let to = std::net::SocketAddr::from(([10, 0, 0, 3], port));
    seen(What::Call(Call { to, name: Some(name.to_owned()), came, spoken }))
}

#[test]
fn what_was_seen_on_the_wire_explains_an_answer_that_nothing_else_does() {
    let failing_with = |all: Vec<Seen>, others: usize| {
        let mut facts = failing();
        facts.wire = Some(Wire { seen: all, others });
        facts
    };
    let lookup = |name: &str| seen(What::Name(name.to_owned(), Looked::NoSuchName));
    let refused = failing_with(vec![lookup("db.example"), call("db", 5433, Came::Refused, None)], 0);
    let shown = text(&refused);
    assert!(shown.contains("wire | 0.5 | seen | api looks up db.example: no such name"), "{shown}");
    assert!(shown.contains("wire | 0.5 | BROKEN | api \u{2192} db:5433: connection refused"), "{shown}");
    assert!(shown.contains("`api` answers 500: `api` calls db:5433, and the connection is refused"), "{shown}");
    let name = failing_with(vec![lookup("dbx")], 0);
    assert!(decide(&name).sentence.contains("`api` looks up `dbx`, but there is no such name in its network"));
    let words =
        Words { text: "GET /prices answered 503".to_owned(), problem: Some("GET /prices answered 503".to_owned()) };
    let busy = failing_with(vec![call("web", 3000, Came::Answered, Some(words.clone()))], 2);
    assert!(
        decide(&busy)
            .sentence
            .ends_with("web:3000 answers `api`: GET /prices answered 503, seen while it had 2 other requests")
    );

    // A module that answers well may do as it likes, and what is known already is not blamed on anything else.
    let mut well = facts();
    well.wire = Some(Wire { seen: vec![lookup("dbx")], others: 1 });
    assert!(decide(&well).ok);
    assert!(text(&well).contains("wire | 0.5 | also seen | api looks up dbx: no such name"));
    let mut denied = failing_with(vec![lookup("dbx")], 0);
    denied.peers[0].spoken = Some(ok(Spoken::Denied("password authentication failed".to_owned())));
    assert!(decide(&denied).sentence.contains("refuses the password"));
}

#[test]
fn the_gateway_s_times_say_why_there_is_no_answer_where_the_module_is_not_asked_again() {
    let with = |status: u16, connect: &str, header: &str| {
        after(unreachable(), |facts| {
            answered(facts, status, "api", "502");
            let entry = facts.gateway.as_mut().unwrap().entry.as_mut().unwrap();
            (entry.upstream_connect_time, entry.upstream_header_time) = (connect.to_owned(), header.to_owned());
            module(facts).direct = None;
        })
    };
    assert_eq!(with(502, "-", "-"), "gateway: `api` refused the connection");
    assert_eq!(with(502, "0.000", "-"), "gateway: `api` closed the connection without an answer");
    assert_eq!(with(504, "0.000", "-"), "gateway: `api` accepted the request but did not answer in time");
    assert_eq!(with(504, "-", "-"), "gateway: `api` did not accept the connection in time");
}
