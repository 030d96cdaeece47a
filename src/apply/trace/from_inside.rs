//! What a module and its peers answer inside the module's network: one tool box, one script; none where this machine finds
//! that everything is well.

use std::collections::BTreeMap;

use crate::apply::debug;
use crate::apply::session::Session;
use crate::apply::trace::{from_here, inside};
use crate::error::{Kind, Result};
use crate::host::random;
use crate::names::PartName;
use crate::plan::debug::{BoxFiles, Net, Removal, Target, ToolBox, ToolBoxRequest};
use crate::plan::observed::{Container, ContainerState};
use crate::plan::parts::secret_variable::SecretVariable;
use crate::plan::parts::{Part, Route};
use crate::plan::states::{PartState, Severity};
use crate::plan::trace::answers::printed;
use crate::plan::trace::facts::{Module, Peer, Vantage};
use crate::plan::trace::here::finds_others_as_usual;
use crate::plan::trace::how::{How, ToolBoxImage};
use crate::plan::trace::interview::{Findings, Interview, Subject};
use crate::plan::trace::questions::{self, script};
use crate::plan::trace::surroundings;
use crate::plan::trace::wire::calls;
use crate::plan::trace::wire::seen::{Known, Wire};
use crate::plan::trace::wish::Wish;
use crate::render::secrets::fill;

/// What was found inside, beside the module itself.
#[derive(Default)]
pub(super) struct Inside {
    /// Whom it talks to.
    pub(super) peers: Vec<Peer>,
    /// Where both were asked from.
    pub(super) vantage: Vantage,
    /// What was seen on the wire.
    pub(super) wire: Option<Wire>,
}

/// Asks a module and its peers from its own network. `line` says whether the wire is watched. None where that takes a tool
/// box whose image is missing.
pub(super) async fn ask_module(
    session: &Session,
    how: How,
    wish: &Wish,
    part: &Part,
    route: &Route,
    states: &BTreeMap<PartName, PartState>,
    line: impl Future<Output = &'static str>,
) -> Result<Option<(Module, Inside)>> {
    let state = states.get(&part.name).cloned().unwrap_or(PartState::NotCreated);
    let to = |target: &str| questions::Request {
        method: wish.method.clone(),
        url: format!("http://{}:{}{target}", part.name, route.upstream_port),
        headers: wish.all_headers().into_iter().chain(["X-Forwarded-Proto: https".to_owned()]).collect(),
        body: wish.body.clone(),
        ..questions::Request::default()
    };
    let request = (wish.is_safe() || how.is_direct).then(|| to(&wish.target));
    let interview = interview(session, part, states, |interview, subject| {
        interview.itself(request);
        interview.needs(subject);
        for (name, address) in surroundings::externals(&session.checkout.project.file, part) {
            interview.external(subject, name, address);
        }
    });
    let (interview, line) = tokio::join!(interview, line);
    let interview = interview?;
    // Where nothing is broken, this machine knows that sooner than a tool box is there. What changes something is not sent
    // once more for that.
    let is_repeated = wish.is_safe() || !how.is_direct;
    let is_usual = state.verdict() == Severity::Good && finds_others_as_usual(part);
    let here =
        if line.is_empty() && is_repeated && is_usual { from_here::ask(session, &interview).await } else { None };
    let mut findings = match here {
        Some(findings) => findings,
        None if how.tool_box == ToolBoxImage::Missing => return Ok(None),
        None => ask(session, how, part, &interview, line).await?,
    };
    let status = findings.direct.as_ref().and_then(|direct| direct.result.as_ref().ok()).map(|answer| answer.status);
    let mut without_prefix = None;
    if let Some(rest) = wish.without_prefix(route, status) {
        let mut interview = Interview::default();
        interview.itself(Some(to(&rest)));
        without_prefix = ask(session, how, part, &interview, "").await?.direct;
    }
    let known = || Known {
        port: route.upstream_port,
        names: surroundings::addresses(&session.observed),
        own: part.name.to_string(),
        id: wish.id.clone(),
    };
    let wire = (state.runs() && !findings.packets.is_empty()).then(|| calls::read(&findings.packets, &known()));
    let module = Module {
        name: part.name.clone(),
        port: route.upstream_port,
        sockets: std::mem::take(&mut findings.sockets),
        direct: findings.direct.take().filter(|_| state.runs()),
        state,
        without_prefix,
    };
    Ok(Some((module, Inside { peers: findings.peers, vantage: findings.vantage, wire })))
}

