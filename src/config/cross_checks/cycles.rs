//! Cycles: of `needs`, and of `parent` in the hierarchy of images. Each is printed whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::cross_checks::subject::Part;
use crate::config::problems::Finding;
use crate::config::text::place::Span;
use crate::config::text::quote::shown;

/// What each name points to, and where that stands.
pub(super) type Graph<'t> = BTreeMap<&'t str, Vec<(&'t str, Span)>>;

/// Cycles that are reported; more only say the same.
const MOST_CYCLES: usize = 50;
/// Places that are shown of one cycle; the message has all its names.
const MOST_PLACES: usize = 20;

/// Cycles of `needs`.
pub(super) fn needs(parts: &[Part<'_>]) -> Vec<Finding> {
    let graph = parts.iter().map(|part| (part.name, part.list("needs").collect())).collect();
    let finding = |(chain, spans): (String, Vec<Span>)| {
        finding(format!("these parts depend on each other in a cycle: {chain}"), &spans, "needed here")
            .map(|finding| finding.help("remove one of these `needs`: no part of a cycle can start first"))
    };
    find(&graph).into_iter().filter_map(finding).collect()
}

/// A finding at the first edge of a cycle that names the others.
pub(super) fn finding(message: String, spans: &[Span], label: &str) -> Option<Finding> {
    let (first, rest) = spans.split_first()?;
    let finding = Finding::new(*first, message).label(label);
    Some(rest.iter().take(MOST_PLACES).fold(finding, |finding, span| finding.also(*span, label)))
}

/// Cycles of at least two names, as a chain and the places of its edges. Every name that is in a cycle is in one of
/// those found; not every cycle through it is.
pub(super) fn find(graph: &Graph<'_>) -> Vec<(String, Vec<Span>)> {
    let mut done = BTreeSet::new();
    let mut cycles = Vec::new();
    for start in graph.keys() {
        let mut walk = Walk { graph, done: &mut done, way: Vec::new(), on_way: BTreeMap::new(), cycles: &mut cycles };
        walk.from(start);
    }
    cycles
}

struct Walk<'w, 't> {
    graph: &'w Graph<'t>,
    done: &'w mut BTreeSet<&'t str>,
    /// Names on the way, the edge that leads on from each, and how many of its edges were tried.
    way: Vec<(&'t str, Option<Span>, usize)>,
    on_way: BTreeMap<&'t str, usize>,
    cycles: &'w mut Vec<(String, Vec<Span>)>,
}

impl<'t> Walk<'_, 't> {
    /// Depth first, without recursion: a chain may have thousands of names.
    fn from(&mut self, start: &'t str) {
        if self.done.contains(start) {
            return;
        }
        self.enter(start);
        while let Some((name, edge, tried)) = self.way.last_mut() {
            let next = self.graph.get(name).and_then(|edges| edges.get(*tried)).copied();
            *tried += 1;
            let Some((to, span)) = next else {
                let name = *name;
                self.on_way.remove(name);
                self.done.insert(name);
                self.way.pop();
                continue;
            };
            let itself = to == *name;
            *edge = Some(span);
            if itself || self.done.contains(to) || !self.graph.contains_key(to) {
                continue;
            }
            match self.on_way.get(to) {
                Some(first) => self.cycle(*first, to),
                None => self.enter(to),
            }
        }
    }

    fn enter(&mut self, name: &'t str) {
        self.on_way.insert(name, self.way.len());
        self.way.push((name, None, 0));
    }

    fn cycle(&mut self, first: usize, back: &str) {
        if self.cycles.len() >= MOST_CYCLES {
            return;
        }
        let ring = self.way.get(first..).unwrap_or_default();
        let names = ring.iter().map(|(name, ..)| shown(name)).chain([shown(back)]);
        let spans = ring.iter().filter_map(|(_, edge, _)| *edge).collect();
        self.cycles.push((names.collect::<Vec<_>>().join(" → "), spans));
    }
}
