//! A Dockerfile of the team's own and its context, as the checkout has them. No policy but one: how much is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::amounts;
use crate::assets::{Asset, AssetOrigin, OwnBuild};
use crate::config::model::values::RelPath;
use crate::error::Result;
use crate::host::files;
use crate::host::ignore::source::{DOCKERIGNORE, SourceFolder};
use crate::host::ignore::tree;
use crate::paths::NEVER_COPIED;
use crate::plan::mirror::copy::Selection;
use crate::plan::mirror::tree::{Entry, EntryKind};

/// The most that a context may have: all of it is read at each command, and held to be sent.
const MOST: u64 = 512 << 20;

/// Folders that an error names.
const SHOWN: usize = 5;

/// A context that was read, or why it is not.
pub enum Read {
    /// It was read.
    Build(OwnBuild),
    /// It has too much; the text says how much, and where.
    TooLarge(String),
}

/// Reads a Dockerfile and its context, by their paths in the checkout.
pub fn read(root: &Path, dockerfile: &RelPath, context: &RelPath) -> Result<Read> {
    let source = folder(root, dockerfile, context)?;
    let sizes = sizes(&source.walk()?);
    let all: u64 = sizes.iter().map(|(_, size)| size).sum();
    if all > MOST {
        return Ok(Read::TooLarge(too_large(all, &sizes)));
    }
    let asset = |file: tree::TreeFile| Asset {
        origin: AssetOrigin::Project(file.path),
        content: None,
        digest: file.digest,
        executable: file.executable,
    };
    let files = tree::files(&source)?.into_iter().map(|(path, file)| (path, asset(file))).collect();
    Ok(Read::Build(OwnBuild {
        dockerfile: dockerfile.to_string(),
        context: context.to_string(),
        text: files::read_text(&dockerfile.at(root))?.unwrap_or_default(),
        files,
    }))
}

/// Where a path leads that is no source, by its name in the checkout: what only devenv and git may read there must be in
/// no image, whatever link leads to it.
#[must_use]
pub fn hidden(root: &Path, path: &RelPath) -> Option<String> {
    let real = path.at(root).canonicalize().ok()?;
    let below = real.strip_prefix(root.canonicalize().ok()?).ok()?.to_owned();
    let is_never = below.components().any(|part| NEVER_COPIED.iter().any(|never| part.as_os_str() == *never));
    is_never.then(|| below.display().to_string())
}

/// The files and folders whose change may change what is built.
pub fn watched(root: &Path, build: &OwnBuild) -> Vec<PathBuf> {
    let context = root.join(&build.context);
    let mut all: Vec<PathBuf> = vec![root.join(&build.dockerfile), context.clone()];
    for path in build.files.keys().map(Path::new) {
        all.push(context.join(path));
        all.extend(path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()).map(|at| context.join(at)));
    }
    all.sort();
    all.dedup();
    all
}

/// The context's folder with the patterns that go with the Dockerfile: those beside it, else the folder's own.
fn folder(root: &Path, dockerfile: &RelPath, context: &RelPath) -> Result<SourceFolder> {
    let beside = root.join(format!("{dockerfile}{DOCKERIGNORE}"));
    let own = context.at(root).join(DOCKERIGNORE);
    let patterns = match files::read_text(&beside)? {
        Some(text) => Some(text),
        None => files::read_text(&own)?,
    };
    let source = SourceFolder::open(root, context, &Selection::default())?;
    Ok(source.with_docker_patterns(&patterns.unwrap_or_default()))
}

/// How much each folder right below the context has, the largest first; files of the context itself stand for themselves.
fn sizes(entries: &[Entry]) -> Vec<(String, u64)> {
    let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
    for entry in entries {
        let EntryKind::File { bytes, .. } = entry.kind else { continue };
        let first = entry.path.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
        *sizes.entry(first.unwrap_or_default()).or_default() += bytes;
    }
    let mut sizes: Vec<(String, u64)> = sizes.into_iter().collect();
    sizes.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    sizes
}

fn too_large(all: u64, sizes: &[(String, u64)]) -> String {
    let largest: Vec<String> =
        sizes.iter().take(SHOWN).map(|(name, size)| format!("`{name}` {}", amounts::bytes(*size))).collect();
    let (all, most) = (amounts::bytes(all), amounts::bytes(MOST));
    format!("has {all}, and at most {most} are sent to a build; the largest: {}", largest.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn a_context_is_read_less_what_its_dockerignore_names() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("app/data")).unwrap();
        for file in ["Dockerfile", "data/big", "kept.py", "id_rsa"] {
            fs::write(root.path().join("app").join(file), "x").unwrap();
        }
        fs::write(root.path().join("app/.dockerignore"), "*\n!kept.py\n!id_rsa\n").unwrap();
        let Read::Build(build) = read(root.path(), &path("app/Dockerfile"), &path("app")).unwrap() else { panic!() };
        assert_eq!(build.files.keys().collect::<Vec<_>>(), ["kept.py"]);
        fs::write(root.path().join("app/Dockerfile.dockerignore"), "data\n").unwrap();
        let Read::Build(build) = read(root.path(), &path("app/Dockerfile"), &path("app")).unwrap() else { panic!() };
        let names: Vec<_> = build.files.keys().map(String::as_str).collect();
        assert_eq!(names, [".dockerignore", "Dockerfile", "Dockerfile.dockerignore", "kept.py"]);
        assert!(watched(root.path(), &build).contains(&root.path().join("app/kept.py")));
    }

    #[test]
    fn a_link_to_what_is_no_source_is_seen() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join(".devenv/secrets")).unwrap();
        std::os::unix::fs::symlink(".devenv/secrets", root.path().join("app")).unwrap();
        assert_eq!(hidden(root.path(), &path("app")).as_deref(), Some(".devenv/secrets"));
        assert_eq!(hidden(root.path(), &path(".")), None);
    }

    #[test]
    fn a_context_that_is_too_large_is_not_read_and_says_where_it_is() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("data/models")).unwrap();
        fs::write(root.path().join("Dockerfile"), "FROM scratch\n").unwrap();
        let holes = [("data/models/a", 2_000_000_000_u64), ("b.iso", 300_000_000)];
        for (name, size) in holes {
            File::create(root.path().join(name)).unwrap().set_len(size).unwrap();
        }
        let Read::TooLarge(text) = read(root.path(), &path("Dockerfile"), &path(".")).unwrap() else { panic!() };
        assert_eq!(
            text,
            "has 2.3 GB, and at most 536 MB are sent to a build; the largest: `data` 2.0 GB, `b.iso` 300 MB, `Dockerfile` 13 B"
        );
    }
}
