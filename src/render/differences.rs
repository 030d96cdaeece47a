//! Two environments of a project, rendered to be compared: with the templates in force, and with the embedded ones.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::assets::{AssetOrigin, Assets};
use crate::config::compose_file;
use crate::config::inputs::InputFile;
use crate::error::Result;
use crate::plan::environment::difference::{Comparison, SettingDifference, Side};
use crate::plan::environment::target::{Placement, Target};
use crate::plan::environment::unplaced::Files;
use crate::plan::parts::Environment;
use crate::render::compose::files_of;
use crate::render::environment::definition;

/// An environment with its definitions.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Which one.
    pub target: Target,
    /// What was decided.
    pub environment: Environment,
    /// Its definition, as the templates in force make it.
    pub definition: Value,
    embedded: Value,
}

impl Rendered {
    /// The environment called `name`.
    pub fn new(files: &Files<'_>, name: &str) -> Result<Self> {
        let target = Target::of(files.project, name)?;
        let environment = files.environment(&target)?;
        Self::of(files, target, environment)
    }

    /// An environment that was decided.
    pub fn of(files: &Files<'_>, target: Target, environment: Environment) -> Result<Self> {
        let json = |assets: &Assets| -> Result<Value> {
            Ok(serde_json::to_value(definition(&environment, assets)?).unwrap_or_default())
        };
        let in_force = json(files.assets)?;
        let is_own = own_templates(files.assets, &target).next().is_some();
        let embedded = if is_own { json(&Assets::embedded())? } else { in_force.clone() };
        Ok(Self { target, environment, definition: in_force, embedded })
    }

    fn side(&self) -> Side<'_> {
        Side {
            target: &self.target,
            environment: &self.environment,
            definition: &self.definition,
            embedded: &self.embedded,
        }
    }
}

/// The project's own templates of an environment.
fn own_templates<'a>(assets: &'a Assets, target: &Target) -> impl Iterator<Item = String> + use<'a> {
    let is_own = |path: &&str| assets.get(path).is_some_and(|asset| matches!(asset.origin, AssetOrigin::Project(_)));
    files_of(target.base, Placement::Elsewhere).into_iter().filter(is_own).map(|path| assets.place(path))
}

/// Everything that differs between two environments, whose names are given.
pub fn between(files: &Files<'_>, sources: &[InputFile], names: [&String; 2]) -> Result<Vec<SettingDifference>> {
    let [left, right] = [Rendered::new(files, names[0])?, Rendered::new(files, names[1])?];
    Ok(of(files, sources, &left, &right))
}

