//! A notification command must run in the container of a part that exists.

use crate::config::cross_checks::subject::{Part, by_name, name};
use crate::config::problems::Finding;
use crate::config::text::quote::quoted;
use crate::config::text::tree::Node;
use crate::config::text::unknown_words::did_you_mean;

pub(super) fn check(tree: &Node, parts: &[Part<'_>]) -> Option<Finding> {
    let node = tree.get("notify")?.get("command")?.get("in")?;
    let name = name(node)?;
    let known = by_name(parts);
    if known.contains_key(name) {
        return None;
    }
    let message = format!("`notify` runs a command in {}, which is not a module or service", quoted(name));
    Some(Finding::new(node.span, message).label("not known").maybe_help(did_you_mean(name, known.keys().copied())))
}
