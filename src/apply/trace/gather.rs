//! What the hops of a request answer: asked all at once, from this machine and from inside the module's network.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;

use crate::apply::debug;
use crate::apply::session::Session;
use crate::apply::trace::{inside, life, logs, outside};
use crate::error::{Error, Kind, Result};
use crate::host::outside_request::Request;
use crate::host::{clock, random};
use crate::names::PartName;
use crate::paths;
use crate::plan::debug::{Net, Request as ToolBoxRequest, Target, ToolBox};
use crate::plan::mounts::MountClass;
use crate::plan::observed::State;
use crate::plan::parts::{GATEWAY, Part, Route, SecretVariable};
use crate::plan::trace::facts::{Configuration, Entry, Facts, Gateway, Life, Module, Outside, Peer};
use crate::plan::trace::interview::{Findings, Interview, Subject};
use crate::plan::trace::log_lines::{Window, entries, lines};
use crate::plan::trace::questions::{self, script};
use crate::plan::trace::route;
use crate::plan::trace::urls::Url;
use crate::plan::trace::verdict::is_redirect;
use crate::plan::trace::wish::Wish;
use crate::render::certs::BUNDLE;
use crate::render::secrets::fill;

/// The most redirects that are followed.
const REDIRECTS: usize = 10;

/// How hops are asked.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Longest wait for an answer.
    pub patience: Duration,
    /// Whether the module gets the request a second time, whatever it does.
    pub is_direct: bool,
}

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
            authorities: Some(paths::devenv(&session.checkout.root).join(BUNDLE)),
        };
        let seen = outside(request).await?;
        let answer = seen.answer.as_ref().and_then(|timed| timed.result.as_ref().ok());
        let location = answer.filter(|answer| is_redirect(answer.status)).and_then(|answer| answer.location.clone());
        let came = |all: &[String]| all.iter().filter(|one| Some(*one) == all.last()).count();
        let led = location.filter(|_| wish.is_safe() && came(&redirects) < 2 && redirects.len() <= REDIRECTS);
        match led.and_then(|location| next.led(&location)) {
            Some(to) => next = to,
            None => return Ok(Outside { redirects, ..seen }),
        }
        redirects.push(next.shown());
    }
}

/// How each part lives.
async fn lives(session: &Session) -> BTreeMap<PartName, Life> {
    let asked = session
        .environment
        .parts
        .values()
        .map(|part| async { (part.name.clone(), life(&session.engine, &session.observed, part).await) });
    join_all(asked).await.into_iter().collect()
}

/// What every hop of a request through the gateway, or to any address, answers.
pub async fn through_gateway(session: &Session, wish: &Wish, how: How) -> Result<Facts> {
    let environment = &session.environment;
    let from = clock::now();
    let lives = lives(session).await;
    let gateway = environment.parts.get(GATEWAY);
    let is_through = gateway.is_some_and(|gateway| gateway.publish.iter().any(|publish| publish.host == wish.port()));
    let gateway = gateway.filter(|_| is_through);
    let found: Option<&Route> = gateway.and_then(|_| route(&environment.routes, &wish.url.host, wish.path()));
    let part = found.and_then(|route| environment.parts.get(route.name.as_str()));
    let asked = async {
        match (part, found) {
            (Some(part), Some(route)) => Some(ask_module(session, how, wish, part, route, &lives).await),
            _ => None,
        }
    };
    let (seen, module) = tokio::join!(follow(session, wish, how.patience), asked);
    let (seen, to) = (seen?, clock::now());
    let (module, peers) = module.transpose()?.map_or((None, Vec::new()), |(module, peers)| (Some(module), peers));
    let mut involved: BTreeSet<PartName> =
        part.into_iter().flat_map(|part| part.needs.iter().cloned().chain([part.name.clone()])).collect();
    involved.extend(gateway.map(|gateway| gateway.name.clone()));
    let answered = seen.answer.as_ref().is_some_and(|answer| answer.result.is_ok());
    let awaited = (gateway.is_some() && answered).then_some(wish.id.as_str());
    let all = logs(&session.engine, &session.observed, &involved, from, awaited).await;
    let window = Window { from, to: to + std::time::Duration::from_millis(100) };
    let mut own: Vec<Entry> =
        all.iter().filter(|(part, _)| part == GATEWAY).flat_map(|(_, log)| entries(log, &wish.id)).collect();
    // The way back: the entries of the redirects come first, what modules have called meanwhile ends before its caller.
    let name = found.map(|route| route.name.clone()).unwrap_or_default();
    let calls: Vec<Entry> =
        own.iter().filter(|entry| !entry.upstream.is_empty() && entry.upstream != name).cloned().collect();
    own.retain(|entry| entry.upstream.is_empty() || entry.upstream == name);
    let log = all.iter().flat_map(|(part, log)| lines(part, log, window, &wish.id)).collect();
    Ok(Facts {
        request: format!("{} {}", wish.method, wish.shown()),
        path: wish.path().to_owned(),
        id: wish.id.clone(),
        is_network_gone: is_network_gone(session),
        gateway: gateway.map(|gateway| Gateway {
            life: lives.get(&gateway.name).copied().unwrap_or(Life::NotThere),
            configuration: configuration(session, gateway),
            entry: own.pop(),
        }),
        outside: Some(seen),
        routes: environment.routes.clone(),
        hosts: hosts(session),
        route: found.cloned(),
        module,
        peers,
        calls,
        log,
    })
}

