//! The files that services read and that a definition only names: of variables, of configs and secrets, and single files that
//! are mounted. Their content is in a container's fingerprint, or which file it is where a container sees changes by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml::Value;

use crate::paths;
use crate::plan::mounts::MountSource;
use crate::plan::parts::Environment;
use crate::render::definition::Services;

/// What of a file counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counts {
    /// Its content.
    Content,
    /// Which file it is: a mounted one goes on to be seen when another takes its place.
    Identity,
}

/// The files of each service, by their paths as they are written.
pub type References = BTreeMap<String, BTreeSet<(Counts, String)>>;

/// Finds them in services and in the `documents` that they come from.
#[must_use]
pub fn references(services: &Services, documents: &[Value], environment: &Environment) -> References {
    let mut all = References::new();
    for (name, layers) in services {
        let ours = environment.parts.get(name.as_str()).into_iter().flat_map(|part| &part.mounts);
        let ours: BTreeSet<&str> = ours
            .filter_map(|mount| match &mount.source {
                MountSource::Folder(source) => Some(source.as_str()),
                MountSource::Volume(_) | MountSource::Memory => None,
            })
            .collect();
        let mut files = BTreeSet::new();
        for layer in layers {
            for key in ["env_file", "label_file"] {
                files.extend(paths(layer.get(key)).map(|path| (Counts::Content, plain(path))));
            }
            for section in ["configs", "secrets"] {
                let names = items(layer.get(section)).filter_map(|one| text(Some(one)).or(text(one.get("source"))));
                let sources =
                    names.flat_map(|name| documents.iter().filter_map(move |all| all.get(section)?.get(name)));
                let paths = sources.filter_map(|source| text(source.get("file")));
                files.extend(paths.map(|path| (Counts::Content, plain(path))));
            }
            for mount in items(layer.get("volumes")).filter(|mount| text(mount.get("type")) == Some("bind")) {
                let source = text(mount.get("source")).filter(|source| !ours.contains(source));
                files.extend(source.map(|path| (Counts::Identity, plain(path))));
            }
        }
        // Ours is compared as the credentials that it holds.
        files.retain(|(_, path)| !path.starts_with(&paths::below(&environment.root, "")));
        if !files.is_empty() {
            all.insert(name.clone(), files);
        }
    }
    all
}

/// A path as it is in the file system: a definition writes `$$` for a `$`.
fn plain(path: &str) -> String {
    path.replace("$$", "$")
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_sequence).into_iter().flatten()
}

/// The paths of a value that is one, a list of them, or a list of maps with a `path`.
fn paths(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let each = items(value).filter_map(|one| text(Some(one)).or(text(one.get("path"))));
    text(value).into_iter().chain(each)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::parts::samples;

    fn environment() -> Environment {
        Environment { root: "/srv/shop".to_owned(), ..samples::environment(Vec::new()) }
    }

    #[test]
    fn every_file_whose_content_reaches_a_container_is_found() {
        let text = "
services:
  tool:
    env_file: [a.env, {path: $$b.env}]
    label_file: c.labels
    configs: [conf, {source: other}]
    secrets: [{source: key}]
    volumes: [{type: bind, source: ./nginx.conf, target: /x}, {type: volume, source: data, target: /y}]
  quiet: {image: x}
configs: {conf: {file: conf.ini}, other: {content: x}}
secrets: {key: {file: key.pem}}
";
        let document: Value = serde_yaml::from_str(text).unwrap();
        let services = crate::render::definition::services(std::slice::from_ref(&document));
        let found = references(&services, &[document], &environment());
        let files = |counts| {
            let all = found["tool"].iter().filter(move |(other, _)| *other == counts);
            all.map(|(_, path)| path.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(files(Counts::Content), ["$b.env", "a.env", "c.labels", "conf.ini", "key.pem"]);
        assert_eq!(files(Counts::Identity), ["./nginx.conf"]);
        assert!(!found.contains_key("quiet"));
    }
}
