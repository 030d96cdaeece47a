//! What comes back: of the files that a module declares as `outputs`, which the container has changed. Everything else
//! goes one way only, from the checkout to the container.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::model::values::RelPath;

/// Names the content of an output, its mode bit, or the target of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp(String);

impl Stamp {
    /// A file, by the digest of its content.
    #[must_use]
    pub fn file(digest: &str, executable: bool) -> Self {
        Self(format!("{}:{digest}", if executable { "program" } else { "file" }))
    }

    /// A link, by the bytes of its target.
    #[must_use]
    pub fn link(target: &[u8]) -> Self {
        Self(format!("link:{}", crate::digest::hex(target)))
    }
}

/// Outputs of one side, by their paths below the module's folder.
pub type Stamps = BTreeMap<PathBuf, Stamp>;

/// What is to be done with an output here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Back {
    /// It is written as the container has it.
    Bring(PathBuf),
    /// It is gone from its folder in the container, and goes here.
    Remove(PathBuf),
    /// Both sides have changed it: it stays, and the mirror sends it.
    Conflict(PathBuf),
    /// It could not be done; this is why.
    Refused(PathBuf, String),
}

impl Back {
    /// What it is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Bring(path) | Self::Remove(path) | Self::Conflict(path) | Self::Refused(path, _) => path,
        }
    }
}

impl fmt::Display for Back {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path().display();
        match self {
            Self::Bring(_) => write!(f, "output {path} was copied back"),
            Self::Remove(_) => write!(f, "output {path} was removed in the container, and here too"),
            Self::Conflict(_) => write!(f, "output {path} was changed on both sides: the checkout's is kept"),
            Self::Refused(_, why) => write!(f, "output {path} was not copied back: {why}"),
        }
    }
}

/// What comes back. `agreed` is what both sides had last; `is_sent` says whether the mirror carries a path to the
/// container at all: what git ignores can only come from there, so there is no conflict about it.
#[must_use]
pub fn back(
    outputs: &[RelPath],
    here: &Stamps,
    there: &Stamps,
    agreed: &Stamps,
    is_sent: impl Fn(&Path) -> bool,
) -> Vec<Back> {
    let mut all = Vec::new();
    for (path, stamp) in there {
        let was = agreed.get(path);
        match here.get(path) {
            Some(own) if own == stamp => {}
            Some(own) if was == Some(own) || !is_sent(path) => all.push(Back::Bring(path.clone())),
            // Changed here alone: the mirror sends it.
            Some(_) if was == Some(stamp) => {}
            Some(_) => all.push(Back::Conflict(path.clone())),
            // Removed here since: the mirror removes it there.
            None if was == Some(stamp) => {}
            None => all.push(Back::Bring(path.clone())),
        }
    }
    for (path, own) in here.iter().filter(|(path, _)| !there.contains_key(*path)) {
        // A folder that has nothing left was emptied or never filled, which is not a wish to remove anything here.
        let folder = outputs.iter().find(|output| path.starts_with(output.as_str()));
        let is_alive = folder.is_some_and(|folder| there.keys().any(|other| other.starts_with(folder.as_str())));
        if agreed.get(path) == Some(own) && is_alive {
            all.push(Back::Remove(path.clone()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(pairs: &[(&str, &str)]) -> Stamps {
        pairs.iter().map(|(path, content)| (PathBuf::from(path), Stamp::file(content, false))).collect()
    }

    fn text(here: &[(&str, &str)], there: &[(&str, &str)], agreed: &[(&str, &str)]) -> String {
        let outputs = ["lock", "client"].map(|path| RelPath::new(path).unwrap());
        let is_sent = |path: &Path| !path.ends_with("ignored");
        let all = back(&outputs, &stamps(here), &stamps(there), &stamps(agreed), is_sent);
        let line = |back: &Back| match back {
            Back::Bring(path) => format!("bring {}\n", path.display()),
            other => format!("{other}\n"),
        };
        all.iter().map(line).collect()
    }

    #[test]
    fn what_the_container_changed_comes_back_and_what_was_changed_here_stays() {
        let one = [("lock", "1")];
        let two = [("lock", "2")];
        assert_eq!(text(&one, &one, &[]), "");
        assert_eq!(text(&one, &two, &one), "bring lock\n");
        assert_eq!(text(&two, &one, &one), "", "the mirror sends it");
        assert_eq!(text(&[], &one, &[]), "bring lock\n");
        assert_eq!(text(&[], &one, &one), "", "it was removed here");
        assert_eq!(
            text(&[("lock", "3")], &two, &one),
            "output lock was changed on both sides: the checkout's is kept\n"
        );
        assert_eq!(
            text(&one, &two, &[]),
            "output lock was changed on both sides: the checkout's is kept\n",
            "nobody knows who changed it"
        );
        assert_eq!(text(&[("client/ignored", "1")], &[("client/ignored", "2")], &[]), "bring client/ignored\n");
    }

    #[test]
    fn a_file_goes_with_the_container_s_only_from_a_folder_that_is_alive() {
        let both = [("client/a", "1"), ("client/b", "1")];
        assert_eq!(text(&both, &both[..1], &both), "output client/b was removed in the container, and here too\n");
        assert_eq!(text(&both, &[], &both), "", "the folder was emptied");
        assert_eq!(text(&[("client/a", "1"), ("client/b", "2")], &both[..1], &both), "", "it was changed here");
        assert_eq!(text(&[("lock", "1")], &[], &[("lock", "1")]), "", "a single file never goes");
    }
}
