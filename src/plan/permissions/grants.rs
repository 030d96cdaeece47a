//! Who gives a permission: the user's environment at once; `allow` of devenv.local.yaml once its user has confirmed it,
//! and never if git tracks the file.

use std::collections::BTreeSet;

use crate::config::model::local::Permission;
use crate::digest;

/// The variable that gives permissions to one run, such as `privileged,outside-mounts`.
pub const VARIABLE: &str = "DEVENV_ALLOW";

/// A word of the variable is not a permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{VARIABLE}: `{0}` is not a permission")]
pub struct UnknownPermission(String);

impl From<UnknownPermission> for crate::error::Error {
    fn from(error: UnknownPermission) -> Self {
        Self::new(crate::error::Kind::Usage, error).hint(format!("permissions are: {}", names(Permission::ALL)))
    }
}

/// The permissions that a text such as `privileged, public-ports` names.
///
/// # Errors
/// The first word that names none.
pub fn parse(text: &str) -> Result<BTreeSet<Permission>, UnknownPermission> {
    let words = text.split([',', ' ']).filter(|word| !word.is_empty());
    let named = |word: &str| Permission::ALL.into_iter().find(|permission| permission.name() == word);
    words.map(|word| named(word).ok_or_else(|| UnknownPermission(word.to_owned()))).collect()
}

/// Names of permissions, with commas.
#[must_use]
pub fn names(permissions: impl IntoIterator<Item = Permission>) -> String {
    permissions.into_iter().map(Permission::name).collect::<Vec<_>>().join(", ")
}

/// What is confirmed: the content of `allow`, whatever its order.
#[must_use]
pub fn content(allow: &BTreeSet<Permission>) -> String {
    digest::hex(names(allow.iter().copied()).as_bytes())
}

/// How `allow` of devenv.local.yaml stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// Its user has confirmed it.
    Confirmed,
    /// Nobody has confirmed it yet.
    New,
    /// Git tracks the file, so that it may come from anybody.
    Tracked,
}

/// Why a permission that is needed is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// Nothing gives it.
    NotGiven,
    /// `allow` names permissions that nobody has confirmed.
    NotConfirmed,
    /// `allow` counts for nothing.
    Tracked,
}

impl Denied {
    /// What to do about it.
    #[must_use]
    pub fn hints(self, needed: &BTreeSet<Permission>) -> Vec<String> {
        if needed.is_empty() {
            return Vec::new();
        }
        let words = names(needed.iter().copied());
        let at_once = format!("{VARIABLE}={}", words.replace(' ', ""));
        match self {
            Self::NotGiven => {
                vec![format!("allow it on this machine in devenv.local.yaml: `allow: [{words}]`")]
            }
            Self::NotConfirmed => vec![format!(
                "devenv.local.yaml allows something that has not been confirmed: `devenv up` asks in a terminal; without one, set {at_once}"
            )],
            Self::Tracked => vec![format!(
                "git tracks devenv.local.yaml, so its `allow` has no effect: `git rm --cached devenv.local.yaml` makes it private to \
                 you; or set {at_once}"
            )],
        }
    }
}

/// What is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// The permissions.
    pub allowed: BTreeSet<Permission>,
    /// Why others are missing.
    pub denied: Denied,
    /// What its user is to be asked about.
    pub to_confirm: BTreeSet<Permission>,
}

/// Decides what is allowed, by the user's environment and by `allow` as it stands.
#[must_use]
pub fn grants(by_environment: BTreeSet<Permission>, allow: &BTreeSet<Permission>, standing: Confirmation) -> Grants {
    let missing: BTreeSet<Permission> = allow.difference(&by_environment).copied().collect();
    if missing.is_empty() {
        return Grants { allowed: by_environment, denied: Denied::NotGiven, to_confirm: BTreeSet::new() };
    }
    match standing {
        Confirmation::Confirmed => {
            let allowed = by_environment.union(allow).copied().collect();
            Grants { allowed, denied: Denied::NotGiven, to_confirm: BTreeSet::new() }
        }
        Confirmation::New => Grants { allowed: by_environment, denied: Denied::NotConfirmed, to_confirm: missing },
        Confirmation::Tracked => {
            Grants { allowed: by_environment, denied: Denied::Tracked, to_confirm: BTreeSet::new() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> BTreeSet<Permission> {
        parse(text).unwrap()
    }

    #[test]
    fn a_file_gives_what_its_user_has_confirmed_and_a_tracked_one_gives_nothing() {
        let allow = set("privileged,public-ports");
        let given = |environment: &str, standing| names(grants(set(environment), &allow, standing).allowed);
        assert_eq!(given("", Confirmation::Confirmed), "privileged, public-ports");
        assert_eq!(given("", Confirmation::New), "");
        assert_eq!(given("", Confirmation::Tracked), "");
        assert_eq!(given("host-network", Confirmation::Tracked), "host-network");
        assert_eq!(given("host-network", Confirmation::Confirmed), "privileged, host-network, public-ports");
        assert_eq!(names(grants(set("privileged"), &allow, Confirmation::New).to_confirm), "public-ports");
        assert_eq!(grants(allow.clone(), &allow, Confirmation::New).denied, Denied::NotGiven);
    }

    #[test]
    fn what_is_confirmed_is_the_content_and_not_its_order() {
        assert_eq!(content(&set("privileged public-ports")), content(&set("public-ports,privileged")));
        assert_ne!(content(&set("privileged")), content(&set("public-ports,privileged")));
    }

    #[test]
    fn a_word_that_is_no_permission_is_told() {
        assert_eq!(parse("privileged, root").unwrap_err().to_string(), "DEVENV_ALLOW: `root` is not a permission");
        assert_eq!(parse("").unwrap(), BTreeSet::new());
    }
}
