//! What differs between two environments, each difference with its reason. What has none should not differ. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use crate::config::project::Project;
use crate::config::text::place::Place;
use crate::names::PartName;
use crate::plan::environment::addresses;
use crate::plan::environment::certificate::CERTS;
use crate::plan::environment::target::{Base, Target};
use crate::plan::features::{FLAGD, FOLDER};
use crate::plan::mounts::Mount;
use crate::plan::parts::{Environment, Part, PartKind};
use crate::plan::presets::CREDENTIALS;

/// One of the two environments.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Which one.
    pub target: &'a Target,
    /// What was decided.
    pub environment: &'a Environment,
    /// Its definition, as the templates in force make it.
    pub definition: &'a Value,
    /// The same, as the embedded templates would make it.
    pub embedded: &'a Value,
}

/// Why two environments may differ in something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// One runs the image of the hierarchy, the other what was released on it.
    Release,
    /// One has it mounted, the other in its image.
    Mirror,
    /// Ports on a machine.
    Ports,
    /// Where credentials and certificates come from.
    Credentials,
    /// Who runs it.
    User,
    /// Rights that a deployed part does not have.
    Privileges,
    /// How many there are.
    Replicas,
    /// Limits.
    Resources,
    /// What happens when it ends, and when it is replaced.
    Restart,
    /// Where its log goes.
    Log,
    /// Names by which it is reached.
    Host,
    /// States of features.
    Features,
    /// Variables that `environments` declares.
    Env,
    /// Services that exist elsewhere.
    External,
    /// Proxies and certificates of a developer's machine.
    Machine,
    /// Each environment has volumes of its own.
    Identity,
    /// Nothing that may differ.
    Undeclared,
}

impl Reason {
    /// In a few words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Release => "released image",
            Self::Mirror => "dev mounts it",
            Self::Ports => "ports",
            Self::Credentials => "credentials",
            Self::User => "user",
            Self::Privileges => "rights",
            Self::Replicas => "replicas",
            Self::Resources => "resources",
            Self::Restart => "restart policy",
            Self::Log => "log driver",
            Self::Host => "host",
            Self::Features => "features",
            Self::Env => "declared variable",
            Self::External => "exists elsewhere",
            Self::Machine => "proxies and certificates of this machine",
            Self::Identity => "own volume",
            Self::Undeclared => "not declared",
        }
    }
}

/// One thing in which two environments differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingDifference {
    /// The part.
    pub part: String,
    /// Which of its keys.
    pub key: String,
    /// What the first has there.
    pub left: Option<Value>,
    /// What the second has there.
    pub right: Option<Value>,
    /// Why.
    pub reason: Reason,
    /// The key or the file that makes the difference.
    pub from: String,
    /// Where that stands, if in a configuration file.
    #[serde(skip)]
    pub place: Option<Place>,
}

/// Two environments of a project.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a> {
    /// The project.
    pub project: &'a Project,
    /// The first.
    pub left: Side<'a>,
    /// The second.
    pub right: Side<'a>,
    /// The services that each of the team's compose files names.
    pub fragments: &'a BTreeMap<String, Vec<String>>,
    /// The project's own templates of definitions.
    pub templates: &'a [String],
}