fn hosts(session: &Session) -> Vec<String> {
    let environment = &session.environment;
    let of_routes = environment.routes.iter().map(|route| route.host.clone()).filter(|host| !host.is_empty());
    [environment.host.clone()].into_iter().chain(environment.aliases.clone()).chain(of_routes).collect()
}

/// Whether containers run and the network that they were made for is not there any more.
fn is_network_gone(session: &Session) -> bool {
    let observed = &session.observed;
    !observed.containers.is_empty() && observed.networks.is_empty()
}

/// Whether the running gateway has read what is generated now: it answers with the digest of it.
fn configuration(session: &Session, gateway: &Part) -> Configuration {
    let wanted = gateway.mounts.iter().find_map(|mount| match &mount.class {
        MountClass::Reload(digest) => Some(digest),
        _ => None,
    });
    match (wanted, &session.observed.gateway) {
        (Some(wanted), Some(read)) if wanted == read => Configuration::Current,
        (Some(_), Some(_)) => Configuration::Earlier,
        _ => Configuration::Unknown,
    }
}

/// Asks a module and its peers from its own network.
async fn ask_module(
    session: &Session,
    how: How,
    wish: &Wish,
    part: &Part,
    route: &Route,
    lives: &BTreeMap<PartName, Life>,
) -> Result<(Module, Vec<Peer>)> {
    let life = lives.get(&part.name).copied().unwrap_or(Life::NotThere);
    let to = |target: &str| questions::Request {
        method: wish.method.clone(),
        url: format!("http://{}:{}{target}", part.name, route.upstream_port),
        headers: wish.all_headers().into_iter().chain(["X-Forwarded-Proto: https".to_owned()]).collect(),
        body: wish.body.clone(),
        ..questions::Request::default()
    };
    let request = (wish.is_safe() || how.is_direct).then(|| to(&wish.target));
    let mut findings = ask(session, how, part, lives, |interview, subject| {
        interview.itself(request.clone());
        interview.needs(subject);
    })
    .await?;
    let status = findings.direct.as_ref().and_then(|direct| direct.result.as_ref().ok()).map(|answer| answer.status);
    let without = wish.target.strip_prefix(&route.path).filter(|_| !matches!(route.path.as_str(), "" | "/"));
    let mut without_prefix = None;
    if let (Some(404), Some(rest), true) = (status, without, wish.is_safe()) {
        let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        let again = ask(session, how, part, lives, |interview, _| interview.itself(Some(to(&rest)))).await?;
        without_prefix = again.direct;
    }
    let module = Module {
        name: part.name.clone(),
        port: route.upstream_port,
        life,
        sockets: std::mem::take(&mut findings.sockets),
        direct: findings.direct.take().filter(|_| life == Life::Running),
        without_prefix,
    };
    Ok((module, findings.peers))
}

