//! Whole checks: a configuration goes in, lines come out.

use std::collections::BTreeMap;

use crate::plan::check::dockerfiles::Lint;
use crate::plan::check::facts::CheckFacts;
use crate::plan::check::facts::Checked;
use crate::plan::check::findings;
use crate::plan::deploy::cluster::Secret;
use crate::plan::environment::samples::Team;
use crate::plan::environment::target::{Target, names};

type Secrets = BTreeMap<String, BTreeMap<String, Secret>>;

/// What is found in a configuration on 2026-11-30, with these lock files; differences of environments aside.
fn said(text: &str, locks: &[(&str, &str)]) -> Vec<String> {
    said_with(text, locks, &BTreeMap::new())
}

/// The same, where clusters have these secrets.
fn said_with(text: &str, locks: &[(&str, &str)], secrets: &Secrets) -> Vec<String> {
    let team = Team::of(text);
    let (files, project) = (team.files(), &team.project);
    let declared = |name: &String| name == "dev" || project.file.environments.contains_key(name.as_str());
    let environments: Vec<Checked> = names(project)
        .into_iter()
        .filter(declared)
        .map(|name| {
            let target = Target::of(project, &name).unwrap();
            Checked { environment: files.environment(&target), target, differences: Vec::new() }
        })
        .collect();
    let locks = locks.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let facts = CheckFacts {
        project,
        assets: &team.assets,
        images: &team.images,
        digests: &team.lock.images,
        environments: &environments,
        secrets,
        locks: &locks,
        committed: &[],
        certificates: &[],
        lint: &Lint::Nothing,
        now: 1_795_996_800,
    };
    findings(&facts).iter().map(ToString::to_string).collect()
}

#[test]
fn a_sane_configuration_has_no_finding() {
    let text = "\
project: shop
modules:
  api: {path: api, image: python, run: serve, port: 8000, needs: [db, migrate], env: {TOKEN: \"${TOKEN:-}\"}}
  migrate: {path: api, image: python, run: migrate, once: true, needs: [db]}
services: {db: {preset: postgres}}
environments:
  prod:
    resources: {api: {memory: 64m}, db: {memory: 64m}}
    secrets: {db.user: u, db.password: p, db.database: d}
features:
  new: {owner: me, until: 2026-12-01, dev: on}
";
    assert_eq!(said(text, &[]), Vec::<String>::new());
}

#[test]
fn each_family_of_rules_says_what_is_wrong_and_where() {
    let text = "\
project: shop
modules:
  api: {path: api, image: python, run: serve, needs: [db], env: {API_TOKEN: abc}, deps: {lock: [requirements.txt, go.mod], install: i}}
images:
  ml: {parent: python, args: {PIP_TOKEN: abc}}
services:
  db: {preset: postgres}
  mail: {image: \"axllent/mailpit:v1\", port: 8025}
environments:
  prod:
    env: {api: {API_TOKEN: def}}
  staging:
    like: prod
    secrets: {db.user: u, db.password: p, db.database: d}
features:
  old: {until: 2026-11-29}
";
    let locks = [("api/requirements.txt", "flask\n"), ("api/go.mod", "require x v1\n")];
    assert_eq!(
        said(text, &locks),
        [
            "error lock-pin api/requirements.txt:1: `flask` is not pinned",
            "error health devenv.yaml:3: `api` has neither a health check nor a port",
            "error lock-missing devenv.yaml:3: `go.mod` of `api` pins no version, and `lock` names no file that does",
            "warning secret-literal devenv.yaml:3: `API_TOKEN` of `api` is a literal in the configuration",
            "error secret-image devenv.yaml:5: the argument `PIP_TOKEN` stays readable in the image",
            "warning migration devenv.yaml:7: no task migrates the database `db`",
            "warning health devenv.yaml:8: `mail` has a health check that a platform cannot run",
            "error image-digest devenv.yaml:8: `axllent/mailpit:v1` has no digest in devenv.lock",
            "error environment-secret devenv.yaml:11: prod has no secret for `db.database`, `db.password`, `db.user`",
            "error secret-literal devenv.yaml:11: `API_TOKEN` of `api` in prod is a literal in the configuration",
            "warning environment-limits devenv.yaml:13: staging has no memory limit for `api`, `db`, `mail`",
            "warning feature-expired devenv.yaml:16: the feature `old` was due for removal on 2026-11-29",
            "warning feature-owner devenv.yaml:16: the feature `old` has no owner",
        ]
    );
}

#[test]
fn a_module_that_cannot_be_released_is_told_once() {
    let text = "\
project: shop
modules:
  worker: {path: w, image: go, run: go run ., port: 8000}
environments:
  prod: {resources: {worker: {memory: 64m}}}
  staging: {like: prod}
";
    let expected = "error release devenv.yaml:3: `worker` starts with `go`, and its release is laid on `base`, which does \
                    not have it";
    assert_eq!(said(text, &[]), [expected]);
}

#[test]
fn a_secret_that_the_cluster_does_not_have_is_an_error_where_it_is_named_and_one_with_a_digest_is_there() {
    let text = "\
project: shop
modules:
  api: {path: api, image: python, run: serve, port: 8000, route: /, needs: [db]}
services: {db: {preset: postgres}}
environments:
  prod:
    secrets:
      db.user: shop_user
      db.password: shop_password
      db.database: shop_database
      gateway.certificate: shop_certificate
      gateway.key: shop_key
  next: {like: prod}
";
    let cluster = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), Secret::default())).collect();
    let there = cluster(&["shop_user", "shop_password_0123abcd", "shop_database_old", "shop_certificate", "shop_key"]);
    let secrets = BTreeMap::from([("prod".to_owned(), there), ("next".to_owned(), cluster(&["shop_user"]))]);
    let mut said = said_with(text, &[], &secrets);
    said.retain(|line| line.contains("the cluster of"));
    assert_eq!(said.len(), 5, "{said:?}");
    let expected = "error environment-secret devenv.yaml:10: the cluster of prod has no secret `shop_database`, which is its `db.database`";
    assert!(said.iter().any(|line| line == expected), "{said:?}");
}
