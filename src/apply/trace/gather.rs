//! What the hops of a request answer: asked all at once, from this machine and from inside the module's network.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::apply::session::Session;
use crate::apply::trace::from_inside::{Inside, ask, ask_module, interview};
use crate::apply::trace::{logs, outside, state};
use crate::error::{Error, Kind, Result};
use crate::host::clock;
use crate::host::outside_request::Request;
use crate::names::PartName;
use crate::paths;
use crate::plan::logs::access::Access;
use crate::plan::parts::{GATEWAY, Part, Route};
use crate::plan::states::PartState;
use crate::plan::trace::facts::{Facts, Gateway, Module, Outside};
use crate::plan::trace::how::{How, WireView};
use crate::plan::trace::log_lines::{Window, entries, lines};
use crate::plan::trace::questions::WATCH;
use crate::plan::trace::route;
use crate::plan::trace::surroundings;
use crate::plan::trace::urls::Url;
use crate::plan::trace::wish::Wish;
use crate::render::certs::BUNDLE;

/// An answer that is not there by then is watched.
const PROMPT: Duration = Duration::from_millis(250);

/// Sends the request, and follows where it leads to on the same host.
async fn follow(session: &Session, wish: &Wish, patience: Duration) -> Result<Outside> {
    let mut redirects = vec![wish.shown()];
    let mut next = wish.clone();
    loop {
        let request = Request {
            host: next.url.host.clone(),
            port: next.port(),
            tls: next.url.scheme == "https",
            bytes: next.bytes(),
            patience,
            authorities: Some(paths::devenv(&session.checkout.home).join(BUNDLE)),
        };
        let seen = outside(request).await?;
        match next.followed(&seen, &redirects) {
            Some(to) => next = to,
            None => return Ok(Outside { redirects, ..seen }),
        }
        redirects.push(next.shown());
    }
}

/// What each part does.
async fn states(session: &Session) -> BTreeMap<PartName, PartState> {
    let asked = session
        .environment
        .parts
        .values()
        .map(|part| async { (part.name.clone(), state(&session.engine, &session.observed, part).await) });
    join_all(asked).await.into_iter().collect()
}

/// What every hop of a request through the gateway, or to any address, answers. None where a tool box has to ask whose image
/// is missing: only then has the image to be built.
pub async fn through_gateway(session: &Session, wish: &Wish, how: How) -> Result<Option<Facts>> {
    let environment = &session.environment;
    let from = clock::now();
    let states = states(session).await;
    let gateway = environment.parts.get(GATEWAY);
    let is_through = gateway.is_some_and(|gateway| gateway.publish.iter().any(|publish| publish.host == wish.port()));
    let gateway = gateway.filter(|_| is_through);
    let found: Option<&Route> = gateway.and_then(|_| route(&environment.routes, &wish.url.host, wish.path()));
    let part = found.and_then(|route| environment.parts.get(route.name.as_str()));
    let (answered, answer) = oneshot::channel();
    let sent = async {
        let seen = follow(session, wish, how.patience).await;
        // Nobody waits for it where the module is not asked.
        let _ = answered.send(seen.as_ref().is_ok_and(Outside::is_well));
        seen
    };
    let line = async move {
        let is_well = how.wire == WireView::IfBroken && matches!(timeout(PROMPT, answer).await, Ok(Ok(true)));
        if is_well { "" } else { WATCH }
    };
    let asked = async {
        match (part, found) {
            (Some(part), Some(route)) => Some(ask_module(session, how, wish, part, route, &states, line).await),
            _ => None,
        }
    };
    let (seen, module) = tokio::join!(sent, asked);
    let (seen, to) = (seen?, clock::now());
    let (module, Inside { peers, vantage, wire }) = match module.transpose()? {
        Some(Some((module, inside))) => (Some(module), inside),
        Some(None) => return Ok(None),
        None => (None, Inside::default()),
    };
    let mut involved: BTreeSet<PartName> =
        part.into_iter().flat_map(|part| part.needs.iter().cloned().chain([part.name.clone()])).collect();
    involved.extend(gateway.map(|gateway| gateway.name.clone()));
    let answered = seen.answer.as_ref().is_some_and(|answer| answer.result.is_ok());
    let name = found.map(|route| route.name.clone()).unwrap_or_default();
    let awaited = (gateway.is_some() && answered).then_some(wish.id.as_str());
    let all = logs(&session.engine, &session.observed, &involved, from, awaited).await;
    let window = Window { from, to: to + std::time::Duration::from_millis(100) };
    let mut own: Vec<Access> =
        all.iter().filter(|(part, _)| part == GATEWAY).flat_map(|(_, log)| entries(log, &wish.id)).collect();
    // The way back: the entries of the redirects come first, what modules have called meanwhile ends before its caller.
    let calls: Vec<Access> =
        own.iter().filter(|entry| !entry.upstream.is_empty() && entry.upstream != name).cloned().collect();
    own.retain(|entry| entry.upstream.is_empty() || entry.upstream == name);
    let log = all.iter().flat_map(|(part, log)| lines(part, log, window, &wish.id)).collect();
    Ok(Some(Facts {
        request: format!("{} {}", wish.method, wish.shown()),
        path: wish.path().to_owned(),
        id: wish.id.clone(),
        is_network_gone: surroundings::is_network_gone(&session.observed),
        gateway: gateway.map(|gateway| Gateway {
            state: states.get(&gateway.name).cloned().unwrap_or(PartState::NotCreated),
            configuration: surroundings::configuration(gateway, session.observed.gateway.as_deref()),
            entry: own.pop(),
        }),
        outside: Some(seen),
        routes: environment.routes.clone(),
        hosts: surroundings::hosts(environment),
        route: found.cloned(),
        module,
        peers,
        vantage,
        wire,
        calls,
        log,
    }))
}

