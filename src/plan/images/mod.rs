//! The image hierarchy: which images there are, what each is made from, and its fingerprint, which is its tag.

pub mod builds;
pub mod dockerfile;
pub mod image_packages;
pub mod inputs;
pub mod lock;
pub mod package_list;
pub mod provenance;
#[cfg(test)]
pub(crate) mod samples;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::assets::Assets;
use crate::config::model::file::Image;
use crate::config::model::values::RelPath;
use crate::config::problems::Problems;
use crate::config::project::Project;
use crate::config::text::typed;
use crate::digest::{self, Fingerprint};
use crate::error::{Error, Kind};
use crate::names::ImageName;
use crate::plan::images::inputs::{short, summary};
use crate::plan::images::lock::Lock;

/// The image of the tool box.
pub const DEBUG: &str = "debug";

/// `images/NAME/image.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageFile {
    /// The image that this one is built from; `root` for the one at the top.
    #[serde(default)]
    pub parent: Option<ImageName>,
    /// What the image is for, in one line.
    #[serde(default)]
    pub about: String,
    /// Environment of the modules that run in it; `{dir}` stands for the module's folder.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// How dependencies are kept in this language.
    #[serde(default)]
    pub deps: DepsDefaults,
    /// Programs that people look for in it.
    #[serde(default)]
    pub programs: Vec<String>,
}

/// What a module's `deps` need not say because its image knows.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepsDefaults {
    /// Folders below the module's that hold what was installed.
    #[serde(default)]
    pub into: Vec<RelPath>,
    /// Folders of downloads.
    #[serde(default)]
    pub cache: Vec<String>,
    /// Shell command that runs before the module's own `install`.
    #[serde(default)]
    pub prepare: Option<String>,
}

/// An image with everything that it is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: ImageName,
    /// `None` for the image on the root.
    pub parent: Option<ImageName>,
    /// What it is for.
    pub about: String,
    /// The Dockerfile as it is sent, apart from what the host adds to each RUN.
    pub dockerfile: String,
    /// Instructions of the Dockerfile that take something from outside without a digest.
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
    /// Digest of all inputs.
    pub fingerprint: Fingerprint,
    /// Each input, with its digest: says which of them changed.
    pub inputs: BTreeMap<String, String>,
    /// `PROJECT/IMAGE:FINGERPRINT`.
    pub tag: String,
    /// The parent's tag.
    pub parent_tag: String,
}

impl Node {
    /// Name and fingerprint, which are the same in all projects.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}:{}", self.name, self.fingerprint)
    }
}

/// Why the images are no hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImagesError {
    /// `image.yaml` does not parse.
    #[error(transparent)]
    Description(Problems),
    /// A folder in `images/` is not a name.
    #[error("images/{0}: {1}")]
    FolderName(String, String),
    /// An image has neither a folder nor a parent.
    #[error("image `{0}` has no parent: name one with `parent:`, or add images/{0}/Dockerfile")]
    NoParent(ImageName),
    /// A parent is not defined.
    #[error("image `{image}` is built from `{parent}`, which is not defined")]
    UnknownParent {
        /// The image.
        image: ImageName,
        /// What it names.
        parent: ImageName,
    },
    /// Images are each other's parents.
    #[error("images are each other's parents: {0}")]
    Cycle(String),
    /// The Dockerfile does not begin as the hierarchy needs it.
    #[error("images/{0}/Dockerfile must begin with `ARG PARENT` and `FROM ${{PARENT}}`, so that its parent is known")]
    NotFromParent(ImageName),
}

impl From<ImagesError> for Error {
    fn from(error: ImagesError) -> Self {
        let made = match error {
            ImagesError::Description(problems) => Self::from(problems),
            error => Self::new(Kind::Usage, error),
        };
        made.hint("`devenv config files` lists which files are in force")
    }
}

