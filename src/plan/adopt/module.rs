//! A service with source of the team's: how it is installed, built and run, and where the gateway has it.

use std::collections::BTreeSet;

use serde_json::json;

use crate::config::text::tree::Node;
use crate::plan::adopt::account_files::AccountFile;
use crate::plan::adopt::adopting::Adopting;
use crate::plan::adopt::adoption::Keys;
use crate::plan::adopt::dockerfile::Stage;
use crate::plan::adopt::kinds::{Kind, Source};
use crate::plan::adopt::words::{ContainerPort, Mount};
use crate::plan::adopt::{
    account_files, commands, container_keys, module_volumes, needs, routes, third_party, values, words,
};
use crate::plan::known_images;

/// Variables of images that mean something else here.
const NOT_CARRIED: [&str; 12] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "VIRTUAL_ENV",
    "GOPATH",
    "GOCACHE",
    "PYTHONUNBUFFERED",
    "PYTHONPATH",
    "NODE_PATH",
    "CARGO_HOME",
    "DEBIAN_FRONTEND",
];

/// A module on its way.
struct Carrying<'a> {
    at: usize,
    /// What compose calls it.
    written: &'a str,
    /// What it is called here.
    name: String,
    /// What compose says of it.
    node: &'a Node,
    source: Source,
    stage: Stage,
    /// Its folder in its container.
    folder: String,
}

/// Carries a module.
pub(crate) fn carry(adopting: &mut Adopting<'_>, at: usize) {
    let Kind::Module(source) = adopting.parts[at].kind.clone() else { return };
    let one = Carrying::of(adopting, at, *source);
    let files = account_files::of(adopting, one.node);
    let mut keys = Keys::from_iter([("path".to_owned(), json!(one.source.path))]);
    keys.insert("image".to_owned(), json!(image(adopting, &one.source, &one.name)));
    let ports = one.node.get("ports").map(words::ports).unwrap_or_default();
    let port = one.port(adopting, &ports);
    let is_guess = one.commands(port, &files, &mut keys);
    if needs::is_task(adopting, one.written) {
        keys.insert("once".to_owned(), json!(true));
    } else {
        routes::write(adopting, at, &mut keys, &ports, port);
        keys.extend(needs::health(one.node, port).map(|health| ("health".to_owned(), health)));
    }
    one.variables(adopting, &files, &mut keys);
    one.container(adopting, &files, &mut keys);
    if one.node.get("profiles").is_some() && !needs::is_needed(adopting, one.written) {
        keys.insert("mode".to_owned(), json!("off"));
    }
    let guess = if is_guess { "; `run` is a guess" } else { "" };
    let (name, path, language) = (&one.name, &one.source.path, &one.source.language);
    adopting.done.parts.push(format!("{name}: a module from {path}, image {language}{guess}"));
    adopting.done.modules.insert(one.name, keys.into());
}

impl<'a> Carrying<'a> {
    fn of(adopting: &Adopting<'a>, at: usize, source: Source) -> Self {
        let part = &adopting.parts[at];
        let last = source.path.rsplit('/').next().filter(|last| *last != ".");
        let folder = format!("/srv/{}", last.unwrap_or(project(adopting)));
        let stage = source.stage.clone().unwrap_or_default();
        Self { at, written: part.written, name: part.name.clone(), node: part.node, source, stage, folder }
    }

    /// The port that it listens on.
    fn port(&self, adopting: &Adopting<'_>, ports: &[ContainerPort]) -> Option<u16> {
        // What is published is the built product's, and not of the stage that runs in dev.
        let told = self.stage.env.get("PORT").filter(|_| self.source.is_built);
        let published = || ports.iter().find(|port| !port.is_udp).map(|port| port.target);
        let exposed = || self.node.get("expose").map(words::ports).unwrap_or_default().first().map(|port| port.target);
        told.and_then(|port| port.parse().ok())
            .or_else(published)
            .or_else(|| routes::port_to(adopting, self.written))
            .or_else(exposed)
            .or_else(|| self.stage.exposed.first().copied())
            .or_else(|| self.source.starter.as_ref()?.port)
    }

