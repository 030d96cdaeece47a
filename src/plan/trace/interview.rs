//! Which checks to make from inside a part's network, and how the answers are assigned to hops. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::names::PartName;
use crate::plan::images::Hierarchy;
use crate::plan::login;
use crate::plan::parts::secret_variable::SecretVariable;
use crate::plan::parts::{Ask, Environment, Part, PartKind, Probe};
use crate::plan::states::PartState;
use crate::plan::trace::answers::{Printed, Raw};
use crate::plan::trace::facts::{Answer, Peer, Speaks, Timed, Vantage};
use crate::plan::trace::questions::{Login, Question, Request};
use crate::plan::trace::urls::{Url, proxy, urls};

/// Where the file system of the part is in the tool box.
const FILES: &str = "/proc/1/root";
/// Variables that name the authorities that a program trusts.
const AUTHORITIES: [&str; 3] = ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"];
/// Where they are else.
const USUAL_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A part from which others are asked.
pub struct Subject<'a> {
    /// The environment.
    pub environment: &'a Environment,
    /// The images of the project.
    pub images: &'a Hierarchy,
    /// The part.
    pub part: &'a Part,
    /// Its variables, as `NAME=value`.
    pub env: &'a [String],
    /// How each part lives.
    pub state: &'a dyn Fn(&PartName) -> PartState,
    /// Puts the credentials of a service into a text.
    pub fill: &'a dyn Fn(&SecretVariable) -> String,
}

/// A peer, and the numbers of the questions about it.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    peer: Peer,
    /// None where the host is an address.
    name: Option<usize>,
    tcp: Option<usize>,
    spoken: Option<usize>,
}

/// Questions, and what each is for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Interview {
    /// The questions.
    pub questions: Vec<Question>,
    sockets: Option<usize>,
    /// The number of the request to the part itself.
    pub direct: Option<usize>,
    peers: Vec<Asked>,
}

/// What has come out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// The kernel's tables of sockets.
    pub sockets: String,
    /// The answer to the request.
    pub direct: Option<Timed<Answer>>,
    /// What the peers have said.
    pub peers: Vec<Peer>,
    /// Packets that were seen while the part had the request; empty where the wire was not watched.
    pub packets: Vec<u8>,
    /// Where it was asked from.
    pub vantage: Vantage,
}

impl Interview {
    fn ask(&mut self, question: Question) -> usize {
        self.questions.push(question);
        self.questions.len() - 1
    }

    /// Asks the part itself: where it listens, and a request.
    pub fn itself(&mut self, request: Option<Request>) {
        self.sockets = Some(self.ask(Question::Sockets));
        self.direct = request.map(|request| self.ask(Question::Http(request)));
    }

    /// Asks all that the part talks to, as its own variables say.
    pub fn needs(&mut self, subject: &Subject<'_>) {
        let all = urls(subject.env);
        let mut named = BTreeSet::new();
        for need in subject.part.needs.iter().filter_map(|need| subject.environment.parts.get(need)) {
            if need.kind == PartKind::Task {
                continue;
            }
            let own = [need.name.to_string(), format!("{}.{}", need.name, subject.environment.domain)];
            let of_need: Vec<&Url> = all.iter().filter(|url| own.contains(&url.host)).collect();
            named.extend(own);
            self.part(subject, need, &of_need);
        }
        // What no `needs` knows of, and only this network could: a name without a dot.
        let unknown = all.iter().filter(|url| {
            !url.host.contains('.') && !named.contains(&url.host) && !url.variable.to_uppercase().ends_with("_PROXY")
        });
        for url in unknown.filter(|url| !url.variable.starts_with("DEVENV_")) {
            let port = url.port.or(url.protocol().map(login::Protocol::port));
            let is_itself = url.host == "localhost";
            let (Some(port), true) = (port, !is_itself || url.protocol().is_some()) else { continue };
            self.peer(subject, &url.host, port, Speaks::Tcp, Some(url.variable.clone()), None);
        }
    }

