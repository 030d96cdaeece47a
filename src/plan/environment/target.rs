//! Which environment is decided: a value that the one model takes, with the settings of all that it is like. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::model::environment::EnvironmentSettings;
use crate::config::model::feature::Switch;
use crate::config::model::module::{Module, ModuleMode};
use crate::config::project::Project;
use crate::config::text::place::Place;
use crate::error::{Error, Kind};
use crate::names::{EnvironmentName, FeatureName};
use crate::nearest;

/// What an environment is made for: the built-in one that it begins with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    /// One developer's machine: mirrored source, watched.
    #[default]
    Dev,
    /// Tests: released images, credentials made for each run.
    Ci,
    /// A platform: released images, and credentials that it provides.
    Prod,
}

impl Base {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dev, Self::Ci, Self::Prod];

    /// Its name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Ci => "ci",
            Self::Prod => "prod",
        }
    }
}

/// Where an environment is to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Placement {
    /// On this machine: what it lacks is made here.
    #[default]
    Here,
    /// Where only a registry has the images.
    Elsewhere,
}

/// An environment with its settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// What it is made for.
    pub base: Base,
    /// Its settings, with those of the environments that it is like.
    pub settings: EnvironmentSettings,
    /// Which features are on.
    pub features: BTreeMap<FeatureName, Switch>,
    /// Itself, then each environment that the one before is like.
    layers: Vec<String>,
}

/// Why there is no such environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not an environment")]
pub struct UnknownEnvironment {
    name: String,
    known: Vec<String>,
}

impl From<UnknownEnvironment> for Error {
    fn from(error: UnknownEnvironment) -> Self {
        let hint = nearest::hint(&error.name, error.known.iter().map(String::as_str));
        Self::new(Kind::Usage, error).hint(hint)
    }
}

/// The names of all environments of a project: the built-in ones first.
#[must_use]
pub fn names(project: &Project) -> Vec<String> {
    let built_in = Base::ALL.map(Base::name);
    let own = project.file.environments.keys().map(EnvironmentName::as_str).filter(|name| !built_in.contains(name));
    built_in.into_iter().chain(own).map(str::to_owned).collect()
}

impl Target {
    /// The environment called `name`.
    pub fn of(project: &Project, name: &str) -> Result<Self, UnknownEnvironment> {
        let unknown = || UnknownEnvironment { name: name.to_owned(), known: names(project) };
        let mut layers: Vec<String> = Vec::new();
        let mut at = name.to_owned();
        let base = loop {
            layers.push(at.clone());
            if let Some(base) = Base::ALL.into_iter().find(|base| base.name() == at) {
                break base;
            }
            let like = project.file.environments.get(at.as_str()).and_then(|settings| settings.like.as_ref());
            // The configuration was checked: a circle has no end only here.
            at =
                like.filter(|like| !layers.iter().any(|layer| layer == like.as_str())).ok_or_else(unknown)?.to_string();
        };
        let own = layers.iter().rev().filter_map(|layer| project.file.environments.get(layer.as_str()));
        let settings = own.fold(EnvironmentSettings::default(), |below, above| laid_over(below, above.clone()));
        let features = project.file.features.iter();
        let features = features.map(|(name, feature)| (name.clone(), feature.state_in(&layers))).collect();
        Ok(Self { name: name.to_owned(), base, settings, features, layers })
    }

    /// Whether a module runs in its released image: in dev where one developer says so, elsewhere always.
    #[must_use]
    pub fn releases(&self, module: &Module) -> bool {
        match self.base {
            Base::Dev => module.mode == ModuleMode::Release,
            Base::Ci | Base::Prod => module.mode != ModuleMode::Off,
        }
    }

    /// What every developer runs.
    #[must_use]
    pub fn dev(project: &Project) -> Self {
        Self::of(project, Base::Dev.name()).unwrap_or_default()
    }

    /// Where its images are; none where the project has no registry.
    #[must_use]
    pub fn registry<'a>(&'a self, project: &'a Project) -> Option<&'a str> {
        self.settings.registry.as_deref().or(project.file.registry.as_deref())
    }

    /// The keys of a setting, `["replicas", "api"]`, as they stand in the nearest environment that has it.
    #[must_use]
    pub fn path(&self, project: &Project, keys: &[&str]) -> Option<(String, Place)> {
        self.layers.iter().find_map(|layer| {
            let path: Vec<&str> = ["environments", layer].into_iter().chain(keys.iter().copied()).collect();
            Some((path.join("."), project.place(&path)?))
        })
    }
}

