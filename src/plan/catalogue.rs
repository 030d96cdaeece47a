//! The images and presets that the files in force define, read once.

use std::collections::BTreeMap;

use crate::assets::Assets;
use crate::config::inputs::Known;
use crate::config::model::version::Version;
use crate::error::Result;
use crate::names::ImageName;
use crate::plan::environment::presets::{self, Preset};
use crate::plan::images::{self, ImageFile};

/// What the files in force define.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// Images by name.
    pub images: BTreeMap<ImageName, ImageFile>,
    /// Presets of services by name.
    pub presets: BTreeMap<String, Preset>,
}

impl Catalogue {
    /// Reads the descriptions among the files in force.
    pub fn of(assets: &Assets) -> Result<Self> {
        Ok(Self { images: images::described(assets)?, presets: presets::read(assets)? })
    }

    /// The names that a configuration may use with this `version` of devenv.
    #[must_use]
    pub fn known(&self, version: Version) -> Known {
        let presets = || self.presets.iter();
        let parent = |file: &ImageFile| file.parent.clone().filter(|parent| parent.as_str() != "root");
        Known {
            images: self.images.iter().map(|(name, file)| (name.clone(), parent(file))).collect(),
            credentials: presets()
                .map(|(name, preset)| (name.clone(), preset.credentials.keys().cloned().collect()))
                .collect(),
            seeded: presets().filter(|(_, preset)| preset.seed.is_some()).map(|(name, _)| name.clone()).collect(),
            presets: presets().map(|(name, _)| name.clone()).collect(),
            version,
        }
    }
}
