//! `devenv.lock` and packages: what a build gets is what the lock lists, or it is told; the same packages make the same
//! layers; an archive that keeps a day gives the packages of that day.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use crate::checkout::{Checkout, shell};
use crate::engine;

/// The layers of each image of a project, by tag.
fn layers(checkout: &Checkout) -> BTreeMap<String, serde_json::Value> {
    let tags = engine::lines(&["images", &format!("{}/*", checkout.project()), "--format", "{{.Repository}}:{{.Tag}}"]);
    tags.into_iter().map(|tag| (tag.clone(), engine::inspect(&tag)["RootFS"]["Layers"].clone())).collect()
}

/// The other images differ from these in what they install alone.
const BUILT_IN: [&str; 5] = ["base", "python", "postgres", "redis", "gateway"];

#[test]
fn two_builds_of_the_same_packages_make_the_same_layers_and_no_image_has_a_key() {
    let checkout = Checkout::new(
        "project: PROJECT\nimages:\n  more: {parent: base, packages: [ssl-cert]}\nmodules:\n  api: {path: ., image: base, run: sleep infinity}\n",
    );
    let build = |options: &[&str]| {
        checkout.ok(&[["images", "build"].as_slice(), options, &BUILT_IN, &["more"]].concat());
        layers(&checkout)
    };
    let (first, lock) = (build(&[]), checkout.read("devenv.lock"));
    let second = build(&["--no-cache"]);
    assert_eq!(first.len(), BUILT_IN.len() + 1, "{first:?}");
    assert_eq!(first, second);
    assert_eq!(lock, checkout.read("devenv.lock"));
    for tag in first.keys() {
        let find = "grep -rlIs -e '^-----BEGIN .*PRIVATE KEY-----' /etc /home /root /var || true";
        let keys = engine::lines(&["run", "--rm", "--user", "0", "--entrypoint", "sh", tag, "-c", find]);
        assert!(keys.is_empty(), "{tag}: {keys:?}");
    }
    checkout.ok(&["up"]);
    checkout.ok(&["images", "verify"]);
    checkout.ok(&["up"]).says("nothing to do");
}

#[test]
fn a_build_that_gets_other_packages_moves_the_lock_or_is_refused() {
    let checkout = Checkout::new("project: PROJECT\nmodules:\n  api: {path: ., image: base, run: sleep infinity}\n");
    checkout.ok(&["images", "build"]);
    let lock = checkout.read("devenv.lock");
    let entry = lock.lines().find(|line| line.contains("libnss-extrausers: ")).unwrap().trim();
    let version = entry.split(' ').nth(1).unwrap().trim_start_matches('"');
    checkout.replace("devenv.lock", &format!("extrausers: \"{version}"), "extrausers: \"0.1-gone");
    assert_eq!(
        checkout.ok(&["images", "build", "--dry-run"]).stdout,
        "1 build image:base: packages in devenv.lock changed\n"
    );
    checkout.devenv(&["--locked", "images", "build"]).code(1).says(&format!(
        "`base` gets other packages than devenv.lock lists:\n    libnss-extrausers 0.1-gone → {version}\n"
    ));
    checkout
        .ok(&["up"])
        .says(&format!("base: libnss-extrausers 0.1-gone → {version}, because its archive no longer has 0.1-gone"));
    assert_eq!(checkout.read("devenv.lock"), lock);
    checkout.ok(&["--locked", "up"]).says("nothing to do");

    // Without a list there is nothing that a build could be held to.
    let (head, _) = lock.split_once("packages:").unwrap();
    checkout.write("devenv.lock", head);
    checkout.devenv(&["--locked", "up"]).code(1).says("devenv.lock does not list the packages of `root`");
}

/// An archive of one package that has another version each day, and leads to Debian's own for everything else. It listens
/// where containers of the default bridge find this machine.
struct Archive {
    address: String,
}

impl Archive {
    fn serve(folder: PathBuf, image: &str) -> Self {
        let routes = engine::lines(&["run", "--rm", "--entrypoint", "cat", image, "/proc/net/route"]);
        let columns = routes.iter().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let gateway = columns.filter(|line| line[1] == "00000000").map(|line| line[2].to_owned()).next().unwrap();
        let gateway = Ipv4Addr::from(u32::from_str_radix(&gateway, 16).unwrap().to_le_bytes());
        let listener = TcpListener::bind((gateway, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let folder = folder.clone();
                std::thread::spawn(move || {
                    // apt sends several requests at once: what is read with one is the beginning of the next.
                    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                    while answer(&mut lines, &stream, &folder).is_some() {}
                });
            }
        });
        Self { address }
    }
}

