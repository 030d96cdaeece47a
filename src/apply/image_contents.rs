//! What lies in an image: a container is made of it, never started, read and removed.

use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::random;
use crate::plan::images::contents::{Files, SystemPackages};
use crate::plan::images::image_packages::{self, Inventory};
use crate::plan::images::package_list;

/// Who reads.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The project.
    pub project: &'a str,
    /// The id of the checkout.
    pub id: &'a str,
}

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The packages.
    Packages,
    /// All files too.
    Files,
}

impl Reader<'_> {
    /// The operating system's packages of an image.
    pub async fn packages(&self, image: &str) -> Result<SystemPackages> {
        Ok(self.read(image, Depth::Packages).await?.0)
    }

    /// Packages and files of an image.
    pub async fn read(&self, image: &str, depth: Depth) -> Result<(SystemPackages, Files)> {
        let name = format!("{}-contents-{}", self.project, random::text(6)?);
        let container = self.engine.create_idle(image, &name, self.id, None).await?;
        let read = self.of_container(&container, depth).await;
        self.engine.remove_one_off(&container).await?;
        read
    }

    async fn of_container(&self, container: &str, depth: Depth) -> Result<(SystemPackages, Files)> {
        let status = self.text(container, image_packages::DPKG_STATUS).await?;
        let record = self.text(container, package_list::RECORD).await?;
        let files = match depth {
            Depth::Packages => Files::new(),
            Depth::Files => self.engine.files(container).await?,
        };
        Ok((SystemPackages { inventory: Inventory::of_dpkg(&status), record }, files))
    }

    async fn text(&self, container: &str, path: &str) -> Result<String> {
        let bytes = self.engine.read_file(container, path).await?;
        Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
    }
}
