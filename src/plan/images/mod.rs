//! The image hierarchy: which images there are, what each is made from, and its fingerprint, which is its tag.

pub mod builds;
pub mod contents;
pub mod description;
pub mod difference;
pub mod dockerfile;
pub mod errors;
pub mod image_packages;
pub mod inputs;
pub mod lock;
pub mod own_dockerfile;
pub mod package_list;
pub mod provenance;
#[cfg(test)]
pub(crate) mod samples;
pub mod sbom;

use std::collections::{BTreeMap, BTreeSet};

use crate::assets::Assets;
use crate::config::model::file::Image;
use crate::config::model::values::RelPath;
use crate::config::project::Project;
use crate::digest::{self, Fingerprint};
use crate::names::ImageName;
use crate::plan::images::description::{DepsDefaults, ImageFile, ReleaseDefaults};
use crate::plan::images::errors::ImagesError;
use crate::plan::images::inputs::{short, summary};
use crate::plan::images::lock::Lock;

/// The image of the tool box.
pub const DEBUG: &str = "debug";

/// An image with everything that it is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: ImageName,
    /// `None` for the image on the root, and for one whose own Dockerfile says what it is built from.
    pub parent: Option<ImageName>,
    /// The Dockerfile of the team's own that it is built by.
    pub own: Option<OwnDockerfile>,
    /// What it is for.
    pub about: String,
    /// The Dockerfile as it is sent, apart from what the host adds to each RUN.
    pub dockerfile: String,
    /// Instructions of the Dockerfile that use external content without a digest.
    pub outside: Vec<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Programs that people look for in it.
    pub programs: Vec<String>,
    /// Environment of modules, with that of its ancestors.
    pub env: BTreeMap<String, String>,
    /// Dependency defaults, of itself or the nearest ancestor that has some.
    pub deps: DepsDefaults,
    /// The image that those defaults are of: modules of one language share their downloads.
    pub language: ImageName,
    /// Release defaults, of itself or the nearest ancestor that has some.
    pub release: ReleaseDefaults,
    /// Digest of all inputs.
    pub fingerprint: Fingerprint,
    /// Each input, with its digest: says which of them changed.
    pub inputs: BTreeMap<String, String>,
    /// `PROJECT/IMAGE:FINGERPRINT`.
    pub tag: String,
    /// The parent's tag; empty where its own Dockerfile says what it is built from.
    pub parent_tag: String,
    /// Whether it stands on an image that is not of the hierarchy, itself or by one of its ancestors.
    pub apart: bool,
}

/// The team's own Dockerfile of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDockerfile {
    /// Its path in the checkout.
    pub path: String,
    /// The stage that is built; the last one where none is named.
    pub target: Option<String>,
}

impl Node {
    /// Name and fingerprint, which are the same in all projects.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}:{}", self.name, self.fingerprint)
    }

    /// Whether it is the image on the root.
    #[must_use]
    pub fn is_on_root(&self) -> bool {
        self.parent.is_none() && self.own.is_none()
    }

    /// The path of its Dockerfile: of one of the team's own in the checkout, of the others among the files in force.
    #[must_use]
    pub fn dockerfile_path(&self) -> String {
        self.own.as_ref().map_or_else(|| format!("images/{}/Dockerfile", self.name), |own| own.path.clone())
    }
}

/// All images of a project, parents before children.
#[derive(Debug, Clone, PartialEq)]
pub struct Hierarchy {
    nodes: Vec<Node>,
}

impl Hierarchy {
    /// Decides every image of the project for `platform`, such as `linux/amd64`, from those that are `described`.
    pub fn new(
        project: &Project,
        assets: &Assets,
        described: &BTreeMap<ImageName, ImageFile>,
        lock: &Lock,
        platform: &str,
    ) -> Result<Self, ImagesError> {
        let names: BTreeSet<&ImageName> = described.keys().chain(project.file.images.keys()).collect();
        let mut nodes: BTreeMap<ImageName, Node> = BTreeMap::new();
        let mut order = Vec::new();
        for name in names {
            let mut chain = Vec::new();
            let mut next = Some(name.clone());
            while let Some(name) = next.filter(|name| !nodes.contains_key(name)) {
                if let Some(start) = chain.iter().position(|earlier| *earlier == name) {
                    let cycle = chain[start..].iter().chain([&name]).map(ImageName::as_str);
                    return Err(ImagesError::Cycle(cycle.collect::<Vec<_>>().join(" → ")));
                }
                next = parent_of(&name, project, described)?;
                chain.push(name);
            }
            for name in chain.into_iter().rev() {
                let parent = parent_of(&name, project, described)?;
                let parent_node =
                    match &parent {
                        Some(parent) => Some(nodes.get(parent).ok_or_else(|| ImagesError::UnknownParent {
                            image: name.clone(),
                            parent: parent.clone(),
                        })?),
                        None => None,
                    };
                let file = described.get(&name).cloned().unwrap_or_default();
                let ours = project.file.images.get(&name).cloned().unwrap_or_default();
                let recipe = Recipe { name: &name, file, ours, parent: parent_node, assets, lock, platform };
                let node = recipe.node(project.file.project.as_str())?;
                order.push(name.clone());
                nodes.insert(name, node);
            }
        }
        Ok(Self { nodes: order.into_iter().filter_map(|name| nodes.remove(&name)).collect() })
    }

