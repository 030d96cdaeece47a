//! An image becomes present that a Dockerfile of the team's own builds: its context is sent as it is, and the lock lists no
//! packages of it.

use crate::apply::executor::builds::{Builder, CA_BUNDLE, ca_variables, session};
use crate::apply::executor::failure::StepError;
use crate::assets::OwnBuild;
use crate::digest::Fingerprint;
use crate::error::Result;
use crate::host::archive::build_context;
use crate::host::engine::builds::{Build, Progress};
use crate::plan::images::{Node, OwnDockerfile, context};
use crate::render::dockerfile::{HostFiles, with_host};

/// A Dockerfile that is not in its context, in what is sent.
const OUTSIDE: &str = ".devenv.Dockerfile";

/// Images that hold the machine's certificates, by the fingerprint of those.
const HOST_IMAGE: &str = "devenv/host";

impl Builder<'_> {
    /// Builds an image by a Dockerfile of the team's own.
    pub(super) async fn build_own(
        &self,
        node: &Node,
        own: &OwnDockerfile,
        cache: bool,
        mut tell: impl FnMut(Progress),
    ) -> Result<(), StepError> {
        let build = self.own_call(node, own, cache).await?;
        self.engine.build(&build, &mut tell).await?;
        Ok(())
    }

    /// What is sent to the engine.
    async fn own_call(&self, node: &Node, own: &OwnDockerfile, cache: bool) -> Result<Build> {
        let assets = &self.checkout.assets;
        let at = assets.own(node.name.as_str()).and_then(OwnBuild::within).unwrap_or(OUTSIDE);
        let sent = match self.ca_bundle {
            Some(bundle) => {
                let image = self.host_image(bundle).await?;
                with_host(&node.dockerfile, HostFiles::Image(&image), &ca_variables())
            }
            None => node.dockerfile.clone(),
        };
        let context = build_context::pack((at, &sent), &context(assets, &node.name), &[])?;
        Ok(Build {
            name: format!("{}/{}", self.checkout.project.file.project, node.name),
            tag: Some(node.tag.clone()),
            args: self.args(node),
            labels: self.labels(node),
            dockerfile: at.to_owned(),
            target: own.target.clone(),
            platform: self.platform.to_owned(),
            context: context.into(),
            session: session()?,
            cache,
        })
    }

    /// An image with the machine's certificates, which each RUN mounts: nothing of them is in the context.
    async fn host_image(&self, bundle: &[u8]) -> Result<String> {
        let tag = format!("{}:{}", HOST_IMAGE, Fingerprint::of(&String::from_utf8_lossy(bundle)));
        if self.engine.layers(&tag).await?.is_none() {
            self.engine.import(&tag, build_context::single(CA_BUNDLE, bundle)?.into()).await?;
        }
        Ok(tag)
    }
}
