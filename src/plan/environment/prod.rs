//! Production: the environment without all that is dev's, and with credentials that have names and no values. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::project::Project;
use crate::error::{Error, Kind as ErrorKind};
use crate::names::PartName;
use crate::plan::environment::CERTS;
use crate::plan::environment::modules::is_for_shells;
use crate::plan::environment::presets::CREDENTIALS;
use crate::plan::parts::{Environment, GATEWAY, GATEWAY_PORTS, ImageRef, Kind, Part, SecretVariable};

/// The id that stands for a checkout's in names.
pub const ID: &str = "prod";
/// Where containers find the secrets that they are given.
const SECRETS: &str = "/run/secrets";
/// What the gateway must be given, and the file that it is there.
const OF_GATEWAY: [(&str, &str); 2] = [("certificate", "cert.pem"), ("key", "key.pem")];

/// Production, decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Production {
    /// What it shares with dev.
    pub environment: Environment,
    /// What each part has on top.
    pub parts: BTreeMap<PartName, Extra>,
    /// What each secret is called where production keeps it.
    pub secrets: BTreeMap<String, String>,
}

/// What a part has in production alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extra {
    /// Whether its image is one that the team releases, and has its tag.
    pub is_released: bool,
    /// Variables that name a secret's file.
    pub env: BTreeMap<String, String>,
    /// Variables with `${…}`, which Compose fills in where production runs.
    pub templates: BTreeMap<String, String>,
    /// Secrets, each with its file in the container.
    pub secrets: BTreeMap<String, String>,
    /// Ports of the host and of the container.
    pub ports: Vec<(u16, u16)>,
}

