//! What tasks leave: taken out of the archive of a container within limits, and packed again for those that need it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use sha2::{Digest, Sha256};

use crate::amounts;
use crate::digest::{self, Fingerprint};
use crate::error::{Error, Kind, Result};
use crate::host::files::{self, failed};
use crate::plan::release::source::stays_inside;
use crate::render::Access;

/// Bytes of all artifacts of a task.
const MOST_BYTES: u64 = 2 << 30;
/// Files of all artifacts of a task.
const MOST_FILES: usize = 100_000;

/// The artifacts of one task while they are taken.
#[derive(Debug)]
pub struct Taken {
    into: PathBuf,
    /// What was taken: digest by path.
    files: BTreeMap<String, String>,
    bytes: u64,
    /// Why what was found is not kept.
    pub refused: Option<String>,
}

impl Taken {
    /// Nothing yet; what is taken goes to a folder that is made when something is.
    #[must_use]
    pub fn new(into: PathBuf) -> Self {
        Self { into, files: BTreeMap::new(), bytes: 0, refused: None }
    }

    /// The digest of all of it.
    #[must_use]
    pub fn digest(&self) -> String {
        let lines: String = self.files.iter().map(|(path, digest)| format!("{path}\0{digest}\n")).collect();
        Fingerprint::of(&lines).to_string()
    }

    /// Takes what a pattern names out of the archive of [`beginning`]; says whether there was anything.
    pub fn take(&mut self, archive: impl Read, pattern: &str) -> Result<bool> {
        let into = self.into.clone();
        self.unpack(archive, pattern).map_err(failed("write", &into))
    }

    fn unpack(&mut self, archive: impl Read, pattern: &str) -> io::Result<bool> {
        let matcher = matcher(pattern);
        let begin = beginning(pattern);
        let above = Path::new(begin).parent().unwrap_or(Path::new("")).to_owned();
        let mut found = false;
        let mut archive = tar::Archive::new(archive);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let inner = entry.path()?.into_owned();
            // The archive of the folder itself begins with the folder's own name.
            let inner = if begin == "." { inner.components().skip(1).collect() } else { above.join(inner) };
            if !inner.components().all(|part| matches!(part, Component::Normal(_))) || self.refused.is_some() {
                continue;
            }
            let kind = entry.header().entry_type();
            let is_named = matcher.matched_path_or_any_parents(&inner, kind.is_dir()).is_ignore();
            if !is_named {
                continue;
            }
            found = true;
            let path = inner.to_string_lossy().into_owned();
            if kind.is_symlink() {
                let target = entry.link_name()?.unwrap_or_default().to_string_lossy().into_owned();
                self.link(&path, &target)?;
            } else if kind.is_hard_link() {
                let other = entry.link_name()?.unwrap_or_default().into_owned();
                let other = if begin == "." { other.components().skip(1).collect() } else { above.join(other) };
                self.copy(&path, &other)?;
            } else if kind.is_file() {
                let executable = entry.header().mode()? & 0o100 != 0;
                let size = entry.size();
                self.file(&path, executable, size, &mut entry)?;
            }
        }
        Ok(found)
    }

    /// Refuses what is too much.
    fn fits(&mut self, path: &str, size: u64) -> bool {
        if self.bytes + size > MOST_BYTES {
            let limit = amounts::bytes(MOST_BYTES);
            self.refused = Some(format!("{path}: the artifacts of a task have at most {limit}"));
        } else if self.files.len() >= MOST_FILES {
            self.refused = Some(format!("{path}: the artifacts of a task are at most {MOST_FILES} files"));
        }
        self.refused.is_none()
    }

    fn place(&self, path: &str) -> io::Result<PathBuf> {
        let at = self.into.join(path);
        let folder = at.parent().unwrap_or(&self.into);
        let make = |folder: &Path| {
            files::make_folder(folder, Access::Private).map_err(|error| io::Error::other(error.to_string()))
        };
        make(&self.into)?;
        // A link that was taken may not become a way out for what follows, not for a folder either.
        let nearest = folder.ancestors().find(|above| above.exists()).unwrap_or(&self.into);
        self.check_inside(path, nearest)?;
        make(folder)?;
        let at = self.check_inside(path, folder)?.join(at.file_name().unwrap_or_default());
        if fs::symlink_metadata(&at).is_ok_and(|facts| !facts.is_dir()) {
            fs::remove_file(&at)?;
        }
        Ok(at)
    }

    /// Where a folder really is.
    fn check_inside(&self, path: &str, folder: &Path) -> io::Result<PathBuf> {
        let real = folder.canonicalize()?;
        let is_inside = real.starts_with(self.into.canonicalize()?);
        if is_inside { Ok(real) } else { Err(io::Error::other(format!("{path} leaves its folder"))) }
    }

    fn link(&mut self, path: &str, target: &str) -> io::Result<()> {
        if self.fits(path, 0) {
            let at = self.place(path)?;
            // Where it really stands: its path may lead through links.
            let real =
                at.strip_prefix(self.into.canonicalize()?).unwrap_or(Path::new("")).to_string_lossy().into_owned();
            if !stays_inside(&real, target) {
                self.refused = Some(format!("{path} is a link to {target}, which may lead outside the task's folder"));
                return Ok(());
            }
            std::os::unix::fs::symlink(target, at)?;
            self.files.insert(path.to_owned(), format!("link {}", digest::hex(target.as_bytes())));
        }
        Ok(())
    }

    fn copy(&mut self, path: &str, other: &Path) -> io::Result<()> {
        let from = self.into.join(other);
        let is_taken = self.files.contains_key(&*other.to_string_lossy());
        match fs::symlink_metadata(&from).ok().filter(|facts| is_taken && facts.is_file()) {
            Some(facts) => {
                let executable = facts.permissions().mode() & 0o100 != 0;
                let mut file = File::open(&from)?;
                self.file(path, executable, facts.len(), &mut file)
            }
            None => {
                self.refused = Some(format!("{path} is a hard link to {}, which is not kept", other.display()));
                Ok(())
            }
        }
    }

    fn file(&mut self, path: &str, executable: bool, size: u64, content: &mut impl Read) -> io::Result<()> {
        if !self.fits(path, size) {
            return Ok(());
        }
        let at = self.place(path)?;
        let mut file = File::create(&at)?;
        let mut hash = Sha256::new();
        let mut piece = vec![0; 1 << 16];
        loop {
            let many = content.read(&mut piece)?;
            if many == 0 {
                break;
            }
            hash.update(&piece[..many]);
            file.write_all(&piece[..many])?;
        }
        file.set_permissions(fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 }))?;
        self.bytes += size;
        self.files.insert(path.to_owned(), format!("{executable} {}", hex::encode(hash.finalize())));
        Ok(())
    }
}

