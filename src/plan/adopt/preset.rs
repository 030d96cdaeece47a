//! A service whose image is one of devenv's presets.

use serde_json::json;

use crate::config::relative_path::joined;
use crate::config::text::tree::Node;
use crate::plan::adopt::accounts::is_of_account;
use crate::plan::adopt::adopting::Adopting;
use crate::plan::adopt::adoption::Keys;
use crate::plan::adopt::kinds::Kind;
use crate::plan::adopt::needs;
use crate::plan::adopt::words::{self, MountSource};
use crate::plan::known_images;

/// Where images of databases look for what fills a new one.
const SEEDS: &str = "/docker-entrypoint-initdb.d";

/// Carries a preset.
pub(crate) fn carry(adopting: &mut Adopting<'_>, at: usize) {
    let Kind::Preset(preset, account) = adopting.parts[at].kind.clone() else { return };
    let (node, written, name) = (adopting.parts[at].node, adopting.parts[at].written, adopting.parts[at].name.clone());
    let mut keys = Keys::from_iter([("preset".to_owned(), json!(preset))]);
    let credentials: Keys = [("user", account.user.clone()), ("database", account.database.clone())]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), json!(value.filter(|value| is_account(value))?))))
        .collect();
    if !credentials.is_empty() {
        keys.insert("credentials".to_owned(), credentials.into());
    }
    if let Some(seed) = mounts(adopting, at, preset) {
        keys.insert("seed".to_owned(), json!(seed));
    }
    version(adopting, at, preset);
    let refused = [
        ("command", "the preset has its own command: options need a preset of your own (docs/presets.md)"),
        ("build", "the preset's image is used: extensions of your own need a preset of your own (docs/presets.md)"),
        ("env_file", "the preset generates its own credentials"),
    ];
    for (key, why) in refused {
        if let Some(entry) = node.entry(key) {
            adopting.note(entry.key.span, format!("{written}.{key}"), why);
        }
    }
    for entry in node.get("environment").map(Node::entries).unwrap_or_default() {
        if !is_of_account(&entry.key.text) {
            let why = "it is a setting of that image, which the preset does not know";
            adopting.note(entry.key.span, format!("{written}.environment.{}", entry.key.text), why);
        }
    }
    passwords(adopting, at, preset);
    if node.get("profiles").is_some() && !needs::is_needed(adopting, written) {
        keys.insert("mode".to_owned(), json!("off"));
    }
    adopting.done.parts.push(format!("{name}: the preset {preset}"));
    adopting.done.services.insert(name, keys.into());
}

fn is_account(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.len() <= 63
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// What is said of a password: devenv makes one.
fn passwords(adopting: &mut Adopting<'_>, at: usize, preset: &str) {
    let (node, written, name) = (adopting.parts[at].node, adopting.parts[at].written, adopting.parts[at].name.clone());
    let has =
        adopting.facts.catalogue.presets.get(preset).is_some_and(|preset| preset.credentials.contains_key("password"));
    let environment = node.get("environment").map(Node::entries).unwrap_or_default();
    let entry = environment.iter().find(|entry| entry.key.text.contains("PASS"));
    let variable = name.to_uppercase().replace('-', "_");
    let Kind::Preset(_, account) = &adopting.parts[at].kind else { return };
    if !has {
        return;
    }
    match entry {
        Some(entry) => {
            let why = format!(
                "devenv generates a password for each checkout: programs read {variable}_PASSWORD or {variable}_URL"
            );
            adopting.note(entry.key.span, format!("{written}.environment.{}", entry.key.text), why);
        }
        None if account.passwords.is_empty() && account.files.is_empty() => {
            let why = format!(
                "it had no password, and the preset has one: programs that connect without must read {variable}_URL"
            );
            adopting.note(adopting.parts[at].span, written, why);
        }
        None => {}
    }
}

fn version(adopting: &mut Adopting<'_>, at: usize, preset: &str) {
    let node = adopting.parts[at].node;
    let Some(image) = node.get("image").and_then(Node::scalar) else { return };
    let tag = known_images::tag(image);
    let major: String = tag.chars().take_while(char::is_ascii_digit).collect();
    let ours = adopting.facts.catalogue.presets.get(preset).and_then(|preset| preset.major.clone());
    let other = known_images::repository(image) != preset;
    let why = match ours {
        Some(ours) if !major.is_empty() && ours != major => format!("the preset is {preset} {ours}, not {image}"),
        _ if other => format!("the preset is {preset}, not {image}: features of that image are missing"),
        _ => return,
    };
    let span = node.entry("image").map_or(adopting.parts[at].span, |entry| entry.key.span);
    let subject = format!("{}.image", adopting.parts[at].written);
    adopting.note(span, subject, why);
}

/// The file that fills a new database; other mounts are listed.
fn mounts(adopting: &mut Adopting<'_>, at: usize, preset: &str) -> Option<String> {
    let (node, written) = (adopting.parts[at].node, adopting.parts[at].written);
    let own = adopting.facts.catalogue.presets.get(preset).cloned()?;
    let mut seed = None;
    for item in node.get("volumes").map(Node::items).unwrap_or_default() {
        let Some(mount) = words::mount(item) else { continue };
        let is_seed = mount.target.starts_with(SEEDS);
        let why = match &mount.source {
            MountSource::Path(path) if is_seed && own.seed.is_some() && seed.is_none() => {
                let path = joined(".", path);
                let tree = adopting.facts.tree;
                let files: Vec<String> = match tree.has(&path) {
                    true => vec![path.clone()],
                    false => tree.below(&path).map(|(name, _)| format!("{path}/{name}")).collect(),
                };
                let mut seeds =
                    files.into_iter().filter(|file| [".sql", ".sql.gz", ".sh"].iter().any(|end| file.ends_with(end)));
                match (seeds.next(), seeds.next()) {
                    (Some(one), None) => {
                        seed = Some(one);
                        continue;
                    }
                    _ => format!("`seed` is one file, and {path} is not: combine them into one"),
                }
            }
            MountSource::Path(_) => "the preset reads no files of the checkout but `seed`".to_owned(),
            // Data: the preset has a volume of its own for it.
            MountSource::Volume(_) | MountSource::Anonymous | MountSource::Memory => continue,
        };
        adopting.note(item.span, format!("{written}.volumes"), why);
    }
    seed
}
