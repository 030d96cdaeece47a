//! Services that devenv knows: `compose/services/NAME.yaml` says how each is run and how it is wired.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::assets::Assets;
use crate::config::model::health::Health;
use crate::config::model::values::Port;
use crate::config::problems::Problems;
use crate::config::text::typed;
use crate::error::Error;
use crate::names::{ImageName, PartName};

/// `compose/services/NAME.yaml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Image of the hierarchy.
    pub image: ImageName,
    /// Port that it listens on.
    pub port: Port,
    /// Port of a web page for people, where it has one.
    #[serde(default)]
    pub page: Option<Port>,
    /// How to see that it is ready.
    pub health: Health,
    /// What a consumer must present; `null` is made at random, `{project}` is the project's name.
    #[serde(default)]
    pub credentials: BTreeMap<String, Option<String>>,
    /// Variables of consumers, each after `NAME_`; `{host}`, `{port}` and each credential are filled in.
    #[serde(default)]
    pub connection: BTreeMap<String, String>,
    /// Data volumes: name to path in the container.
    #[serde(default)]
    pub volumes: BTreeMap<PartName, String>,
    /// Major version that writes those volumes.
    #[serde(default)]
    pub major: Option<String>,
    /// Where the folder of a seed file is mounted; absent where the service takes none.
    #[serde(default)]
    pub seed: Option<String>,
    /// Program in its container that `devenv db NAME console` runs, with its first arguments.
    #[serde(default)]
    pub console: Vec<String>,
    /// Keys of the compose specification that the service needs on top.
    #[serde(default)]
    pub service: serde_json::Map<String, serde_json::Value>,
}

impl Preset {
    /// The names of what a service offers to those that need it: its variables in lower case, and its credentials.
    #[must_use]
    pub fn offers(&self) -> BTreeSet<String> {
        let variables = self.connection.keys().map(|key| key.to_lowercase());
        let address = ["host", "port"].map(str::to_owned);
        variables.chain(self.credentials.keys().cloned()).chain(address).collect()
    }
}

/// Why a preset cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct PresetError(Problems);

impl From<PresetError> for Error {
    fn from(error: PresetError) -> Self {
        Self::from(error.0).hint("`devenv config files` lists which files are in force")
    }
}

/// Where the credentials of a service are mounted in its own container.
pub const CREDENTIALS: &str = "/run/devenv/credentials";

/// All presets in force, by name.
pub fn read(assets: &Assets) -> Result<BTreeMap<String, Preset>, PresetError> {
    let files = assets.below("compose/services").filter_map(|(path, asset)| Some((path.strip_suffix(".yaml")?, asset)));
    files
        .map(|(name, asset)| {
            let place = assets.place(&format!("compose/services/{name}.yaml"));
            let preset = typed::read(&place, asset.text()).map_err(PresetError)?;
            Ok((name.to_owned(), preset))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_preset_can_be_read() {
        let presets = read(&Assets::embedded()).unwrap();
        assert_eq!(
            presets.keys().collect::<Vec<_>>(),
            ["mail", "mariadb", "memcached", "mosquitto", "nats", "postgres", "rabbitmq", "redis", "s3", "valkey"]
        );
    }

    #[test]
    fn a_key_that_is_not_a_text_has_a_place_and_reaches_no_template() {
        for key in ["{a: b}", "[a]", "{{ project }}"] {
            let text = format!("image: redis\nport: 1\nservice:\n  cap_add: {{{key}: 1}}\n");
            let said = typed::read::<Preset>("compose/services/x.yaml", &text).map(drop).unwrap_err().to_string();
            assert!(said.starts_with("compose/services/x.yaml:4:"), "{key}: {said}");
        }
    }
}
