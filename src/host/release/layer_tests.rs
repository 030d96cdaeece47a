//! Layers as lists of entries.

use std::io::Read;

use crate::digest::Fingerprint;
use crate::host::release::layer::{Artifact, Layer, Writer};
use crate::names::{ImageName, PartName};
use crate::plan::release::recipe::Recipe;
use crate::plan::release::selection::Selection;
use crate::plan::release::source::{Commit, Source, SourceState};

fn recipe() -> Recipe {
    let image = ImageName::new("base").unwrap();
    Recipe {
        part: PartName::new("api").unwrap(),
        path: Default::default(),
        builder: image.clone(),
        parent: image,
        parent_tag: "shop/base:1".to_owned(),
        dir: "/srv/api".to_owned(),
        install: Vec::new(),
        build: Vec::new(),
        build_env: Default::default(),
        secrets: Vec::new(),
        caches: vec!["~/.cache".to_owned()],
        artifacts: Vec::new(),
        without: Vec::new(),
        whole: Vec::new(),
        files: Default::default(),
        command: Vec::new(),
        env: Default::default(),
        source: Source {
            commit: Commit { id: "c".to_owned(), time: 7 },
            tree: "t".to_owned(),
            state: SourceState::Clean,
            origin: None,
        },
        fingerprint: Fingerprint::of(""),
        reference: "shop/api:1".to_owned(),
        labels: Default::default(),
    }
}

type Made<'a> = (&'a str, tar::EntryType, &'a str, u32, u64);

fn archive(entries: &[Made<'_>]) -> Vec<u8> {
    let mut all = tar::Builder::new(Vec::new());
    for (number, (path, kind, text, mode, time)) in entries.iter().enumerate() {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_uid(1000 + number as u64);
        header.set_mtime(*time);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_size(0);
            all.append_link(&mut header, path, text).unwrap();
        } else {
            header.set_size(text.len() as u64);
            all.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
    }
    all.into_inner().unwrap()
}

fn layer(artifact: &str, without: &[&str], entries: &[Made<'_>]) -> crate::error::Result<Layer> {
    let mut writer = Writer::new(7).unwrap();
    let artifact = Artifact { path: artifact.to_owned(), place: "devenv.yaml:9: ".to_owned() };
    let without: Vec<String> = without.iter().map(|line| (*line).to_owned()).collect();
    writer.take(archive(entries).as_slice(), &artifact, &recipe(), &Selection::new(&without, &[]))?;
    writer.finish()
}

fn listing(layer: Layer) -> String {
    let mut archive = tar::Archive::new(layer.file);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        let header = entry.header();
        let (mode, uid, time) = (header.mode().unwrap(), header.uid().unwrap(), header.mtime().unwrap());
        let link = entry.link_name().unwrap().map(|link| format!(" -> {}", link.display())).unwrap_or_default();
        format!("{mode:o} {uid} {time} {}{link} {text}\n", entry.path().unwrap().display())
    });
    entries.collect()
}

const DIR: tar::EntryType = tar::EntryType::Directory;
const FILE: tar::EntryType = tar::EntryType::Regular;
const LINK: tar::EntryType = tar::EntryType::Symlink;

#[test]
fn owners_modes_and_times_are_always_the_same_and_every_folder_is_there() {
    let first = layer(
        "target/release",
        &["*.d"],
        &[
            ("release/", DIR, "", 0o700, 1),
            ("release/cli", FILE, "x", 0o4711, 2),
            ("release/cli.d", FILE, "y", 0o600, 3),
        ],
    )
    .unwrap();
    let digest = first.digest.clone();
    assert_eq!(
        listing(first),
        "755 0 7 srv/ \n755 0 7 srv/api/ \n755 0 7 srv/api/target/ \n755 0 7 srv/api/target/release/ \n\
         755 0 7 srv/api/target/release/cli x\n"
    );
    let second =
        layer("target/release", &[], &[("release/", DIR, "", 0o755, 9), ("release/cli", FILE, "x", 0o755, 9)]).unwrap();
    assert_eq!(second.digest, digest);
    let other = layer("target/release", &[], &[("release/cli", FILE, "z", 0o755, 9)]).unwrap();
    assert_ne!(other.digest, digest);
}

#[test]
fn the_whole_folder_lies_where_it_was() {
    let entries: [Made<'_>; 4] = [
        ("api/", DIR, "", 0o755, 1),
        ("api/a.py", FILE, "1", 0o644, 1),
        ("api/b.py", tar::EntryType::Link, "api/a.py", 0o644, 1),
        ("api/python", LINK, "/usr/bin/python3", 0o777, 1),
    ];
    let text = listing(layer(".", &[], &entries).unwrap());
    let expected = "755 0 7 srv/ \n755 0 7 srv/api/ \n644 0 7 srv/api/a.py 1\n777 0 7 srv/api/b.py -> srv/api/a.py \n\
                    777 0 7 srv/api/python -> /usr/bin/python3 \n";
    assert_eq!(text, expected);
}

#[test]
fn what_the_image_would_not_have_is_told_with_its_place() {
    let said = |artifact: &str, entries: &[Made<'_>]| layer(artifact, &[], entries).unwrap_err().to_string();
    assert_eq!(
        said("bin", &[("bin", LINK, "/etc", 0o777, 1)]),
        "devenv.yaml:9: `bin` of `api` is a link to /etc, which the released image does not have"
    );
    assert_eq!(
        said(".", &[("api/lib/x", LINK, "../../other/x", 0o777, 1)]),
        "devenv.yaml:9: `lib/x` of `api` is a link to /srv/other/x, which the released image does not have"
    );
    assert_eq!(
        said(".", &[("api/.wh.passwd", FILE, "", 0o644, 1)]),
        "devenv.yaml:9: `.wh.passwd` of `api` cannot be in an image: layers mark removed files by names with `.wh.`"
    );
}