    /// The image called `name`.
    #[must_use]
    pub fn get(&self, name: &ImageName) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
    }

    /// All images, parents before children.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The images that `wanted` need: themselves and their ancestors, parents before children.
    #[must_use]
    pub fn needed<'a>(&'a self, wanted: &BTreeSet<ImageName>) -> Vec<&'a Node> {
        let mut needed = wanted.clone();
        for node in self.nodes.iter().rev() {
            if let Some(parent) = node.parent.as_ref().filter(|_| needed.contains(&node.name)) {
                needed.insert(parent.clone());
            }
        }
        self.nodes.iter().filter(|node| needed.contains(&node.name)).collect()
    }

    /// The images on the way from `name` up to the root, `name` first.
    #[must_use]
    pub fn ancestry(&self, name: &ImageName) -> Vec<&Node> {
        let mut way = Vec::new();
        let mut next = self.get(name);
        while let Some(node) = next {
            way.push(node);
            next = node.parent.as_ref().and_then(|parent| self.get(parent));
        }
        way
    }
}

/// The parent that the configuration names, else the image's own description; `None` for the image on the root.
fn parent_of(
    name: &ImageName,
    project: &Project,
    described: &BTreeMap<ImageName, ImageFile>,
) -> Result<Option<ImageName>, ImagesError> {
    let configured = project.file.images.get(name).and_then(|image| image.parent.clone());
    let own = described.get(name).and_then(|file| file.parent.clone());
    match configured.or(own) {
        Some(parent) if parent.as_str() == "root" => Ok(None),
        Some(parent) => Ok(Some(parent)),
        None if project.file.images.get(name).is_some_and(|image| image.own_build().is_some()) => Ok(None),
        None => Err(ImagesError::NoParent(name.clone())),
    }
}

/// Everything that one image is decided from.
struct Recipe<'a> {
    name: &'a ImageName,
    file: ImageFile,
    ours: Image,
    parent: Option<&'a Node>,
    assets: &'a Assets,
    lock: &'a Lock,
    platform: &'a str,
}