/// The questions about a part, with the variables that it has; `compose` asks them.
pub(super) async fn interview(
    session: &Session,
    part: &Part,
    states: &BTreeMap<PartName, PartState>,
    compose: impl FnOnce(&mut Interview, &Subject<'_>),
) -> Result<Interview> {
    let observed = &session.observed;
    let like = running(session, part).or_else(|| observed.container(&part.name));
    let env = match like {
        Some(container) => session.engine.detail(&container.id).await?.env,
        None => part.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
    };
    let filled = |variable: &SecretVariable| fill(variable, &session.secrets);
    let state = |part: &PartName| states.get(part).cloned().unwrap_or(PartState::NotCreated);
    let subject = Subject {
        environment: &session.environment,
        images: &session.images,
        part,
        env: &env,
        state: &state,
        fill: &filled,
    };
    let mut interview = Interview::default();
    compose(&mut interview, &subject);
    Ok(interview)
}

fn running<'a>(session: &'a Session, part: &Part) -> Option<&'a Container> {
    session.observed.containers_of(&part.name).find(|container| container.state == ContainerState::Running)
}

/// Asks from inside a part's network, with its variables; from the environment's network where it is not running. `line`
/// says whether the wire is watched.
pub(super) async fn ask(
    session: &Session,
    how: How,
    part: &Part,
    interview: &Interview,
    line: &'static str,
) -> Result<Findings> {
    if interview.questions.is_empty() {
        return Ok(Findings::default());
    }
    let limit = how.patience.as_secs().max(1);
    let end = random::text(8)?;
    if let Some(container) = running(session, part) {
        let tool_box = tool_box(session, Target::Running(part, container), interview, limit, &end)?;
        match inside(&session.engine, &tool_box, &end, line).await {
            Ok(bytes) if !bytes.is_empty() => return Ok(interview.findings(&printed(&bytes), limit)),
            // It has ended meanwhile, and the tool box with it.
            Ok(_) => {}
            Err(error) if error.kind == Kind::Failed => {}
            Err(error) => return Err(error),
        }
    }
    let Some(network) = session.observed.networks.first() else {
        return Ok(Findings { peers: interview.unasked(), ..Findings::default() });
    };
    let tool_box = tool_box(session, Target::Environment(network), interview, limit, &end)?;
    let bytes = inside(&session.engine, &tool_box, &end, "").await?;
    // What was asked of the part itself, another container has answered.
    let peers = interview.findings(&printed(&bytes), limit).peers;
    Ok(Findings { peers, ..Findings::default() })
}

fn tool_box(session: &Session, target: Target<'_>, interview: &Interview, limit: u64, end: &str) -> Result<ToolBox> {
    let asked = script(&interview.questions, interview.direct, limit, end);
    let image = debug::image(session)?;
    let request = ToolBoxRequest {
        target,
        environment: &session.environment,
        images: &session.images,
        image: &image,
        command: &["bash".to_owned(), "-c".to_owned(), asked.text],
        net: Net::Default,
        terminal: false,
        random: &random::text(4)?,
        team: None,
        owner: (session.machine.uid, session.machine.gid),
        files: BoxFiles::Without,
        has_bundle: false,
    };
    let mut made = request.tool_box(|_| String::new());
    made.volumes_from = None;
    made.removal = Removal::ByEngine;
    made.env = asked.env;
    Ok(made)
}
