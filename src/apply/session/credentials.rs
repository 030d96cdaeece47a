//! Credentials of a checkout. What was made is kept in `.devenv/secrets/.made`, found again in containers when that is
//! lost, else made; beside it stands what the services read, which may be set elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::model::file::{ProjectFile, Service};
use crate::config::model::secret::ModuleSecret;
use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::files;
use crate::host::random;
use crate::names::PartName;
use crate::names::is_secret;
use crate::paths;
use crate::plan::identity::FolderOf;
use crate::plan::observed::Observed;
use crate::plan::parts::Environment;
use crate::plan::parts::secret_variable::SecretVariable;
use crate::plan::presets::Preset;
use crate::plan::secrets::check;
use crate::render::secrets::Secrets;
use crate::render::{Access, Generated};

/// Where a credential comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialOrigin {
    /// The service's preset: it is not a secret.
    Preset,
    /// `credentials` of the service in devenv.yaml.
    Configuration,
    /// devenv.local.yaml.
    Local,
    /// A variable of the environment.
    Environment,
    /// Made at random, kept in .devenv/secrets.
    Made,
    /// Asked for and given by the developer, kept in the same place.
    Given,
    /// Not made yet: `up` does.
    NotMade,
    /// Nobody has given it yet: `up` asks.
    NotGiven,
}

impl CredentialOrigin {
    /// Whether devenv has made it.
    #[must_use]
    pub fn is_made(self) -> bool {
        self == Self::Made
    }
}

impl fmt::Display for CredentialOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Preset => "preset",
            Self::Configuration => "devenv.yaml",
            Self::Local => "devenv.local.yaml",
            Self::Environment => "environment",
            Self::Made => "generated for this checkout",
            Self::Given => "given by you",
            Self::NotGiven => "not set yet: `devenv up` asks for it",
            Self::NotMade => "not generated yet: `devenv up` generates it",
        })
    }
}

/// Origin of each credential: service → name → origin.
pub type Origins = BTreeMap<PartName, BTreeMap<String, CredentialOrigin>>;

/// What credentials are made from.
#[derive(Clone, Copy)]
pub struct CredentialInputs<'a> {
    /// The checkout's folder.
    pub root: &'a Path,
    /// Whose what is kept there is.
    pub folder: FolderOf,
    /// The environment, which says what is wanted.
    pub environment: &'a Environment,
    /// Presets by service.
    pub presets: &'a BTreeMap<PartName, &'a Preset>,
    /// What the team says.
    pub file: &'a ProjectFile,
    /// `secrets` of devenv.local.yaml.
    pub local: &'a BTreeMap<String, String>,
    /// Variables of this process.
    pub env: &'a BTreeMap<String, String>,
}

/// The value of every credential of the environment, and where it comes from. Writes nothing.
pub async fn load(sources: CredentialInputs<'_>, engine: &Engine, observed: &Observed) -> Result<(Secrets, Origins)> {
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
                    (set.clone(), CredentialOrigin::Environment)
                }
                (None, Some(set), _) if local => {
                    check(service, name, set, "devenv.local.yaml")?;
                    (set.clone(), CredentialOrigin::Local)
                }
                (None, Some(set), _) if sources.named(service, name) => (set.clone(), CredentialOrigin::Configuration),
                (None, Some(set), _) => (set.clone(), CredentialOrigin::Preset),
                (None, None, Some(kept)) => (kept, sources.kept(service, name)),
                // It was set elsewhere until now, and none was made.
                (None, None, None) if root.join(paths::secrets_of(service)).join(name).exists() => {
                    sources.fresh(service, name)?
                }
                (None, None, None) => {
                    let is_own = sources.file.modules.contains_key(service);
                    let own = is_own.then(|| name.clone());
                    let carrier =
                        sources.presets.get(service).and_then(|preset| carrier(preset, service, name)).or(own);
                    let found = match carrier {
                        Some(carrier) => sources.carried(service, &carrier, engine, observed).await,
                        None => None,
                    };
                    match found {
                        Some(found) => (found, sources.kept(service, name)),
                        None => sources.fresh(service, name)?,
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
pub fn make(root: &Path, file: &ProjectFile, service: &PartName, name: &str) -> Result<()> {
    keep(root, service, name, &random::text(length(file, service, name))?)
}

/// Keeps a value that somebody has given.
pub fn keep(root: &Path, service: &PartName, name: &str, value: &str) -> Result<()> {
    files::write(&kept_at(root, service, name), value.as_bytes(), Access::Private).map(drop)
}

/// The file that keeps a value that was made or given.
#[must_use]
pub fn kept_at(root: &Path, service: &PartName, name: &str) -> PathBuf {
    paths::devenv(root).join(made(service, name))
}

fn of_module<'a>(file: &'a ProjectFile, module: &PartName, name: &str) -> Option<&'a ModuleSecret> {
    file.modules.get(module)?.secrets.get(name)
}

