//! Where a user's own files are, as the XDG base directories say.

use std::path::PathBuf;

use crate::error::{Error, Kind, Result};

/// `$VARIABLE`, or what stands for it below the home; none without both.
#[must_use]
pub fn base(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(below_home)))
}

/// `$VARIABLE/devenv`, or what stands for it below the home; `what` would have no place without both.
pub fn folder(variable: &str, below_home: &str, what: &str) -> Result<PathBuf> {
    let missing =
        || Error::message(Kind::Usage, format!("neither HOME nor {variable} is set: devenv has no place for {what}"));
    base(variable, below_home).map(|base| base.join("devenv")).ok_or_else(missing)
}
