//! The files embedded in the binary (`images/ compose/ templates/ certs/`) and the set that is in force once the
//! project's own files have replaced some of them: your file wins.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use include_dir::{Dir, include_dir};

static IMAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/images");
static COMPOSE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/compose");
static CERTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/certs");
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// The folders that can be overridden.
pub const FOLDERS: [&str; 4] = ["images", "compose", "templates", "certs"];

/// The example configuration, which `up` and `init` start from.
pub const EXAMPLE: &str = include_str!("../devenv.example.yaml");

/// Where a file in force comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssetOrigin {
    /// From the binary.
    Embedded,
    /// From the project: its path on this machine.
    Project(PathBuf),
}

/// A file in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Where it comes from.
    pub origin: AssetOrigin,
    /// Its content; `None` for a file of an image's context in the project, which is read when it is sent.
    pub content: Option<Cow<'static, [u8]>>,
    /// SHA-256 of the content, in hex.
    pub digest: String,
    /// Whether it may be executed.
    pub executable: bool,
}

impl Asset {
    /// The content as text; empty where it is not held or is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        self.content.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// A Dockerfile of the team's own, which is not in `images/`, and the files that it may take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnBuild {
    /// Path of the Dockerfile in the checkout.
    pub dockerfile: String,
    /// Path of the context in the checkout.
    pub context: String,
    /// Text of the Dockerfile.
    pub text: String,
    /// The context's files, by path below it.
    pub files: BTreeMap<String, Asset>,
}

impl OwnBuild {
    /// The path in the checkout of a file of its context.
    #[must_use]
    pub fn place(&self, file: &str) -> String {
        if self.context == "." { file.to_owned() } else { format!("{}/{file}", self.context) }
    }

    /// The path of the Dockerfile in its context; none where it is not in there.
    #[must_use]
    pub fn within(&self) -> Option<&str> {
        if self.context == "." {
            return Some(&self.dockerfile);
        }
        self.dockerfile.strip_prefix(&self.context)?.strip_prefix('/')
    }
}

/// All files in force, by path such as `images/python/Dockerfile`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assets {
    files: BTreeMap<String, Asset>,
    /// The project's folder whose files win; empty for the embedded ones alone.
    folder: String,
    /// Dockerfiles of the team's own, by image.
    own: BTreeMap<String, OwnBuild>,
}

impl Assets {
    /// The embedded files alone.
    #[must_use]
    pub fn embedded() -> Self {
        let mut files = BTreeMap::new();
        for (folder, dir) in FOLDERS.into_iter().zip([&IMAGES, &COMPOSE, &TEMPLATES, &CERTS]) {
            collect(folder, dir, &mut files);
        }
        Self { files, ..Self::default() }
    }

    /// The embedded files, below those of the project's `folder`.
    #[must_use]
    pub fn below_folder(folder: &str) -> Self {
        Self { folder: folder.to_owned(), ..Self::embedded() }
    }

    /// The file at `path` as a person finds it: a project's file has its folder in front, below the checkout.
    #[must_use]
    pub fn place(&self, path: &str) -> String {
        match self.files.get(path).map(|asset| &asset.origin) {
            Some(AssetOrigin::Project(_)) if self.folder != "." => format!("{}/{path}", self.folder),
            Some(AssetOrigin::Project(_)) => path.to_owned(),
            Some(AssetOrigin::Embedded) | None => path.to_owned(),
        }
    }

    /// Where the file at `path` comes from: `embedded`, or its place.
    #[must_use]
    pub fn origin(&self, path: &str) -> String {
        match self.files.get(path).map(|asset| &asset.origin) {
            Some(AssetOrigin::Embedded) => "embedded".to_owned(),
            Some(AssetOrigin::Project(_)) | None => self.place(path),
        }
    }

    /// Lays a project's file over the embedded ones.
    pub fn replace(&mut self, path: String, asset: Asset) {
        self.files.insert(path, asset);
    }

    /// Adds a Dockerfile of the team's own, for an image.
    pub fn add_own(&mut self, image: &str, build: OwnBuild) {
        self.own.insert(image.to_owned(), build);
    }

    /// The Dockerfile of the team's own that an image has.
    #[must_use]
    pub fn own(&self, image: &str) -> Option<&OwnBuild> {
        self.own.get(image)
    }

    /// All Dockerfiles of the team's own.
    pub fn all_own(&self) -> impl Iterator<Item = &OwnBuild> {
        self.own.values()
    }

    /// Takes away all files below `folder`, for an image that the project replaces as a whole.
    pub fn remove_folder(&mut self, folder: &str) {
        self.files.retain(|path, _| !is_below(path, folder));
    }

    /// The file at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Asset> {
        self.files.get(path)
    }

    /// All files below `folder`, with their paths relative to it, in order.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a Asset)> {
        self.files
            .range(format!("{folder}/")..)
            .take_while(move |(path, _)| is_below(path, folder))
            .map(move |(path, asset)| (&path[folder.len() + 1..], asset))
    }

    /// All files, by path.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Asset)> {
        self.files.iter().map(|(path, asset)| (path.as_str(), asset))
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn collect(prefix: &str, dir: &'static Dir<'static>, files: &mut BTreeMap<String, Asset>) {
    for file in dir.files() {
        let content = file.contents();
        files.insert(
            format!("{prefix}/{}", file.path().display()),
            Asset {
                origin: AssetOrigin::Embedded,
                digest: crate::digest::hex(content),
                executable: content.starts_with(b"#!"),
                content: Some(Cow::Borrowed(content)),
            },
        );
    }
    for below in dir.dirs() {
        collect(prefix, below, files);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_image_has_a_dockerfile_and_a_description() {
        let assets = Assets::embedded();
        for image in ["base", "python", "node", "go", "rust", "gateway", "postgres", "redis", "debug"] {
            assert!(assets.get(&format!("images/{image}/Dockerfile")).is_some(), "{image}");
            assert!(assets.get(&format!("images/{image}/image.yaml")).is_some(), "{image}");
        }
    }

    #[test]
    fn files_below_a_folder_do_not_include_its_namesakes() {
        let mut assets = Assets::default();
        for path in ["images/a/x", "images/a-b/x", "images/a/y/z"] {
            let asset =
                Asset { origin: AssetOrigin::Embedded, content: None, digest: String::new(), executable: false };
            assets.replace(path.to_owned(), asset);
        }
        assert_eq!(assets.below("images/a").map(|(path, _)| path).collect::<Vec<_>>(), ["x", "y/z"]);
    }
}