/// What a target answers to a part.
pub async fn from_part(session: &Session, part: &Part, target: &str, how: How) -> Result<Facts> {
    let states = states(session).await;
    let from = clock::now();
    let mut is_known = true;
    // A service that runs elsewhere is its address.
    let external = session.checkout.project.file.services.get(target).and_then(|service| service.external.as_deref());
    let asked_for = external.unwrap_or(target);
    let interview = interview(session, part, &states, |interview, subject| {
        is_known = interview.target(subject, asked_for);
    });
    let interview = interview.await?;
    if !is_known {
        if target.contains(['@', '/']) {
            let error = Error::message(Kind::Usage, "the target is neither a part nor an address that can be asked");
            return Err(error.hint("`devenv trace --from NAME HOST:PORT`, or an address such as redis://cache:6379"));
        }
        // The error names what is near.
        session.part(target)?;
        let message = format!("`{target}` has no port, so nothing can be asked of it");
        return Err(Error::message(Kind::Usage, message).hint("name a port: `devenv trace --from NAME HOST:PORT`"));
    }
    let findings = ask(session, how, part, &interview, "").await?;
    let state = states.get(&part.name).cloned().unwrap_or(PartState::NotCreated);
    let window = Window { from, to: clock::now() };
    let involved: BTreeSet<PartName> = findings
        .peers
        .iter()
        .filter_map(|peer| PartName::new(peer.host.as_str()).ok())
        .chain([part.name.clone()])
        .collect();
    let all = logs(&session.engine, &session.observed, &involved, from, None).await;
    Ok(Facts {
        request: format!(
            "{} → {}",
            part.name,
            Url::parse("", target).map_or(target.to_owned(), |url| format!("{}://{}", url.scheme, url.host))
        ),
        path: String::new(),
        id: String::new(),
        is_network_gone: surroundings::is_network_gone(&session.observed),
        outside: None,
        gateway: None,
        routes: Vec::new(),
        hosts: Vec::new(),
        route: None,
        module: (!state.runs()).then(|| Module {
            name: part.name.clone(),
            port: 0,
            state,
            sockets: String::new(),
            direct: None,
            without_prefix: None,
        }),
        peers: findings.peers,
        vantage: findings.vantage,
        wire: None,
        calls: Vec::new(),
        log: all.iter().flat_map(|(part, log)| lines(part, log, window, "")).collect(),
    })
}
