//! `needs` and `watch.also`: what they name must exist, and must not be switched off.

use std::collections::HashMap;

use crate::config::cross_checks::sites;
use crate::config::cross_checks::subject::{Part, Sort, by_name, name};
use crate::config::problems::{ENOUGH, Finding};
use crate::config::schema::table::listed;
use crate::config::text::place::Span;
use crate::config::text::quote::quoted;
use crate::config::text::tree::{Node, is_extension};
use crate::config::text::unknown_words::did_you_mean;

pub(super) fn check(parts: &[Part<'_>], has_compose_files: bool) -> Vec<Finding> {
    let known = by_name(parts);
    let mut findings = Vec::new();
    for part in parts {
        if findings.len() > ENOUGH {
            break;
        }
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for (name, span) in part.list("needs") {
            if let Some(first) = seen.insert(name, span) {
                findings.push(
                    Finding::new(span, format!("{} needs {} twice", quoted(part.name), quoted(name)))
                        .label("again here")
                        .help("keep one of them")
                        .also(first, "first here"),
                );
            } else if name == part.name {
                findings.push(
                    Finding::new(span, format!("{} needs itself", quoted(name)))
                        .label("the part that this list belongs to")
                        .help("remove it"),
                );
            } else if let Some(needed) = known.get(name).filter(|needed| sites::is_site(needed.node)) {
                let message = format!("{} needs {}, which is served by the gateway", quoted(part.name), quoted(name));
                let finding = Finding::new(span, message).label("nothing to wait for").help("remove it");
                findings.push(finding.also(needed.key, "served here"));
            } else if let Some(needed) = known.get(name) {
                findings.extend(switched_off(part, needed, span));
            } else {
                findings.push(unknown(part, name, span, parts, has_compose_files));
            }
        }
        findings.extend(also(part, parts));
    }
    findings
}

fn unknown(part: &Part<'_>, name: &str, span: Span, parts: &[Part<'_>], has_compose_files: bool) -> Finding {
    let names = || parts.iter().map(|part| part.name).filter(|name| *name != part.name);
    let help = match did_you_mean(name, names().take(ENOUGH)) {
        Some(help) => help,
        None if is_extension(name) => "a key that starts with `x-` is not a module or service".to_owned(),
        None if names().next().is_none() => "there is no other module or service".to_owned(),
        None => format!("there are {}", listed(&names().take(20).map(str::to_owned).collect::<Vec<_>>(), "and")),
    };
    let message = format!("{} needs {}, which is not a module or service", quoted(part.name), quoted(name));
    let help = if has_compose_files {
        let own = format!("services: {{{}: {{depends_on: {{{name}: {{condition: service_healthy}}}}}}}}", part.name);
        format!("{help}; a service of a compose file is waited for by that file: `{own}`")
    } else {
        help
    };
    Finding::new(span, message).label("not known").help(help)
}

/// Switching off what a running part needs.
fn switched_off(part: &Part<'_>, needed: &Part<'_>, span: Span) -> Option<Finding> {
    if part.is_off() || !needed.is_off() {
        return None;
    }
    let at = needed.node.get("mode").map_or(needed.key, |mode| mode.span);
    let (name, user) = (quoted(needed.name), quoted(part.name));
    Some(
        Finding::new(at, format!("{name} is switched off, but {user} needs it"))
            .label("switched off here")
            .help(format!("switch {user} off too, or remove {name} from its `needs`"))
            .also(span, "needed here"),
    )
}

fn also(part: &Part<'_>, parts: &[Part<'_>]) -> Vec<Finding> {
    let items = part.node.get("watch").and_then(|watch| watch.get("also")).map(Node::items).unwrap_or_default();
    let modules = || parts.iter().filter(|other| other.sort == Sort::Module && other.name != part.name);
    let names = items.iter().filter_map(|item| Some((name(item)?, item.span)));
    names
        .filter(|(name, _)| !modules().any(|other| other.name == *name))
        .map(|(name, span)| {
            let what = if name == part.name { "is the module itself" } else { "is not a module" };
            Finding::new(span, format!("`watch.also` of {} names {}, which {what}", quoted(part.name), quoted(name)))
                .label("not another module")
                .maybe_help(did_you_mean(name, modules().map(|other| other.name)))
        })
        .collect()
}
