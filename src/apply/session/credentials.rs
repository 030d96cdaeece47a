//! Credentials of a checkout. What was made is kept in `.devenv/secrets/.made`, found again in containers when that is
//! lost, else made; beside it stands what the services read, which may be set elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::files;
use crate::host::random;
use crate::names::PartName;
use crate::paths;
use crate::plan::environment::presets::Preset;
use crate::plan::identity::FolderOf;
use crate::plan::observed::Observed;
use crate::plan::parts::Environment;
use crate::plan::secrets::{check, is_secret};
use crate::render::secrets::Secrets;
use crate::render::{Access, Generated};

/// Where a credential comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The service's preset: it is not a secret.
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
    /// Whose what is kept there is.
    pub folder: FolderOf,
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
    for (service, wanted) in &sources.environment.credentials {
        for (name, value) in wanted {
            let root = paths::devenv(sources.root);
            let local = sources.local.contains_key(&format!("{service}.{name}"));
            let is_ours = sources.folder == FolderOf::Own;
            let kept = files::read_text(&root.join(made(service, name)))?.filter(|kept| is_ours && !kept.is_empty());
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
                (None, None, None) if root.join(paths::secrets_of(service)).join(name).exists() => {
                    (random::text(16)?, Origin::NotMade)
                }
                (None, None, None) => {
                    let carrier = sources.presets.get(service).and_then(|preset| carrier(preset, service, name));
                    let found = match carrier {
                        Some(carrier) => sources.carried(service, &carrier, engine, observed).await,
                        None => None,
                    };
                    match found {
                        Some(found) => (found, Origin::Made),
                        None => (random::text(16)?, Origin::NotMade),
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
    let path = paths::devenv(root).join(made(service, name));
    files::write(&path, random::text(16)?.as_bytes(), Access::Private).map(drop)
}

/// Where what devenv has made is kept, below `.devenv`: no service can have that name, so none has it mounted.
fn made(service: &PartName, name: &str) -> String {
    format!("{}/{service}/{name}", paths::MADE_SECRETS)
}

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

/// Every secret that is kept for a checkout, to be hidden: what devenv has made, and what services read, which is
/// another one while a reset has been cut short.
#[must_use]
pub fn kept_values(root: &Path) -> Vec<String> {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let root = paths::devenv(root);
    let services = entries(&root.join(paths::SECRETS)).chain(entries(&root.join(paths::MADE_SECRETS)));
    let is_hidden = |file: &PathBuf| file.file_name().and_then(|name| name.to_str()).is_some_and(is_secret);
    let files = services.flat_map(|service| entries(&service)).filter(is_hidden);
    files.filter_map(|file| files::read_text(&file).ok().flatten()).collect()
}

/// The variables of this process that would set a credential which no service has.
#[must_use]
pub fn unread_variables(secrets: &Secrets, env: &BTreeMap<String, String>) -> Vec<String> {
    let known: BTreeSet<String> =
        secrets.iter().flat_map(|(service, values)| values.keys().map(move |name| variable(service, name))).collect();
    env.keys().filter(|name| name.starts_with(VARIABLE) && !known.contains(*name)).cloned().collect()
}

/// The variable of this process that sets a credential, such as `DEVENV_SECRET_DB_PASSWORD`.
fn variable(service: &PartName, name: &str) -> String {
    format!("{VARIABLE}{}_{}", service.variable(), name.to_uppercase())
}

/// What the names of such variables begin with.
pub const VARIABLE: &str = "DEVENV_SECRET_";

/// The key under which secrets enter fingerprints; a new one where there is none.
pub fn key(root: &Path, folder: FolderOf) -> Result<String> {
    let kept = files::read_text(&paths::devenv(root).join(paths::SECRETS_KEY))?;
    kept.filter(|key| folder == FolderOf::Own && key.len() == 64).map_or_else(|| random::text(32), Ok)
}

/// The variable of consumers that holds nothing but this credential, such as `DB_PASSWORD`.
fn carrier(preset: &Preset, service: &PartName, credential: &str) -> Option<String> {
    let hole = format!("{{{credential}}}");
    let (key, _) = preset.connection.iter().find(|(_, template)| **template == hole)?;
    Some(format!("{}_{key}", service.variable()))
}

impl Sources<'_> {
    /// What the containers of parts that need a service have in this variable: there a lost credential is found again.
    async fn carried(self, service: &PartName, name: &str, engine: &Engine, observed: &Observed) -> Option<String> {
        let needs = |part: &str| {
            self.environment.parts.get(part).is_some_and(|part| {
                // What a module has set itself is not a credential of the service's.
                part.needs.contains(service) && !part.env.contains_key(name)
            })
        };
        for container in observed.containers.iter().filter(|container| needs(&container.part)) {
            let Ok(detail) = engine.detail(&container.id).await else { continue };
            let mut pairs = detail.env.iter().filter_map(|pair| pair.split_once('='));
            if let Some((_, value)) = pairs.find(|(key, value)| *key == name && !value.is_empty()) {
                return Some(value.to_owned());
            }
        }
        None
    }
}