    /// Asks one part, with each login that the variables have for it.
    fn part(&mut self, subject: &Subject<'_>, part: &Part, named: &[&Url]) {
        let host = part.name.to_string();
        let port = part.port().map(|publish| publish.container);
        let mut seen = BTreeSet::new();
        for url in named {
            let Some(protocol) = url.protocol() else { continue };
            let port = url.port.unwrap_or(protocol.port());
            if !seen.insert((url.user.clone(), url.password.clone(), url.path.clone(), port)) {
                continue;
            }
            self.database(subject, url, protocol, Some(url.variable.clone()));
        }
        if !seen.is_empty() {
            return;
        }
        if let Some(login) = login::Login::of(part, subject.environment, subject.images) {
            let fill = |template: &str| (subject.fill)(&SecretVariable::of(&part.name, template));
            let filled = Login {
                protocol: login.protocol,
                host: host.clone(),
                port: login.port,
                user: fill(&login.user),
                password: fill(&login.password),
                database: fill(&login.database),
            };
            let speaks = Speaks::Database(login.protocol, filled.user.clone());
            return self.peer(subject, &host, login.port, speaks, None, Some(Question::Login(filled)));
        }
        // What its variables call HTTPS speaks TLS itself.
        let scheme = ["https", "http"].into_iter().find(|scheme| named.iter().any(|url| url.scheme == *scheme));
        let path = match &part.probe {
            Some(Probe { ask: Ask::Http { path, .. }, .. }) => Some(path.as_str()),
            _ => scheme.map(|_| "/"),
        };
        match (path, port) {
            (Some(path), Some(port)) => {
                let variable = named.first().map(|url| url.variable.clone());
                let scheme = scheme.unwrap_or("http");
                self.http(subject, (&host, port), &format!("{scheme}://{host}:{port}{path}"), variable);
            }
            (None, Some(port)) => self.peer(subject, &host, port, Speaks::Tcp, None, None),
            (_, None) => {}
        }
    }

    fn http(&mut self, subject: &Subject<'_>, (host, port): (&str, u16), url: &str, variable: Option<String>) {
        let scheme = url.split("://").next().unwrap_or("http");
        let file = AUTHORITIES.iter().find_map(|name| {
            subject
                .env
                .iter()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .filter(|file| !file.is_empty())
        });
        let request = Request {
            method: "GET".to_owned(),
            url: url.to_owned(),
            proxy: proxy(subject.env, scheme, host),
            authorities: (scheme == "https").then(|| format!("{FILES}{}", file.unwrap_or(USUAL_AUTHORITIES))),
            ..Request::default()
        };
        self.peer(subject, host, port, Speaks::Http(url.to_owned()), variable, Some(Question::Http(request)));
    }

    fn peer(
        &mut self,
        subject: &Subject<'_>,
        host: &str,
        port: u16,
        speaks: Speaks,
        variable: Option<String>,
        spoken: Option<Question>,
    ) {
        let part = host.strip_suffix(&format!(".{}", subject.environment.domain)).unwrap_or(host);
        let part = subject.environment.parts.get(part);
        let is_address = host.parse::<IpAddr>().is_ok();
        let name = (!is_address).then(|| self.ask(Question::Name(host.to_owned())));
        let proxy = match &spoken {
            Some(Question::Http(request)) => request.proxy.clone(),
            _ => None,
        };
        let tcp = proxy.is_none().then(|| self.ask(Question::Tcp(host.to_owned(), port)));
        let spoken = spoken.map(|question| self.ask(question));
        let peer = Peer {
            from: subject.part.name.clone(),
            host: host.to_owned(),
            port,
            state: part.map(|part| (subject.state)(&part.name)),
            variable,
            proxy,
            name: is_address.then(|| Timed { ms: 0.0, result: Ok(vec![host.to_owned()]) }),
            tcp: None,
            spoken: None,
            speaks,
        };
        self.peers.push(Asked { peer, name, tcp, spoken });
    }