/// Maps are merged, by part and by variable; lists and scalars replace.
fn laid_over(below: EnvironmentSettings, above: EnvironmentSettings) -> EnvironmentSettings {
    fn both<K: Ord, V>(mut below: BTreeMap<K, V>, above: BTreeMap<K, V>) -> BTreeMap<K, V> {
        below.extend(above);
        below
    }
    let mut env = below.env;
    for (part, variables) in above.env {
        env.entry(part).or_default().extend(variables);
    }
    let mut resources = below.resources;
    for (part, more) in above.resources {
        let known = resources.entry(part).or_default();
        known.memory = more.memory.or(known.memory.take());
        known.cpus = more.cpus.or(known.cpus.take());
    }
    EnvironmentSettings {
        like: None,
        host: above.host.or(below.host),
        replicas: both(below.replicas, above.replicas),
        resources,
        env,
        secrets: both(below.secrets, above.secrets),
        external: both(below.external, above.external),
        writable: above.writable.or(below.writable),
        capabilities: both(below.capabilities, above.capabilities),
        registry: above.registry.or(below.registry),
        deploy: above.deploy.or(below.deploy),
        gates: above.gates.or(below.gates),
        smoke: above.smoke.or(below.smoke),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::environment::samples::project;

    const SHOP: &str = "\
project: shop
modules: {api: {path: ., image: base, run: serve}}
environments:
  prod: {host: shop.example, replicas: {api: 3}, env: {api: {A: \"1\", B: \"1\"}}, gates: [tested, {approve: 1}]}
  staging: {like: prod, replicas: {api: 1}, env: {api: {B: \"2\"}}, gates: [tested]}
  preview: {like: staging, host: preview.shop.example}
features:
  new: {dev: on, staging: on, prod: off}
";

    #[test]
    fn an_environment_has_the_settings_of_all_that_it_is_like_and_says_where_each_stands() {
        let project = project(SHOP);
        let preview = Target::of(&project, "preview").unwrap();
        assert_eq!(preview.base, Base::Prod);
        assert_eq!(preview.settings.host.as_deref(), Some("preview.shop.example"));
        assert_eq!(serde_json::to_string(&preview.settings.replicas).unwrap(), r#"{"api":1}"#);
        assert_eq!(serde_json::to_string(&preview.settings.env).unwrap(), r#"{"api":{"A":"1","B":"2"}}"#);
        assert_eq!(serde_json::to_string(&preview.settings.gates).unwrap(), r#"["tested"]"#);
        // An empty list replaces, too.
        let text = SHOP.replace("host: preview.shop.example", "gates: []");
        let free = Target::of(&crate::plan::environment::samples::project(&text), "preview").unwrap();
        assert_eq!(free.settings.gates.map(|gates| gates.len()), Some(0));
        let said =
            |target: &Target, keys: &[&str]| target.path(&project, keys).map(|(path, place)| format!("{path} {place}"));
        assert_eq!(said(&preview, &["replicas", "api"]).unwrap(), "environments.staging.replicas.api devenv.yaml:5");
        assert_eq!(said(&preview, &["env", "api", "A"]).unwrap(), "environments.prod.env.api.A devenv.yaml:4");
        assert_eq!(said(&preview, &["env", "api", "C"]), None);
    }

    #[test]
    fn an_environment_has_its_own_registry_or_the_projects() {
        let text = SHOP.replace("project: shop\n", "project: shop\nregistry: registry.example.com/shop\n");
        let text = text.replace("host: shop.example,", "host: shop.example, registry: prod.example.net/shop,");
        let project = project(&text);
        let of = |name: &str| Target::of(&project, name).unwrap().registry(&project).map(str::to_owned);
        assert_eq!(of("ci").as_deref(), Some("registry.example.com/shop"));
        assert_eq!(of("prod").as_deref(), Some("prod.example.net/shop"));
        assert_eq!(of("staging").as_deref(), Some("prod.example.net/shop"));
    }

    #[test]
    fn a_module_runs_in_its_released_image_in_dev_where_that_is_said_and_elsewhere_always() {
        let project = project(SHOP);
        let of = |environment: &str, mode: ModuleMode| {
            let module = Module { mode, ..project.file.modules["api"].clone() };
            Target::of(&project, environment).unwrap().releases(&module)
        };
        assert_eq!(
            [ModuleMode::Dev, ModuleMode::Release, ModuleMode::Off].map(|mode| of("dev", mode)),
            [false, true, false]
        );
        assert_eq!(
            [ModuleMode::Dev, ModuleMode::Release, ModuleMode::Off].map(|mode| of("ci", mode)),
            [true, true, false]
        );
    }

    #[test]
    fn a_feature_has_the_state_of_the_nearest_environment_that_says_one() {
        let project = project(SHOP);
        let state = |name: &str| Target::of(&project, name).unwrap().features.into_values().next().unwrap().to_string();
        assert_eq!(["dev", "ci", "prod", "staging", "preview"].map(state), ["on", "off", "off", "on", "on"]);
    }

    #[test]
    fn what_is_not_an_environment_is_told_with_the_nearest_one() {
        let error = Error::from(Target::of(&project(SHOP), "stagin").unwrap_err());
        assert_eq!((error.to_string(), error.kind.exit_code()), ("`stagin` is not an environment".to_owned(), 2));
        assert!(error.hints[0].contains("staging"), "{:?}", error.hints);
    }
}
