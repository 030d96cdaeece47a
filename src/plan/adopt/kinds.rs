//! What each service of a compose file is to devenv: source of the team's, something that devenv knows, or an image.

use std::collections::BTreeMap;

use crate::config::problems::Finding;
use crate::config::relative_path::joined;
use crate::config::text::place::Span;
use crate::config::text::quote::quoted;
use crate::config::text::tree::Node;
use crate::plan::adopt::accounts::{self, Account};
use crate::plan::adopt::adoption::Facts;
use crate::plan::adopt::dockerfile::{self, Stage};
use crate::plan::adopt::nginx;
use crate::plan::adopt::words::{self, Mount, MountSource};
use crate::plan::detect::{self, Starter};
use crate::plan::known_images;

/// What a service is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// One of devenv's presets, and whom it lets in.
    Preset(&'static str, Account),
    /// Source of the team's.
    Module(Box<Source>),
    /// An image of a registry.
    Service,
    /// A folder that the gateway serves.
    Site(String),
    /// The gateway stands in its place: paths and where they lead.
    Gateway(Vec<nginx::Route>),
    /// It is not carried, for a reason.
    Left(String),
}

/// Source of the team's, and how it is run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Source {
    /// Its folder.
    pub path: String,
    /// The language, which is an image's name.
    pub language: String,
    /// The stage of its Dockerfile that runs it.
    pub stage: Option<Stage>,
    /// Whether the product is another stage, without the language: what that runs is not there in dev.
    pub is_built: bool,
    /// What the files of the folder say.
    pub starter: Option<Starter>,
}

/// What a service is.
pub(crate) fn kind(facts: Facts<'_>, node: &Node, span: Span) -> Result<Kind, Box<Finding>> {
    if let Some(build) = node.get("build") {
        return built(facts, node, build);
    }
    let Some(image) = node.get("image").and_then(Node::scalar).filter(|image| !image.is_empty()) else {
        let finding = Finding::new(span, "this service has neither `image` nor `build`").label("here");
        return Err(Box::new(finding.help("add one of them, or remove the service")));
    };
    if let Some(preset) = known_images::preset(image, &facts.catalogue.presets) {
        return Ok(Kind::Preset(preset, accounts::account(preset, node, facts)));
    }
    if known_images::is_proxy(image) {
        return Ok(proxy(facts, node, None, ".").unwrap_or(Kind::Service));
    }
    if let Some(language) = known_images::language(image)
        && let Some((path, workdir)) = mounted_source(facts, node)
    {
        let stage = Stage { workdir, from: image.to_owned(), ..Stage::default() };
        let starter = starter(facts, &path);
        return Ok(Kind::Module(Box::new(Source {
            path,
            language: language.to_owned(),
            stage: Some(stage),
            is_built: false,
            starter,
        })));
    }
    Ok(Kind::Service)
}

fn built(facts: Facts<'_>, node: &Node, build: &Node) -> Result<Kind, Box<Finding>> {
    let word = |key: &str| build.get(key).and_then(Node::scalar);
    let context = word("context").unwrap_or("./.");
    let span = build.get("context").map_or(build.span, |context| context.span);
    if context.contains("://") || context.starts_with("git@") {
        return Ok(Kind::Left(format!("its source is {context}, not a folder here: clone it, and name the folder")));
    }
    let path = joined(".", context);
    if context.starts_with(['/', '~']) || path.starts_with("..") {
        let finding = Finding::new(span, format!("`build` leaves this folder: {}", quoted(context))).label("outside");
        return Err(Box::new(
            finding.help("run `devenv init` in the folder that holds both, or move the source into this one"),
        ));
    }
    if !facts.tree.is_folder(&path) {
        let finding = Finding::new(span, format!("there is no folder {}", quoted(&path))).label("here");
        return Err(Box::new(finding.help("correct the path; it starts at the folder of the compose file")));
    }
    let file = joined(&path, word("dockerfile").unwrap_or("Dockerfile"));
    let text = word("dockerfile_inline").or_else(|| facts.tree.text(&file)).unwrap_or_default();
    let args = build.get("args").map(Node::entries).unwrap_or_default().iter();
    let args: BTreeMap<String, String> =
        args.filter_map(|entry| Some((entry.key.text.to_string(), entry.value.scalar()?.to_owned()))).collect();
    let stages = dockerfile::stages(text, &args);
    let target = word("target").map(str::to_lowercase);
    let wanted = stages.iter().find(|stage| target.as_ref() == Some(&stage.name)).or(stages.last());
    let starter = starter(facts, &path);
    let source = |stage: Option<&Stage>, language: &str, is_built| {
        let (language, stage) = (language.to_owned(), stage.cloned());
        Ok(Kind::Module(Box::new(Source { path: path.clone(), language, stage, is_built, starter: starter.clone() })))
    };
    let Some(wanted) = wanted else {
        let language = starter.as_ref().map(|starter| starter.image);
        let why = || format!("{file} does not say what it stands on, and no file of {path} is one that devenv knows");
        return language.map_or_else(|| Ok(Kind::Left(why())), |language| source(None, language, false));
    };
    if let Some(language) = known_images::language(&wanted.from) {
        return source(Some(wanted), language, false);
    }
    if let Some(preset) = known_images::preset(&wanted.from, &facts.catalogue.presets) {
        return Ok(Kind::Preset(preset, accounts::account(preset, node, facts)));
    }
    // What is built in one stage and copied into a smaller one is run where it is built.
    let builders = || stages.iter().filter(|stage| known_images::language(&stage.from).is_some());
    let builder = builders().find(|stage| !stage.cmd.is_empty()).or_else(|| builders().next_back());
    if let Some(builder) = builder {
        return source(Some(builder), known_images::language(&builder.from).unwrap_or_default(), true);
    }
    if known_images::is_proxy(&wanted.from)
        && let Some(kind) = proxy(facts, node, Some(wanted), &path)
    {
        return Ok(kind);
    }
    if let Some(starter) = &starter {
        return source(Some(wanted), starter.image, false);
    }
    let from = &wanted.from;
    Ok(Kind::Left(format!(
        "it is built from {from}, which devenv has no image for: make one in devenv/images/ and add a module for {path}"
    )))
}

