//! A conversion on its way.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::text::place::Span;
use crate::config::text::tree::Node;
use crate::plan::adopt::adoption::{Adoption, Facts, Keys, Note};
use crate::plan::adopt::kinds::Kind;

/// A service on its way.
pub(crate) struct Planned<'a> {
    /// Its name in compose.
    pub written: &'a str,
    /// Its name here.
    pub name: String,
    /// What compose says of it.
    pub node: &'a Node,
    /// Where its name stands.
    pub span: Span,
    pub kind: Kind,
}

/// A conversion on its way.
pub(crate) struct Adopting<'a> {
    pub facts: Facts<'a>,
    pub parts: Vec<Planned<'a>>,
    pub done: Adoption,
    /// Keys of services that go into the compose file, by part.
    pub over: BTreeMap<String, Keys>,
    /// Volumes that several services have.
    pub shared: BTreeSet<String>,
}

impl Adopting<'_> {
    /// Lists a key that is not carried.
    pub(crate) fn note(&mut self, span: Span, subject: impl Into<String>, why: impl Into<String>) {
        let place = Some(self.facts.compose.place(span));
        self.done.notes.push(Note { place, subject: subject.into(), why: why.into() });
    }

    /// The part that a host name of compose is now.
    pub(crate) fn part(&self, written: &str) -> Option<&Planned<'_>> {
        self.parts.iter().find(|part| part.written == written)
    }
}

/// A proxy whose routes lead to something that is not a module stays what it was.
pub(crate) fn settle_proxies(parts: &mut [Planned<'_>]) {
    let modules: Vec<String> =
        parts.iter().filter(|part| matches!(part.kind, Kind::Module(_))).map(|part| part.written.to_owned()).collect();
    for part in parts {
        let Kind::Gateway(routes) = &part.kind else { continue };
        if routes.iter().all(|(_, host, _)| modules.contains(host)) {
            continue;
        }
        part.kind = match part.node.get("image") {
            Some(_) if part.node.get("build").is_none() => Kind::Service,
            _ => Kind::Left("its routes lead to parts that the gateway cannot reach".to_owned()),
        };
    }
}