impl Recipe<'_> {
    fn node(self, project: &str) -> Result<Node, ImagesError> {
        let own = self.own_dockerfile()?;
        let packages = self.packages(&own);
        let build = self.assets.own(self.name.as_str());
        let (above, parent_tag) = match (self.parent, build) {
            (Some(parent), _) => (inputs::PARENT, parent.tag.clone()),
            (None, Some(_)) => (inputs::PARENT, String::new()),
            (None, None) => (inputs::LOCKED_ROOT, self.lock.root_tag(self.platform)),
        };
        // Without the project: images of the same inputs are the same in all projects.
        let parent = self.parent.map_or_else(|| parent_tag.clone(), |parent| parent.fingerprint.to_string());
        let mut inputs = self.files(&own);
        if !parent.is_empty() {
            inputs.insert(above.to_owned(), parent);
        }
        inputs.insert("platform".to_owned(), self.platform.to_owned());
        if !packages.is_empty() {
            inputs.insert(format!("images.{}.packages", self.name), digest(&packages));
        }
        if let (Some(list), None) = (self.lock.packages_of(self.platform, self.name.as_str()), build) {
            inputs.insert(inputs::LOCKED.to_owned(), list.digest().to_string());
        }
        for (name, value) in &self.ours.args {
            inputs.insert(format!("images.{}.args.{name}", self.name), digest(value));
        }
        if let (Some(target), Some(_)) = (&self.ours.target, build) {
            inputs.insert(format!("images.{}.target", self.name), digest(target));
        }
        let lines: String = inputs.iter().map(|(input, digest)| format!("{input}\0{digest}\n")).collect();
        let fingerprint = Fingerprint::of(&lines);
        let mut env = self.parent.map(|parent| parent.env.clone()).unwrap_or_default();
        env.extend(self.file.env);
        let own_deps = Some(self.file.deps).filter(|deps| *deps != DepsDefaults::default());
        let (deps, language) = match (own_deps, self.parent) {
            (None, Some(parent)) => (parent.deps.clone(), parent.language.clone()),
            (own, _) => (own.unwrap_or_default(), self.name.clone()),
        };
        let apart = (build.is_some() && self.parent.is_none()) || self.parent.is_some_and(|parent| parent.apart);
        let own_release = Some(self.file.release).filter(|release| *release != ReleaseDefaults::default());
        let release = own_release.or_else(|| self.parent.map(|parent| parent.release.clone())).unwrap_or_default();
        let release = match (build, self.parent) {
            (Some(_), None) => ReleaseDefaults { artifacts: vec![RelPath::default()], ..release },
            _ => release,
        };
        Ok(Node {
            tag: format!("{project}/{}:{fingerprint}", self.name),
            name: self.name.clone(),
            parent: self.parent.map(|parent| parent.name.clone()),
            about: build.map_or(self.file.about, |build| format!("built by {}", build.dockerfile)),
            own: build.map(|build| OwnDockerfile { path: build.dockerfile.clone(), target: self.ours.target }),
            apart,
            outside: dockerfile::unpinned(&own),
            dockerfile: own + &packages,
            args: self.ours.args,
            programs: self.file.programs,
            env,
            deps,
            release,
            language,
            fingerprint,
            inputs: summary(inputs),
            parent_tag,
        })
    }

    /// The digests of its Dockerfile and of the files that it may take, by their places.
    fn files(&self, dockerfile: &str) -> BTreeMap<String, String> {
        let build = self.assets.own(self.name.as_str());
        let of_hierarchy = |path: &str| format!("images/{}/{path}", self.name);
        let place = |path: &str| build.map_or_else(|| of_hierarchy(path), |build| build.place(path));
        let files = context(self.assets, self.name).into_iter().map(|(path, asset)| {
            let bit = if asset.executable { "x" } else { "-" };
            (place(path), format!("{bit}{}", short(&asset.digest)))
        });
        let path = build.map_or_else(|| of_hierarchy("Dockerfile"), |build| build.dockerfile.clone());
        files.chain([(path, digest(dockerfile))]).collect()
    }

    /// The image's own Dockerfile, or the shortest one.
    fn own_dockerfile(&self) -> Result<String, ImagesError> {
        if let Some(build) = self.assets.own(self.name.as_str()) {
            return Ok(build.text.clone());
        }
        let own = self.assets.get(&format!("images/{}/Dockerfile", self.name));
        let mut text = own.map_or("ARG PARENT\nFROM ${PARENT}\n", |asset| asset.text()).to_owned();
        let mut instructions = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        if instructions.next() != Some("ARG PARENT") || instructions.next() != Some("FROM ${PARENT}") {
            return Err(ImagesError::NotFromParent(self.name.clone()));
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    }

    /// The end of the Dockerfile, which adds the configured packages.
    fn packages(&self, own: &str) -> String {
        if self.ours.packages.is_empty() {
            return String::new();
        }
        let user = last_user(own).unwrap_or("app");
        format!("USER root\nRUN devenv-apt-install {}\nUSER {user}\n", self.ours.packages.join(" "))
    }
}

fn digest(text: &str) -> String {
    short(&digest::hex(text.as_bytes()))
}

fn last_user(dockerfile: &str) -> Option<&str> {
    dockerfile.lines().rev().find_map(|line| line.trim().strip_prefix("USER ")).map(str::trim)
}

/// Scripts of the tool box are mounted, so that one that changes needs no build: its build does not see them.
pub const MOUNTED: &str = "scripts/";

/// The files of an image's folder that the build can see.
pub fn context<'a>(assets: &'a Assets, image: &ImageName) -> Vec<(&'a str, &'a crate::assets::Asset)> {
    if let Some(own) = assets.own(image.as_str()) {
        return own.files.iter().map(|(path, asset)| (path.as_str(), asset)).collect();
    }
    let prefix = format!("images/{image}/");
    assets
        .all()
        .filter_map(|(path, asset)| Some((path.strip_prefix(&prefix)?, asset)))
        .filter(|(path, _)| !["Dockerfile", "image.yaml", ".dockerignore"].contains(path))
        .filter(|(path, _)| image.as_str() != DEBUG || !path.starts_with(MOUNTED))
        .collect()
}
