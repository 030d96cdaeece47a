//! What a module and its peers answer this machine, at the addresses of their containers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::apply::session::Session;
use crate::host::{database_login, http, network};
use crate::plan::login::Protocol;
use crate::plan::observed::ContainerState;
use crate::plan::trace::answers::Raw;
use crate::plan::trace::here::{Act, acts, is_well};
use crate::plan::trace::interview::{Findings, Interview};

/// An answer that is not there by then is left to the tool box.
const PATIENCE: Duration = Duration::from_millis(500);

/// Puts the questions from here; none where not all of them can be, or not everything is well.
pub(super) async fn ask(session: &Session, interview: &Interview) -> Option<Findings> {
    let address = |host: &str| address(session, host);
    let acts = acts(&interview.questions, &address)?;
    let answers = join_all(acts.into_iter().map(carry_out)).await;
    let answers: Option<BTreeMap<usize, Raw>> =
        answers.into_iter().enumerate().map(|(number, raw)| Some((number, raw?))).collect();
    Some(interview.findings_here(answers?)).filter(is_well)
}

/// The address of a part, by its name in the network of the environment.
fn address(session: &Session, host: &str) -> Option<IpAddr> {
    let name = host.strip_suffix(&format!(".{}", session.environment.domain)).unwrap_or(host);
    let part = session.environment.parts.get(name)?;
    let mut running = session.observed.containers_of(&part.name).filter(|one| one.state == ContainerState::Running);
    running.find_map(|container| container.address.as_deref()?.parse().ok())
}

/// The answer as the tool box would print it; none where there is none, or one that is not well.
async fn carry_out(act: Act<'_>) -> Option<Raw> {
    let begin = Instant::now();
    let (out, err) = match act {
        Act::None => (String::new(), String::new()),
        Act::Known(address) => (address.to_string(), String::new()),
        Act::Connect(at) => {
            network::answers_tcp(&at.ip().to_string(), at.port(), PATIENCE).await.ok()?;
            (String::new(), String::new())
        }
        Act::Send(at, bytes) => {
            let (answer, first) = http::exchange(at, &bytes, PATIENCE).await?;
            (String::from_utf8_lossy(&answer).into_owned(), first.as_secs_f64().to_string())
        }
        Act::LogIn(at, login) => {
            let lets_in = match login.protocol {
                Protocol::Postgres => database_login::postgres(at, login, PATIENCE).await,
                Protocol::Redis => database_login::redis(at, login, PATIENCE).await,
                Protocol::MariaDb => false,
            };
            let pong = if login.protocol == Protocol::Redis { "PONG" } else { "1" };
            (lets_in.then(|| pong.to_owned())?, String::new())
        }
    };
    Some(Raw { code: 0, ms: begin.elapsed().as_secs_f64() * 1000.0, out, err })
}
