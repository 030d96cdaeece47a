//! From this machine to the gateway: name, connection, certificate, route.

use crate::nearest;
use crate::plan::logs::access::Access;
use crate::plan::parts::{GATEWAY, Route};
use crate::plan::trace::facts::{Answer, BadCertificate, Configuration, Facts, Failure, Gateway, Outside, Timed};
use crate::plan::trace::verdict::{Cause, CauseKind, Found, lifeless, plain, revived, said};

fn way(sentence: impl Into<String>) -> Cause {
    Cause::new(CauseKind::Way, sentence)
}

/// Adds the hops.
pub(super) fn hops(facts: &Facts, found: &mut Found) {
    let Some(outside) = &facts.outside else { return };
    let Outside { host, port, .. } = outside;
    let cause = outside.name.result.as_ref().err().map(|_| {
        way(format!("`{host}` does not resolve on this machine")).hint("`devenv hosts` shows the names that do")
    });
    let words = match &outside.name.result {
        Ok(addresses) => format!("{host} is {}", addresses.join(", ")),
        Err(failure) => format!("{host}: {}", said(failure)),
    };
    found.add("name", Some(outside.name.ms), words, cause);
    if let Some(tcp) = &outside.tcp {
        let cause = tcp.result.as_ref().err().map(|failure| unconnected(facts, outside, failure));
        let words = tcp.result.as_ref().map_or_else(said, |()| "connected".to_owned());
        found.add("tcp", Some(tcp.ms), format!("port {port}: {words}"), cause);
    }
    if let Some(tls) = &outside.tls {
        let (words, cause) = match &tls.result {
            Ok(shown) => {
                let names =
                    shown.names.iter().find(|name| *name == host).map_or_else(|| shown.names.join(", "), Clone::clone);
                let stranger = match (shown.machine_trusts, &shown.problem) {
                    (Some(false), None) => "; programs of this machine do not trust it: `devenv certs trust`",
                    _ => "",
                };
                let words = format!("for {names}, signed by {}, {} days left{stranger}", shown.issuer, shown.days_left);
                (words, shown.problem.as_ref().map(|problem| distrusted(host, problem)))
            }
            Err(failure) => {
                let words = said(failure);
                let cause = way(format!("port {port} of {host} does not speak TLS: {}", plain(&words)));
                (words, Some(cause))
            }
        };
        found.add("tls", Some(tls.ms), words, cause);
    }
    let name = if facts.gateway.is_some() { GATEWAY } else { "http" };
    match (&outside.answer, &outside.tls) {
        (Some(answer), _) => {
            found.add(name, Some(answer.ms), answered(facts, answer), refused(facts, outside, answer));
        }
        (None, Some(Timed { result: Ok(_), .. })) => {
            found.skip(name, "not sent: its headers and its body are only for a server with a good certificate");
        }
        (None, _) => {}
    }
}

fn unconnected(facts: &Facts, outside: &Outside, failure: &Failure) -> Cause {
    match &facts.gateway {
        Some(gateway) => match lifeless(&gateway.state) {
            Some(words) => way(format!("the gateway {words}")).hint(revived(GATEWAY, &gateway.state)),
            None => way(format!(
                "the gateway runs, and port {} of this machine does not lead to it: {}",
                outside.port,
                said(failure)
            ))
            .hint("`devenv up` publishes it again"),
        },
        None => way(format!("nothing listens on port {} of {}: {}", outside.port, outside.host, said(failure))),
    }
}

/// The sentence about a certificate.
fn distrusted(host: &str, problem: &BadCertificate) -> Cause {
    match problem {
        BadCertificate::Expired => {
            way(format!("the certificate for `{host}` has expired")).hint("`devenv up` renews those that devenv issues")
        }
        BadCertificate::OtherName => way(format!("the certificate presented is not for `{host}`"))
            .hint("`gateway: {aliases: […]}` in devenv.yaml adds a name, and `devenv up` a certificate for it"),
        BadCertificate::Untrusted => {
            way(format!("the certificate for `{host}` is signed by an authority that this client does not trust"))
                .hint("`devenv certs` shows the authorities; `devenv certs trust` adds devenv's to this machine's")
        }
        BadCertificate::Other(words) => way(format!("the certificate for `{host}` cannot be used: {}", plain(words))),
    }
}

