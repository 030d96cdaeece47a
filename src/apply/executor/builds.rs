//! Images become present: the root, a build, a pull; and what they hold is compared with the lock.

use std::collections::{BTreeMap, HashMap};

use tokio::sync::Mutex;

use crate::apply::executor::failure::StepError;
use crate::apply::image_contents::Reader;
use crate::apply::session::checkout::Checkout;
use crate::apply::session::observe::{shared_name, shared_release};
use crate::error::{Error, Kind, Result};
use crate::host::archive::build_context;
use crate::host::engine::Engine;
use crate::host::engine::builds::{Build, Progress};
use crate::host::engine::images::name_and_tag;
use crate::host::random;
use crate::host::root_image;
use crate::labels;
use crate::names::ImageName;
use crate::plan::environment::variables::CA_VARIABLES;
use crate::plan::images::contents::SystemPackages;
use crate::plan::images::dockerfile;
use crate::plan::images::image_packages::Inventory;
use crate::plan::images::lock::{Lock, ROOT, Root};
use crate::plan::images::package_list::{self, PackageChange, PackageList};
use crate::plan::images::provenance;
use crate::plan::images::{Hierarchy, Node, context};
use crate::plan::release::recipe::Recipe;
use crate::render::apt;
use crate::render::dockerfile::{HostFiles, MOUNT, with_host};

/// The name of the machine's CA bundle in the folder that each RUN sees.
pub(super) const CA_BUNDLE: &str = "ca-certificates.crt";

/// In the same folder: the digests of the context, for a RUN whose result the engine would take for that of another one.
const CONTEXT: &str = "context";

/// The Dockerfile of an image of the hierarchy in what is sent.
const DOCKERFILE: &str = "Dockerfile";

/// Packages that an error names.
const SHOWN: usize = 20;

/// Whether a build may move the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moving {
    /// It lists what the build got.
    Allowed,
    /// A build that gets other packages fails (`--locked`).
    Refused,
}

/// What every build needs to know.
pub struct Builder<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The files and the configuration.
    pub checkout: &'a Checkout,
    /// Id of the checkout, which owns what a build needs for a moment.
    pub id: &'a str,
    /// Platform to build for.
    pub platform: &'a str,
    /// The lock.
    pub lock: &'a Lock,
    /// Whether the lock may move.
    pub moving: Moving,
    /// Lists of packages that differ from those of the lock, by image; they are to be written to it.
    pub moved: Mutex<BTreeMap<String, PackageList>>,
    /// The machine's CA bundle, where it has certificates of its own.
    pub ca_bundle: Option<&'a [u8]>,
    /// Proxy settings.
    pub proxy: &'a BTreeMap<String, String>,
}

