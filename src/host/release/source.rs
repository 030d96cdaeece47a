//! Questions to git about the source of a release. Nothing is written to the repository, and nothing that it configures is
//! run but the filters that `git add` would run too. Files are read as the commit has them: no setting of this machine
//! (line ends, attributes) changes a byte.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::config::model::values::RelPath;
use crate::error::{Error, Kind, Result};
use crate::host::process::{self, Cmd, Output};
use crate::plan::release::source::{Commit, Entry};

fn call<const N: usize>(folder: &Path, args: [&str; N]) -> Cmd {
    let place = folder.display().to_string();
    let settings = ["core.fsmonitor=false", "core.hooksPath=/dev/null", "log.showSignature=false", "safe.directory=*"];
    let call = Cmd::new("git", settings.iter().flat_map(|setting| ["-c", setting]));
    call.args(["-C", &place]).args(args).env("GIT_OPTIONAL_LOCKS", "0")
}

fn failed(call: &Cmd, output: &Output) -> Error {
    let said = output.stderr.lines().last().unwrap_or_default();
    Error::message(Kind::Failed, format!("git cannot answer: {said}")).hint(format!("the call was: {call}"))
}

async fn answer(call: &Cmd) -> Result<String> {
    let output = process::output(call).await?;
    if output.status.success() { Ok(output.stdout) } else { Err(failed(call, &output)) }
}

/// A commit, as `%H %ct` has it.
fn commit(line: &str) -> Option<Commit> {
    let (id, time) = line.trim().split_once(' ')?;
    Some(Commit { id: id.to_owned(), time: time.parse().ok()? })
}

/// The commit that is checked out; none where there is no repository, or none was made yet.
pub async fn head(root: &Path) -> Result<Option<Commit>> {
    let output = process::output(&call(root, ["log", "-1", "--format=%H %ct", "HEAD"])).await?;
    Ok(commit(&output.stdout).filter(|_| output.status.success()))
}

/// The branch that is checked out; none where it is a commit, or there is no repository.
pub async fn branch(root: &Path) -> Result<Option<String>> {
    let output = process::output(&call(root, ["symbolic-ref", "--quiet", "--short", "HEAD"])).await?;
    Ok(Some(output.stdout.trim().to_owned()).filter(|name| output.status.success() && !name.is_empty()))
}

/// The last commit that changed a path; none where no commit has it.
pub async fn last_change(root: &Path, path: &RelPath) -> Result<Option<Commit>> {
    let path = format!("./{path}");
    Ok(commit(&answer(&call(root, ["log", "-1", "--format=%H %ct", "HEAD", "--", &path])).await?))
}

/// Whether the history is cut off, so that nobody can tell which commit changed a path last.
pub async fn is_shallow(root: &Path) -> Result<bool> {
    Ok(answer(&call(root, ["rev-parse", "--is-shallow-repository"])).await?.trim() == "true")
}

/// Where the repository comes from.
pub async fn origin(root: &Path) -> Result<Option<String>> {
    let output = process::output(&call(root, ["config", "--get", "remote.origin.url"])).await?;
    Ok(Some(output.stdout.trim().to_owned()).filter(|url| !url.is_empty()))
}

/// Who works here: the address that git would put into a commit, else the user of this machine.
pub async fn author(root: &Path) -> Result<String> {
    let output = process::output(&call(root, ["config", "--get", "user.email"])).await?;
    let named = Some(output.stdout.trim().to_owned()).filter(|address| !address.is_empty());
    Ok(named.or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "unknown".to_owned()))
}

/// Files below these paths that are not as they were committed, or that no commit has; from `root` on, which may lie below
/// the top of the repository.
pub async fn changes(root: &Path, paths: &[&RelPath]) -> Result<Vec<String>> {
    let prefix = answer(&call(root, ["rev-parse", "--show-prefix"])).await?;
    let asked = call(root, ["status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--"]);
    let asked = asked.args(paths.iter().map(|path| format!("./{path}")));
    let listed = answer(&asked).await?;
    let listed = listed.trim_end_matches('\n').split('\0').filter_map(|line| line.get(3..));
    Ok(listed.map(|path| path.strip_prefix(prefix.trim_end()).unwrap_or(path).to_owned()).collect())
}

/// The files of a checkout at one moment: those of a commit, or those of the working tree.
pub struct Tree {
    root: PathBuf,
    /// What git calls it.
    name: String,
    /// Where git finds what no commit has.
    env: BTreeMap<String, String>,
    _objects: Option<TempDir>,
}