    /// Writes what installs, builds and runs it; says whether that is a guess.
    fn commands(&self, port: Option<u16>, files: &[AccountFile], keys: &mut Keys) -> bool {
        let starter = self.source.starter.as_ref().filter(|starter| starter.image == self.source.language);
        if let Some((lock, install)) = starter.and_then(|starter| starter.deps.clone()) {
            keys.insert("deps".to_owned(), json!({"lock": [lock], "install": values::command(&install)}));
        }
        let (build, run, is_guess) = commands::run(&self.source, self.node, port, &self.folder);
        keys.extend(build.map(|build| ("build".to_owned(), json!(values::command(&build)))));
        let run = run.map_or_else(|| "sleep infinity".to_owned(), |run| values::command(&run));
        keys.insert("run".to_owned(), json!(account_files::before(files, &run)));
        is_guess
    }

    /// Writes what it needs, its variables and its secrets.
    fn variables(&self, adopting: &mut Adopting<'_>, files: &[AccountFile], keys: &mut Keys) {
        let mut needed = needs::needs(adopting, self.node);
        needed.extend(files.iter().map(|file| file.part.clone()));
        let of_image = self.stage.env.iter().filter(|(name, _)| !NOT_CARRIED.contains(&name.as_str()));
        let of_image: Vec<(String, String)> = of_image.map(|(name, value)| (name.clone(), value.clone())).collect();
        let env = third_party::variables(adopting, self.at, true, &of_image, &mut needed);
        needs::write(keys, needed);
        if !env.is_empty() {
            keys.insert("env".to_owned(), env.into());
        }
        own_secrets(adopting, &self.name, keys);
    }

    /// Writes its volumes and what else its container has.
    fn container(&self, adopting: &mut Adopting<'_>, files: &[AccountFile], keys: &mut Keys) {
        let place = |mount: &Mount, target: &str| {
            module_volumes::volume(mount, target, &self.source, &self.stage, &self.folder)
        };
        let volumes = third_party::volumes(adopting, self.at, place);
        if !volumes.is_empty() {
            keys.insert("volumes".to_owned(), volumes.into());
        }
        container_keys::carry(adopting, self.at, keys);
        if !files.is_empty() {
            let folders = keys.entry("tmpfs").or_insert_with(|| json!([]));
            folders.as_array_mut().into_iter().for_each(|folders| folders.push(json!(account_files::FOLDER)));
        }
        third_party::files(adopting, self.at, &files.iter().map(|file| file.secret.clone()).collect());
    }
}

/// What the folder of a module at the top is called in its container.
fn project<'a>(adopting: &Adopting<'a>) -> &'a str {
    adopting.facts.compose.root.get("name").and_then(Node::scalar).unwrap_or("app")
}

/// The image of a module, which is added where devenv has none like it.
fn image(adopting: &mut Adopting<'_>, source: &Source, name: &str) -> String {
    let language = source.language.clone();
    let is_package = |package: &String| {
        package.len() > 1 && package.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    let mut packages: Vec<String> =
        source.stage.iter().flat_map(|stage| stage.packages.clone()).filter(is_package).collect();
    packages.sort();
    packages.dedup();
    let has = adopting.facts.catalogue.images.keys().any(|image| image.as_str() == language);
    if !has && !adopting.done.images.contains_key(&language) {
        let of_language = known_images::packages(&language).unwrap_or_default();
        adopting.done.images.insert(language.clone(), json!({"parent": "base", "packages": of_language}));
    }
    if packages.is_empty() {
        return language;
    }
    let own = if name == language { format!("{name}-image") } else { name.to_owned() };
    adopting.done.images.insert(own.clone(), json!({"parent": language, "packages": packages}));
    own
}

/// Credentials of this developer, which the others are asked for.
fn own_secrets(adopting: &Adopting<'_>, name: &str, keys: &mut Keys) {
    let prefix = format!("{name}.");
    let secrets: BTreeSet<&str> = adopting.done.secrets.keys().filter_map(|key| key.strip_prefix(&prefix)).collect();
    if !secrets.is_empty() {
        let secrets: Keys = secrets
            .into_iter()
            .map(|secret| (secret.to_owned(), json!({"ask": format!("{secret}, which stood in `.env`")})))
            .collect();
        keys.insert("secrets".to_owned(), secrets.into());
    }
}