/// All images of a project, parents before children.
#[derive(Debug, Clone, PartialEq)]
pub struct Hierarchy {
    nodes: Vec<Node>,
}

/// Built-in and project images with their parents, as `image.yaml` and the folders say.
pub fn described(assets: &Assets) -> Result<BTreeMap<ImageName, ImageFile>, ImagesError> {
    let folders: BTreeSet<&str> =
        assets.below("images").filter_map(|(path, _)| path.split_once('/').map(|(folder, _)| folder)).collect();
    let mut images = BTreeMap::new();
    for folder in folders {
        let name =
            ImageName::new(folder).map_err(|error| ImagesError::FolderName(folder.to_owned(), error.to_string()))?;
        let file = match assets.get(&format!("images/{folder}/image.yaml")) {
            Some(asset) => typed::read(&assets.place(&format!("images/{folder}/image.yaml")), asset.text())
                .map_err(ImagesError::Description)?,
            None => ImageFile::default(),
        };
        images.insert(name, file);
    }
    Ok(images)
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
        let (above, parent_tag) = match self.parent {
            Some(parent) => (inputs::PARENT, parent.tag.clone()),
            None => (inputs::LOCKED_ROOT, self.lock.root_tag(self.platform)),
        };
        // Without the project: images of the same inputs are the same in all projects.
        let parent = self.parent.map_or_else(|| parent_tag.clone(), |parent| parent.fingerprint.to_string());
        let digest = |text: &str| short(&digest::hex(text.as_bytes()));
        let mut inputs = BTreeMap::new();
        inputs.insert(format!("images/{}/Dockerfile", self.name), digest(&own));
        inputs.insert(above.to_owned(), parent);
        inputs.insert("platform".to_owned(), self.platform.to_owned());
        if !packages.is_empty() {
            inputs.insert(format!("images.{}.packages", self.name), digest(&packages));
        }
        if let Some(list) = self.lock.packages_of(self.platform, self.name.as_str()) {
            inputs.insert(inputs::LOCKED.to_owned(), list.digest().to_string());
        }
        for (name, value) in &self.ours.args {
            inputs.insert(format!("images.{}.args.{name}", self.name), digest(value));
        }
        for (path, asset) in context(self.assets, self.name) {
            let bit = if asset.executable { "x" } else { "-" };
            inputs.insert(format!("images/{}/{path}", self.name), format!("{bit}{}", short(&asset.digest)));
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
        Ok(Node {
            tag: format!("{project}/{}:{fingerprint}", self.name),
            name: self.name.clone(),
            parent: self.parent.map(|parent| parent.name.clone()),
            about: self.file.about,
            outside: dockerfile::unpinned(&own),
            dockerfile: own + &packages,
            args: self.ours.args,
            programs: self.file.programs,
            env,
            deps,
            language,
            fingerprint,
            inputs: summary(inputs),
            parent_tag,
        })
    }

    /// The image's own Dockerfile, or the shortest one.
    fn own_dockerfile(&self) -> Result<String, ImagesError> {
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

fn last_user(dockerfile: &str) -> Option<&str> {
    dockerfile.lines().rev().find_map(|line| line.trim().strip_prefix("USER ")).map(str::trim)
}

/// Scripts of the tool box are mounted, so that one that changes needs no build: its build does not see them.
pub const MOUNTED: &str = "scripts/";

/// The files of an image's folder that the build can see.
pub fn context<'a>(assets: &'a Assets, image: &ImageName) -> Vec<(&'a str, &'a crate::assets::Asset)> {
    let prefix = format!("images/{image}/");
    assets
        .all()
        .filter_map(|(path, asset)| Some((path.strip_prefix(&prefix)?, asset)))
        .filter(|(path, _)| !["Dockerfile", "image.yaml", ".dockerignore"].contains(path))
        .filter(|(path, _)| image.as_str() != DEBUG || !path.starts_with(MOUNTED))
        .collect()
}
