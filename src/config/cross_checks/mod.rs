//! What a tree says about its own names: everything that needs more than one place to be seen.
//!
//! Works on the tree and not on the types, so that one fault of shape does not hide faults of meaning.

use crate::config::cross_checks::subject::parts;
use crate::config::inputs::KnownNames;
use crate::config::problems::Finding;
use crate::config::text::tree::Node;

mod aliases;
mod beside;
mod cycles;
mod environments;
mod features;
mod images;
mod local;
mod modules;
mod names;
mod needs;
mod notify;
mod placeholders;
mod ports;
mod routes;
mod screens;
mod secrets;
mod services;
pub(crate) mod sites;
mod split;
pub mod subject;
pub mod tasks;
mod volumes;

pub use names::is_reserved;

/// Every fault of meaning.
pub(crate) fn check(tree: &Node, known: &KnownNames) -> Vec<Finding> {
    let parts = parts(tree);
    let mut findings = Vec::new();
    findings.extend(local::requires(tree, known));
    findings.extend(names::check(&parts));
    findings.extend(needs::check(&parts, tree.get("compose").is_some()));
    findings.extend(notify::check(tree, &parts));
    findings.extend(cycles::needs(&parts));
    findings.extend(ports::check(&parts, known));
    findings.extend(volumes::check(&parts, known));
    findings.extend(placeholders::check(tree, &parts, known));
    findings.extend(images::check(tree, &parts, known));
    findings.extend(modules::check(&parts));
    findings.extend(sites::check(&parts));
    findings.extend(secrets::check(&parts, &environments::entries(tree)));
    findings.extend(services::check(&parts, known));
    findings.extend(routes::check(&parts));
    findings.extend(aliases::check(tree, &parts));
    findings.extend(screens::check(tree, &parts));
    findings.extend(environments::check(tree, &parts, known));
    findings.extend(features::check(tree));
    findings.extend(tasks::check(tree, &parts, known));
    findings.extend(local::check(tree, &parts, known));
    findings
}