impl Tree {
    /// The files of the commit that is checked out.
    #[must_use]
    pub fn committed(root: &Path) -> Self {
        Self { root: root.to_owned(), name: "HEAD".to_owned(), env: BTreeMap::new(), _objects: None }
    }

    /// The files of the working tree that git would take into a commit. They are kept beside the repository.
    pub async fn working(root: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Error::message(Kind::Failed, format!("cannot create a folder for temporary files: {error}"))
        };
        let folder = tempfile::Builder::new().prefix("devenv-release-").tempdir().map_err(failed)?;
        let objects = answer(&call(root, ["rev-parse", "--path-format=absolute", "--git-path", "objects"])).await?;
        let below = |name: &str| folder.path().join(name).display().to_string();
        std::fs::create_dir(folder.path().join("objects")).map_err(failed)?;
        let env = BTreeMap::from([
            ("GIT_INDEX_FILE".to_owned(), below("index")),
            ("GIT_OBJECT_DIRECTORY".to_owned(), below("objects")),
            ("GIT_ALTERNATE_OBJECT_DIRECTORIES".to_owned(), objects.trim().to_owned()),
        ]);
        answer(&call(root, ["read-tree", "HEAD"]).envs(&env)).await?;
        answer(&call(root, ["add", "--all", "--", "."]).envs(&env)).await?;
        let name = answer(&call(root, ["write-tree"]).envs(&env)).await?.trim().to_owned();
        Ok(Self { root: root.to_owned(), name, env, _objects: Some(folder) })
    }

    /// Git's id of a path's content; none where it has no such path.
    pub async fn id(&self, path: &RelPath) -> Result<Option<String>> {
        let path = if path.as_str() == "." { "./".to_owned() } else { format!("./{path}") };
        let asked = call(&self.root, ["rev-parse", "--verify", "--quiet", &format!("{}:{path}", self.name)]);
        let output = process::output(&asked.envs(&self.env)).await?;
        Ok(Some(output.stdout.trim().to_owned()).filter(|id| output.status.success() && !id.is_empty()))
    }

    /// The files of a commit, by its whole id; none where the repository does not have it.
    pub async fn of_commit(root: &Path, id: &str) -> Result<Option<Self>> {
        let is_id = [40, 64].contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_id
            || !process::output(&call(root, ["cat-file", "-e", &format!("{id}^{{commit}}")])).await?.status.success()
        {
            return Ok(None);
        }
        Ok(Some(Self { root: root.to_owned(), name: id.to_owned(), env: BTreeMap::new(), _objects: None }))
    }

    /// The text of a file; none where there is no such file.
    pub async fn text(&self, path: &RelPath) -> Result<Option<String>> {
        match self.id(path).await? {
            Some(id) => answer(&call(&self.root, ["cat-file", "blob", &id]).envs(&self.env)).await.map(Some),
            None => Ok(None),
        }
    }

    /// Everything below a folder.
    pub async fn entries(&self, path: &RelPath) -> Result<Vec<Entry>> {
        let asked = call(&path.at(&self.root), ["ls-tree", "-r", "-z", &self.name]);
        let listed = answer(&asked.envs(&self.env)).await?;
        Ok(listed.trim_end_matches('\n').split('\0').filter_map(Entry::parse).collect())
    }

    /// What git has of these entries, one after the other: a line that ends with the length, the bytes, and a line end.
    pub async fn contents(&self, entries: &[Entry]) -> Result<File> {
        let failed = |error: std::io::Error| {
            Error::message(Kind::Failed, format!("cannot write the source to a temporary file: {error}"))
        };
        let (mut asked, file) = (tempfile::tempfile().map_err(failed)?, tempfile::tempfile().map_err(failed)?);
        let ids: String = entries.iter().map(|entry| format!("{}\n", entry.id)).collect();
        asked.write_all(ids.as_bytes()).and_then(|()| asked.rewind()).map_err(failed)?;
        let ask = call(&self.root, ["cat-file", "--batch"]).envs(&self.env);
        let output = file.try_clone().map_err(failed)?;
        let (status, said) = process::between_files(&ask, Some(asked), Some(output)).await?;
        if !status.success() {
            let message = format!("git cannot hand over the source: {}", said.lines().last().unwrap_or_default());
            return Err(Error::message(Kind::Failed, message).hint(format!("the call was: {ask}")));
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::host::ignore::rules::git;

    #[tokio::test]
    async fn a_release_knows_its_commit_and_what_no_commit_has() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(head(root).await.unwrap(), None, "no repository");
        git(root, &["init", "-q"]).unwrap();
        assert_eq!(head(root).await.unwrap(), None, "no commit");
        let path = |text: &str| RelPath::new(text).unwrap();
        fs::create_dir_all(root.join("api")).unwrap();
        fs::write(root.join("api/a.py"), "1").unwrap();
        fs::write(root.join(".gitignore"), "*.log\n").unwrap();
        let commit = |message: &str| {
            git(root, &["add", "--all"]).unwrap();
            let me = ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", message];
            git(root, &me).unwrap();
        };
        commit("one");
        let first = head(root).await.unwrap().unwrap();
        fs::write(root.join("other"), "x").unwrap();
        commit("two");
        assert_ne!(head(root).await.unwrap().unwrap().id, first.id);
        assert_eq!(last_change(root, &path("api")).await.unwrap().unwrap(), first);
        assert_eq!(last_change(root, &path("none")).await.unwrap(), None);
        assert!(!is_shallow(root).await.unwrap());
        assert_eq!(changes(root, &[&path("api")]).await.unwrap(), Vec::<String>::new());

        let committed = Tree::committed(root);
        let before = committed.id(&path("api")).await.unwrap().unwrap();
        assert_eq!(committed.id(&path("none")).await.unwrap(), None);
        let of_first = Tree::of_commit(root, &first.id).await.unwrap().unwrap();
        assert_eq!(of_first.text(&path("api/a.py")).await.unwrap().as_deref(), Some("1\n"));
        assert_eq!(of_first.text(&path("other")).await.unwrap(), None);
        assert!(Tree::of_commit(root, &"0".repeat(40)).await.unwrap().is_none());
        assert!(Tree::of_commit(root, "--help").await.unwrap().is_none());
        fs::write(root.join("api/new file.py"), "2").unwrap();
        fs::write(root.join("api/x.log"), "no").unwrap();
        assert_eq!(changes(root, &[&path("api")]).await.unwrap(), ["api/new file.py"]);
        let objects = || fs::read_dir(root.join(".git/objects")).unwrap().count();
        let count = objects();
        let working = Tree::working(root).await.unwrap();
        assert_eq!(committed.id(&path("api")).await.unwrap().unwrap(), before);
        assert_ne!(working.id(&path("api")).await.unwrap().unwrap(), before);
        assert_eq!(objects(), count, "nothing is written to the repository");
        let names = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.path).collect::<Vec<_>>();
        assert_eq!(names(working.entries(&path("api")).await.unwrap()), ["a.py", "new file.py"]);
        assert_eq!(text(&working, "api").await, "1\n2\n");

        // Nothing of this machine changes what is released, and nothing that it configures is run.
        for (key, value) in [("core.autocrlf", "true"), ("log.showSignature", "true"), ("gpg.program", "/bin/false")] {
            git(root, &["config", key, value]).unwrap();
        }
        fs::write(root.join(".git/info/attributes"), "*.py export-ignore eol=crlf\n").unwrap();
        let hook = root.join(".git/hooks/post-index-change");
        fs::create_dir_all(hook.parent().unwrap()).unwrap();
        fs::write(&hook, format!("#!/bin/sh\ntouch {}\n", root.join("hooked").display())).unwrap();
        fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        assert!(head(root).await.unwrap().is_some());
        assert_eq!(text(&Tree::working(root).await.unwrap(), "api").await, "1\n2\n");
        assert_eq!(text(&Tree::committed(root), "api").await, "1\n");
        assert!(!root.join("hooked").exists());

        // A checkout may be a folder of its repository.
        assert_eq!(changes(&root.join("api"), &[&path(".")]).await.unwrap(), ["new file.py"]);
    }

    /// What all files of a folder say.
    async fn text(tree: &Tree, folder: &str) -> String {
        let entries = tree.entries(&RelPath::new(folder).unwrap()).await.unwrap();
        let mut file = tree.contents(&entries).await.unwrap();
        file.rewind().unwrap();
        let text = std::io::read_to_string(file).unwrap();
        text.lines().filter(|line| !line.contains(" blob ")).map(|line| format!("{line}\n")).collect()
    }
}