/// Answers one request; none when the other side has gone.
fn answer(lines: &mut impl Iterator<Item = String>, mut stream: &TcpStream, folder: &Path) -> Option<()> {
    let request = lines.next()?;
    while !lines.next()?.is_empty() {}
    let path = request.split(' ').nth(1)?;
    let (head, body) = match (path.split_once("/debian/"), std::fs::read(folder.join(path.trim_start_matches('/')))) {
        (Some((_, rest)), _) => (format!("302 Found\r\nLocation: http://deb.debian.org/debian/{rest}"), Vec::new()),
        (None, Ok(bytes)) => ("200 OK".to_owned(), bytes),
        (None, Err(_)) => ("404 Not Found".to_owned(), Vec::new()),
    };
    stream.write_all(format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes()).ok()?;
    stream.write_all(&body).ok()
}

/// A day of the archive with `devenv-day` in this version.
fn day(folder: &Path, date: &str, version: &str) {
    let there = folder.join(date);
    shell(&format!(
        "mkdir -p '{0}/tree/DEBIAN' && cd '{0}' && \
         printf 'Package: devenv-day\\nVersion: {version}\\nArchitecture: all\\nMaintainer: test <test@example.com>\\nDescription: a day\\n' > tree/DEBIAN/control && \
         dpkg-deb --root-owner-group -b tree day.deb && \
         {{ cat tree/DEBIAN/control; printf 'Filename: ./day.deb\\nSize: %s\\nSHA256: %s\\n' $(stat -c %s day.deb) $(sha256sum < day.deb | cut -d' ' -f1); }} > Packages",
        there.display()
    ));
}

#[test]
fn packages_come_from_the_day_of_the_lock_where_an_archive_keeps_it() {
    let checkout = Checkout::new("project: PROJECT\nmodules:\n  api: {path: ., image: base, run: sleep infinity}\n");
    checkout.ok(&["images", "build"]);
    let lock = checkout.read("devenv.lock");
    let date =
        lock.lines().find_map(|line| line.trim().strip_prefix("archive: ")).unwrap().trim_matches('"').to_owned();
    let folder = checkout.beside("archive");
    day(&folder, &date, "1.0");
    day(&folder, "20261122T000000Z", "2.0");
    let base = layers(&checkout).into_keys().next().unwrap();
    let archive = Archive::serve(folder, &base);
    let configuration = format!(
        "project: PROJECT\nsnapshot: [\"[trusted=yes] http://{0}/{{date}} ./\", \"http://{0}/{{date}}/debian\"]\n\
         images:\n  extra: {{parent: base, packages: [devenv-day]}}\n\
         modules:\n  api: {{path: ., image: extra, run: sleep infinity}}\n",
        archive.address
    );
    checkout.write("devenv.yaml", &configuration.replace("PROJECT", checkout.project()));
    checkout.ok(&["images", "build"]).says("devenv.lock lists the packages of extra now: 1");
    assert!(checkout.read("devenv.lock").contains("devenv-day: \"1.0 "));

    checkout.replace("devenv.lock", &date, "20261122T000000Z");
    checkout.ok(&["images", "build"]).says("extra: devenv-day 1.0 → 2.0, because its archive no longer has 1.0");
    checkout.ok(&["--locked", "images", "build"]).says("nothing to do");
    let images = checkout.ok(&["images", "--json"]).stdout;
    let images: serde_json::Value = serde_json::from_str(&images).unwrap();
    let tag =
        images.as_array().unwrap().iter().find(|image| image["name"] == "extra").unwrap()["tag"].as_str().unwrap();
    let sources = engine::lines(&[
        "run",
        "--rm",
        tag,
        "sh",
        "-c",
        "grep -rs . /etc/apt/sources.list* /etc/apt/preferences* || true",
    ]);
    assert!(!sources.join("\n").contains(&archive.address), "an image names the archive: {sources:?}");
}
