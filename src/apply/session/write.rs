//! Writes what is generated, and nothing that is the user's.

use std::collections::BTreeSet;
use std::path::Path;

use crate::apply::session::Session;
use crate::error::Result;
use crate::host::files::generated;
use crate::host::{checkout, files};
use crate::paths;
use crate::plan::identity::FolderOf;
use crate::render::{self, Access, Generated};

impl Session {
    /// Writes what is generated, and keeps the identity.
    pub fn write(&mut self) -> Result<()> {
        let (root, home) = (&self.checkout.root, &self.checkout.home);
        if self.identity.folder == FolderOf::Other {
            // Also those of services that are switched off now.
            generated::remove_folder(&paths::devenv(home), paths::SECRETS)?;
        }
        for folder in self.generated.iter().filter_map(|file| Path::new(&file.path).parent()).collect::<BTreeSet<_>>() {
            files::sweep(&paths::devenv(home).join(folder));
        }
        files::sweep(root);
        generated::write_generated(home, &self.generated)?;
        // Who could look into them could read what is not his.
        for folder in self.generated.iter().flat_map(closed_folders).collect::<BTreeSet<_>>() {
            files::make_folder(&paths::devenv(home).join(folder), Access::Private)?;
        }
        // Keys of names that the gateway has no more, and copies of fragments that are no longer named.
        for folder in [paths::CERTS, paths::FRAGMENTS] {
            generated::remove_forgotten(&paths::devenv(home), folder, &self.generated)?;
        }
        if let Some(bundle) = self.generated.iter().find(|file| file.path == render::certs::BUNDLE) {
            let path = paths::devenv(home).join(render::certs::TRUSTSTORE);
            files::write(&path, &render::truststore::jks(&bundle.text), Access::Public)?;
        }
        if !root.join(checkout::LOCK).exists() {
            files::write(&root.join(checkout::LOCK), self.lock.text().as_bytes(), Access::Public)?;
        }
        match self.table.take() {
            Some(table) => table.save(),
            None => Ok(()),
        }
    }
}

/// The folders below `.devenv` that are for the owner alone, because of this file in them.
fn closed_folders(file: &Generated) -> impl Iterator<Item = &Path> {
    let above = match file.access {
        Access::Private => 1,
        Access::Mounted => 2,
        Access::Public | Access::Program => usize::MAX,
    };
    Path::new(&file.path).ancestors().skip(above).filter(|folder| *folder != Path::new(""))
}
