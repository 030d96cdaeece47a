//! From the module on: whether it runs, where it listens, what it answers, and what it talks to.

use crate::plan::login::Protocol;
use crate::plan::sockets::{Listening, listening};
use crate::plan::trace::facts::{Answer, BadCertificate, Facts, Failure, Module, Peer, Speaks, Spoken, Timed, Vantage};
use crate::plan::trace::verdict::{Cause, CauseKind, Found, lifeless, plain, revived, said};

fn cause(sentence: impl Into<String>) -> Cause {
    Cause::new(CauseKind::Module, sentence)
}

/// Adds the hop of the module.
pub(super) fn module(facts: &Facts, found: &mut Found) {
    let Some(module) = &facts.module else { return };
    let name = &module.name;
    if let Some(words) = lifeless(&module.state) {
        let cause = cause(format!("`{name}` {words}")).hint(revived(name.as_str(), &module.state));
        return found.add(name.as_str(), None, words, Some(cause));
    }
    let Some(direct) = &module.direct else {
        let words = match unheard(module) {
            Some(cause) => return found.add(name.as_str(), None, cause.sentence.clone(), Some(cause)),
            None => "not asked again: the request may change something, --direct sends it a second time",
        };
        return found.skip(name.as_str(), words);
    };
    match &direct.result {
        Ok(answer) => {
            let cause = misanswered(facts, module, answer);
            let words = format!("directly: {}{}", answer.words(), whence(facts));
            found.add(name.as_str(), Some(direct.ms), words, cause);
        }
        Err(failure) => {
            let cause = unheard(module).unwrap_or_else(|| silent(module, failure));
            found.add(name.as_str(), Some(direct.ms), format!("directly: {}", said(failure)), Some(cause));
        }
    }
}

/// What is wrong with where a module listens.
fn unheard(module: &Module) -> Option<Cause> {
    let Module { name, port, .. } = module;
    // A table without any line was not read.
    if module.sockets.is_empty() {
        return None;
    }
    Some(match listening(&module.sockets, *port) {
        Listening::Here => return None,
        Listening::OnlyLoopback => {
            cause(format!("`{name}` listens only on 127.0.0.1:{port}, which no other container reaches"))
                .hint(format!("make it listen on 0.0.0.0:{port}"))
        }
        Listening::Elsewhere(other) => {
            cause(format!("`{name}` listens on port {other} and not on {port}, which is its `port`"))
                .hint(format!("`port: {other}` in devenv.yaml, or make it listen on {port}"))
        }
        Listening::Nowhere => cause(format!("`{name}` is running but listens on no port: it may still be starting"))
            .hint(format!("`devenv logs {name}` says what it does")),
    })
}

fn silent(module: &Module, failure: &Failure) -> Cause {
    let name = &module.name;
    match failure {
        Failure::TimedOut(seconds) => Cause::new(
            CauseKind::Answer,
            format!("`{name}` accepts the request but does not answer within {seconds} s"),
        )
        .hint(format!("`devenv debug {name} -- dump-threads {name}` shows what it does")),
        Failure::Closed => Cause::new(CauseKind::Answer, format!("`{name}` closes the connection without an answer"))
            .hint(format!("`devenv logs {name}` may say why")),
        Failure::SpeaksTls => {
            cause(format!("`{name}` speaks HTTPS on port {}, and the gateway speaks HTTP to it", module.port))
                .hint("let it serve plain HTTP inside: the gateway speaks HTTPS for it")
        }
        other => cause(format!("`{name}` cannot be reached on port {}: {}", module.port, plain(&said(other)))),
    }
}

fn misanswered(facts: &Facts, module: &Module, answer: &Answer) -> Option<Cause> {
    let name = &module.name;
    let prefix = facts.route.as_ref().map(|route| route.path.clone()).unwrap_or_default();
    let without = module.without_prefix.as_ref().and_then(|timed| timed.result.as_ref().ok());
    if let (404, Some(without)) = (answer.status, without.filter(|without| without.status < 400)) {
        let short = facts.path.strip_prefix(&prefix).filter(|rest| !rest.is_empty()).unwrap_or("/");
        let sentence = format!(
            "`{name}` answers 404 to {} and {} to {short}: the gateway passes the path as it came, and the module does not know \
             its prefix {prefix}",
            plain(&facts.path),
            without.status
        );
        return Some(
            cause(sentence).hint(format!("serve below {prefix}, or give the module a host: `route: {{host: {name}}}`")),
        );
    }
    (answer.status >= 400).then(|| Cause::new(CauseKind::Answer, format!("`{name}` answers {}", answer.status)))
}

/// Adds the hops of what a part talks to.
pub(super) fn peers(facts: &Facts, found: &mut Found) {
    for peer in &facts.peers {
        let name = format!("{} → {}", peer.from, peer.host);
        let (words, ms, cause) = asked(peer);
        if cause.is_none() && peer.name.is_none() {
            found.skip(name, format!("not asked: nothing could inspect the network of `{}`", peer.from));
        } else {
            found.add(name, ms, format!("{words}{}", whence(facts)), cause);
        }
    }
}

/// Where an answer was heard, if not by the module.
fn whence(facts: &Facts) -> &'static str {
    match facts.vantage {
        Vantage::Inside => "",
        Vantage::Here => ", from this machine",
    }
}