/// Everything that differs between two environments.
#[must_use]
pub fn of(files: &Files<'_>, sources: &[InputFile], left: &Rendered, right: &Rendered) -> Vec<SettingDifference> {
    let named = |source: &InputFile| (source.name.clone(), compose_file::services(source));
    let fragments: BTreeMap<String, Vec<String>> = sources.iter().map(named).collect();
    let templates = own_templates(files.assets, &left.target).chain(own_templates(files.assets, &right.target));
    let mut templates: Vec<String> = templates.collect();
    templates.sort();
    templates.dedup();
    let (left, right) = (left.side(), right.side());
    Comparison { project: files.project, left, right, fragments: &fragments, templates: &templates }.differences()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::collections::BTreeSet;

    use super::*;
    use crate::assets::Asset;
    use crate::config::project::Project;
    use crate::plan::environment::difference::Reason;
    use crate::plan::environment::samples::{Team, project};

    const SHOP: &str = "\
project: shop
features: {new: {dev: on, managed: on}}
modules:
  api: {path: ., image: python, run: serve, build: make, port: 8000, route: /, needs: [db], env: {A: \"1\", T: \"${T:-x}\"},
        deps: {lock: [r.txt], install: i}}
services: {db: {preset: postgres, seed: s.sql}, mail: {image: \"axllent/mailpit:v1\", port: 8025}}
environments:
  staging: {like: prod, env: {api: {A: \"2\"}}, replicas: {api: 1}}
  prod:
    replicas: {api: 3}
    resources: {api: {memory: 64m}}
    secrets: {db.user: u, db.password: p, db.database: d, gateway.certificate: c, gateway.key: k}
  managed: {like: prod, external: {db: \"postgres://db.internal:6000\"}}
";

    fn said(
        project: &Project,
        assets: &Assets,
        sources: &[InputFile],
        [left, right]: [&str; 2],
    ) -> Vec<SettingDifference> {
        let team = Team::with(project.clone(), assets.clone());
        between(&team.files(), sources, [&left.to_owned(), &right.to_owned()]).unwrap()
    }

    fn shop() -> Project {
        project(&SHOP.replace(", seed: s.sql", "").replace("path: .", "path: api"))
    }

    fn lines(differences: &[SettingDifference]) -> Vec<String> {
        let line = |one: &SettingDifference| {
            let value = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), ToString::to_string);
            let (left, right) = (value(&one.left), value(&one.right));
            format!("{} {}: {left} → {right}: {:?} by {}", one.part, one.key, one.reason, one.from)
        };
        differences.iter().map(line).collect()
    }

    #[test]
    fn our_own_templates_make_no_difference_between_any_two_environments_that_is_not_allowed() {
        // A release has another parent than the module, where its language is needed for the build alone.
        let compiled =
            "  worker: {path: w, image: go, run: bin/w}\n  cli: {path: c, image: rust, run: target/debug/c}\n";
        let text = SHOP.replace(", seed: s.sql", "").replace("path: .", "path: api");
        let text = text.replace("services:", &format!("{compiled}services:"));
        for pair in [["dev", "prod"], ["dev", "ci"], ["ci", "prod"], ["dev", "managed"], ["ci", "managed"]] {
            let all = said(&project(&text), &Assets::embedded(), &[], pair);
            assert!(all.len() > 10, "{all:?}");
            let wrong: Vec<_> = all.into_iter().filter(|one| one.reason == Reason::Undeclared).collect();
            assert_eq!(lines(&wrong), Vec::<String>::new(), "{pair:?}");
        }
    }

    #[test]
    fn two_environments_for_a_platform_differ_in_what_they_declare_and_in_nothing_else() {
        let (project, assets) = (shop(), Assets::embedded());
        assert_eq!(
            lines(&said(&project, &assets, &[], ["staging", "prod"])),
            [
                "api deploy.replicas: 1 → 3: Replicas by environments.prod.replicas.api",
                "api environment.A: \"2\" → \"1\": Env by environments.staging.env.api.A",
                "api environment.DEVENV_ENV: \"staging\" → \"prod\": Host by devenv",
                "db volumes./var/lib/postgresql/data: {\"type\":\"volume\",\"source\":\"shop-staging-db-data\",\"target\":\"/var/lib/postgresql/data\",\"read_only\":false} → {\"type\":\"volume\",\"source\":\"shop-prod-db-data\",\"target\":\"/var/lib/postgresql/data\",\"read_only\":false}: Identity by compose/prod.yaml",
            ]
        );
        assert_eq!(said(&project, &assets, &[], ["prod", "prod"]), Vec::new());
        let managed = said(&project, &assets, &[], ["prod", "managed"]);
        let keys: BTreeSet<String> =
            managed.iter().map(|one| format!("{} {} {:?}", one.part, one.key, one.reason)).collect();
        let expected = [
            "api command Release",
            "api depends_on External",
            "api environment.DB_HOST External",
            "api environment.DB_PORT External",
            "api environment.DEVENV_ENV Host",
            "api environment.FEATURE_NEW Features",
            "db  External",
        ];
        assert_eq!(keys.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_a_template_or_a_compose_file_of_the_team_adds_to_one_alone_is_not_declared() {
        let mut assets = Assets::below_folder("devenv");
        let text =
            assets.get("compose/prod.yaml").unwrap().text().replace("    deploy:\n", "    shm_size: 1g\n    deploy:\n");
        let asset = Asset {
            origin: AssetOrigin::Project("devenv/compose/prod.yaml".into()),
            content: Some(Cow::Owned(text.into_bytes())),
            digest: String::new(),
            executable: false,
        };
        assets.replace("compose/prod.yaml".to_owned(), asset);
        let extra = InputFile { name: "extra.yaml".to_owned(), bytes: b"services: {api: {init: false}}".to_vec() };
        let mut all = said(&shop(), &assets, &[extra], ["dev", "prod"]);
        all.retain(|one| one.reason == Reason::Undeclared);
        assert_eq!(
            lines(&all),
            [
                "api shm_size: - → \"1g\": Undeclared by devenv/compose/prod.yaml",
                "db shm_size: \"128m\" → \"1g\": Undeclared by devenv/compose/prod.yaml",
                "gateway shm_size: - → \"1g\": Undeclared by devenv/compose/prod.yaml",
                "mail shm_size: - → \"1g\": Undeclared by devenv/compose/prod.yaml",
                "api compose: \"extra.yaml\" → -: Undeclared by extra.yaml",
            ]
        );
    }
}
