//! The repository that a folder lies in, read from its files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::host::ignore::rules::git;
use crate::plan::environment::git::Repository;

/// The repository that a module's folder lies in, if its top is in the checkout; `None` where `.git` does not name a
/// repository that knows this working tree: anybody can write a file that names any folder.
#[must_use]
pub fn repository(checkout: &Path, folder: &Path) -> Option<Repository> {
    let (folder, checkout) = (folder.canonicalize().ok()?, checkout.canonicalize().ok()?);
    let inside = folder.ancestors().take_while(|above| above.starts_with(&checkout));
    let (depth, top) = inside.enumerate().find(|(_, above)| above.join(".git").exists())?;
    let dot = top.join(".git");
    if fs::symlink_metadata(&dot).ok()?.is_dir() {
        return Some(Repository { depth, common: text(&dot)?, worktree: None });
    }
    let file = fs::read_to_string(&dot).ok()?;
    let named = file.strip_prefix("gitdir:")?.trim().to_owned();
    let own = top.join(&named).canonicalize().ok()?;
    let common = own.join(line(&own.join("commondir"))?).canonicalize().ok()?;
    let back = own.join(line(&own.join("gitdir"))?);
    let is_known = back.canonicalize().ok()? == dot.canonicalize().ok()?;
    let is_below = own.parent() == Some(common.join("worktrees").as_path());
    (is_known && is_below && common.join("objects").is_dir())
        .then(|| Some(Repository { depth, common: text(&common)?, worktree: Some(named) }))?
}

/// The files below a folder that git tracks, by their paths below it; `None` outside of a repository. What has no name in
/// UTF-8 is left out.
#[must_use]
pub fn tracked(folder: &Path) -> Option<Vec<String>> {
    let listed = git(folder, &["ls-files", "-z", "--cached"])?;
    let paths = listed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    Some(paths.filter_map(|path| std::str::from_utf8(path).ok()).map(str::to_owned).collect())
}

/// The branch that is checked out in a folder, or the beginning of the commit's id where there is none.
#[must_use]
pub fn branch(folder: &Path) -> Option<String> {
    let asked = |args: &[&str]| {
        let said = String::from_utf8(git(folder, args)?).ok()?.trim().to_owned();
        (!said.is_empty()).then_some(said)
    };
    asked(&["symbolic-ref", "--short", "--quiet", "HEAD"]).or_else(|| asked(&["rev-parse", "--short", "HEAD"]))
}

fn line(file: &Path) -> Option<PathBuf> {
    fs::read_to_string(file).ok().map(|text| PathBuf::from(text.trim()))
}

fn text(path: &Path) -> Option<String> {
    path.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folder below the root of everything in this test.
    fn checkout_of(folder: &Path) -> &Path {
        folder.ancestors().find(|above| above.ends_with("main") || above.ends_with("tree")).unwrap()
    }

    #[test]
    fn a_worktree_names_its_repository_and_a_file_that_names_another_folder_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (main, tree) = (root.join("main"), root.join("tree"));
        fs::create_dir_all(main.join("api/deep")).unwrap();
        git(&main, &["init", "-q"]).unwrap();
        let commit =
            ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "x"];
        git(&main, &commit).unwrap();
        git(&main, &["worktree", "add", "-q", "../tree"]).unwrap();
        let common = main.join(".git").display().to_string();
        let found = |folder: &Path| {
            repository(checkout_of(folder), folder).map(|one| (one.depth, one.common, one.worktree.is_some()))
        };
        assert_eq!(found(&main.join("api/deep")), Some((2, common.clone(), false)));
        assert_eq!(found(&tree), Some((0, common, true)));
        assert_eq!(repository(&main.join("api"), &main.join("api/deep")), None, "a repository around the checkout");
        let secrets = root.join("secrets");
        fs::create_dir_all(secrets.join("objects")).unwrap();
        fs::create_dir_all(secrets.join("worktrees/x")).unwrap();
        fs::write(secrets.join("worktrees/x/commondir"), "../..\n").unwrap();
        fs::write(tree.join(".git"), format!("gitdir: {}\n", secrets.join("worktrees/x").display())).unwrap();
        assert_eq!(found(&tree), None);
        fs::write(tree.join(".git"), format!("gitdir: {}\n", secrets.display())).unwrap();
        assert_eq!(found(&tree), None);
    }
}