fn asked(peer: &Peer) -> (String, Option<f64>, Option<Cause>) {
    let Peer { from, host, port, .. } = peer;
    let broken = |sentence: String| Cause::new(CauseKind::Peer, plain(&sentence));
    if let Some((state, words)) = peer.state.as_ref().and_then(|state| Some((state, lifeless(state)?))) {
        let cause = broken(format!("`{host}`, which `{from}` needs, {words}")).hint(revived(host, state));
        return (words, None, Some(cause));
    }
    let by = peer.variable.as_ref().map(|variable| format!("`{variable}` of `{from}`"));
    if let Some(Timed { ms, result: Err(_) }) = &peer.name {
        let who = by.unwrap_or_else(|| format!("`{from}`"));
        let cause = broken(format!("{who} names `{host}`, which does not resolve in its network"))
            .hint("parts are found by their names in devenv.yaml");
        return ("no address".to_owned(), Some(*ms), Some(cause));
    }
    let is_itself = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
    if let Some(Timed { ms, result: Err(failure) }) = &peer.tcp
        && peer.spoken.is_none()
    {
        let words = format!("port {port}: {}", said(failure));
        let cause = if is_itself {
            let who = by.unwrap_or_else(|| format!("`{from}`"));
            broken(format!("{who} names {host}, which is the container of `{from}` itself, and nothing listens there on port {port}"))
                .hint("use the name of the part in devenv.yaml")
        } else if peer.state.is_some() {
            broken(format!("`{host}` runs, and `{from}` does not reach its port {port}: {}", said(failure)))
        } else {
            broken(format!("`{from}` does not reach port {port} of {host}: {}", said(failure)))
        };
        return (words, Some(*ms), Some(cause));
    }
    match &peer.spoken {
        Some(spoken) => heard(peer, spoken, by.as_deref()),
        None => ("connected".to_owned(), peer.tcp.as_ref().map(|tcp| tcp.ms), None),
    }
}

fn heard(peer: &Peer, spoken: &Timed<Spoken>, by: Option<&str>) -> (String, Option<f64>, Option<Cause>) {
    let Peer { from, host, .. } = peer;
    let broken = |sentence: String| Cause::new(CauseKind::Peer, plain(&sentence));
    let ms = Some(spoken.ms);
    match (&spoken.result, &peer.speaks) {
        (Ok(Spoken::LoggedIn), Speaks::Database(protocol, user)) => {
            let who = if user.is_empty() { String::new() } else { format!(" as {user}") };
            let asked = match protocol {
                Protocol::Redis => "PING",
                Protocol::Postgres | Protocol::MariaDb => "select 1",
            };
            (format!("logged in{who}, {asked} answered"), ms, None)
        }
        (Ok(Spoken::Denied(words)), _) => {
            let (sentence, hint) = denied(peer, words, by);
            (words.clone(), ms, Some(Cause { hint, ..broken(sentence) }))
        }
        (Ok(Spoken::Certificate(problem)), _) => {
            let what = match problem {
                BadCertificate::Expired => "has expired".to_owned(),
                BadCertificate::OtherName => "is for other names".to_owned(),
                BadCertificate::Untrusted => format!("is signed by an authority that `{from}` does not trust"),
                BadCertificate::Other(words) => format!("cannot be used: {words}"),
            };
            let cause = broken(format!("the certificate of `{host}` {what}"));
            let hint = match problem {
                BadCertificate::Untrusted => {
                    "SSL_CERT_FILE of the module names what it trusts: leave it to devenv, or add devenv's authority"
                }
                BadCertificate::OtherName => "`devenv certs` lists the names",
                _ => "`devenv up` renews the certificates that devenv issues",
            };
            (format!("certificate {what}"), ms, Some(cause.hint(hint)))
        }
        (answer, _) => {
            let words = match answer {
                Ok(Spoken::Http(answer)) => format!("status {}", answer.status),
                Ok(_) => "answered".to_owned(),
                Err(failure) => said(failure),
            };
            let is_bad = match answer {
                Ok(Spoken::Http(answer)) => answer.status >= 500 || (answer.status == 407 && peer.proxy.is_some()),
                Ok(_) => false,
                Err(_) => true,
            };
            let cause = is_bad.then(|| match &peer.proxy {
                Some(proxy) => broken(format!(
                    "`{}` of `{from}` sends its calls of `{host}` to {}, and that fails: {words}",
                    proxy.variable, proxy.address
                ))
                .hint(format!("add `{host}` to NO_PROXY of `{from}`")),
                None => broken(format!("`{host}` answers `{from}` with an error: {words}")),
            });
            let through = peer.proxy.as_ref().map(|proxy| format!(" by {}", proxy.address)).unwrap_or_default();
            (format!("{words}{through}"), ms, cause)
        }
    }
}

/// What a database means by its words.
fn denied(peer: &Peer, words: &str, by: Option<&str>) -> (String, Option<String>) {
    let Peer { from, host, .. } = peer;
    let has = |all: &[&str]| all.iter().any(|one| words.contains(one));
    let login = by.map(|by| format!(" that {by} has")).unwrap_or_default();
    if has(&["password authentication failed", "WRONGPASS", "NOAUTH", "Access denied", "no password supplied"]) {
        let hint = "`devenv up` recreates what has an old password; `devenv secrets` shows where each comes from";
        (format!("`{host}` refuses the password{login}: {words}"), Some(hint.to_owned()))
    } else if has(&[
        "too many clients",
        "too many connections",
        "remaining connection slots",
        "max number of clients",
        "Too many connections",
    ]) {
        let hint = format!("`devenv debug {from} -- slow-queries` shows who has them");
        (format!("`{host}` has no connections left: {words}"), Some(hint))
    } else if words.contains("database \"") && words.contains("does not exist") {
        (format!("`{host}` has no such database: {words}"), None)
    } else if has(&["starting up", "LOADING"]) {
        (format!("`{host}` is still starting: {words}"), None)
    } else {
        (format!("`{host}` rejects `{from}`: {words}"), None)
    }
}
