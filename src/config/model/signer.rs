//! A public key whose signatures count: the key itself as PEM, or the path of a file that holds it.

use crate::config::model::values::RelPath;

/// What a key begins with.
const BEGIN: &str = "-----BEGIN ";

/// The file that holds the key; none where the text is the key itself.
#[must_use]
pub fn file(text: &str) -> Option<RelPath> {
    if text.trim_start().starts_with(BEGIN) { None } else { RelPath::new(text.trim()).ok() }
}

/// Says why a text is neither.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.starts_with(BEGIN) {
        let is_private = text.lines().next().is_some_and(|line| line.contains("PRIVATE KEY"));
        let why = "this is a private key, which must not be committed: write the public key that belongs to it";
        return if is_private { Err(why.to_owned()) } else { Ok(()) };
    }
    RelPath::new(text).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_path_or_the_public_key_itself() {
        assert_eq!(file("keys/ci.pub").map(|path| path.to_string()).as_deref(), Some("keys/ci.pub"));
        assert_eq!(file("-----BEGIN PUBLIC KEY-----\nMFkw\n"), None);
        assert_eq!(check("keys/ci.pub"), Ok(()));
        assert_eq!(check("-----BEGIN PUBLIC KEY-----\nMFkw\n"), Ok(()));
        assert!(check("../ci.pub").unwrap_err().contains("leaves the checkout"));
        assert!(check("-----BEGIN PRIVATE KEY-----\nMFkw\n").unwrap_err().contains("must not be committed"));
    }
}
