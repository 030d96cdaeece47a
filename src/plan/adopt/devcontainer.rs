//! A devcontainer.json: it names compose files, or says how one container is made.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::config::relative_path::{folder_of, joined};
use crate::config::text::place::Place;
use crate::plan::adopt::adoption::{Adoption, Keys, Note};
use crate::plan::adopt::values;
use crate::plan::detect::Starter;
use crate::plan::known_images;

/// What a devcontainer.json says, and where each of its keys stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DevContainer {
    file: String,
    keys: Keys,
    lines: BTreeMap<String, usize>,
}

/// Keys that are for an editor alone, or that mean what devenv does anyway.
const HARMLESS: [&str; 10] = [
    "$schema",
    "name",
    "workspaceFolder",
    "workspaceMount",
    "service",
    "runServices",
    "shutdownAction",
    "remoteUser",
    "dockerComposeFile",
    "waitFor",
];

impl DevContainer {
    /// Reads the text of one: JSON with comments.
    ///
    /// # Errors
    /// What is wrong with it, with its line.
    pub fn read(file: &str, text: &str) -> Result<Self, String> {
        let plain = without_comments(text);
        let keys: Keys = serde_json::from_str(&plain)
            .map_err(|error| format!("{file}:{}:{}: {error}", error.line(), error.column()))?;
        let line = |key: &String| {
            plain.lines().position(|line| line.contains(&format!("\"{key}\""))).map_or(1, |line| line + 1)
        };
        let lines = keys.keys().map(|key| (key.clone(), line(key))).collect();
        Ok(Self { file: file.to_owned(), keys, lines })
    }

    /// The compose files that it names, as seen from the top.
    #[must_use]
    pub fn compose_files(&self) -> Vec<String> {
        let files = match self.keys.get("dockerComposeFile") {
            Some(Json::Array(files)) => files.clone(),
            Some(file) => vec![file.clone()],
            None => Vec::new(),
        };
        files.iter().filter_map(Json::as_str).map(|file| joined(folder_of(&self.file), file)).collect()
    }

    /// What is not carried of it.
    #[must_use]
    pub fn notes(&self, carried: &[&str]) -> Vec<Note> {
        let left = self.keys.keys().filter(|key| !HARMLESS.contains(&key.as_str()) && !carried.contains(&key.as_str()));
        let note = |key: &String| {
            let line = self.lines.get(key).copied().unwrap_or(1);
            let why = match key.as_str() {
                "customizations" | "extensions" | "settings" => {
                    "it is for an editor: `devenv ide` writes the files that editors need"
                }
                "features" => "what they install belongs into an image: `images: {NAME: {parent: …, packages: […]}}`",
                "mounts" | "runArgs" | "capAdd" | "securityOpt" | "privileged" | "init" => {
                    "a compose file of the team's says this (docs/fragments.md)"
                }
                key if key.ends_with("Command") => "write it into `deps.install`, `build` or `run` of the module",
                _ => "devenv has no equivalent",
            };
            let place = Place { file: self.file.clone(), line, column: 1, bytes: 0..0 };
            Note { place: Some(place), subject: key.clone(), why: why.to_owned() }
        };
        left.map(note).collect()
    }

