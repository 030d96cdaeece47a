//! The variables of a part, each with the layer that set it; secrets are masked. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::project::Project;
use crate::names::PartName;
use crate::names::is_secret;
use crate::plan::environment::needs::Offer;
use crate::plan::environment::target::Target;
use crate::plan::images::Node;
use crate::plan::parts::Part;
use crate::plan::parts::secret_variable::SecretVariable;

/// What stands for a secret.
const MASKED: &str = "********";

/// The inputs of the variables of a part.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a> {
    /// The configuration, for the places of its settings.
    pub project: &'a Project,
    /// The environment.
    pub target: &'a Target,
    /// The images that the part descends from, the nearest first.
    pub chain: &'a [&'a Node],
    /// All credentials: service → name → value.
    pub credentials: &'a BTreeMap<PartName, BTreeMap<String, String>>,
}

/// A variable, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartVariable {
    /// Its name.
    pub name: String,
    /// Its value; secrets are masked.
    pub value: String,
    /// The file and line, or the layer, that set it.
    pub from: String,
}

/// What a need offers, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offered {
    /// How it is written in `env`.
    pub placeholder: String,
    /// Its value; secrets are masked.
    pub value: String,
    /// The variable that has it without being asked for.
    pub variable: Option<String>,
}

/// All variables of a part.
#[must_use]
pub fn variables(part: &Part, layers: &Layers<'_>) -> Vec<PartVariable> {
    let new = |name: &String, value: String, from: String| PartVariable { name: name.clone(), value, from };
    let plain = part.env.iter().map(|(name, value)| new(name, value.clone(), layers.from(part, name)));
    let machine = part.dev_env.iter().filter(|(name, _)| !part.env.contains_key(*name));
    let machine = machine.map(|(name, value)| new(name, value.clone(), "this machine".to_owned()));
    let secret = part.secret_env.iter();
    let secret = secret.map(|(name, value)| new(name, layers.masked(value), layers.from(part, name)));
    let mut all: Vec<PartVariable> = plain.chain(machine).chain(secret).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

/// What a need offers.
#[must_use]
pub fn offered(need: &PartName, offers: &[Offer], layers: &Layers<'_>) -> Vec<Offered> {
    let variable = |offer: &Offer| format!("{}_{}", need.variable(), offer.field.to_uppercase());
    let one = |offer: &Offer| Offered {
        placeholder: format!("{{{need}.{}}}", offer.field),
        value: layers.masked(&offer.value),
        variable: offer.is_variable.then(|| variable(offer)),
    };
    offers.iter().map(one).collect()
}

impl Layers<'_> {
    fn from(&self, part: &Part, name: &str) -> String {
        if let Some((_, place)) = self.target.path(self.project, &["env", part.name.as_str(), name]) {
            return place.to_string();
        }
        let written = ["modules", "services"].iter().find_map(|kind| {
            let keys = [kind, part.name.as_str(), "env", name];
            self.project.place(&keys)
        });
        if let Some(place) = written {
            return place.to_string();
        }
        // An external one is needed and not waited for.
        let module = self.project.file.modules.get(&part.name).map(|module| module.needs.as_slice());
        let needs = module.unwrap_or(&part.needs);
        let need = needs.iter().find(|need| name.starts_with(&format!("{}_", need.variable())));
        let values: Vec<Option<&String>> = self.chain.iter().map(|node| node.env.get(name)).collect();
        match (need, set_by(&values).map(|at| self.chain[at])) {
            (Some(need), _) => format!("needs {need}"),
            (None, Some(node)) => {
                let place = self.project.place(&["images", node.name.as_str(), "env", name]);
                place.map_or_else(|| format!("images/{}/image.yaml", node.name), |place| place.to_string())
            }
            (None, None) => "devenv".to_owned(),
        }
    }

    /// A text in which no secret is readable.
    fn masked(&self, text: &SecretVariable) -> String {
        text.filled(|credential| match is_secret(&credential.name) {
            true => Some(MASKED.to_owned()),
            false => self.credentials.get(&credential.service)?.get(&credential.name).cloned(),
        })
    }
}

/// The layer that sets a value: the nearest one whose value is not that of its parent. Values stand nearest first.
fn set_by<T: PartialEq>(values: &[Option<T>]) -> Option<usize> {
    let parents = values.iter().skip(1).map(Option::as_ref).chain([None]);
    values.iter().zip(parents).position(|(value, parent)| value.is_some() && value.as_ref() != parent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::environment::samples::project;
    use crate::plan::parts::{ImageRef, PartKind};

    #[test]
    fn a_value_is_set_by_the_nearest_layer_that_changes_it() {
        assert_eq!(set_by(&[Some("mine"), Some("base"), Some("base")]), Some(0));
        assert_eq!(set_by(&[Some("base"), Some("base"), None]), Some(1));
        assert_eq!(set_by::<&str>(&[None, None]), None);
    }

    #[test]
    fn each_variable_has_its_origin_and_no_secret_is_readable() {
        let project = project(
            "project: shop\nmodules:\n  api:\n    path: .\n    image: base\n    run: serve\n    needs: [db]\n    env:\n      A: x\n      DSN: \"{db.user}:{db.password}\"\nservices: {db: {preset: postgres}}\nenvironments: {dev: {env: {api: {B: y}}}}\n",
        );
        let name = |text: &str| PartName::new(text).unwrap();
        let mut part = Part::new(name("api"), PartKind::Module, ImageRef::Theirs("x".to_owned()));
        part.needs = vec![name("db")];
        let plain = [("A", "x"), ("B", "y"), ("DB_HOST", "db"), ("HOME", "/home/app")];
        part.env = plain.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        part.dev_env = BTreeMap::from([("no_proxy".to_owned(), "db".to_owned())]);
        part.secret_env = BTreeMap::from([
            ("DB_PASSWORD".to_owned(), SecretVariable::of(&name("db"), "{password}")),
            ("DSN".to_owned(), SecretVariable::of(&name("db"), "{user}:{password}")),
        ]);
        let values =
            [("user", "shop"), ("password", "hunter22")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let credentials = BTreeMap::from([(name("db"), BTreeMap::from(values))]);
        let target = Target::dev(&project);
        let layers = Layers { project: &project, target: &target, chain: &[], credentials: &credentials };
        let lines: Vec<String> =
            variables(&part, &layers).iter().map(|one| format!("{}={} | {}", one.name, one.value, one.from)).collect();
        let expected = "\
A=x | devenv.yaml:9
B=y | devenv.yaml:12
DB_HOST=db | needs db
DB_PASSWORD=******** | needs db
DSN=shop:******** | devenv.yaml:10
HOME=/home/app | devenv
no_proxy=db | this machine";
        assert_eq!(lines.join("\n"), expected);
    }
}