impl Builder<'_> {
    /// Gets the image below `base`.
    pub(crate) async fn root(&self, mut tell: impl FnMut(&str)) -> Result<(), StepError> {
        match &self.lock.root {
            Root::Registry { from, digest, .. } => {
                let (name, _) = name_and_tag(from);
                let reference = format!("{name}@{digest}");
                self.engine.pull(&reference, tell).await?;
                let tag = self.lock.root_tag(self.platform);
                let (repository, version) = name_and_tag(&tag);
                Ok(self.engine.tag(&reference, repository, version).await?)
            }
            Root::Packages { suite, .. } => {
                self.check_listed(ROOT)?;
                let locked = self.lock.packages_of(self.platform, ROOT);
                let order = root_image::Order {
                    suite,
                    epoch: self.lock.root.epoch().unwrap_or_default(),
                    sources: &apt::sources_of_root(&self.lock.root, &self.checkout.project.file.snapshot),
                    preferences: locked.map(PackageList::preferences),
                };
                let tar = root_image::make(&order, &mut tell).await?;
                let list = PackageList::of_record(&root_image::file(&tar, package_list::RECORD)?);
                let differs = locked != Some(&list);
                let lock = self.with(ROOT, &list)?;
                tell("importing");
                self.engine.import(&lock.root_tag(self.platform), tar.into()).await?;
                if differs { self.keep(ROOT, list).await } else { Ok(()) }
            }
        }
    }

    /// Builds an image of the hierarchy.
    pub(crate) async fn build(
        &self,
        node: &Node,
        cache: bool,
        mut tell: impl FnMut(Progress),
    ) -> Result<(), StepError> {
        if let Some(own) = &node.own {
            return self.build_own(node, own, cache, tell).await;
        }
        self.check_listed(node.name.as_str())?;
        let mut build = self.call(node, cache)?;
        // Two builds of one content become one image: the one that is only read and removed must be nobody else's.
        build.labels.insert(labels::ONE_OFF.to_owned(), build.session.clone());
        let image = self.engine.build(&build, &mut tell).await?;
        tell(Progress::Step("reading its packages".to_owned()));
        let found = self.packages(node, &image).await;
        self.engine.remove_image(&image).await?;
        let (inventory, list) = found?;
        let moved = self.lock.packages_of(self.platform, node.name.as_str()) != Some(&list);
        let named = if moved { self.node(&node.name, &self.with(node.name.as_str(), &list)?)? } else { node.clone() };
        build.labels = self.labels(&named);
        build.labels.insert(labels::IMAGE_PACKAGES.to_owned(), inventory.digest().to_string());
        build.labels.insert(labels::IMAGE_PACKAGE_LIST.to_owned(), inventory.label());
        // The same build again: the engine takes its newest results, which are those of a moment ago. Labels cannot be
        // added to an image that is there.
        let named = Build { tag: Some(named.tag), cache: true, session: session()?, ..build };
        self.engine.build(&named, |_| {}).await?;
        if moved { self.keep(node.name.as_str(), list).await } else { Ok(()) }
    }

    /// What is sent to the engine.
    fn call(&self, node: &Node, cache: bool) -> Result<Build> {
        let locked = self.lock.packages_of(self.platform, node.name.as_str());
        let told = apt::files(&self.lock.root, &self.checkout.project.file.snapshot, locked);
        let mut files: Vec<(&str, &[u8])> = told.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        let context = context(&self.checkout.assets, &node.name);
        let all: String =
            context.iter().map(|(path, asset)| format!("{path} {} {}\n", asset.executable, asset.digest)).collect();
        if dockerfile::mounts_context(&node.dockerfile) {
            files.push((CONTEXT, all.as_bytes()));
        }
        let mut variables = vec![("APT_CONFIG", format!("{MOUNT}/{}", apt::CONFIGURATION))];
        variables.extend(self.lock.root.epoch().map(|epoch| ("SOURCE_DATE_EPOCH", epoch.to_string())));
        if let Some(bundle) = self.ca_bundle {
            files.push((CA_BUNDLE, bundle));
            variables.extend(ca_variables());
        }
        let sent = with_host(&node.dockerfile, HostFiles::Context, &variables);
        let context = build_context::pack((DOCKERFILE, &sent), &context, &files)?;
        Ok(Build {
            name: format!("{}/{}", self.checkout.project.file.project, node.name),
            tag: None,
            args: self.args(node),
            labels: self.labels(node),
            dockerfile: DOCKERFILE.to_owned(),
            target: None,
            platform: self.platform.to_owned(),
            context: context.into(),
            session: session()?,
            cache,
        })
    }

    /// The arguments of a build.
    pub(super) fn args(&self, node: &Node) -> HashMap<String, String> {
        let parent = (!node.parent_tag.is_empty()).then(|| ("PARENT".to_owned(), node.parent_tag.clone()));
        node.args.clone().into_iter().chain(parent).chain(self.proxy.clone()).collect()
    }

    pub(super) fn labels(&self, node: &Node) -> HashMap<String, String> {
        let inputs = serde_json::to_string(&node.inputs).unwrap_or_default();
        HashMap::from([
            (labels::IMAGE.to_owned(), node.name.to_string()),
            (labels::IMAGE_PROJECT.to_owned(), self.checkout.project.file.project.to_string()),
            (labels::IMAGE_FINGERPRINT.to_owned(), node.fingerprint.to_string()),
            (labels::IMAGE_INPUTS.to_owned(), inputs),
        ])
    }

    /// The lock, with this list of an image's packages.
    fn with(&self, image: &str, list: &PackageList) -> Result<Lock> {
        let locked = self.lock.packages_of(self.platform, image);
        if locked != Some(list) && self.moving == Moving::Refused {
            let changes = list.changes(locked.unwrap_or(&PackageList::default()));
            return Err(refused(image, &changes));
        }
        let mut lock = self.lock.clone();
        lock.list(self.platform, image, list.clone());
        Ok(lock)
    }

    /// An image as another lock has it.
    fn node(&self, name: &ImageName, lock: &Lock) -> Result<Node> {
        let Checkout { project, assets, catalogue, .. } = self.checkout;
        let images = Hierarchy::new(project, assets, &catalogue.images, lock, self.platform)?;
        let node = images.get(name).cloned();
        node.ok_or_else(|| Error::message(Kind::Bug, format!("the image {name} is not in the hierarchy")))
    }

    /// Keeps a list for the lock, and ends the step in the way that makes everything decided again.
    async fn keep(&self, image: &str, list: PackageList) -> Result<(), StepError> {
        self.moved.lock().await.insert(image.to_owned(), list);
        Err(StepError::LockMoved)
    }

    /// Ends a build that the lock cannot allow before it begins.
    fn check_listed(&self, image: &str) -> Result<()> {
        match self.lock.packages_of(self.platform, image) {
            None if self.moving == Moving::Refused => Err(refused(image, &[])),
            _ => Ok(()),
        }
    }

    /// All packages of an image, and the list of those that it adds to its parent.
    async fn packages(&self, node: &Node, image: &str) -> Result<(Inventory, PackageList)> {
        let project = self.checkout.project.file.project.as_str();
        let reader = Reader { engine: self.engine, project, id: self.id };
        let SystemPackages { inventory, record } = reader.packages(image).await?;
        let known = self.engine.packages(&node.parent_tag).await?;
        let parent = match known.list.as_str() {
            "" => reader.packages(&node.parent_tag).await?.inventory,
            list => Inventory::of_label(list),
        };
        let list = PackageList::added(&parent, &inventory, &record);
        Ok((inventory, list))
    }

    /// Gives an image that another project has built the name of this project's, if it stands on this one's parent.
    /// Returns whether it does.
    pub async fn reuse(&self, node: &Node, id: &str) -> Result<bool> {
        let (parent, image) = tokio::try_join!(self.engine.layers(&node.parent_tag), self.engine.layers(id))?;
        let stands = matches!((parent, image), (Some(parent), Some(image)) if provenance::stands_on(&image, &parent));
        if stands {
            let (repository, tag) = name_and_tag(&node.tag);
            self.engine.tag(id, repository, tag).await?;
        }
        Ok(stands)
    }

    /// Gets an image of the hierarchy from the team's registry.
    pub async fn pull(&self, node: &Node, registry: &str, tell: impl FnMut(&str)) -> Result<()> {
        self.pull_as(&shared_name(registry, node), &node.tag, tell).await
    }

    /// Gets a released image from the team's registry, by the digest that was found there.
    pub async fn pull_released(
        &self,
        recipe: &Recipe,
        registry: &str,
        digest: &str,
        tell: impl FnMut(&str),
    ) -> Result<()> {
        let shared = shared_release(registry, recipe);
        self.pull_as(&format!("{}@{digest}", name_and_tag(&shared).0), &recipe.reference, tell).await
    }

    async fn pull_as(&self, shared: &str, here: &str, tell: impl FnMut(&str)) -> Result<()> {
        self.engine.pull(shared, tell).await?;
        let (repository, tag) = name_and_tag(here);
        self.engine.tag(shared, repository, tag).await
    }
}

/// The error of a build that the lock does not allow: it lists no packages of the image, or others.
fn refused(image: &str, changes: &[PackageChange]) -> Error {
    let message = match changes {
        [] => format!("devenv.lock does not list the packages of `{image}` for this platform"),
        changes => {
            let lines = changes.iter().take(SHOWN).map(|change| format!("\n    {change}")).collect::<String>();
            let more = changes.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!("\n    and {more} more") } else { String::new() };
            format!("`{image}` gets other packages than devenv.lock lists:{lines}{more}")
        }
    };
    Error::message(Kind::Failed, format!("--locked forbids changing devenv.lock: {message}"))
        .hint("run the same command without --locked, review the change of devenv.lock, and commit it")
        .hint("`snapshot:` in devenv.yaml names an archive that keeps the packages of the lock's day")
}

/// Variables by which a RUN finds the machine's CA bundle in the folder that it sees.
pub(super) fn ca_variables() -> Vec<(&'static str, String)> {
    CA_VARIABLES.iter().map(|variable| (*variable, format!("{MOUNT}/{CA_BUNDLE}"))).collect()
}

pub(super) fn session() -> Result<String> {
    Ok(format!("devenv-{}", random::text(8)?))
}
