//! The images and the parts of an environment with what leads from one to another: what `graph` draws. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::plan::images::Hierarchy;
use crate::plan::images::builds;
use crate::plan::observed::Observed;
use crate::plan::parts::{Environment, GATEWAY, ImageRef, Part, PartKind};
use crate::plan::states::{self, Lives, Severity};

/// What is drawn; `--format json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Graph {
    /// Host name of the environment.
    pub host: String,
    /// The images that parts run in, with their ancestors, parents before children.
    pub images: Vec<ImageNode>,
    /// The parts.
    pub parts: Vec<PartNode>,
    /// What leads from part to part.
    pub edges: Vec<Edge>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageNode {
    /// Its name; a third-party image has its reference.
    pub name: String,
    /// The image that it is built from.
    pub parent: Option<String>,
    /// `present` or `missing`.
    pub state: &'static str,
    /// What that means.
    pub verdict: Severity,
}

/// A part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartNode {
    /// Its name.
    pub name: String,
    /// What kind of part it is.
    pub kind: PartKind,
    /// The image that it runs in.
    pub image: String,
    /// What it does.
    pub state: &'static str,
    /// The same as a sentence.
    pub text: String,
    /// What that means.
    pub verdict: Severity,
    /// Where it is reached from this machine.
    pub url: Option<String>,
}

/// What leads from one part to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Edge {
    /// Where it begins.
    pub from: String,
    /// Where it leads.
    pub to: String,
    /// `needs`, or the path or host that the gateway sends there.
    pub label: String,
}

/// The label of an edge to a part that another one needs.
pub const NEEDS: &str = "needs";

/// The graph of an environment, `now` in seconds since 1970.
#[must_use]
pub fn graph(environment: &Environment, images: &Hierarchy, observed: &Observed, lives: &Lives, now: i64) -> Graph {
    let parts = environment.parts.values();
    let node = |part: &Part| {
        let state = states::of(part, observed, lives, now);
        PartNode {
            name: part.name.to_string(),
            kind: part.kind,
            image: image_of(part),
            state: state.word(),
            text: state.to_string(),
            verdict: state.verdict(),
            url: environment.url(part),
        }
    };
    Graph {
        host: environment.host.clone(),
        images: image_nodes(environment, images, observed),
        parts: parts.map(node).collect(),
        edges: edges(environment),
    }
}

fn image_of(part: &Part) -> String {
    match &part.image {
        ImageRef::Ours(name, _) => name.to_string(),
        ImageRef::Released(_, reference) | ImageRef::Theirs(reference) => reference.clone(),
    }
}

fn image_nodes(environment: &Environment, images: &Hierarchy, observed: &Observed) -> Vec<ImageNode> {
    let is_there = |tag: &str| if observed.tags.contains(tag) { "present" } else { "missing" };
    let image = |name: String, parent: Option<String>, state| {
        let verdict = if state == "present" { Severity::Good } else { Severity::Off };
        ImageNode { name, parent, state, verdict }
    };
    let needed = images.needed(&builds::wanted_images(environment.parts.values()));
    let ours = needed
        .into_iter()
        .map(|node| image(node.name.to_string(), node.parent.as_ref().map(ToString::to_string), is_there(&node.tag)));
    let theirs: BTreeSet<&String> = environment
        .parts
        .values()
        .filter_map(|part| match &part.image {
            ImageRef::Released(_, reference) | ImageRef::Theirs(reference) => Some(reference),
            ImageRef::Ours(..) => None,
        })
        .collect();
    ours.chain(theirs.into_iter().map(|reference| image(reference.clone(), None, is_there(reference)))).collect()
}

/// Routes of the gateway, then needs.
fn edges(environment: &Environment) -> Vec<Edge> {
    let has = |name: &str| environment.parts.contains_key(name);
    let routes = environment.routes.iter().filter(|route| has(&route.name) && has(GATEWAY));
    let routes = routes.map(|route| Edge {
        from: GATEWAY.to_owned(),
        to: route.name.clone(),
        label: format!(
            "{}{}",
            route.host,
            if route.path.is_empty() && route.host.is_empty() { "/" } else { &route.path }
        ),
    });
    let needs = environment.parts.values().flat_map(|part| {
        let needs = part.needs.iter().filter(|need| has(need.as_str()));
        needs.map(|need| Edge { from: part.name.to_string(), to: need.to_string(), label: NEEDS.to_owned() })
    });
    let routes: Vec<Edge> = routes.collect();
    let led: BTreeSet<(String, String)> = routes.iter().map(|edge| (edge.from.clone(), edge.to.clone())).collect();
    let needs = needs.filter(|edge| !led.contains(&(edge.from.clone(), edge.to.clone())));
    routes.iter().cloned().chain(needs).collect()
}
