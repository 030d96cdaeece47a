//! Released images: what is in them, that they are the same twice, what is refused, and one that runs in dev.

use std::process::Stdio;

use serde_json::Value;

use crate::checkout::{Checkout, Ran, end, shell};
use crate::{engine, http};

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  web:
    path: web
    image: python
    deps: {lock: [requirements.txt], install: 'test $$CANARY = canary-word && mkdir -p .venv/lib && cp requirements.txt .venv/lib/', secrets: [CANARY]}
    build: 'mkdir made && env > made/env && cat index.html > made/page && touch made/x.log'
    run: python3 -m http.server 8000
    port: 8000
    route: /
  odd:
    path: odd
    image: base
    build: ./make
    run: cat out/number
    release: {artifacts: [out]}
";

/// A checkout of that project in a repository, with one commit.
fn committed() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("web/index.html", "one");
    checkout.write("web/requirements.txt", "a==1\n");
    checkout.write("web/tests/test_web.py", "");
    checkout.write("web/.gitignore", "*.log\nmade/\n.venv/\n");
    checkout.write("odd/make", "#!/bin/sh\nmkdir out && date +%N > out/number && ln -s number out/again\n");
    checkout.write(".gitignore", ".devenv/\ndevenv.local.yaml\n");
    shell(&format!("chmod +x '{}/odd/make'", checkout.root().display()));
    git(&checkout, "init -q && git add --all");
    commit(&checkout, "one");
    checkout
}

fn git(checkout: &Checkout, rest: &str) -> String {
    shell(&format!("cd '{}' && git {rest}", checkout.root().display()))
}

fn commit(checkout: &Checkout, message: &str) {
    git(checkout, &format!("-c user.name=a -c user.email=a@example.com commit -qam {message}"));
}

/// Runs with the credential that the installation wants.
fn run(checkout: &Checkout, args: &[&str]) -> Ran {
    let mut command = checkout.command();
    command.env("CANARY", "canary-word").args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    end(command.spawn().unwrap(), args).code(0)
}

fn build(checkout: &Checkout, args: &[&str]) -> Ran {
    run(checkout, &[&["release", "build"], args].concat())
}

fn released(checkout: &Checkout, args: &[&str]) -> Value {
    serde_json::from_str(&build(checkout, &[args, &["--json"]].concat()).stdout).unwrap()
}

/// A file in an image.
fn file(image: &str, path: &str) -> String {
    engine::docker(&["run", "--rm", "--network=none", "--entrypoint=cat", image, path])
}

