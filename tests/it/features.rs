//! `features`: states of each environment, and a state of one's own in devenv.local.yaml.

use snapbox::str;

use crate::test::Test;

const SHOP: &str = "\
project: shop
modules: {api: {path: ., image: base, run: serve}}
environments: {staging: {like: prod}}
features:
  new-checkout: {owner: payments, dev: on, staging: on, until: 2099-03-01}
  old-menu: {}
";

#[test]
fn features_are_listed_with_their_states_in_each_environment() {
    Test::new()
        .file("devenv.yaml", SHOP)
        .args(["features"])
        .stdout(str![[r#"
FEATURE       OWNER     UNTIL       STATES                                  LAST CHANGE HERE
new-checkout  payments  2099-03-01  ci off, dev on, prod off, staging on    -
old-menu      -         -           ci off, dev off, prod off, staging off  -

"#]])
        .status(0)
        .wrote_nothing();
}

#[test]
fn a_state_of_ones_own_stands_in_the_local_file_until_it_is_the_teams() {
    let ran = Test::new()
        .file("devenv.yaml", SHOP)
        .file("devenv.local.yaml", "# mine\nstart: ask\n")
        .env("USER", "anna")
        .args(["features", "set", "new-checkout", "off"])
        .stderr(str![[r#"
new-checkout is off in dev: /run/devenv/features/flags.json in containers changes at once
FEATURE_NEW_CHECKOUT changes when a container is recreated: `devenv up`

"#]])
        .status(0)
        .says("devenv.local.yaml", "# mine\nstart: ask\nfeatures:\n  new-checkout:\n    dev: off\n");
    let ran = ran
        .again()
        .args(["features", "set", "new-checkout", "off"])
        .stderr(str![[r#"
nothing to change

"#]])
        .status(0)
        .wrote_nothing();
    let test = ran.again();
    let output = test.command().args(["features", "--json"]).output().unwrap();
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let changed = &all[0]["changed"];
    assert_eq!(
        (&changed["state"], &changed["by"], &all[0]["states"]["dev"]),
        (&"off".into(), &"anna".into(), &"off".into())
    );
    assert!(changed["at"].as_i64().unwrap() > 1_700_000_000, "{changed}");
    test.args(["--quiet", "features", "set", "new-checkout", "on"])
        .status(0)
        .says("devenv.local.yaml", "# mine\nstart: ask\n");
}

#[test]
fn what_is_not_a_feature_or_runs_elsewhere_is_refused() {
    let ran = Test::new()
        .file("devenv.yaml", SHOP)
        .args(["features", "set", "new-chekout", "on"])
        .stderr(str![[r#"
error: `new-chekout` is not a feature
hint: did you mean `new-checkout`?

"#]])
        .status(2)
        .wrote_nothing();
    ran.again()
        .args(["features", "set", "old-menu", "on", "--env", "staging"])
        .stderr(str![[r#"
error: `staging` does not run on this machine
hint: write it to `features.old-menu.staging` in devenv.yaml and release that

"#]])
        .status(2)
        .wrote_nothing();
}