/// What a developer is asked for, where a credential is one that is asked for.
#[must_use]
pub fn asked<'a>(file: &'a ProjectFile, part: &PartName, name: &str) -> Option<&'a str> {
    of_module(file, part, name)?.ask.as_deref()
}

/// How many random bytes a credential is made of.
fn length(file: &ProjectFile, part: &PartName, name: &str) -> usize {
    of_module(file, part, name).map_or(16, ModuleSecret::length)
}

/// Where what devenv has made is kept, below `.devenv`: no service can have that name, so none has it mounted.
fn made(service: &PartName, name: &str) -> String {
    format!("{}/{service}/{name}", paths::MADE_SECRETS)
}

/// The files that keep what devenv has made, and what it was given.
#[must_use]
pub fn made_files(secrets: &Secrets, origins: &Origins) -> Vec<Generated> {
    let is_kept = |service: &PartName, name: &str| {
        let origin = origins.get(service).and_then(|origins| origins.get(name));
        matches!(origin, Some(CredentialOrigin::Made | CredentialOrigin::Given | CredentialOrigin::NotMade))
    };
    let values =
        secrets.iter().flat_map(|(service, values)| values.iter().map(move |(name, value)| (service, name, value)));
    let file = |(service, name, value): (&PartName, &String, &String)| {
        is_kept(service, name).then(|| Generated {
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
#[must_use]
pub fn variable(service: &PartName, name: &str) -> String {
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

impl CredentialInputs<'_> {
    /// A credential that nothing has yet.
    fn fresh(self, part: &PartName, name: &str) -> Result<(String, CredentialOrigin)> {
        if asked(self.file, part, name).is_some() {
            return Ok((String::new(), CredentialOrigin::NotGiven));
        }
        Ok((random::text(length(self.file, part, name))?, CredentialOrigin::NotMade))
    }

    /// Where a credential comes from that is kept.
    fn kept(self, part: &PartName, name: &str) -> CredentialOrigin {
        if asked(self.file, part, name).is_some() { CredentialOrigin::Given } else { CredentialOrigin::Made }
    }

    /// Whether the configuration says a credential.
    fn named(self, service: &PartName, name: &str) -> bool {
        let of_service = |service: &Service| service.credentials.contains_key(name);
        self.file.modules.contains_key(service) || self.file.services.get(service).is_some_and(of_service)
    }

    /// What the containers of parts that need a service have in this variable: there a lost credential is found again.
    async fn carried(self, service: &PartName, name: &str, engine: &Engine, observed: &Observed) -> Option<String> {
        let needs = |part: &str| {
            self.environment.parts.get(part).is_some_and(|part| {
                // What a module has set itself is not a credential of the service's.
                let own = |text: &SecretVariable| text.only().is_some_and(|one| one.service == *service);
                part.secret_env.get(name).is_some_and(own)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_developer_has_typed_is_kept_and_not_made_again() {
        let api = PartName::new("api").unwrap();
        let of = |origin| Origins::from([(api.clone(), BTreeMap::from([("KEY".to_owned(), origin)]))]);
        let secrets = Secrets::from([(api.clone(), BTreeMap::from([("KEY".to_owned(), "typed".to_owned())]))]);
        assert_eq!(made_files(&secrets, &of(CredentialOrigin::Given))[0].text, "typed");
        assert!(made_files(&secrets, &of(CredentialOrigin::NotGiven)).is_empty());
        assert!(!CredentialOrigin::Given.is_made());
        assert_eq!(CredentialOrigin::Given.to_string(), "given by you");
    }
}
