//! Release sets in Debian's registry: a push that goes on where it ended, names that are given and taken back, and what is
//! refused.

use serde_json::Value;

use crate::checkout::{Checkout, shell};
use crate::engine;
use crate::registry::Registry;

const CONFIGURATION: &str = "\
project: PROJECT
registry: REGISTRY
modules:
  tool: {path: tool, image: base, run: cat word, needs: [cache]}
services:
  cache: {preset: redis}
";

fn git(checkout: &Checkout, rest: &str) -> String {
    shell(&format!("cd '{}' && git {rest}", checkout.root().display())).trim().to_owned()
}

/// Commits this word as the tool's source, and returns the commit.
fn commit(checkout: &Checkout, word: &str) -> String {
    checkout.write("tool/word", word);
    git(checkout, "add --all");
    git(checkout, &format!("-c user.name=a -c user.email=a@example.com commit -qm {word}"));
    git(checkout, "rev-parse HEAD")
}

fn begin(registry: impl FnOnce(&Checkout) -> Registry) -> (Checkout, Registry, String) {
    begin_with(CONFIGURATION, registry)
}

fn begin_with(configuration: &str, registry: impl FnOnce(&Checkout) -> Registry) -> (Checkout, Registry, String) {
    let checkout = Checkout::new(configuration);
    let registry = registry(&checkout);
    let place = format!("127.0.0.1:{}/{}", registry.port, checkout.project());
    checkout.replace("devenv.yaml", "REGISTRY", &place);
    checkout.write(".gitignore", ".devenv/\n");
    git(&checkout, "init -q");
    git(&checkout, "config user.email a@example.com");
    (checkout, registry, place)
}

