//! A registry of the team's: what is there is fetched and not built. It is Debian's `docker-registry`, unpacked.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::checkout::{Checkout, shell, until};
use crate::engine;

/// `word`, as htpasswd keeps it.
const WORD: &str = "$2y$04$lPYEwlIR20ydV7STU2hyQegrQPmrDJCZo2/iajCsQLBhd9vzgzC1y";

/// A registry on a port of its own; it ends with the test.
pub(crate) struct Registry {
    process: Child,
    pub(crate) port: u16,
}

impl Registry {
    pub(crate) fn start(checkout: &Checkout) -> Self {
        Self::with(checkout, "")
    }

    /// One that lets in `me` with the password `word` alone.
    pub(crate) fn locked(checkout: &Checkout) -> Self {
        let users = checkout.beside("users");
        std::fs::write(&users, format!("me:{WORD}\n")).unwrap();
        Self::with(checkout, &format!("auth: {{htpasswd: {{realm: x, path: \"{}\"}}}}\n", users.display()))
    }

    /// A further one beside the first.
    pub(crate) fn another(checkout: &Checkout) -> Self {
        Self::in_folder(checkout, "another", "")
    }

    fn with(checkout: &Checkout, rest: &str) -> Self {
        Self::in_folder(checkout, "registry", rest)
    }

    fn in_folder(checkout: &Checkout, name: &str, rest: &str) -> Self {
        let folder = checkout.beside(name);
        let here = folder.display();
        shell(&format!(
            "mkdir -p '{here}/debs' && chmod 777 '{here}/debs' && cd '{here}/debs' && apt-get download -q docker-registry && dpkg -x *.deb '{here}'"
        ));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let configuration = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: \"{here}/data\"}}}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\n{rest}"
        );
        std::fs::write(folder.join("config.yml"), configuration).unwrap();
        let process = Command::new(folder.join("usr/bin/docker-registry"))
            .arg("serve")
            .arg(folder.join("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("the registry answers", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { process, port }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_the_registry_has_is_pulled_and_not_built() {
    let checkout = Checkout::new("project: PROJECT\nmodules:\n  api: {path: ., image: base, run: sleep infinity}\n");
    // An image that no other project has.
    checkout.ok(&["eject", "images/base"]);
    let apt = checkout.read("devenv/images/base/apt.conf");
    checkout.write("devenv/images/base/apt.conf", &format!("{apt}# {}\n", checkout.project()));
    checkout.ok(&["images", "build"]);
    let registry = Registry::start(&checkout);
    let images = checkout.ok(&["images", "--json"]).stdout;
    let images: serde_json::Value = serde_json::from_str(&images).unwrap();
    let (tag, fingerprint) = (images[0]["tag"].as_str().unwrap(), images[0]["fingerprint"].as_str().unwrap());
    let host = format!("127.0.0.1:{}/{}", registry.port, checkout.project());
    let shared = format!("{host}/base:{fingerprint}");
    engine::docker(&["tag", tag, &shared]);
    engine::docker(&["push", "--quiet", &shared]);
    let bytes = engine::inspect(tag)["Id"].clone();
    engine::docker(&["rmi", "--force", tag, &shared]);
    let repositories = format!("{host}/base");

    checkout.replace("devenv.yaml", "modules:", &format!("registry: {host}\nmodules:"));
    let plan = checkout.ok(&["images", "build", "--dry-run"]).stdout;
    assert_eq!(plan, "1 pull image:base: not there yet\n");
    checkout.ok(&["up"]).says("✓ pull image:base").says_not("build image");
    assert_eq!(engine::inspect(tag)["Id"], bytes);
    checkout.ok(&["up"]).says("nothing to do");

    // With the registry gone, what it has not given is built.
    checkout.ok(&["down"]);
    drop(registry);
    let left = engine::lines(&["images", &repositories, "--format", "{{.Repository}}:{{.Tag}}"]);
    for name in left.iter().map(String::as_str).chain([tag]) {
        engine::docker(&["rmi", "--force", name]);
    }
    checkout.ok(&["up"]).says("✓ build image:base");
}

#[test]
fn the_same_inputs_with_other_packages_are_seen_and_named() {
    let checkout = Checkout::new("project: PROJECT\nmodules:\n  api: {path: ., image: base, run: sleep infinity}\n");
    checkout.ok(&["up"]);
    let registry = Registry::start(&checkout);
    let host = format!("127.0.0.1:{}/{}", registry.port, checkout.project());
    checkout.replace("devenv.yaml", "modules:", &format!("registry: {host}\nmodules:"));
    let images: serde_json::Value = serde_json::from_str(&checkout.ok(&["images", "--json"]).stdout).unwrap();
    let (tag, fingerprint) = (images[0]["tag"].as_str().unwrap(), images[0]["fingerprint"].as_str().unwrap());
    let shared = format!("{host}/base:{fingerprint}");

    // What the registry has is what is here.
    let labels = &engine::inspect(tag)["Config"]["Labels"];
    let list = labels["devenv.image.package-list"].as_str().unwrap();
    assert!(list.contains("tzdata=") && list.contains("ca-certificates="), "{list}");
    engine::docker(&["tag", tag, &shared]);
    engine::docker(&["push", "--quiet", &shared]);
    checkout.ok(&["images", "verify"]).says_not("other packages");

    // Somebody else has built it from the same inputs on another day.
    let words = list.split(' ').map(|word| if word.starts_with("tzdata=") { "tzdata=1-other" } else { word });
    let words = words.collect::<Vec<_>>().join(" ");
    let container = engine::lines(&["create", tag, "true"]).remove(0);
    engine::docker(&[
        "commit",
        "--change",
        &format!("LABEL devenv.image.package-list=\"{words}\" devenv.image.packages=other"),
        &container,
        &shared,
    ]);
    engine::docker(&["rm", &container]);
    engine::docker(&["push", "--quiet", &shared]);
    engine::docker(&["rmi", &shared]);
    let ran = checkout.devenv(&["images", "verify"]).code(1);
    let ran = ran.says("the registry has different bytes under the same fingerprint");
    let named = format!("base: same inputs, other packages in {shared}\n  tzdata ");
    assert!(ran.stdout.contains(&named) && ran.stdout.contains("(there 1-other)\n"), "{}", ran.stdout);
    let left = engine::lines(&["images", &format!("{host}/base"), "--format", "{{.ID}}"]);
    assert!(left.len() <= 1, "what was fetched to be compared is gone again: {left:?}");
}
