//! The images and presets that the files in force define, read once.

use std::collections::BTreeMap;

use crate::assets::Assets;
use crate::config::inputs::KnownNames;
use crate::config::model::version::Version;
use crate::error::Result;
use crate::names::ImageName;
use crate::plan::images::description::{self, ImageFile};
use crate::plan::presets::{self, Preset};

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
        Ok(Self { images: description::described(assets)?, presets: presets::read(assets)? })
    }

    /// The names that a configuration may use with this `version` of devenv.
    #[must_use]
    pub fn known(&self, version: Version) -> KnownNames {
        let presets = || self.presets.iter();
        let those = |has: fn(&Preset) -> bool| {
            presets().filter(|(_, preset)| has(preset)).map(|(name, _)| name.clone()).collect()
        };
        let parent = |file: &ImageFile| file.parent.clone().filter(|parent| parent.as_str() != "root");
        KnownNames {
            images: self.images.iter().map(|(name, file)| (name.clone(), parent(file))).collect(),
            credentials: presets()
                .map(|(name, preset)| (name.clone(), preset.credentials.keys().cloned().collect()))
                .collect(),
            offers: presets().map(|(name, preset)| (name.clone(), preset.offers())).collect(),
            seeded: those(|preset| preset.seed.is_some()),
            with_page: those(|preset| preset.page.is_some()),
            with_data: those(|preset| !preset.volumes.is_empty()),
            presets: those(|_| true),
            version,
        }
    }
}
