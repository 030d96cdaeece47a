//! What a module did on the wire, as hops; and which of it is the likely cause of an answer that went wrong. A name that is
//! not there or a call that is refused may be of no importance to a module that answers well.

use crate::plan::trace::facts::Facts;
use crate::plan::trace::log_cause;
use crate::plan::trace::verdict::{Cause, CauseKind, Found, Verdict, plain};
use crate::plan::trace::wire::seen::{Call, Came, Looked, Seen, What};

/// Adds the hops.
pub(super) fn hops(facts: &Facts, found: &mut Found) {
    let (Some(wire), Some(module)) = (&facts.wire, &facts.module) else { return };
    let name = module.name.as_str();
    let is_unexplained = found.first(CauseKind::Answer).is_some()
        && [CauseKind::Way, CauseKind::Module, CauseKind::Peer].iter().all(|kind| found.first(*kind).is_none());
    // What went wrong last is nearest to the answer.
    let blamed = wire.seen.iter().rposition(|seen| is_unexplained && problem(name, seen).is_some());
    for (at, seen) in wire.seen.iter().enumerate() {
        let cause = blamed.filter(|blamed| *blamed == at).and_then(|_| problem(name, seen));
        let others = match wire.others {
            0 => String::new(),
            1 => ", seen while it had one other request".to_owned(),
            others => format!(", seen while it had {others} other requests"),
        };
        let cause = cause.map(|cause| Cause { sentence: cause.sentence + &others, ..cause });
        let otherwise = if wire.others == 0 { Verdict::Seen } else { Verdict::AlsoSeen };
        found.watched(seen.ms, format!("{name} {}", said(seen)), otherwise, cause);
    }
}

/// Whom a call was made to.
fn whom(call: &Call) -> String {
    match &call.name {
        Some(name) => format!("{name}:{}", call.to.port()),
        None => call.to.to_string(),
    }
}

fn said(seen: &Seen) -> String {
    match &seen.what {
        What::Name(name, looked) => {
            let came = match looked {
                Looked::Addresses(all) if all.is_empty() => "no address".to_owned(),
                Looked::Addresses(all) => all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                Looked::NoSuchName => "no such name".to_owned(),
                Looked::Failed(code) => format!("the DNS server failed with code {code}"),
                Looked::Silence => "no answer".to_owned(),
            };
            format!("looks up {name}: {came}")
        }
        What::Call(call) => {
            let came = match call.came {
                Came::Refused => "connection refused",
                Came::Silence => "no answer to the connection",
                Came::Connected => "connected",
                Came::Unanswered => "no answer",
                Came::Closed => "closed without an answer",
                Came::Answered => "answered",
            };
            match &call.spoken {
                Some(words) if call.came == Came::Answered => format!("→ {}: {}", whom(call), words.text),
                Some(words) => format!("→ {}: {}, {came}", whom(call), words.text),
                None => format!("→ {}: {came}", whom(call)),
            }
        }
    }
}

/// What may be wrong with something that was seen.
fn problem(module: &str, seen: &Seen) -> Option<Cause> {
    let cause = |sentence: String| Some(Cause::new(CauseKind::Peer, plain(&sentence)));
    match &seen.what {
        What::Name(name, Looked::NoSuchName) => {
            let cause = cause(format!("`{module}` looks up `{name}`, but there is no such name in its network"))?;
            Some(cause.hint("parts are found by their names in devenv.yaml"))
        }
        What::Name(name, Looked::Failed(_) | Looked::Silence) => {
            cause(format!("`{module}` looks up `{name}`, and no DNS server knows it"))
        }
        What::Name(_, Looked::Addresses(_)) => None,
        What::Call(call) => {
            let to = whom(call);
            let own = call.spoken.as_ref().and_then(|words| words.problem.as_ref());
            let protocol = call.spoken.as_ref().map(|words| format!(" ({})", words.text)).unwrap_or_default();
            match (call.came, own) {
                (Came::Refused, _) if call.to.ip().is_loopback() => {
                    let sentence =
                        format!("`{module}` calls {to}, which is its own container, and nothing listens there");
                    Some(cause(sentence)?.hint("use the name of the part in devenv.yaml"))
                }
                (Came::Refused, _) => {
                    let cause = cause(format!("`{module}` calls {to}, and the connection is refused"))?;
                    Some(cause.hint(
                        "nothing listens there: check the port in its variables, `devenv status` shows those of parts",
                    ))
                }
                (Came::Silence, _) => cause(format!("`{module}` calls {to}, and nothing answers")),
                (Came::Unanswered, _) => cause(format!("`{module}` asks {to}{protocol}, and gets no answer")),
                (Came::Closed, _) => {
                    cause(format!("{to} closes the connection of `{module}`{protocol} without an answer"))
                }
                (Came::Answered, Some(words)) => {
                    let who = call.name.as_deref().unwrap_or(&to);
                    let known = log_cause::of_words(who, words);
                    let (sentence, hint) = known.unwrap_or_else(|| (format!("{to} answers `{module}`: {words}"), None));
                    Some(Cause { hint, ..cause(sentence)? })
                }
                (Came::Answered | Came::Connected, _) => None,
            }
        }
    }
}