/// Why there is no definition for production.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProductionError {
    /// Credentials have no name.
    #[error("{place}: production has no secret for {}", quoted(missing))]
    Unnamed {
        /// File and line.
        place: String,
        /// Which ones.
        missing: Vec<String>,
        /// Name of the project, for the names that are offered.
        project: String,
        /// Whether there are other names already.
        has_section: bool,
    },
    /// A name is for nothing.
    #[error("{place}: nothing in production takes the secret `{name}`")]
    Unknown {
        /// File and line.
        place: String,
        /// Which one.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// What production is made from depends on the machine that it is rendered on.
    #[error("{place}: production has `{key}` of `{owner}`, and `{written}` in it would be what this machine has there")]
    Machine {
        /// File and line.
        place: String,
        /// The key.
        key: &'static str,
        /// The module or service.
        owner: String,
        /// The text with its variable.
        written: String,
    },
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl From<ProductionError> for Error {
    fn from(error: ProductionError) -> Self {
        let hint = match &error {
            ProductionError::Unnamed { missing, project, has_section, .. } => {
                let name = |secret: &String| format!("{project}_{secret}").replace(['.', '-'], "_");
                let lines = missing.iter().map(|secret| format!("\n    {secret}: {}", name(secret)));
                let lines: String = lines.collect();
                let where_to = if *has_section { "add to `prod.secrets`" } else { "add to devenv.yaml" };
                format!("{where_to} what each is called in production, never its value:\nprod:\n  secrets:{lines}")
            }
            ProductionError::Unknown { known, .. } if known.is_empty() => "remove it: nothing takes secrets".to_owned(),
            ProductionError::Unknown { known, .. } => format!("there are {}", quoted(known)),
            ProductionError::Machine { key: "run" | "command", .. } => {
                "write the variable into `env`, where production fills it in, and read it in the command as `$$NAME`"
                    .to_owned()
            }
            ProductionError::Machine { .. } => "write a text without a variable there".to_owned(),
        };
        Self::new(ErrorKind::Usage, error).hint(hint)
    }
}

/// Decides production from the environment that the project has in dev.
pub fn production(mut environment: Environment, project: &Project) -> Result<Production, ProductionError> {
    let secrets = named(&environment, project)?;
    refuse_this_machine(&environment, project)?;
    let mut parts = BTreeMap::new();
    for part in environment.parts.values_mut() {
        let mut extra = extra(part, &environment.credentials);
        extra.templates = templates(part, project);
        part.env.retain(|name, _| !extra.templates.contains_key(name));
        parts.insert(part.name.clone(), extra);
        let registry = project.file.registry.as_deref().unwrap_or(project.file.project.as_str());
        strip(part, project, registry);
    }
    environment.volumes.retain(|name, _| {
        let of = |part: &Part| {
            part.data.iter().any(
                |mount| matches!(&mount.source, crate::plan::mounts::MountSource::Volume(volume) if volume == name),
            )
        };
        environment.parts.values().any(of)
    });
    environment.aliases.clear();
    environment.credentials.clear();
    Ok(Production { environment, parts, secrets })
}

/// The name of every secret, all of which must have one.
fn named(environment: &Environment, project: &Project) -> Result<BTreeMap<String, String>, ProductionError> {
    let given = project.file.prod.as_ref().map(|prod| prod.secrets.clone()).unwrap_or_default();
    let of_services = environment.credentials.iter();
    let mut wanted: BTreeSet<String> =
        of_services.flat_map(|(service, all)| all.keys().map(move |name| format!("{service}.{name}"))).collect();
    if environment.parts.contains_key(GATEWAY) {
        wanted.extend(OF_GATEWAY.iter().map(|(name, _)| format!("{GATEWAY}.{name}")));
    }
    let place = |path: &[&str]| project.place(path).map(|place| place.to_string());
    if let Some(name) = given.keys().find(|name| !wanted.contains(*name)) {
        let place = place(&["prod", "secrets", name]).unwrap_or_default();
        return Err(ProductionError::Unknown { place, name: name.clone(), known: wanted.into_iter().collect() });
    }
    let missing: Vec<String> = wanted.into_iter().filter(|name| !given.contains_key(name)).collect();
    if missing.is_empty() {
        return Ok(given);
    }
    let has_section = project.file.prod.is_some();
    let place = place(if has_section { &["prod"] } else { &["project"] }).unwrap_or_default();
    Err(ProductionError::Unnamed { place, missing, project: project.file.project.to_string(), has_section })
}

/// Refuses what is filled in when the definition is rendered, where only a fixed text can stand.
fn refuse_this_machine(environment: &Environment, project: &Project) -> Result<(), ProductionError> {
    let is_there = |name: &PartName| environment.parts.contains_key(name);
    let modules = project.file.modules.keys().filter(|name| is_there(name));
    let modules = modules.map(|name| ("modules", name, &["run", "health"][..]));
    let services = project.file.services.iter().filter(|(name, one)| is_there(name) || one.external.is_some());
    let keys = &["image", "external", "command", "health", "volumes"][..];
    let services = services.map(|(name, _)| ("services", name, keys));
    for (section, owner, keys) in modules.chain(services) {
        for key in keys {
            let path = [section, owner.as_str(), key];
            if let Some(written) = project.first_template(&path) {
                let place = project.place(&path).map(|place| place.to_string()).unwrap_or_default();
                let (owner, written) = (owner.to_string(), written.to_owned());
                return Err(ProductionError::Machine { place, key, owner, written });
            }
        }
    }
    Ok(())
}

/// Variables with `${…}`, as they were written: what this machine has in their place is not production's.
fn templates(part: &Part, project: &Project) -> BTreeMap<String, String> {
    let section = if part.kind == Kind::Service { "services" } else { "modules" };
    let written = |name: &String| project.template(&[section, part.name.as_str(), "env", name]).map(str::to_owned);
    part.env.keys().filter_map(|name| Some((name.clone(), written(name)?))).collect()
}

fn extra(part: &Part, credentials: &BTreeMap<PartName, BTreeMap<String, Option<String>>>) -> Extra {
    let is_released = matches!(part.image, ImageRef::Ours(..));
    let mut extra = Extra { is_released, ..Extra::default() };
    for name in credentials.get(&part.name).into_iter().flat_map(BTreeMap::keys) {
        extra.secrets.insert(format!("{}.{name}", part.name), format!("{CREDENTIALS}/{name}"));
    }
    for (variable, value) in &part.secret_env {
        let known = credentials.get(&value.service);
        let holes: Vec<String> = pieces(&value.template).filter_map(Result::err).collect();
        for name in holes.iter().filter(|name| known.is_some_and(|known| known.contains_key(*name))) {
            let secret = format!("{}.{name}", value.service);
            let file = format!("{SECRETS}/{secret}");
            if value.template == format!("{{{name}}}") {
                extra.env.insert(format!("{variable}_FILE"), file.clone());
            }
            extra.secrets.insert(secret, file);
        }
    }
    if part.kind == Kind::Gateway {
        extra.secrets.extend(OF_GATEWAY.map(|(name, file)| (format!("{GATEWAY}.{name}"), format!("{CERTS}/{file}"))));
        extra.ports = vec![(443, GATEWAY_PORTS.0), (80, GATEWAY_PORTS.1)];
    }
    extra
}

/// Takes away what is dev's: mirrored source, volumes of dependencies, generated files, ports, the developer as user.
fn strip(part: &mut Part, project: &Project, registry: &str) {
    let preset = project.file.services.get(&part.name).and_then(|service| service.preset.clone());
    let name = match (&part.image, preset) {
        (ImageRef::Theirs(_), _) => None,
        (ImageRef::Ours(image, _), Some(_)) => Some(image.to_string()),
        (ImageRef::Ours(..), None) => Some(part.name.to_string()),
    };
    if let (ImageRef::Ours(image, _), Some(name)) = (&part.image, name) {
        part.image = ImageRef::Ours(image.clone(), format!("{registry}/{name}"));
    }
    if let Some(module) = project.file.modules.get(&part.name) {
        part.command = Some(command(part, &module.script()));
    }
    part.env.remove("DEVENV_SEED");
    part.dev_env.clear();
    part.secret_env.clear();
    part.mounts.clear();
    part.publish.clear();
    (part.user, part.folder, part.install, part.mirror) = (None, None, None, None);
}

/// The command of a module: what holds a credential is put together in the container, from the files of its secrets.
fn command(part: &Part, run: &str) -> Vec<String> {
    // What the module sets itself wins, as in dev.
    let variables: Vec<(&String, &SecretVariable)> =
        part.secret_env.iter().filter(|(name, _)| !part.env.contains_key(*name)).collect();
    // What the one drops, the other hands on.
    let shell = if part.env.keys().all(|name| is_for_shells(name)) { "sh" } else { "bash" };
    if variables.is_empty() {
        return [shell, "-c", run].map(str::to_owned).into();
    }
    let secrets: BTreeSet<String> = variables
        .iter()
        .flat_map(|(_, value)| {
            pieces(&value.template).filter_map(Result::err).map(|hole| format!("{}.{hole}", value.service))
        })
        .collect();
    let secrets: Vec<String> = secrets.into_iter().collect();
    let mut script = format!(
        "for one in {}; do [ -r \"{SECRETS}/$one\" ] || {{ echo \"the secret $one is not there\" >&2; exit 1; }}; done\n\
         secret() {{ cat \"{SECRETS}/$1\"; }}\n\
         encoded() {{ printf %s \"$(secret \"$1\")\" | od -An -v -tx1 | tr -d ' \\n' | sed 's/../%&/g'; }}\n",
        secrets.join(" ")
    );
    for (name, value) in variables {
        // In a URL, a password may have characters that would end its part.
        let read = if value.template.contains("://") { "encoded" } else { "secret" };
        let text: String = pieces(&value.template)
            .map(|piece| match piece {
                Ok(text) => format!("'{}'", text.replace('\'', "'\\''")),
                Err(hole) => format!("\"$({read} {}.{hole})\"", value.service),
            })
            .collect();
        script.push_str(&format!("{name}={text}\nexport {name}\n"));
    }
    script.push_str(&format!("exec {shell} -c \"$1\""));
    [shell, "-ec", &script, "sh", run].map(str::to_owned).into()
}

/// The pieces of a template: text, or the name of a hole as an error.
fn pieces(template: &str) -> impl Iterator<Item = Result<String, String>> {
    let mut all = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((hole, behind)) = after.split_once('}') else { break };
        all.extend((!before.is_empty()).then(|| Ok(before.to_owned())));
        all.push(Err(hole.to_owned()));
        rest = behind;
    }
    all.extend((!rest.is_empty()).then(|| Ok(rest.to_owned())));
    all.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_falls_into_text_and_holes() {
        let all: Vec<_> = pieces("db://{user}:{password}@db/x").collect();
        let text = |text: &str| Ok(text.to_owned());
        let hole = |name: &str| Err(name.to_owned());
        assert_eq!(all, [text("db://"), hole("user"), text(":"), hole("password"), text("@db/x")]);
    }

    #[test]
    fn what_is_missing_is_listed_with_the_lines_to_add() {
        let missing = ["cache.password", "order-db.user"].map(str::to_owned).into();
        let error = ProductionError::Unnamed {
            place: "devenv.yaml:1".to_owned(),
            missing,
            project: "shop".to_owned(),
            has_section: false,
        };
        let error = Error::from(error);
        assert_eq!(error.kind.exit_code(), 2);
        assert_eq!(error.to_string(), "devenv.yaml:1: production has no secret for `cache.password`, `order-db.user`");
        assert_eq!(
            error.hints,
            [
                "add to devenv.yaml what each is called in production, never its value:\nprod:\n  secrets:\n    cache.password: shop_cache_password\n    order-db.user: shop_order_db_user"
            ]
        );
    }
}