/// Manifests of languages whose image is made of Debian's packages: the installation, and the command that it most likely is.
const MORE: [(&str, &str, &str, &str); 3] = [
    ("pom.xml", "java", "mvn -B -q dependency:go-offline", "mvn -B -q package && exec java -jar target/*.jar"),
    ("composer.json", "php", "composer install --no-interaction", "php -S 0.0.0.0:8000 -t ."),
    (
        "Gemfile",
        "ruby",
        "bundle config set --local path vendor/bundle && bundle install",
        "bundle exec rackup --host 0.0.0.0 --port 8000",
    ),
];

/// What the files of a folder say.
fn starter(facts: Facts<'_>, path: &str) -> Option<Starter> {
    let of_more = || {
        let (manifest, image, install, run) = MORE.iter().find(|(file, ..)| facts.tree.has(&joined(path, file)))?;
        let text = facts.tree.text(&joined(path, manifest)).unwrap_or_default();
        let run = if text.contains("spring-boot") { "mvn -B -q spring-boot:run" } else { run };
        let deps = Some((*manifest, (*install).to_owned()));
        Some(Starter { path: path.to_owned(), image, manifest, deps, run: Some(run.to_owned()), ..Starter::default() })
    };
    detect::folder("app", path, facts.tree).or_else(of_more)
}

/// The folder of source that is mounted into an image, and where.
fn mounted_source(facts: Facts<'_>, node: &Node) -> Option<(String, String)> {
    let workdir = node.get("working_dir").and_then(Node::scalar);
    let mounts = node.get("volumes").map(Node::items).unwrap_or_default().iter().filter_map(words::mount);
    let folders = mounts.filter_map(|mount| match &mount.source {
        MountSource::Path(path) => Some((joined(".", path), mount.target)),
        _ => None,
    });
    let mut folders = folders.filter(|(path, _)| facts.tree.is_folder(path));
    folders.find(|(_, target)| workdir.is_none_or(|workdir| workdir.starts_with(target.as_str())))
}

/// What a web server in front of others is: routes, or a folder that it serves.
fn proxy(facts: Facts<'_>, node: &Node, stage: Option<&Stage>, context: &str) -> Option<Kind> {
    let mounts = node.get("volumes").map(Node::items).unwrap_or_default().iter().filter_map(words::mount);
    let mut files: Vec<(String, String)> = mounts
        .filter_map(|Mount { source, target, .. }| match source {
            MountSource::Path(path) => Some((joined(".", &path), target)),
            _ => None,
        })
        .collect();
    let copies = stage.into_iter().flat_map(|stage| &stage.copies);
    files.extend(copies.map(|(from, to)| (joined(context, from), to.clone())));
    let variables: BTreeMap<String, String> = node
        .get("environment")
        .map(Node::entries)
        .unwrap_or_default()
        .iter()
        .filter_map(|entry| Some((entry.key.text.to_string(), entry.value.scalar()?.to_owned())))
        .collect();
    let texts = files.iter().flat_map(|(path, _)| {
        let below = facts.tree.below(path).filter_map(|(_, file)| file.text.as_deref());
        facts.tree.text(path).into_iter().chain(below)
    });
    let mut routes: Vec<nginx::Route> = Vec::new();
    for route in texts.flat_map(|text| nginx::routes(text, &variables)) {
        if !routes.iter().any(|(path, _, _)| *path == route.0) {
            routes.push(route);
        }
    }
    if !routes.is_empty() {
        return Some(Kind::Gateway(routes));
    }
    let site =
        files.iter().find(|(path, target)| target.ends_with("/html") && facts.tree.is_folder(path) && path != ".");
    site.map(|(path, _)| Kind::Site(path.clone()))
}