/// The path with which everything begins that a pattern names: what is asked of the container.
#[must_use]
pub fn beginning(pattern: &str) -> &str {
    let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
    match pattern.find(['*', '?', '[', '{', '\\']) {
        None => pattern,
        Some(at) => pattern[..at].rsplit_once('/').map_or(".", |(folder, _)| folder),
    }
}

fn matcher(pattern: &str) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
    // What it cannot read, it was checked for before.
    let _ = builder.add_line(None, &format!("/{pattern}"));
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

/// The files and links below a folder of artifacts, each with its size, by path.
#[must_use]
pub fn listed(folder: &Path) -> Vec<(String, u64)> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner).into_iter().flatten().flatten() {
            let Ok(facts) = entry.metadata() else { continue };
            if facts.is_dir() {
                folders.push(entry.path());
            } else if let Ok(path) = entry.path().strip_prefix(folder) {
                found.push((path.to_string_lossy().into_owned(), facts.len()));
            }
        }
    }
    found.sort();
    found
}

/// Packs folders of artifacts for the root of a container, each under the path that it has there.
pub fn pack(folders: &[(PathBuf, String)]) -> Result<File> {
    let odd = |error: io::Error| Error::message(Kind::Failed, format!("cannot pack artifacts: {error}"));
    let mut packed = tar::Builder::new(tempfile::tempfile().map_err(odd)?);
    packed.mode(tar::HeaderMode::Deterministic);
    packed.follow_symlinks(false);
    for (folder, to) in folders {
        let to = to.trim_start_matches('/');
        match folder.is_dir() {
            true => packed.append_dir_all(to, folder).map_err(odd)?,
            false => {
                let mut header = tar::Header::new_gnu();
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(0o755);
                header.set_size(0);
                packed.append_data(&mut header, format!("{to}/"), io::empty()).map_err(odd)?;
            }
        }
    }
    packed.into_inner().map_err(odd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::engine::archive::tests::archive;

    fn taken(pattern: &str, entries: &[(&str, tar::EntryType, &str)]) -> (tempfile::TempDir, Taken, bool) {
        let folder = tempfile::tempdir().unwrap();
        let mut taken = Taken::new(folder.path().join("into"));
        let found = taken.take(archive(entries).as_slice(), pattern).unwrap();
        (folder, taken, found)
    }

    use tar::EntryType::{Directory, Link, Regular, Symlink};

    #[test]
    fn a_pattern_takes_what_it_names_and_nothing_else() {
        let entries = [("dist/", Directory, ""), ("dist/a.whl", Regular, "one"), ("dist/b.txt", Regular, "two")];
        let (folder, taken, found) = taken("dist/*.whl", &entries);
        assert!(found && taken.refused.is_none());
        assert_eq!(taken.files.keys().collect::<Vec<_>>(), ["dist/a.whl"]);
        assert_eq!(fs::read_to_string(folder.path().join("into/dist/a.whl")).unwrap(), "one");
        let (_folder, whole, _) = self::taken("dist", &entries);
        assert_eq!(whole.files.len(), 2);
        assert_ne!(whole.digest(), taken.digest());
        let (_folder, top, found) = self::taken("*.xml", &[("api/r.xml", Regular, "x"), ("api/s/r.xml", Regular, "x")]);
        assert!(found);
        assert_eq!(top.files.keys().collect::<Vec<_>>(), ["r.xml"]);
        assert!(!self::taken("dist/*.whl", &[("dist/", Directory, "")]).2);
    }

    #[test]
    fn a_link_that_leads_out_is_refused_and_nothing_is_written_through_one() {
        let out = taken("dist", &[("dist/x", Symlink, "/etc/passwd")]).1;
        assert_eq!(out.refused.unwrap(), "dist/x is a link to /etc/passwd, which may lead outside the task's folder");
        assert!(taken("dist", &[("dist/x", Symlink, "../../y")]).1.refused.is_some());
        let (folder, inside, _) =
            taken("dist", &[("dist/a", Regular, "1"), ("dist/b", Symlink, "a"), ("dist/c", Link, "dist/a")]);
        assert!(inside.refused.is_none(), "{inside:?}");
        assert_eq!(fs::read_link(folder.path().join("into/dist/b")).unwrap(), Path::new("a"));
        assert_eq!(fs::read_to_string(folder.path().join("into/dist/c")).unwrap(), "1");
        assert!(taken("dist", &[("dist/c", Link, "etc/shadow")]).1.refused.is_some());
    }

    #[test]
    fn a_link_behind_links_is_looked_at_where_it_stands() {
        let chained = [("dist/a/b/up", Symlink, "../../.."), ("dist/x", Symlink, "a/b/up/../../y")];
        let (folder, out, _) = taken("dist", &chained);
        let text = "dist/x is a link to a/b/up/../../y, which may lead outside the task's folder";
        assert_eq!(out.refused.as_deref(), Some(text));
        assert!(!folder.path().join("into/dist/x").is_symlink());
        let (folder, out, _) = taken("dist", &[("dist/l", Symlink, "."), ("dist/l/l/l/up", Symlink, "../../..")]);
        assert!(out.refused.is_some() && !folder.path().join("into/dist/up").is_symlink());
    }

    #[test]
    fn no_folder_is_made_behind_a_link_that_leads_out() {
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("into");
        fs::create_dir_all(&into).unwrap();
        std::os::unix::fs::symlink(folder.path(), into.join("out")).unwrap();
        let mut taken = Taken::new(into);
        let archive = archive(&[("out/made/x", Regular, "1")]);
        let error = taken.take(archive.as_slice(), "out").unwrap_err().to_string();
        assert!(error.contains("out/made/x leaves its folder"), "{error}");
        assert!(!folder.path().join("made").exists());
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let mut all = Taken::new(PathBuf::from("/nonexistent"));
        all.bytes = MOST_BYTES - 1;
        assert!(all.fits("a", 1));
        assert!(!all.fits("a", 2));
        assert_eq!(all.refused.unwrap(), "a: the artifacts of a task have at most 2.1 GB");
    }

    #[test]
    fn a_pattern_begins_with_the_folder_that_is_asked_for() {
        let all = ["dist/*.whl", "*.xml", "a/b/**/c", "report.xml", "dist/", "a/b*/c"];
        assert_eq!(all.map(beginning), ["dist", ".", "a/b", "report.xml", "dist", "a"]);
    }
}