fn sets(checkout: &Checkout) -> Vec<(String, String)> {
    let all: Value = serde_json::from_str(&checkout.ok(&["release", "list", "--json"]).stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut all: Vec<_> = all.as_array().unwrap().iter().map(|set| (text(&set["tag"]), text(&set["commit"]))).collect();
    all.sort();
    all
}

#[test]
fn a_release_is_pushed_promoted_and_taken_back_by_digest() {
    let (checkout, registry, place) = begin(Registry::start);
    let one = commit(&checkout, "one");
    checkout
        .devenv(&["push"])
        .code(1)
        .says("`tool` has no released image for this commit")
        .says("devenv release build");
    checkout.ok(&["images", "build"]);
    checkout.ok(&["release", "build"]);
    assert_eq!(sets(&checkout), []);
    checkout.ok(&["push"]).says("✓ pushed tool").says("✓ pushed cache").says(&format!("✓ {place}/release:{one}"));
    checkout.ok(&["push"]).says("nothing to do").says_not("pushed");
    let left = engine::lines(&["images", "--format", "{{.Repository}}"]);
    assert!(!left.iter().any(|name| name.starts_with(&place)), "the engine keeps no name of the registry: {left:?}");
    let shown: Value = serde_json::from_str(&checkout.ok(&["release", "show", "--json"]).stdout).unwrap();
    assert_eq!((&shown["commit"], &shown["missing"]), (&Value::from(one.as_str()), &serde_json::json!([])));
    let digest = shown["images"]["tool"]["digest"].as_str().unwrap();
    let pulled = format!("{place}/tool@{digest}");
    engine::docker(&["pull", "--quiet", &pulled]);
    assert_eq!(engine::docker(&["run", "--rm", "--network=none", &pulled]).trim(), "one");
    engine::docker(&["rmi", &pulled]);

    // No name without a passed run; then the very same bytes.
    checkout.devenv(&["promote", &one[..10], "staging"]).code(1).says("no passed run is recorded");
    checkout.ok(&["release", "passed"]);
    checkout.ok(&["promote", &one[..10], "staging"]).says(&format!("✓ `staging` now points to {one}"));
    checkout.ok(&["promote", "staging", "prod"]);
    checkout.ok(&["promote", "staging", "prod"]).says("nothing to do");
    let digest_of = |tag: &str| {
        let shown: Value = serde_json::from_str(&checkout.ok(&["release", "show", tag, "--json"]).stdout).unwrap();
        shown["digest"].as_str().unwrap().to_owned()
    };
    assert_eq!(digest_of("prod"), digest_of(&one));
    checkout.devenv(&["promote", "staging", "a/b"]).code(2).says("cannot be the name of a release");
    checkout.devenv(&["promote", "nobody", "prod"]).code(1).says("no release set `nobody`");

    // The next commit: forced, said so, and taken back.
    let two = commit(&checkout, "two");
    checkout.ok(&["release", "build"]);
    checkout.ok(&["push"]).says("✓ pushed tool").says_not("pushed cache");
    checkout.ok(&["promote", &two, "prod", "--force"]);
    let shown = checkout.ok(&["release", "show", "prod"]).stdout;
    assert!(shown.contains("to prod without a passed run by a@example.com"), "{shown}");
    checkout.ok(&["promote", "prod", "--rollback"]).says(&format!("✓ `prod` now points to {one}"));
    let expected = [
        (one.clone(), one.clone()),
        (two.clone(), two.clone()),
        ("prod".to_owned(), one.clone()),
        ("staging".to_owned(), one.clone()),
    ];
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(sets(&checkout), expected);

    // What the registry has is not built again, nor are the images that it would be built in.
    let built: Value = serde_json::from_str(&checkout.ok(&["release", "build", "tool", "--json"]).stdout).unwrap();
    let image = built[0]["image"].as_str().unwrap();
    let before = engine::inspect(image)["Id"].clone();
    engine::docker(&["rmi", image]);
    assert_eq!(checkout.ok(&["release", "build", "tool", "--dry-run"]).stdout, "1 pull released tool: not there yet\n");
    checkout.ok(&["release", "build", "tool"]).says("✓ pull released tool");
    assert_eq!(engine::inspect(image)["Id"], before);

    // A set whose image is gone is not promoted.
    let tool = checkout.beside("registry/data/docker/registry/v2/repositories").join(checkout.project()).join("tool");
    std::fs::remove_dir_all(tool).unwrap();
    checkout.devenv(&["promote", "staging", "next", "--force"]).code(1).says("the registry does not have tool");
    drop(registry);
    checkout.devenv(&["release", "list"]).code(1).says("does not answer").says("run it again to resume");
}

/// The manifest of a reference, in the bytes that a registry has.
fn manifest(port: u16, repository: &str, reference: &str) -> String {
    let accept = "application/vnd.oci.image.manifest.v1+json";
    shell(&format!("curl -sf -H 'Accept: {accept}' http://127.0.0.1:{port}/v2/{repository}/manifests/{reference}"))
}

#[test]
fn a_release_comes_to_another_registry_in_its_very_bytes_and_the_definition_of_production_names_its_digests() {
    let (checkout, registry, place) = begin(Registry::start);
    let other = Registry::another(&checkout);
    let elsewhere = format!("127.0.0.1:{}/releases/{}", other.port, checkout.project());
    let prod = "environments: {prod: {secrets: {cache.password: cache_password}}}\n";
    checkout.replace("devenv.yaml", "services:", &format!("{prod}services:"));
    let one = commit(&checkout, "one");
    checkout.ok(&["images", "build"]);
    checkout.ok(&["release", "build"]);
    let image = |part: &str| {
        let definition = checkout.ok(&["config", "--env", "prod", "--json"]);
        let json: Value = serde_json::from_str(&definition.stdout).unwrap();
        (json["services"][part]["image"].as_str().unwrap().to_owned(), definition.stderr)
    };
    let (tagged, said) = image("tool");
    assert!(
        said.contains(&format!("the registry does not have {place}/redis:")) && said.contains("devenv push"),
        "{said}"
    );
    checkout.ok(&["push"]);
    let shown: Value = serde_json::from_str(&checkout.ok(&["release", "show", "--json"]).stdout).unwrap();
    let digest = |part: &str| shown["images"][part]["digest"].as_str().unwrap().to_owned();
    assert_eq!(image("tool"), (format!("{tagged}@{}", digest("tool")), String::new()));
    assert!(image("cache").0.ends_with(&digest("cache")));
    let kubernetes = ["config", "--env", "prod", "--format", "kubernetes"];
    assert!(checkout.ok(&kubernetes).stdout.contains(&format!("{tagged}@{}", digest("tool"))));

    // To the other registry, below another path: only what was tested, in the same bytes.
    let to = format!("{elsewhere}:prod");
    checkout.devenv(&["promote", &one[..10], &to]).code(1).says("no passed run is recorded");
    checkout.ok(&["release", "passed"]);
    let begun = std::time::Instant::now();
    checkout.ok(&["promote", &one[..10], &to]).says(&format!("✓ `{to}` now points to {one}"));
    println!("promotion of two images to another registry: {:?}", begun.elapsed());
    checkout.ok(&["promote", &one[..10], &to]).says("nothing to do");
    let repository = |name: &str| format!("{}/{name}", checkout.project());
    let there =
        |name: &str, reference: &str| manifest(other.port, &format!("releases/{}", repository(name)), reference);
    assert_eq!(there("release", "prod"), manifest(registry.port, &repository("release"), &one));
    assert!(checkout.ok(&["release", "show"]).stdout.contains(&format!("promoted from {} to {to}", &one)));
    let pulled = format!("{elsewhere}/tool@{}", digest("tool"));
    engine::docker(&["pull", "--quiet", &pulled]);
    assert_eq!(engine::docker(&["run", "--rm", "--network=none", &pulled]).trim(), "one");
    engine::docker(&["rmi", &pulled]);

    // The name of an environment with a registry of its own says the same.
    checkout.replace("devenv.yaml", "prod: {secrets", &format!("prod: {{registry: \"{elsewhere}\", secrets"));
    checkout.ok(&["promote", &one[..10], "prod"]).says("nothing to do");
    checkout.devenv(&["promote", "prod", "--rollback"]).code(1).says("no record says which set was `prod` before");

    // Everything is there without the first one.
    drop(registry);
    checkout.replace("devenv.yaml", &place, &elsewhere);
    let shown: Value = serde_json::from_str(&checkout.ok(&["release", "show", "prod", "--json"]).stdout).unwrap();
    assert_eq!((&shown["commit"], &shown["missing"]), (&Value::from(one), &serde_json::json!([])));
    assert!(shown["records"].to_string().contains("\"passed\""), "{shown}");
    checkout.devenv(&["promote", "prod", &format!("{elsewhere}:a/b")]).code(2);
}

#[test]
fn a_commit_that_has_a_set_of_other_images_is_told_and_one_that_lost_its_images_is_replaced() {
    let (checkout, registry, place) = begin(Registry::start);
    let one = commit(&checkout, "one");
    checkout.ok(&["images", "build"]);
    checkout.ok(&["release", "build"]);
    checkout.ok(&["push"]);
    let shown: Value = serde_json::from_str(&checkout.ok(&["release", "show", "--json"]).stdout).unwrap();
    let (tag, digest) = (&shown["images"]["tool"]["tag"], &shown["images"]["tool"]["digest"]);
    let (tag, digest) = (tag.as_str().unwrap(), digest.as_str().unwrap());

    // Somebody else has put other bytes under the tag.
    let shared = format!("{place}/tool:{tag}");
    let container = engine::lines(&["create", &format!("{}/tool:{tag}", checkout.project()), "true"]).remove(0);
    engine::docker(&["commit", "--change", "LABEL other=1", &container, &shared]);
    engine::docker(&["rm", &container]);
    engine::docker(&["push", "--quiet", &shared]);
    engine::docker(&["rmi", &shared]);
    checkout.devenv(&["push"]).code(1).says("another release set of").says("other images of tool").says("--replace");
    let member = |shown: &str| {
        let shown: Value = serde_json::from_str(shown).unwrap();
        shown["images"]["tool"]["digest"].as_str().unwrap().to_owned()
    };
    assert_eq!(member(&checkout.ok(&["release", "show", "--json"]).stdout), digest);

    let kept = checkout.beside("registry/data/docker/registry/v2/repositories").join(checkout.project());
    let revision = kept.join("tool/_manifests/revisions/sha256").join(digest.trim_start_matches("sha256:"));
    std::fs::remove_dir_all(revision).unwrap();
    checkout.ok(&["push"]).says(&format!("release:{one}: replaced the set that had lost tool"));
    assert_ne!(member(&checkout.ok(&["release", "show", "--json"]).stdout), digest);
    drop(registry);
}

#[test]
fn a_run_of_ci_that_has_passed_is_recorded_for_the_set_of_its_commit() {
    let module = "tool: {path: tool, image: base, run: cat word, test: grep -q one word}";
    let configuration = format!("project: PROJECT\nregistry: REGISTRY\nmodules: {{{module}}}\nci: [\"tool:test\"]\n");
    let (checkout, registry, _) = begin_with(&configuration, Registry::start);
    let one = commit(&checkout, "one");
    checkout.ok(&["images", "build"]);
    checkout.ok(&["release", "build"]);
    checkout.ok(&["ci"]).says(&format!("the registry has no release set of {one}")).says("`devenv push` before");
    checkout.ok(&["push"]);
    checkout.devenv(&["promote", &one, "staging"]).code(1).says("no passed run is recorded");
    checkout.ok(&["ci"]).says(&format!("✓ recorded: the tests of {one} have passed"));
    checkout.ok(&["ci"]).says_not("recorded");
    checkout.ok(&["promote", &one, "staging"]);

    let listed = checkout.ok(&["release", "list"]).stdout;
    assert!(listed.lines().skip(1).all(|line| line.contains(" yes ")), "{listed}");

    // What is not committed is in no release; what has failed is not recorded.
    checkout.write("tool/word", "one more");
    checkout.ok(&["ci"]).says("the passed run is not recorded for a release");
    let two = commit(&checkout, "two");
    checkout.ok(&["release", "build"]);
    checkout.ok(&["push"]);
    checkout.devenv(&["ci"]).code(1).says_not("recorded");
    checkout.devenv(&["promote", &two, "staging"]).code(1).says("no passed run is recorded");
    drop(registry);
}

#[test]
fn a_registry_that_asks_who_it_is_gets_the_credentials_of_docker_login() {
    let (checkout, _registry, place) = begin(Registry::locked);
    commit(&checkout, "one");
    checkout.ok(&["images", "build"]);
    checkout.ok(&["release", "build"]);
    let config = checkout.beside("docker");
    std::fs::create_dir(&config).unwrap();
    let devenv = |args: &[&str]| {
        let mut command = checkout.command();
        command.env("DOCKER_CONFIG", &config).args(args);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        crate::checkout::end(command.spawn().unwrap(), args)
    };
    let host = place.split('/').next().unwrap();
    devenv(&["push"]).code(1).says("the registry denied access").says(&format!("docker login {host}"));
    // me:word
    std::fs::write(
        config.join("config.json"),
        format!("{{\"auths\": {{\"{host}\": {{\"auth\": \"bWU6d29yZA==\"}}}}}}"),
    )
    .unwrap();
    devenv(&["push"]).code(0).says("✓ pushed tool");
    devenv(&["push"]).code(0).says("nothing to do");
}