fn answered(facts: &Facts, answer: &Timed<Answer>) -> String {
    let entry = facts.gateway.as_ref().and_then(|gateway| gateway.entry.as_ref());
    let matched = match (entry, &facts.route) {
        (Some(entry), _) if entry.upstream.is_empty() => "no route, ".to_owned(),
        (Some(entry), route) => {
            let path = route.as_ref().map(|route| route.path.clone()).unwrap_or_default();
            let to = if entry.upstream_addr.is_empty() { String::new() } else { format!(" ({})", entry.upstream_addr) };
            let own = match (entry.no_answer(), entry.upstream_status.as_str()) {
                (Some(why), _) => format!(" {why}"),
                (None, "" | "-") => String::new(),
                (None, status) => format!(" answered {status} in {} s", entry.upstream_time),
            };
            format!("route {path} → {}{to}{own}, ", entry.upstream)
        }
        (None, _) => String::new(),
    };
    match &answer.result {
        Ok(answer) => format!("{matched}{}", answer.words()),
        Err(failure) => format!("{matched}{}", said(failure)),
    }
}

/// What is wrong with an answer before any module had a say in it.
fn refused(facts: &Facts, outside: &Outside, answer: &Timed<Answer>) -> Option<Cause> {
    let answer = match &answer.result {
        Ok(answer) => answer,
        // Where the module is slow, that is the module's cause.
        Err(Failure::TimedOut(_)) if facts.route.is_some() => {
            return Some(Cause::new(CauseKind::Answer, "the gateway waits for an answer that does not arrive"));
        }
        Err(failure) => {
            return Some(way(format!("the connection was lost while the answer was awaited: {}", said(failure))));
        }
    };
    if let Some(again) =
        outside.redirects.iter().enumerate().find_map(|(at, to)| outside.redirects[..at].contains(to).then_some(to))
    {
        let who = facts.route.as_ref().map_or("the gateway".to_owned(), |route| format!("`{}`", route.name));
        let sentence = format!(
            "{who} redirects in a loop: {} comes up again after {} redirects",
            plain(again),
            outside.redirects.len() - 1
        );
        return Some(
            way(sentence).hint("a module that wants HTTPS must trust the gateway's `X-Forwarded-Proto: https`"),
        );
    }
    let Some(gateway) = &facts.gateway else {
        return (answer.status >= 400).then(|| way(format!("`{}` answers {}", outside.host, answer.status)));
    };
    let entry = gateway.entry.as_ref();
    let is_own = entry.is_none_or(|entry| matches!(entry.upstream_status.as_str(), "" | "-"));
    match answer.status {
        421 => Some(misnamed(facts, outside)),
        413 if is_own => Some(
            way("the gateway rejects the body as too large: its limit is 100 MB unless its configuration changes it")
                .hint("`client_max_body_size` in templates/gateway/nginx.conf; `devenv eject` writes that file"),
        ),
        413 => Some(way(format!("{} rejects the body as too large", who(facts)))),
        404 if is_own && entry.is_none_or(|entry| entry.upstream.is_empty()) => Some(unrouted(facts, gateway)),
        status if status >= 500 && gateway.configuration == Configuration::Earlier => Some(earlier()),
        status if status >= 400 => Some(match entry.and_then(Access::no_answer) {
            Some(why) => Cause::new(CauseKind::Answer, format!("{} {why}", who(facts))),
            None => Cause::new(CauseKind::Answer, format!("{} answers {status}", who(facts))),
        }),
        _ => None,
    }
}

fn who(facts: &Facts) -> String {
    facts.route.as_ref().map_or("the gateway".to_owned(), |route| format!("`{}`", route.name))
}

fn earlier() -> Cause {
    way("the gateway runs with an earlier configuration than the one that is generated now")
        .hint("`devenv up` reloads it")
}

fn misnamed(facts: &Facts, outside: &Outside) -> Cause {
    let names = nearest::hint(&outside.host, facts.hosts.iter().map(String::as_str));
    way(format!("the gateway does not serve the name `{}`", outside.host))
        .hint(format!("{names}; `gateway: {{aliases: […]}}` adds a name"))
}

/// A gateway's own 404: it has no such route, or not yet.
fn unrouted(facts: &Facts, gateway: &Gateway) -> Cause {
    match (&facts.route, gateway.configuration) {
        (Some(_), Configuration::Earlier) => earlier(),
        (Some(route), _) => way(format!(
            "the gateway has no route for {}, although devenv.yaml gives it to `{}`",
            facts.path, route.name
        ))
        .hint("`devenv up` writes its configuration again"),
        (None, _) => {
            let known = |route: &Route| match (route.host.as_str(), route.path.as_str()) {
                ("", path) => path.to_owned(),
                (host, path) => format!("{host}{path}"),
            };
            let all: Vec<String> = facts.routes.iter().map(known).collect();
            way(format!("no module has a route for {}", plain(&facts.path)))
                .hint(format!("routes: {}; `route:` of a module in devenv.yaml adds one", all.join(", ")))
        }
    }
}