#[test]
fn a_release_is_what_was_committed_and_the_same_twice_and_runs_in_dev() {
    let checkout = committed();
    // What no commit has is refused, and what git ignores does not matter.
    checkout.write("web/index.html", "two");
    checkout.write("web/x.log", "no");
    checkout.devenv(&["release", "build", "web"]).code(2).says("not committed: web/index.html").says("--dirty");
    let dirty = released(&checkout, &["web", "--dirty"]);
    assert!(dirty[0]["image"].as_str().unwrap().ends_with("-dirty"), "{dirty}");
    assert_eq!(file(dirty[0]["image"].as_str().unwrap(), "index.html"), "two");
    git(&checkout, "checkout -q web");

    let all = released(&checkout, &["web", "gateway"]);
    let image = |number: usize| all[number]["image"].as_str().unwrap();
    let (gateway, web) = (image(0), image(1));
    // The definitions of other environments name the same images.
    let defined: Value = serde_json::from_str(&checkout.ok(&["config", "--env", "ci", "--json"]).stdout).unwrap();
    let defined = |part: &str| defined["services"][part]["image"].as_str().unwrap();
    assert_eq!((defined("gateway"), defined("web")), (gateway, web));
    let listing = "find /srv/web ! -path '*/__pycache__*' -printf '%m %u %P\\n' | sort -k3";
    let listed = engine::docker(&["run", "--rm", "--entrypoint=sh", web, "-c", listing]);
    let expected = "755 root \n644 root .gitignore\n755 root .venv\n755 root .venv/lib\n644 root .venv/lib/requirements.txt\n\
                    644 root index.html\n644 root requirements.txt\n755 root made\n644 root made/env\n\
                    644 root made/page\n644 root made/x.log\n";
    let listed: String = listed
        .lines()
        .filter(|line| !line.contains(".venv/") || line.contains("/lib"))
        .map(|line| format!("{line}\n"))
        .collect();
    let own: String = listed.lines().filter(|line| !line.contains("python3")).map(|line| format!("{line}\n")).collect();
    assert!(expected.lines().all(|line| own.lines().any(|one| one == line)), "{own}");
    assert!(!own.contains("tests"), "{own}");
    // Only the installation sees the secrets.
    let env = file(web, "made/env");
    assert!(!env.contains("canary-word") && env.contains("SOURCE_DATE_EPOCH="), "{env}");
    let config = &engine::inspect(web)["Config"];
    assert_eq!((&config["User"], &config["WorkingDir"]), (&"app".into(), &"/srv/web".into()));
    let head = git(&checkout, "rev-parse HEAD");
    assert_eq!(config["Labels"]["org.opencontainers.image.revision"], head.trim());
    assert!(!config.to_string().contains("canary-word"));
    let parent = engine::inspect(config["Labels"]["org.opencontainers.image.base.name"].as_str().unwrap());
    let layers = |image: &Value| image["RootFS"]["Layers"].as_array().unwrap().clone();
    let own_layers = layers(&engine::inspect(web));
    assert_eq!(own_layers[..own_layers.len() - 1], layers(&parent)[..]);
    let configuration = file(gateway, "/etc/devenv/gateway/nginx.conf");
    assert!(
        !configuration.contains(".localhost") && configuration.contains("set $upstream web:8000;"),
        "{configuration}"
    );
    engine::docker(&[
        "run",
        "--rm",
        "--network=none",
        gateway,
        "nginx",
        "-e",
        "stderr",
        "-t",
        "-c",
        "/etc/devenv/gateway/nginx.conf",
    ]);

    // Nothing to do; and in another clone, where it is gone, the very same image.
    build(&checkout, &["web", "gateway"]).says("nothing to do: all released images exist");
    build(&checkout, &["web", "--verify"]).says(&format!("✓ {web} is the same"));
    let before = engine::inspect(web)["Id"].clone();
    engine::docker(&["rmi", web]);
    let clone = checkout.sibling("clone");
    git(&checkout, &format!("clone -q . '{}'", clone.root().display()));
    released(&clone, &["web"]);
    assert_eq!(engine::inspect(web)["Id"], before);

    // Its packages are the same text twice; it differs from the image that it is laid on by what was released.
    let sbom = checkout.ok(&["images", "sbom", "web"]).stdout;
    assert_eq!(checkout.ok(&["images", "sbom", "web"]).stdout, sbom);
    assert!(sbom.contains("pkg:pypi/a@1\"") && sbom.contains("pkg:deb/debian/python3@"), "{sbom}");
    assert!(sbom.contains("\"algorithm\": \"SHA256\""), "{sbom}");
    let difference: Value =
        serde_json::from_str(&checkout.ok(&["images", "diff", "python", "web", "--json"]).stdout).unwrap();
    let parts = &difference["difference"];
    assert_eq!(parts["packages"], serde_json::json!([]));
    assert!(parts["settings"].to_string().contains("/srv/web"), "{parts}");
    let page = serde_json::json!({"path": "srv/web/index.html", "change": "new"});
    assert!(parts["files"].as_array().unwrap().contains(&page), "{parts}");
    assert_eq!(checkout.ok(&["images", "diff", web, "web"]).stdout, "no difference\n");
    checkout.devenv(&["images", "diff", "pythn", "web"]).code(1).says("did you mean `python`?");

    // A module runs the image of the last commit, and no change of its source matters.
    checkout.write("devenv.local.yaml", "modules: {web: {mode: release}, odd: {mode: off}}\n");
    checkout.write("web/index.html", "three");
    checkout.ok(&["up"]).says_not("watching");
    assert_eq!(http::request("GET", &format!("{}/made/page", checkout.url("web")), ""), (200, "one".to_owned()));
    let status = checkout.ok(&["status"]).stdout;
    assert!(status.contains(&format!("released, {}", &head[..12])), "{status}");
    checkout.ok(&["up"]).says("nothing to do");
    checkout.devenv(&["build", "web"]).code(2).says("runs in its released image here");
    git(&checkout, "add web");
    commit(&checkout, "three");
    let plan = checkout.ok(&["up", "--dry-run"]).stdout;
    assert!(plan.starts_with("1 release web: not there yet\n2 recreate web: "), "{plan}");
    run(&checkout, &["up"]);
    assert_eq!(http::request("GET", &format!("{}/made/page", checkout.url("web")), ""), (200, "three".to_owned()));
}

#[test]
fn what_cannot_be_released_is_told_with_its_place() {
    let checkout = committed();
    // A build that is not the same twice names the file.
    checkout.ok(&["release", "build", "odd"]);
    checkout.devenv(&["release", "build", "odd", "--verify"]).code(1).says("srv/odd/out/number differs");
    checkout.devenv(&["release", "build", "oddd"]).code(2).says("`oddd` is not a module").says("did you mean `odd`?");

    let with = |from: &str, to: &str, message: &str| {
        checkout.replace("odd/make", from, to);
        commit(&checkout, message);
        checkout.devenv(&["release", "build", "odd"])
    };
    with("date +%N > out/number", "ln -s /tmp/x out/number", "link")
        .code(1)
        .says("`out/number` of `odd` is a link to /tmp/x, which the released image does not have");
    with("mkdir out", "mkdir other out2", "missing").code(1);
    with("#!/bin/sh", "#!/bin/sh\nexit 0", "nothing").code(1).says("devenv.yaml:16: the build of `odd` left no `out`");
    with("exit 0", "echo no >&2; exit 7", "fails").code(1).says("could not be built (code 7)\n    no");
    let left =
        engine::lines(&["ps", "--all", "--quiet", "--filter", &checkout.label(), "--filter", "label=devenv.one-off"]);
    assert!(left.is_empty(), "{left:?}");

    shell(&format!("ln -s ../../etc '{}/odd/outside'", checkout.root().display()));
    git(&checkout, "add odd");
    commit(&checkout, "outside");
    checkout.devenv(&["release", "build", "odd"]).code(2).says("odd/outside is a link to ../../etc");
    shell(&format!("rm -rf '{}/.git'", checkout.root().display()));
    checkout.devenv(&["release", "build"]).code(2).says("a release is built from a commit, and there is none here");
}