    /// Asks a service that runs elsewhere, by its address.
    pub fn external(&mut self, subject: &Subject<'_>, name: &PartName, address: &str) {
        if let Some(url) = Url::parse("", address) {
            self.address(subject, &url, address, Some(format!("{}_URL", name.variable())));
        }
    }

    /// Asks an address in the protocol of its scheme, HTTP where that is another one.
    fn address(&mut self, subject: &Subject<'_>, url: &Url, text: &str, variable: Option<String>) {
        let Some(protocol) = url.protocol() else {
            let usual = if url.scheme == "https" { 443 } else { 80 };
            return self.http(subject, (&url.host, url.port.unwrap_or(usual)), text, variable);
        };
        self.database(subject, url, protocol, variable);
    }

    /// Asks a database to let in whom an address names.
    fn database(&mut self, subject: &Subject<'_>, url: &Url, protocol: login::Protocol, variable: Option<String>) {
        let login = Login {
            protocol,
            host: url.host.clone(),
            port: url.port.unwrap_or(protocol.port()),
            user: url.user.clone(),
            password: url.password.clone(),
            // Redis has numbers, which a PING does not need.
            database: url.path.clone(),
        };
        let speaks = Speaks::Database(protocol, url.user.clone());
        self.peer(subject, &url.host, login.port, speaks, variable, Some(Question::Login(login)));
    }

    /// Asks what a person has named: a part, an address, or `HOST:PORT`. Returns whether it is one of these.
    pub fn target(&mut self, subject: &Subject<'_>, target: &str) -> bool {
        if let Some(part) = subject.environment.parts.get(target) {
            let all = urls(subject.env);
            let own = [target.to_owned(), format!("{target}.{}", subject.environment.domain)];
            let named: Vec<&Url> = all.iter().filter(|url| own.contains(&url.host)).collect();
            self.part(subject, part, &named);
            return !self.peers.is_empty();
        }
        if let Some(url) = Url::parse("", target) {
            self.address(subject, &url, target, None);
            return true;
        }
        let place = target.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        // What is not a host name may hold a credential, and is not repeated.
        let is_host = |host: &str| {
            !host.starts_with('-')
                && !host.is_empty()
                && host.chars().all(|c| c.is_alphanumeric() || "-_.:[]".contains(c))
        };
        let place = place.filter(|(host, _)| is_host(host));
        if let Some((host, port)) = place {
            // Brackets are how an address is written before a port, and no part of it.
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            self.peer(subject, host, port, Speaks::Tcp, None, None);
        }
        place.is_some()
    }

    /// Puts what the script has printed where it belongs; each question was given `limit` seconds.
    #[must_use]
    pub fn findings(&self, printed: &Printed, limit: u64) -> Findings {
        self.read(printed, limit, Vantage::Inside)
    }

    /// The same of answers that this machine has got by itself, as the script would have printed them.
    #[must_use]
    pub fn findings_here(&self, answers: BTreeMap<usize, Raw>) -> Findings {
        self.read(&Printed { answers, packets: Vec::new() }, 0, Vantage::Here)
    }

    fn read(&self, printed: &Printed, limit: u64, vantage: Vantage) -> Findings {
        let all = &printed.answers;
        let of = |number: Option<usize>| number.and_then(|number| all.get(&number));
        let peers = self.peers.iter().map(|asked| Peer {
            name: asked.name.map_or(asked.peer.name.clone(), |name| of(Some(name)).map(Raw::name)),
            tcp: of(asked.tcp).map(|raw| raw.tcp(limit)),
            spoken: of(asked.spoken).map(|raw| raw.spoken(&asked.peer.speaks, limit)),
            ..asked.peer.clone()
        });
        Findings {
            sockets: of(self.sockets).map(|raw| raw.out.clone()).unwrap_or_default(),
            direct: of(self.direct).map(|raw| raw.http(limit)),
            peers: peers.collect(),
            packets: printed.packets.clone(),
            vantage,
        }
    }