impl Comparison<'_> {
    /// Everything that differs, by part and key.
    #[must_use]
    pub fn differences(&self) -> Vec<SettingDifference> {
        let names: BTreeSet<&String> = self.sides().iter().flat_map(|side| services(side.definition)).collect();
        let mut all: Vec<SettingDifference> = names.into_iter().flat_map(|name| self.part(name)).collect();
        all.extend(self.fragments());
        all
    }

    fn sides(&self) -> [Side<'_>; 2] {
        [self.left, self.right]
    }

    fn part(&self, name: &str) -> Vec<SettingDifference> {
        let leaves = |definition: &Value| definition.pointer(&pointer(name)).map(leaves);
        let (left, right) = match (leaves(self.left.definition), leaves(self.right.definition)) {
            (Some(left), Some(right)) => (left, right),
            (left, right) => {
                let (reason, from, place) = self.external(name, None);
                let word = |leaves: Option<BTreeMap<String, Value>>| leaves.map(|_| "runs".into());
                let (left, right) = (word(left), word(right));
                let (part, key) = (name.to_owned(), String::new());
                return vec![SettingDifference { part, key, left, right, reason, from, place }];
            }
        };
        let embedded = [self.left.embedded, self.right.embedded].map(|all| leaves(all).unwrap_or_default());
        let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        let different = keys.into_iter().filter(|key| left.get(*key) != right.get(*key));
        different
            .map(|key| {
                let (left, right) = (left.get(key), right.get(key));
                let is_ours = embedded[0].get(key) == left && embedded[1].get(key) == right;
                let (reason, from, place) = match is_ours {
                    true => self.reason(name, key),
                    false => (Reason::Undeclared, self.templates.join(", "), None),
                };
                let [left, right] = [(left, self.left), (right, self.right)].map(|(value, side)| match value {
                    // Whose checkout it is, nobody knows here.
                    Some(_) if key == "user" && side.target.base == Base::Dev => Some("owner of the checkout".into()),
                    value => value.cloned(),
                });
                let (part, key) = (name.to_owned(), key.clone());
                SettingDifference { part, key, left, right, reason, from, place }
            })
            .collect()
    }

    /// Why our own templates make a difference.
    fn reason(&self, name: &str, key: &str) -> (Reason, String, Option<Place>) {
        let parts = self.sides().map(|side| side.environment.parts.get(name));
        let overlays = || {
            let overlay = |side: &Side<'_>| format!("compose/{}.yaml", side.target.base.name());
            let both: BTreeSet<String> = self.sides().iter().map(overlay).collect();
            both.into_iter().collect::<Vec<_>>().join(", ")
        };
        let declared = |reason: Reason, keys: &[&str]| {
            let (from, place) =
                self.declared(keys).map_or_else(|| (overlays(), None), |(from, place)| (from, Some(place)));
            (reason, from, place)
        };
        let plain = |reason: Reason| (reason, overlays(), None);
        let (first, rest) = key.split_once('.').unwrap_or((key, ""));
        match first {
            "image" if self.is_same_image(parts) => plain(Reason::Release),
            "command" if parts.iter().flatten().all(|part| matches!(part.kind, PartKind::Module | PartKind::Task)) => {
                plain(Reason::Release)
            }
            "user" => plain(Reason::User),
            "environment" => self.variable(name, rest, parts),
            "env_file" | "secrets" => declared(Reason::Credentials, &["secrets"]),
            "volumes" => plain(mount(rest, parts)),
            "ports" => plain(Reason::Ports),
            "read_only" | "tmpfs" => declared(Reason::Privileges, &["writable"]),
            "cap_drop" | "cap_add" => declared(Reason::Privileges, &["capabilities", name]),
            "deploy" if rest == "replicas" => declared(Reason::Replicas, &["replicas", name]),
            "deploy" if rest == "resources" => declared(Reason::Resources, &["resources", name]),
            "deploy" | "restart" => plain(Reason::Restart),
            "logging" => plain(Reason::Log),
            "networks" if parts.iter().flatten().all(|part| part.kind == PartKind::Gateway) => {
                declared(Reason::Host, &["host"])
            }
            "depends_on" => self.external(name, None),
            _ => (Reason::Undeclared, overlays(), None),
        }
    }

    /// A setting in `environments` of either side.
    fn declared(&self, keys: &[&str]) -> Option<(String, Place)> {
        self.sides().iter().rev().find_map(|side| side.target.path(self.project, keys))
    }

    /// Whether both run the same image of the hierarchy, or what was released from it.
    fn is_same_image(&self, parts: [Option<&Part>; 2]) -> bool {
        let [left, right] = parts;
        let image = |side: &Side<'_>, part: Option<&Part>| {
            let part = part?;
            let recipe = side.environment.releases.get(&part.name);
            recipe.map(|recipe| recipe.builder.clone()).or_else(|| part.image.node().cloned())
        };
        let image = [image(&self.left, left), image(&self.right, right)];
        image[0].is_some() && image[0] == image[1]
    }

    /// Whether a variable is of the image that a part is built in, or of the one that its release is laid on.
    fn is_of_image(&self, part: &str, variable: &str) -> bool {
        let is_own = self.project.file.modules.get(part).is_some_and(|module| module.env.contains_key(variable));
        let mut recipes = self.sides().into_iter().filter_map(|side| side.environment.releases.get(part));
        !is_own && recipes.any(|recipe| recipe.env.contains_key(variable) || recipe.build_env.contains_key(variable))
    }

    fn variable(&self, part: &str, variable: &str, parts: [Option<&Part>; 2]) -> (Reason, String, Option<Place>) {
        if let Some((from, place)) = self.declared(&["env", part, variable]) {
            return (Reason::Env, from, Some(place));
        }
        let features = self.left.target.features.keys().find(|name| name.variable() == variable);
        if let Some(name) = features {
            let path = ["features", name.as_str()];
            return (Reason::Features, path.join("."), self.project.place(&path));
        }
        if addresses::ALL.contains(&variable) {
            return self
                .declared(&["host"])
                .map_or((Reason::Host, "devenv".to_owned(), None), |(from, place)| (Reason::Host, from, Some(place)));
        }
        if variable == FLAGD {
            return (Reason::Features, "features".to_owned(), self.project.place(&["features"]));
        }
        let of = |has: &dyn Fn(&Part) -> bool| parts.iter().flatten().any(|part| has(part));
        let side = |side: &Side<'_>| format!("compose/{}.yaml", side.target.base.name());
        if of(&|part| part.dev_env.contains_key(variable)) {
            return (Reason::Machine, side(&self.left), None);
        }
        let secret = variable.strip_suffix("_FILE").unwrap_or(variable);
        let is_credential = of(&|part| {
            let files = part.deployed.iter().flat_map(|deployed| deployed.secrets.values());
            part.secret_env.contains_key(secret) || files.clone().any(|file| part.env.get(variable) == Some(file))
        });
        if is_credential {
            let (from, place) =
                self.declared(&["secrets"]).map_or_else(|| (side(&self.right), None), |(f, p)| (f, Some(p)));
            return (Reason::Credentials, from, place);
        }
        if self.is_of_image(part, variable) {
            return (Reason::Release, format!("modules.{part}.image"), self.project.place(&["modules", part, "image"]));
        }
        if variable == "DEVENV_SEED" {
            return (Reason::Mirror, format!("services.{part}.seed"), self.project.place(&["services", part, "seed"]));
        }
        self.external(part, Some(variable))
    }

    /// A service that one of the two has elsewhere: `name` itself, or one that it needs and that `variable` is of.
    fn external(&self, name: &str, variable: Option<&str>) -> (Reason, String, Option<Place>) {
        let module = self.project.file.modules.get(name).map(|module| module.needs.as_slice());
        let service = self.project.file.services.get(name).map(|service| service.needs.as_slice());
        let needs = module.or(service).unwrap_or_default();
        let is_of = |need: &&PartName| match variable {
            Some(variable) => variable.starts_with(&format!("{}_", need.variable())),
            None => true,
        };
        let services = needs.iter().filter(is_of).map(PartName::as_str).chain([name]);
        match services.filter_map(|service| self.declared(&["external", service])).next() {
            Some((from, place)) => (Reason::External, from, Some(place)),
            None => (Reason::Undeclared, self.templates.join(", "), None),
        }
    }

    /// The team's compose files lie over what devenv itself runs, and over no definition for a platform.
    fn fragments(&self) -> Vec<SettingDifference> {
        let [left, right] = self.sides().map(|side| side.target.base != Base::Prod);
        if left == right {
            return Vec::new();
        }
        let named = self.fragments.iter().flat_map(|(file, services)| services.iter().map(move |name| (file, name)));
        named
            .map(|(file, name)| SettingDifference {
                part: name.clone(),
                key: "compose".to_owned(),
                left: left.then(|| file.as_str().into()),
                right: right.then(|| file.as_str().into()),
                reason: Reason::Undeclared,
                from: file.clone(),
                place: None,
            })
            .collect()
    }
}

