//! Credentials of a checkout: kept in `.devenv/secrets`, found again in containers when that is lost, else made.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::{files, state};
use crate::names::PartName;
use crate::plan::observed::Observed;
use crate::plan::parts::Environment;
use crate::plan::presets::Preset;
use crate::render::secrets::Secrets;

/// The value of every credential of the environment. Writes nothing.
pub async fn load(
    root: &Path,
    environment: &Environment,
    presets: &BTreeMap<PartName, &Preset>,
    engine: &Engine,
    observed: &Observed,
) -> Result<Secrets> {
    let mut secrets = Secrets::new();
    let mut variables: Option<BTreeMap<String, String>> = None;
    for (service, wanted) in &environment.credentials {
        let mut values = BTreeMap::new();
        for (name, value) in wanted {
            let path = root.join(format!(".devenv/secrets/{service}/{name}"));
            let value = match (value, files::read_text(&path)?) {
                (Some(set), _) => set.clone(),
                (None, Some(kept)) if !kept.is_empty() => kept,
                (None, _) => {
                    if variables.is_none() {
                        variables = Some(variables_of(engine, observed).await);
                    }
                    let carrier = presets.get(service).and_then(|preset| carrier(preset, service, name));
                    let found = carrier.and_then(|carrier| variables.as_ref()?.get(&carrier).cloned());
                    found.map_or_else(|| state::random(16), Ok)?
                }
            };
            values.insert(name.clone(), value);
        }
        secrets.insert(service.clone(), values);
    }
    Ok(secrets)
}

/// The key under which secrets enter fingerprints; a new one where there is none.
pub fn key(root: &Path) -> Result<String> {
    let kept = files::read_text(&root.join(".devenv/secrets/key"))?;
    kept.filter(|key| key.len() == 64).map_or_else(|| state::random(32), Ok)
}

/// The variable of consumers that holds nothing but this credential, such as `DB_PASSWORD`.
fn carrier(preset: &Preset, service: &PartName, credential: &str) -> Option<String> {
    let hole = format!("{{{credential}}}");
    let (key, _) = preset.connection.iter().find(|(_, template)| **template == hole)?;
    Some(format!("{}_{key}", service.variable()))
}

/// The variables of all containers of the checkout, where a lost credential may be found.
async fn variables_of(engine: &Engine, observed: &Observed) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for container in &observed.containers {
        let Ok(detail) = engine.detail(&container.id).await else { continue };
        all.extend(
            detail.env.iter().filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())),
        );
    }
    all
}