    /// The module that the container is, where no compose file says so.
    #[must_use]
    pub fn adopt(&self, starter: Option<&Starter>) -> Adoption {
        let mut done = Adoption::default();
        let image = self.keys.get("image").and_then(Json::as_str).and_then(known_images::language);
        let image = image.or(starter.map(|starter| starter.image)).unwrap_or("base");
        let mut keys = Keys::from_iter([("path".to_owned(), json!(".")), ("image".to_owned(), json!(image))]);
        if let Some((lock, install)) =
            starter.filter(|starter| starter.image == image).and_then(|starter| starter.deps.as_ref())
        {
            keys.insert("deps".to_owned(), json!({"lock": [lock], "install": values::command(install)}));
        }
        let run = starter.and_then(|starter| starter.run.clone()).unwrap_or_else(|| "sleep infinity".to_owned());
        keys.insert("run".to_owned(), json!(values::command(&run)));
        let ports = ["forwardPorts", "appPort"].iter().filter_map(|key| self.keys.get(*key));
        let ports = ports.flat_map(|ports| ports.as_array().cloned().unwrap_or_else(|| vec![ports.clone()]));
        let ports: Vec<u64> =
            ports.filter_map(|port| port.as_u64()).filter(|port| (1..=65535).contains(port)).collect();
        let own = starter.and_then(|starter| starter.port).map(u64::from);
        if let Some(port) = own.or(ports.first().copied()) {
            keys.insert("port".to_owned(), json!(port));
            keys.insert("route".to_owned(), json!("/"));
            let further: Keys =
                ports.iter().filter(|other| **other != port).map(|other| (format!("p{other}"), json!(other))).collect();
            if !further.is_empty() {
                keys.insert("ports".to_owned(), further.into());
            }
        }
        let env: Keys = ["containerEnv", "remoteEnv"]
            .iter()
            .filter_map(|key| self.keys.get(*key)?.as_object())
            .flatten()
            .filter(|(_, value)| value.as_str().is_some_and(|value| !value.contains("${")))
            .map(|(name, value)| (name.clone(), json!(values::literal(value.as_str().unwrap_or_default()))))
            .collect();
        if !env.is_empty() {
            keys.insert("env".to_owned(), env.into());
        }
        done.notes =
            self.notes(&["image", "build", "dockerFile", "forwardPorts", "appPort", "containerEnv", "remoteEnv"]);
        done.parts.push(format!("app: a module, image {image}"));
        done.modules.insert("app".to_owned(), keys.into());
        done
    }
}

/// JSON with comments and commas at the end, without both; lines stay lines.
fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    let mut in_text = false;
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(_)) if in_text => out.extend([c].into_iter().chain(chars.next())),
            ('"', _) => {
                in_text = !in_text;
                out.push(c);
            }
            ('/', Some('/')) if !in_text => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
            }
            ('/', Some('*')) if !in_text => {
                let mut before = ' ';
                for c in chars.by_ref() {
                    if c == '\n' {
                        out.push(c);
                    }
                    if before == '*' && c == '/' {
                        break;
                    }
                    before = c;
                }
            }
            ('}' | ']', _) if !in_text => {
                let kept = out.trim_end();
                if kept.ends_with(',') {
                    let lines = out[kept.len()..].to_owned();
                    out.truncate(kept.len() - 1);
                    out.push_str(&lines);
                }
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_a_module_and_the_rest_is_listed() {
        let text = "// x\n{\n  \"image\": \"mcr.microsoft.com/devcontainers/python:3.11\", /* y\n  */\n  \"forwardPorts\": [8000, 5678],\n\
                    \x20 \"containerEnv\": {\"A\": \"http://x//y\"},\n  \"features\": {},\n}\n";
        let read = DevContainer::read(".devcontainer/devcontainer.json", text).unwrap();
        let done = read.adopt(None);
        let module = json!({"path": ".", "image": "python", "run": "sleep infinity", "port": 8000, "route": "/",
            "ports": {"p5678": 5678}, "env": {"A": "http://x//y"}});
        assert_eq!(done.modules.get("app"), Some(&module));
        let notes: Vec<String> =
            done.notes.iter().map(|note| format!("{}:{}", note.place.as_ref().unwrap().line, note.subject)).collect();
        assert_eq!(notes, ["7:features"]);
        let compose = DevContainer::read(
            ".devcontainer/devcontainer.json",
            "{\"dockerComposeFile\": [\"../compose.yaml\", \"x.yml\"]}",
        )
        .unwrap();
        assert_eq!(compose.compose_files(), ["compose.yaml", ".devcontainer/x.yml"]);
        assert_eq!(
            DevContainer::read("x.json", "{\n\"a\" 1}").unwrap_err(),
            "x.json:2:5: expected `:` at line 2 column 5"
        );
    }
}