/// What a target answers to a part.
pub async fn from_part(session: &Session, part: &Part, target: &str, how: How) -> Result<Facts> {
    let lives = lives(session).await;
    let from = clock::now();
    let mut is_known = true;
    let findings =
        ask(session, how, part, &lives, |interview, subject| is_known = interview.target(subject, target)).await;
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
    let findings = findings?;
    let life = lives.get(&part.name).copied().unwrap_or(Life::NotThere);
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
        is_network_gone: is_network_gone(session),
        outside: None,
        gateway: None,
        routes: Vec::new(),
        hosts: Vec::new(),
        route: None,
        module: (life != Life::Running).then(|| Module {
            name: part.name.clone(),
            port: 0,
            life,
            sockets: String::new(),
            direct: None,
            without_prefix: None,
        }),
        peers: findings.peers,
        calls: Vec::new(),
        log: all.iter().flat_map(|(part, log)| lines(part, log, window, "")).collect(),
    })
}

/// Asks from inside a part's network, with its variables; from the environment's network where it is not running.
async fn ask(
    session: &Session,
    how: How,
    part: &Part,
    lives: &BTreeMap<PartName, Life>,
    compose: impl FnOnce(&mut Interview, &Subject<'_>),
) -> Result<Findings> {
    let observed = &session.observed;
    let running = observed.containers_of(&part.name).find(|container| container.state == State::Running);
    let like = running.or_else(|| observed.container(&part.name));
    let env = match like {
        Some(container) => session.engine.detail(&container.id).await?.env,
        None => part.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
    };
    let filled = |variable: &SecretVariable| fill(&variable.template, session.secrets.get(&variable.service));
    let life = |part: &PartName| lives.get(part).copied().unwrap_or(Life::NotThere);
    let subject = Subject {
        environment: &session.environment,
        images: &session.images,
        part,
        env: &env,
        life: &life,
        fill: &filled,
    };
    let mut interview = Interview::default();
    compose(&mut interview, &subject);
    if interview.questions.is_empty() {
        return Ok(Findings::default());
    }
    let limit = how.patience.as_secs().max(1);
    if let Some(container) = running {
        let tool_box = tool_box(session, Target::Running(part, container), &interview, limit)?;
        match inside(&session.engine, &tool_box).await {
            Ok(printed) if !printed.is_empty() => return Ok(interview.findings(&printed, limit)),
            // It has ended meanwhile, and the tool box with it.
            Ok(_) => {}
            Err(error) if error.kind == Kind::Failed => {}
            Err(error) => return Err(error),
        }
    }
    let Some(network) = observed.networks.first() else {
        return Ok(Findings { peers: interview.unasked(), ..Findings::default() });
    };
    let tool_box = tool_box(session, Target::Environment(network), &interview, limit)?;
    let printed = inside(&session.engine, &tool_box).await?;
    // What was asked of the part itself, another container has answered.
    Ok(Findings { peers: interview.findings(&printed, limit).peers, ..Findings::default() })
}

fn tool_box(session: &Session, target: Target<'_>, interview: &Interview, limit: u64) -> Result<ToolBox> {
    let asked = script(&interview.questions, limit);
    let image = debug::image(session)?;
    let request = ToolBoxRequest {
        target,
        environment: &session.environment,
        images: &session.images,
        image: &image,
        command: &["sh".to_owned(), "-c".to_owned(), asked.text],
        net: Net::Default,
        terminal: false,
        random: &random::text(4)?,
        team: None,
        owner: (session.machine.uid, session.machine.gid),
        shares_files: false,
        has_bundle: false,
    };
    let mut made = request.tool_box(|_| String::new());
    made.volumes_from = None;
    made.env = asked.env;
    Ok(made)
}
