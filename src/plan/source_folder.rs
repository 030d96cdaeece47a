//! Where a module's source is in containers. Pure.

use crate::config::model::values::RelPath;

/// The folder of a module in its container: the same last part as in the checkout, so that modules of one folder
/// see it at one place.
#[must_use]
pub fn directory(path: &RelPath, project: &str) -> String {
    format!("/srv/{}", directory_name(path, project))
}

/// The last part of a module's path; for the checkout itself, `otherwise`.
#[must_use]
pub fn directory_name<'a>(path: &'a RelPath, otherwise: &'a str) -> &'a str {
    match path.as_str().rsplit('/').next() {
        Some(".") | None => otherwise,
        Some(last) => last,
    }
}
