//! Where a user's own files of devenv are, as the XDG base directories say.

use std::path::PathBuf;

use crate::error::{Error, Kind, Result};

/// `$VARIABLE/devenv`, or what stands for it below the home; `what` would have no place without both.
pub fn folder(variable: &str, below_home: &str, what: &str) -> Result<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(below_home)));
    let missing =
        || Error::message(Kind::Usage, format!("neither HOME nor {variable} is set: devenv has no place for {what}"));
    base.map(|base| base.join("devenv")).ok_or_else(missing)
}
