//! Signed releases: what a key that counts has signed opens gates, what nobody has signed does not, and Debian's cosign agrees.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::checkout::{self, Checkout, Ran, shell};
use crate::engine;
use crate::registry::Registry;

const CONFIGURATION: &str = "\
project: PROJECT
registry: REGISTRY
signers: {ci: ci.pub}
modules:
  tool: {path: tool, image: base, run: cat word}
";

/// cosign, which an older Debian does not have, unpacked beside the checkout; nothing of this machine's apt is changed.
fn cosign(checkout: &Checkout) -> std::path::PathBuf {
    let folder = checkout.beside("cosign");
    let here = folder.display();
    shell(&format!(
        "mkdir -p '{here}/lists/partial' '{here}/cache/archives/partial' && chmod -R 777 '{here}' && cd '{here}' && \
         echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' >list && \
         apt() {{ apt-get -q -o Dir::Etc::sourcelist='{here}/list' -o Dir::Etc::sourceparts=/dev/null \
         -o Dir::State::lists='{here}/lists' -o Dir::Cache='{here}/cache' -o Dir::State::status=/dev/null \"$@\"; }} && \
         apt update >&2 && apt download cosign >&2 && dpkg -x cosign_*.deb '{here}'"
    ));
    folder.join("usr/bin/cosign")
}

fn devenv(checkout: &Checkout, key: Option<&Path>, args: &[&str]) -> Ran {
    let mut command = checkout.command();
    if let Some(key) = key {
        command.env("DEVENV_SIGNING_KEY", key);
    }
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    checkout::end(command.spawn().unwrap(), args)
}

#[test]
fn what_is_signed_counts_and_cosign_verifies_it() {
    let checkout = Checkout::new(CONFIGURATION);
    let registry = Registry::start(&checkout);
    let place = format!("127.0.0.1:{}/{}", registry.port, checkout.project());
    checkout.replace("devenv.yaml", "REGISTRY", &place);
    let (ci, other) = (checkout.beside("ci.key"), checkout.beside("other.key"));
    for key in [&ci, &other] {
        let said = checkout.ok(&["release", "keygen", key.to_str().unwrap()]);
        said.says("never commit it").says("signers: {ci: ");
    }
    checkout.devenv(&["release", "keygen", ci.to_str().unwrap()]).code(2).says("a key is never replaced");
    let public = |key: &Path| std::fs::read_to_string(format!("{}.pub", key.display())).unwrap();
    checkout.write("ci.pub", &public(&ci));
    checkout.write(".gitignore", ".devenv/\n");
    checkout.write("tool/word", "one");
    let git = |rest: &str| shell(&format!("cd '{}' && git {rest}", checkout.root().display()));
    git(
        "init -q && git config user.email a@example.com && git config user.name a && git add --all && git commit -qm one",
    );
    let commit = git("rev-parse HEAD").trim().to_owned();
    checkout.ok(&["images", "build"]);
    checkout.ok(&["release", "build"]);

    // Without a key, images are shared, and nothing counts.
    checkout.ok(&["push"]).says("✓ pushed tool").says("the set cannot be promoted or deployed yet");
    checkout.devenv(&["release", "passed"]).code(1).says("DEVENV_SIGNING_KEY is not set").says("keygen");
    let promote = ["promote", &commit[..10], "staging"];
    checkout.devenv(&promote).code(1).says("DEVENV_SIGNING_KEY is not set");
    devenv(&checkout, Some(&ci), &promote).code(1).says("cannot be trusted: it is not signed").says("devenv push");
    checkout.ok(&["release", "show"]).says("cannot be promoted or deployed: it is not signed");

    // A key that does not count, and files that are none.
    devenv(&checkout, Some(&other), &["push"]).code(0).says("is none of the keys in `signers`");
    devenv(&checkout, Some(&ci), &promote).code(1).says("by none of the keys in `signers`, or damaged");
    devenv(&checkout, Some(&other), &["release", "passed"]).code(1).says("keys that count: ci");
    let no_key = checkout.root().join("ci.pub");
    devenv(&checkout, Some(&no_key), &["release", "passed"]).code(2).says("it is not a private key");
    let absent = checkout.beside("absent");
    devenv(&checkout, Some(&absent), &["release", "passed"]).code(2).says("there is no such file");

    // With the key, the set is signed and promoted after a run that is recorded with it.
    devenv(&checkout, Some(&ci), &["push"]).code(0).says("nothing to do").says_not("warning");
    devenv(&checkout, Some(&ci), &promote).code(1).says("no passed run is recorded");
    devenv(&checkout, Some(&ci), &["release", "passed"]).code(0);
    devenv(&checkout, Some(&ci), &promote).code(0).says("✓ `staging` now points to");
    checkout.ok(&["release", "show", "staging"]).says("signed by ci").says_not("does not count");
    let shown: Value = serde_json::from_str(&checkout.ok(&["release", "show", "--json"]).stdout).unwrap();
    assert_eq!(shown["signed"], serde_json::json!({"signed-by": "ci"}));
    let digest = shown["digest"].as_str().unwrap();

    // A released image that the signed set names is fetched.
    let built: Value = serde_json::from_str(&checkout.ok(&["release", "build", "--json"]).stdout).unwrap();
    let image = built[0]["image"].as_str().unwrap();
    let id = engine::inspect(image)["Id"].clone();
    engine::docker(&["rmi", "--force", image]);
    checkout.ok(&["release", "build"]).says("✓ pull released tool");
    assert_eq!(engine::inspect(image)["Id"], id);

    // An independent verifier agrees.
    let cosign = cosign(&checkout);
    let verify = |key: &Path| {
        let mut command = Command::new(&cosign);
        command.args(["verify", "--key", &format!("{}.pub", key.display()), "--insecure-ignore-tlog"]);
        command.args(["--allow-http-registry", &format!("{place}/release@{digest}")]);
        let output = command.env("HOME", checkout.beside("home")).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (is_verified, said) = verify(&ci);
    assert!(is_verified, "{said}");
    // The other key has signed it too, and a third one has not.
    assert!(verify(&other).0);
    let third = checkout.beside("third.key");
    checkout.ok(&["release", "keygen", third.to_str().unwrap()]);
    assert!(!verify(&third).0);

    // A key in the configuration that is none is told in its place.
    checkout.write("ci.pub", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    let ran =
        checkout.devenv(&["release", "list"]).code(2).says("the key of the signer `ci` cannot be used: it is damaged");
    ran.says("devenv.yaml:3");
    drop(registry);
}
