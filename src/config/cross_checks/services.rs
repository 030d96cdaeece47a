//! Services: exactly one of `preset`, `image`, `external`, and only settings that go with it.

use crate::config::cross_checks::subject::{Part, Sort, mistyped};
use crate::config::inputs::KnownNames;
use crate::config::problems::Finding;
use crate::config::schema::table::listed;
use crate::config::text::quote::quoted;
use crate::config::text::tree::{Entry, Node, Value};
use crate::config::text::unknown_words::did_you_mean;
use crate::names::is_secret;

const KINDS: [&str; 3] = ["preset", "image", "external"];

/// Settings of a container; an external service has none.
const OF_A_CONTAINER: [&str; 7] = ["credentials", "seed", "command", "env", "volumes", "needs", "health"];

pub(super) fn check(parts: &[Part<'_>], known: &KnownNames) -> Vec<Finding> {
    let services = parts.iter().filter(|part| part.sort == Sort::Service && matches!(part.node.value, Value::Map(_)));
    let of_modules = parts.iter().filter(|part| part.sort == Sort::Module).flat_map(mounts);
    services
        .flat_map(|part| {
            let all = kind(part).into_iter().chain(preset(part, known)).chain(external(part)).chain(mounts(part));
            all.chain(credentials(part, known))
        })
        .chain(of_modules)
        .collect()
}

fn kind(part: &Part<'_>) -> Option<Finding> {
    let name = quoted(part.name);
    let given: Vec<_> =
        KINDS.iter().filter_map(|kind| part.node.entry(kind)).filter(|entry| !entry.value.is_null()).collect();
    match given.as_slice() {
        [] if mistyped(part.node, &KINDS) => None,
        [] => Some(
            Finding::new(part.key, format!("the service {name} does not say what it is"))
                .label("no `preset`, `image` or `external`")
                .help("write one of `preset: postgres`, `image: redis:7`, `external: https://…`"),
        ),
        [_] => None,
        [first, second, ..] => {
            let names: Vec<_> = given.iter().map(|entry| entry.key.text.to_string()).collect();
            let mut help = "keep exactly one of `preset`, `image`, `external`".to_owned();
            if first.key.span.text != second.key.span.text {
                help.push_str("; in devenv.local.yaml, `null` removes the other");
            }
            Some(
                Finding::new(second.key.span, format!("the service {name} has {}", listed(&names, "and")))
                    .label("a second kind")
                    .help(help)
                    .also(first.key.span, "the first kind"),
            )
        }
    }
}

fn preset(part: &Part<'_>, known: &KnownNames) -> Option<Finding> {
    let preset = part.node.get("preset");
    let Some(name) = preset.and_then(Node::text) else {
        let seed =
            part.node.entry("seed").filter(|seed| !seed.value.is_null() && part.node.entry("preset").is_none())?;
        let message = format!("`seed` of {}: only a preset knows how to read one", quoted(part.name));
        return Some(Finding::new(seed.key.span, message).label("not a preset").help("remove it, or use a preset"));
    };
    let presets = || known.presets.iter().map(String::as_str);
    if !known.presets.contains(name) {
        let help = did_you_mean(name, presets()).unwrap_or_else(|| {
            format!(
                "there are {}; any other service has `image:`",
                listed(&presets().map(str::to_owned).collect::<Vec<_>>(), "and")
            )
        });
        let message = format!("{} is not a preset", quoted(name));
        return Some(Finding::new(preset?.span, message).label("not known").help(help));
    }
    let seed = part.node.entry("seed").filter(|seed| !seed.value.is_null() && !known.seeded.contains(name))?;
    let message = format!("`seed` of {}: the preset {} takes none", quoted(part.name), quoted(name));
    Some(Finding::new(seed.key.span, message).label("not read by anything").help("remove it"))
}

fn external(part: &Part<'_>) -> Vec<Finding> {
    if part.node.get("external").is_none() || part.node.get("preset").is_some() || part.node.get("image").is_some() {
        return Vec::new();
    }
    let entries = OF_A_CONTAINER.iter().filter_map(|key| part.node.entry(key)).filter(|entry| !entry.value.is_null());
    entries
        .map(|entry| {
            let message = format!("{} is external, so it has no {}", quoted(part.name), quoted(&entry.key.text));
            Finding::new(entry.key.span, message).label("of a container").help("remove it: devenv does not run it")
        })
        .collect()
}

/// Credentials that everybody may see, of a preset that has them.
fn credentials(part: &Part<'_>, known: &KnownNames) -> Vec<Finding> {
    let preset = part.node.get("preset").and_then(Node::text);
    let Some(entry) = part.node.entry("credentials").filter(|entry| !entry.value.entries().is_empty()) else {
        return Vec::new();
    };
    let Some(preset) = preset else {
        if part.node.get("external").is_some() {
            return Vec::new();
        }
        let message = format!("`credentials` of {}: only a preset has some", quoted(part.name));
        let help = "remove it, or use a preset; an image gets its names in `env`";
        return vec![Finding::new(entry.key.span, message).label("not a preset").help(help)];
    };
    let has: Vec<&str> = known.credentials.get(preset).into_iter().flatten().map(String::as_str).collect();
    let open: Vec<String> = has.iter().filter(|name| !is_secret(name)).map(|name| (*name).to_owned()).collect();
    let finding = |entry: &Entry| {
        let name = &*entry.key.text;
        if open.iter().any(|open| open == name) {
            return None;
        }
        let (label, help) = match has.contains(&name) {
            true => (
                "a secret",
                format!(
                    "devenv generates one; `secrets: {{{}.{name}: …}}` in devenv.local.yaml sets it for one checkout",
                    part.name
                ),
            ),
            false => {
                let listed = || match open.as_slice() {
                    [] => "it has none that can be set here".to_owned(),
                    all => format!("there are {}", listed(all, "and")),
                };
                ("not known", did_you_mean(name, open.iter().map(String::as_str)).unwrap_or_else(listed))
            }
        };
        let message = format!("{} cannot be set in `credentials` of {}", quoted(name), quoted(part.name));
        Some(Finding::new(entry.key.span, message).label(label).help(help))
    };
    entry.value.entries().iter().filter_map(finding).collect()
}

/// Two volumes at one place.
fn mounts(part: &Part<'_>) -> Vec<Finding> {
    let mut seen: Vec<(&str, &Node)> = Vec::new();
    let mut findings = Vec::new();
    for entry in part.node.get("volumes").map(Node::entries).unwrap_or_default() {
        let Some(path) = entry.value.text().map(|path| path.trim_end_matches('/')) else { continue };
        match seen.iter().find(|(other, _)| *other == path) {
            Some((_, first)) => findings.push(
                Finding::new(
                    entry.value.span,
                    format!("two volumes of {} are mounted at {}", quoted(part.name), quoted(path)),
                )
                .label("again here")
                .help("give each a place of its own")
                .also(first.span, "first here"),
            ),
            None => seen.push((path, &entry.value)),
        }
    }
    findings
}