    /// What is known where nothing could be asked: how the peers live.
    #[must_use]
    pub fn unasked(&self) -> Vec<Peer> {
        self.peers.iter().map(|asked| Peer { name: None, ..asked.peer.clone() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::container::Protocol;
    use crate::plan::images::samples::hierarchy;
    use crate::plan::parts::{ImageRef, Publish, samples};

    #[test]
    fn a_part_that_its_users_call_by_https_is_asked_over_tls() {
        let part = |name: &str| {
            let name = PartName::new(name).unwrap();
            Part::new(name, PartKind::Module, ImageRef::Theirs("scratch".to_owned()))
        };
        let mut billing = part("billing");
        billing.publish = vec![Publish { host: 9443, container: 8443, protocol: Protocol::Tcp }];
        let mut web = part("web");
        web.needs = [billing.name.clone()].into();
        let (environment, images) = (samples::environment(vec![billing]), hierarchy(""));
        let asked = |env: &[String]| {
            let subject = Subject {
                environment: &environment,
                images: &images,
                part: &web,
                env,
                state: &|_| PartState::Running,
                fill: &|_| String::new(),
            };
            let mut interview = Interview::default();
            interview.needs(&subject);
            interview.questions.into_iter().find_map(|question| match question {
                Question::Http(request) => Some((request.url, request.authorities)),
                _ => None,
            })
        };
        let trusts = "/proc/1/root/etc/team.pem".to_owned();
        let env = ["BILLING_URL=https://billing:8443", "SSL_CERT_FILE=/etc/team.pem"].map(str::to_owned);
        assert_eq!(asked(&env), Some(("https://billing:8443/".to_owned(), Some(trusts))));
        let plain = ["BILLING_URL=http://billing:8443".to_owned()];
        assert_eq!(asked(&plain), Some(("http://billing:8443/".to_owned(), None)));
        assert_eq!(asked(&[]), None);
    }

    #[test]
    fn a_target_is_a_part_an_address_or_a_host_with_a_port() {
        let name = PartName::new("api").unwrap();
        let part = Part::new(name, PartKind::Module, ImageRef::Theirs("scratch".to_owned()));
        let (environment, images) = (samples::environment(Vec::new()), hierarchy(""));
        let env = [];
        let subject = Subject {
            environment: &environment,
            images: &images,
            part: &part,
            env: &env,
            state: &|_| PartState::Running,
            fill: &|_| String::new(),
        };
        let hosts = |target: &str| {
            let mut interview = Interview::default();
            let is_known = interview.target(&subject, target);
            assert_eq!(is_known, !interview.peers.is_empty(), "{target}");
            interview.peers.into_iter().map(|asked| asked.peer.host).collect::<Vec<_>>()
        };
        assert_eq!(hosts("db:5432"), ["db"]);
        assert_eq!(hosts("redis://:secret-word@cache"), ["cache"]);
        assert_eq!(hosts("[fd00::2]:5432"), ["fd00::2"]);
        let mut numbers = Interview::default();
        numbers.target(&subject, "[fd00::2]:5432");
        assert_eq!(numbers.questions, [Question::Tcp("fd00::2".to_owned(), 5432)]);
        assert!(numbers.findings(&Printed::default(), 1).peers[0].name.is_some());
        assert_eq!(numbers.unasked()[0].name, None);
        assert_eq!(hosts("http://[fd00::2]:80/"), ["fd00::2"]);
        let mut interview = Interview::default();
        interview.external(&subject, &PartName::new("billing").unwrap(), "https://billing.example.com/v1");
        let asked = &interview.peers[0].peer;
        assert_eq!(
            (asked.host.as_str(), asked.port, asked.variable.as_deref()),
            ("billing.example.com", 443, Some("BILLING_URL"))
        );
        for no in
            ["redis://:secret-word@cache:x", "me:secret-word@cache:6379", "redis:// :secret-word@cache:1", "-x:1", ":1"]
        {
            assert_eq!(hosts(no), Vec::<String>::new(), "{no}");
        }
    }
}
