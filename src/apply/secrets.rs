//! Credentials of a checkout. What was made is kept in `.devenv/secrets/.made`, found again in containers when that is
//! lost, else made; beside it stands what the services read, which may be set elsewhere.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::{files, state};
use crate::names::PartName;
use crate::plan::observed::Observed;
use crate::plan::parts::Environment;
use crate::plan::presets::Preset;
use crate::plan::secrets::check;
use crate::render::secrets::Secrets;
use crate::render::{Access, Generated};

/// Where a credential comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The service's preset: it is no secret.
    Preset,
    /// devenv.local.yaml.
    Local,
    /// A variable of the environment.
    Environment,
    /// Made at random, kept in .devenv/secrets.
    Made,
    /// Not made yet: `up` does.
    NotMade,
}

impl Origin {
    /// Whether devenv has made it.
    #[must_use]
    pub fn is_made(self) -> bool {
        self == Self::Made
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Preset => "preset",
            Self::Local => "devenv.local.yaml",
            Self::Environment => "environment",
            Self::Made => "made for this checkout",
            Self::NotMade => "not made yet: `devenv up` does",
        })
    }
}

/// Origin of each credential: service → name → origin.
pub type Origins = BTreeMap<PartName, BTreeMap<String, Origin>>;

/// What credentials are made from.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The checkout's folder.
    pub root: &'a Path,
    /// The environment, which says what is wanted.
    pub environment: &'a Environment,
    /// Presets by service.
    pub presets: &'a BTreeMap<PartName, &'a Preset>,
    /// `secrets` of devenv.local.yaml.
    pub local: &'a BTreeMap<String, String>,
    /// Variables of this process.
    pub env: &'a BTreeMap<String, String>,
}

/// The value of every credential of the environment, and where it comes from. Writes nothing.
pub async fn load(sources: Sources<'_>, engine: &Engine, observed: &Observed) -> Result<(Secrets, Origins)> {
    let (mut secrets, mut origins) = (Secrets::new(), Origins::new());
    let mut variables: Option<BTreeMap<String, String>> = None;
    for (service, wanted) in &sources.environment.credentials {
        for (name, value) in wanted {
            let root = sources.root.join(".devenv");
            let local = sources.local.contains_key(&format!("{service}.{name}"));
            let kept = files::read_text(&root.join(made(service, name)))?.filter(|kept| !kept.is_empty());
            let variable = variable(service, name);
            let (value, origin) = match (sources.env.get(&variable), value, kept) {
                (Some(set), _, _) => {
                    check(service, name, set, &variable)?;
                    (set.clone(), Origin::Environment)
                }
                (None, Some(set), _) if local => {
                    check(service, name, set, "devenv.local.yaml")?;
                    (set.clone(), Origin::Local)
                }
                (None, Some(set), _) => (set.clone(), Origin::Preset),
                (None, None, Some(kept)) => (kept, Origin::Made),
                // It was set elsewhere until now, and none was made.
                (None, None, None) if root.join(format!("secrets/{service}/{name}")).exists() => {
                    (state::random(16)?, Origin::NotMade)
                }
                (None, None, None) => {
                    if variables.is_none() {
                        variables = Some(variables_of(engine, observed).await);
                    }
                    let carrier = sources.presets.get(service).and_then(|preset| carrier(preset, service, name));
                    match carrier.and_then(|carrier| variables.as_ref()?.get(&carrier).cloned()) {
                        Some(found) => (found, Origin::Made),
                        None => (state::random(16)?, Origin::NotMade),
                    }
                }
            };
            secrets.entry(service.clone()).or_default().insert(name.clone(), value);
            origins.entry(service.clone()).or_default().insert(name.clone(), origin);
        }
    }
    Ok((secrets, origins))
}

/// Makes a new value and keeps it.
pub fn make(root: &Path, service: &PartName, name: &str) -> Result<()> {
    let path = root.join(".devenv").join(made(service, name));
    files::write(&path, state::random(16)?.as_bytes(), Access::Private).map(drop)
}

/// Where what devenv has made is kept, below `.devenv`: no service can have that name, so none has it mounted.
fn made(service: &PartName, name: &str) -> String {
    format!("{MADE}/{service}/{name}")
}

const MADE: &str = "secrets/.made";

/// The files that keep what devenv has made.
#[must_use]
pub fn made_files(secrets: &Secrets, origins: &Origins) -> Vec<Generated> {
    let is_made = |service: &PartName, name: &str| {
        let origin = origins.get(service).and_then(|origins| origins.get(name));
        matches!(origin, Some(Origin::Made | Origin::NotMade))
    };
    let values =
        secrets.iter().flat_map(|(service, values)| values.iter().map(move |(name, value)| (service, name, value)));
    let file = |(service, name, value): (&PartName, &String, &String)| {
        is_made(service, name).then(|| Generated {
            path: made(service, name),
            text: value.clone(),
            access: Access::Private,
        })
    };
    values.filter_map(file).collect()
}

/// Every value that devenv has made for a checkout, to be hidden.
#[must_use]
pub fn made_values(root: &Path) -> Vec<String> {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let services = entries(&root.join(".devenv").join(MADE));
    services.flat_map(|service| entries(&service)).filter_map(|file| files::read_text(&file).ok().flatten()).collect()
}

/// The variable of this process that sets a credential, such as `DEVENV_SECRET_DB_PASSWORD`.
fn variable(service: &PartName, name: &str) -> String {
    format!("{VARIABLE}{}_{}", service.variable(), name.to_uppercase())
}

/// What the names of such variables begin with.
pub const VARIABLE: &str = "DEVENV_SECRET_";

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
