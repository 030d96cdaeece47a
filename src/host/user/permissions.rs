//! What a user has confirmed of checkouts' permissions, and the key that marks what devenv keeps for itself: one file in
//! the XDG state directory, where no checkout and no container writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::host::ignore::rules;
use crate::host::random;
use crate::host::user::checkout_table;
use crate::render::Access;

/// The file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// A random text: who knows it is this user.
    #[serde(default)]
    pub key: String,
    /// By the path of a checkout, the digest of what was confirmed last.
    #[serde(default)]
    confirmed: BTreeMap<String, String>,
}

impl Kept {
    /// Reads the file; what is not there is empty.
    pub fn read() -> Result<Self> {
        let path = path()?;
        match files::read_text(&path)? {
            None => Ok(Self::default()),
            Some(text) => serde_json::from_str(&text).map_err(|error| {
                Error::message(Kind::Failed, format!("{} is damaged: {error}", path.display()))
                    .hint("delete it: devenv then asks again what checkouts may do")
            }),
        }
    }

    /// The same with a key, which is made and written where there is none.
    pub fn with_key(mut self) -> Result<Self> {
        if self.key.is_empty() {
            self.key = random::text(32)?;
            self.write()?;
        }
        Ok(self)
    }

    /// Whether this content was confirmed for the checkout.
    #[must_use]
    pub fn has_confirmed(&self, root: &str, content: &str) -> bool {
        self.confirmed.get(root).is_some_and(|confirmed| confirmed == content)
    }

    /// Keeps that this content was confirmed. Those of checkouts that are gone are forgotten.
    pub fn confirm(&mut self, root: &str, content: String) -> Result<()> {
        self.confirmed.retain(|root, _| Path::new(root).exists());
        self.confirmed.insert(root.to_owned(), content);
        self.write()
    }

    fn write(&self) -> Result<()> {
        let path = path()?;
        files::make_folder(path.parent().unwrap_or(&path), Access::Private)?;
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        files::write(&path, text.as_bytes(), Access::Private).map(drop)
    }
}

fn path() -> Result<PathBuf> {
    Ok(checkout_table::folder()?.join("permissions.json"))
}

/// Whether git tracks a file of the folder; no where there is no git.
#[must_use]
pub fn is_tracked(root: &Path, file: &str) -> bool {
    rules::git(root, &["ls-files", "--error-unmatch", "--", file]).is_some()
}