fn pointer(service: &str) -> String {
    format!("/services/{}", service.replace('~', "~0").replace('/', "~1"))
}

fn services(definition: &Value) -> impl Iterator<Item = &String> {
    definition.get("services").and_then(Value::as_object).into_iter().flat_map(serde_json::Map::keys)
}

/// Why something is mounted in one of the two alone, or from elsewhere.
fn mount(target: &str, parts: [Option<&Part>; 2]) -> Reason {
    let at = |mounts: &[Mount]| mounts.iter().any(|mount| mount.target == target);
    if parts.iter().flatten().any(|part| at(&part.data)) {
        return Reason::Identity;
    }
    match parts.iter().flatten().any(|part| at(&part.mounts)) {
        true if target == CREDENTIALS || target == CERTS => Reason::Credentials,
        true if target == FOLDER => Reason::Features,
        true => Reason::Mirror,
        false => Reason::Undeclared,
    }
}

/// A service's definition as what is compared: variables, mounts and ports one by one; order means nothing in any of them.
fn leaves(service: &Value) -> BTreeMap<String, Value> {
    let mut leaves = BTreeMap::from([("deploy.replicas".to_owned(), json!(1))]);
    for (key, value) in service.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("environment" | "deploy", Value::Object(map)) => {
                leaves.extend(map.iter().map(|(name, value)| (format!("{key}.{name}"), value.clone())));
            }
            ("volumes" | "ports", Value::Array(items)) => {
                let target = |item: &Value| match item.get("target") {
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                    None => item.as_str().unwrap_or_default().to_owned(),
                };
                leaves.extend(items.iter().map(|item| (format!("{key}.{}", target(item)), item.clone())));
            }
            ("depends_on", Value::Object(map)) => {
                let mut names: Vec<&String> = map.keys().collect();
                names.sort();
                leaves.insert(key.clone(), json!(names));
            }
            ("depends_on" | "cap_add" | "cap_drop" | "tmpfs", Value::Array(items)) => {
                let mut names: Vec<String> =
                    items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect();
                names.sort();
                leaves.insert(key.clone(), json!(names));
            }
            _ => drop(leaves.insert(key.clone(), value.clone())),
        }
    }
    leaves
}
