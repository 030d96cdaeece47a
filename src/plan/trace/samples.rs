//! Facts of a request for tests: one of which every hop is OK, and what a change makes of it.

use crate::names::PartName;
use crate::plan::login::Protocol;
use crate::plan::logs::access::Access;
use crate::plan::parts::Route;
use crate::plan::states::PartState;
use crate::plan::trace::facts::{
    Answer, Configuration, Facts, Failure, Gateway, Module, Outside, Peer, Shown, Speaks, Spoken, Timed, Vantage,
};

pub(super) fn ok<T>(value: T) -> Timed<T> {
    Timed { ms: 1.0, result: Ok(value) }
}

pub(super) fn failed<T>(failure: Failure) -> Option<Timed<T>> {
    Some(Timed { ms: 2.0, result: Err(failure) })
}

pub(super) fn answer(status: u16) -> Timed<Answer> {
    ok(Answer { status, ..Answer::default() })
}

pub(super) fn entry(status: u16, upstream: &str, upstream_status: &str) -> Access {
    Access {
        request_id: "id".to_owned(),
        method: "GET".to_owned(),
        uri: "/api/x".to_owned(),
        status,
        upstream: upstream.to_owned(),
        upstream_addr: if upstream.is_empty() { String::new() } else { "10.0.0.2:8000".to_owned() },
        upstream_status: upstream_status.to_owned(),
        upstream_time: "0.001".to_owned(),
        ..Access::default()
    }
}

/// A kernel's table with listeners on these addresses, in hex.
pub(super) fn sockets(listeners: &[&str]) -> String {
    let line = |local: &&str| {
        format!("   0: {local} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n")
    };
    format!("  sl  local_address\n{}", listeners.iter().map(line).collect::<String>())
}

pub(super) fn peer(host: &str, speaks: Speaks, spoken: Spoken) -> Peer {
    Peer {
        from: PartName::new("api").unwrap(),
        host: host.to_owned(),
        port: 5432,
        state: Some(PartState::Running),
        variable: Some("DB_URL".to_owned()),
        proxy: None,
        name: Some(ok(vec!["10.0.0.3".to_owned()])),
        tcp: Some(ok(())),
        spoken: Some(ok(spoken)),
        speaks,
    }
}

pub(super) fn database(spoken: Spoken) -> Peer {
    peer("db", Speaks::Database(Protocol::Postgres, "me".to_owned()), spoken)
}

/// A request to `/api/x` of which every hop is OK.
pub(super) fn facts() -> Facts {
    let api = Route {
        name: "api".to_owned(),
        path: "/api".to_owned(),
        host: String::new(),
        upstream_host: "api".to_owned(),
        upstream_port: 8000,
        root: None,
    };
    Facts {
        request: "GET https://shop.localhost:8443/api/x".to_owned(),
        path: "/api/x".to_owned(),
        id: "id".to_owned(),
        is_network_gone: false,
        outside: Some(Outside {
            host: "shop.localhost".to_owned(),
            port: 8443,
            name: ok(vec!["127.0.0.1".to_owned()]),
            tcp: Some(ok(())),
            tls: Some(ok(Shown {
                names: vec!["shop.localhost".to_owned(), "other".to_owned()],
                issuer: "devenv on vm".to_owned(),
                days_left: 80,
                problem: None,
                machine_trusts: Some(true),
            })),
            answer: Some(answer(200)),
            redirects: vec!["https://shop.localhost:8443/api/x".to_owned()],
        }),
        gateway: Some(Gateway {
            state: PartState::Running,
            configuration: Configuration::Current,
            entry: Some(entry(200, "api", "200")),
        }),
        routes: vec![api.clone()],
        hosts: vec!["shop.localhost".to_owned()],
        route: Some(api),
        module: Some(Module {
            name: PartName::new("api").unwrap(),
            port: 8000,
            state: PartState::Running,
            sockets: sockets(&["00000000:1F40"]),
            direct: Some(answer(200)),
            without_prefix: None,
        }),
        peers: vec![database(Spoken::LoggedIn)],
        vantage: Vantage::Inside,
        wire: None,
        calls: Vec::new(),
        log: Vec::new(),
    }
}

/// The same where the gateway got nothing from the module.
pub(super) fn unreachable() -> Facts {
    let mut facts = facts();
    answered(&mut facts, 502, "api", "502");
    module(&mut facts).direct = failed(Failure::Refused);
    facts
}

/// The same where the module answers 500.
pub(super) fn failing() -> Facts {
    let mut facts = facts();
    answered(&mut facts, 500, "api", "500");
    module(&mut facts).direct = Some(answer(500));
    facts
}

pub(super) fn outside(facts: &mut Facts) -> &mut Outside {
    facts.outside.as_mut().unwrap()
}

pub(super) fn module(facts: &mut Facts) -> &mut Module {
    facts.module.as_mut().unwrap()
}

pub(super) fn answered(facts: &mut Facts, status: u16, upstream: &str, upstream_status: &str) {
    outside(facts).answer = Some(answer(status));
    facts.gateway.as_mut().unwrap().entry = Some(entry(status, upstream, upstream_status));
}
