//! Images become present: the root, a build, a pull.

use std::collections::HashMap;

use crate::apply::observe::shared_name;
use crate::assets::Assets;
use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::engine::builds::{Build, Progress};
use crate::host::engine::images::name_and_tag;
use crate::host::{contexts, roots, state};
use crate::labels;
use crate::plan::images::{Node, context};
use crate::plan::inventory::{self, Inventory};
use crate::plan::lock::Root;
use crate::plan::wiring::CA_VARIABLES;
use crate::render::dockerfile::with_host_certificates;

/// What every build needs to know.
#[derive(Clone, Copy)]
pub struct Builder<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The files in force.
    pub assets: &'a Assets,
    /// Name of the product.
    pub project: &'a str,
    /// Id of the checkout, which owns what a build needs for a moment.
    pub checkout: &'a str,
    /// Platform to build for.
    pub platform: &'a str,
    /// The machine's CA bundle, where it has certificates of its own.
    pub ca_bundle: Option<&'a [u8]>,
    /// Proxy settings.
    pub proxy: &'a std::collections::BTreeMap<String, String>,
}

impl Builder<'_> {
    /// Gets the image below `base`.
    pub async fn root(&self, root: &Root, mut tell: impl FnMut(&str)) -> Result<()> {
        let tag = root.tag(self.platform);
        match root {
            Root::Registry { from, digest } => {
                let (name, _) = name_and_tag(from);
                let reference = format!("{name}@{digest}");
                self.engine.pull(&reference, tell).await?;
                let (repository, version) = name_and_tag(&tag);
                self.engine.tag(&reference, repository, version).await
            }
            Root::Packages { suite, .. } => {
                let tar = roots::make(suite, root.epoch().unwrap_or_default(), &mut tell).await?;
                tell("importing");
                self.engine.import(&tag, tar.into()).await
            }
        }
    }

    /// Builds an image of the hierarchy.
    pub async fn build(&self, node: &Node, cache: bool, mut tell: impl FnMut(Progress)) -> Result<()> {
        let dockerfile = match self.ca_bundle {
            Some(_) => with_host_certificates(&node.dockerfile, CA_VARIABLES),
            None => node.dockerfile.clone(),
        };
        let context = contexts::pack(&dockerfile, &context(self.assets, &node.name), self.ca_bundle)?;
        let mut args: HashMap<String, String> = node.args.clone().into_iter().collect();
        args.insert("PARENT".to_owned(), node.parent_tag.clone());
        args.extend(self.proxy.clone());
        let inputs = serde_json::to_string(&node.inputs).unwrap_or_default();
        let labels = HashMap::from([
            (labels::IMAGE.to_owned(), node.name.to_string()),
            (labels::IMAGE_PROJECT.to_owned(), self.project.to_owned()),
            (labels::IMAGE_FINGERPRINT.to_owned(), node.fingerprint.to_string()),
            (labels::IMAGE_INPUTS.to_owned(), inputs),
        ]);
        let mut build = Build {
            name: format!("{}/{}", self.project, node.name),
            tag: None,
            args,
            labels,
            platform: self.platform.to_owned(),
            context: context.into(),
            session: session()?,
            cache,
        };
        // Two builds of one content become one image: the one that is only read and removed must be nobody else's.
        build.labels.insert(labels::ONE_OFF.to_owned(), build.session.clone());
        let image = self.engine.build(&build, &mut tell).await?;
        tell(Progress::Step("reading its packages".to_owned()));
        let inventory = self.inventory(node, &image).await;
        self.engine.remove_image(&image).await?;
        let inventory = inventory?;
        build.labels.remove(labels::ONE_OFF);
        build.labels.insert(labels::IMAGE_PACKAGES.to_owned(), inventory.digest().to_string());
        build.labels.insert(labels::IMAGE_PACKAGE_LIST.to_owned(), inventory.label());
        // The same build again: the engine takes its newest results, which are those of a moment ago. Labels cannot be
        // added to an image that is there.
        let named = Build { tag: Some(node.tag.clone()), cache: true, session: session()?, ..build };
        self.engine.build(&named, |_| {}).await.map(drop)
    }

    /// The packages of an image, read from its files.
    async fn inventory(&self, node: &Node, image: &str) -> Result<Inventory> {
        let name = format!("{}-{}-packages-{}", self.project, node.name, state::random(3)?);
        let container = self.engine.create_idle(image, &name, self.checkout, None).await?;
        let status = self.engine.read_file(&container, inventory::DPKG_STATUS).await;
        self.engine.remove_one_off(&container).await?;
        Ok(Inventory::of_dpkg(&String::from_utf8_lossy(&status?.unwrap_or_default())))
    }

    /// Gets an image of the hierarchy from the team's registry.
    pub async fn pull(&self, node: &Node, registry: &str, tell: impl FnMut(&str)) -> Result<()> {
        let shared = shared_name(registry, node);
        self.engine.pull(&shared, tell).await?;
        let (repository, tag) = name_and_tag(&node.tag);
        self.engine.tag(&shared, repository, tag).await
    }
}

fn session() -> Result<String> {
    Ok(format!("devenv-{}", state::random(8)?))
}
