//! `image.yaml`: the purpose of an image of the hierarchy, and defaults for modules that run in it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::assets::Assets;
use crate::config::model::values::RelPath;
use crate::config::text::typed;
use crate::names::ImageName;
use crate::plan::images::errors::ImagesError;

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
    /// How modules in this language are released.
    #[serde(default)]
    pub release: ReleaseDefaults,
    /// Programs that people look for in it.
    #[serde(default)]
    pub programs: Vec<String>,
}

/// What a module's `release` need not say because its image knows.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseDefaults {
    /// The image that the result is laid on, where that is not the module's own.
    #[serde(default)]
    pub image: Option<ImageName>,
    /// Shell command that builds, in place of the module's own `build`.
    #[serde(default)]
    pub build: Option<String>,
    /// Shell command that builds, where the module has none.
    #[serde(default)]
    pub default_build: Option<String>,
    /// Shell command that removes what only the build needs.
    #[serde(default)]
    pub finish: Option<String>,
    /// Variables of the build.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Paths below the module's folder that are released.
    #[serde(default)]
    pub artifacts: Vec<RelPath>,
    /// Patterns, as in `.gitignore`, of files that are left out of them.
    #[serde(default)]
    pub without: Vec<String>,
    /// Paths in the module's command that are others in a release.
    #[serde(default)]
    pub run: BTreeMap<String, String>,
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
