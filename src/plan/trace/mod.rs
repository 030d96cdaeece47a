//! One request, hop by hop: what each has answered becomes a table, and one sentence that names the hop that is broken
//! and the likely cause. Pure.

pub mod answers;
pub mod facts;
pub mod here;
pub mod how;
mod inside;
pub mod interview;
mod log_cause;
pub mod log_lines;
mod outside;
pub mod questions;
pub mod surroundings;
pub mod urls;
pub mod verdict;
pub mod wire;
mod wire_hops;
pub mod wish;

use crate::plain::spaced;
use crate::plan::parts::Route;
use crate::plan::trace::facts::{Facts, LogLine};
use crate::plan::trace::verdict::{Cause, CauseKind, Found, Trace, plain};

/// The route that a request should match: the longest path of its host.
#[must_use]
pub fn route<'a>(routes: &'a [Route], host: &str, path: &str) -> Option<&'a Route> {
    let has_host = routes.iter().any(|route| route.host == host);
    let is_of_host = |route: &&Route| if has_host { route.host == host } else { route.host.is_empty() };
    let below = |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let matches = |route: &&Route| matches!(route.path.as_str(), "" | "/") || below(&route.path);
    let found = routes.iter().filter(is_of_host).filter(matches);
    found.max_by_key(|route| route.path.trim_end_matches('/').len())
}

/// Decides what is broken.
#[must_use]
pub fn decide(facts: &Facts) -> Trace {
    let mut found = Found::default();
    if facts.is_network_gone {
        let cause =
            Cause::new(CauseKind::Way, "the network of this environment is gone, so no part reaches another one");
        found.add("network", None, "gone", Some(cause.hint("`devenv up` creates it again and connects the parts")));
    }
    outside::hops(facts, &mut found);
    inside::module(facts, &mut found);
    inside::peers(facts, &mut found);
    for call in &facts.calls {
        let cause = (call.status >= 500).then(|| {
            let sentence = format!(
                "`{}` answers {} to {} {}, a call that carries this request's id",
                call.upstream, call.status, call.method, call.uri
            );
            Cause::new(CauseKind::Peer, plain(&sentence))
        });
        let ms = call.upstream_time.parse::<f64>().ok().map(|seconds| seconds * 1000.0);
        found.add(
            format!("→ {}", call.upstream),
            ms,
            format!("{} {} answered {}", call.method, call.uri, call.status),
            cause,
        );
    }
    wire_hops::hops(facts, &mut found);
    let cause = chosen(&found, &facts.log);
    let ok = found.causes.is_empty();
    let (sentence, hint) = match cause {
        Some(cause) => (spaced(&cause.sentence), cause.hint.map(|hint| spaced(&hint))),
        None => ("every hop is OK".to_owned(), None),
    };
    Trace {
        request: plain(&facts.request),
        id: facts.id.clone(),
        ok,
        hops: found.hops,
        sentence,
        hint,
        log: facts.log.clone(),
    }
}

/// The cause that explains the most.
fn chosen(found: &Found, log: &[LogLine]) -> Option<Cause> {
    let peer = found.first(CauseKind::Peer);
    if let Some(way) = found.first(CauseKind::Way) {
        return Some(way.clone());
    }
    if let Some(module) = found.first(CauseKind::Module) {
        let mut module = module.clone();
        if let Some(peer) = peer {
            module.sentence = format!("{}; and {}", module.sentence, peer.sentence);
        }
        return Some(module);
    }
    // The module's own word comes after that of the gateway about it.
    match found.causes.iter().rfind(|cause| cause.kind == CauseKind::Answer) {
        Some(answer) => {
            let why = peer.map(|peer| (peer.sentence.clone(), peer.hint.clone())).or_else(|| log_cause::of(log));
            let Some((sentence, hint)) = why else { return Some(answer.clone()) };
            Some(Cause { kind: answer.kind, sentence: format!("{}: {sentence}", answer.sentence), hint })
        }
        None => peer.cloned(),
    }
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
