//! Which credentials services can take. Pure.

use crate::error::{Error, Kind};
use crate::names::PartName;

/// A credential that is set where no service can take it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}`, set by {origin}, {problem}")]
pub struct UnusableSecret {
    name: String,
    origin: String,
    problem: &'static str,
}

impl From<UnusableSecret> for Error {
    fn from(error: UnusableSecret) -> Self {
        Self::new(Kind::Usage, error).hint("remove it, and devenv generates one; or set one line of visible characters")
    }
}

/// Whether a credential that somebody has set can be one.
pub fn check(service: &PartName, name: &str, value: &str, origin: &str) -> Result<(), UnusableSecret> {
    let problem = if value.is_empty() {
        "is empty"
    } else if value.chars().any(char::is_control) {
        "has a line break or another control character"
    } else {
        return Ok(());
    };
    Err(UnusableSecret { name: format!("{service}.{name}"), origin: origin.to_owned(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_one_line_of_visible_characters() {
        let db = PartName::new("db").unwrap();
        let said = |value: &str| check(&db, "password", value, "devenv.local.yaml").map_err(|error| error.to_string());
        for good in ["x", "it's mine", "a\"b\\$c{d}ü"] {
            assert_eq!(said(good), Ok(()), "{good}");
        }
        for (bad, problem) in
            [("", "is empty"), ("a\nb", "line break"), ("x\n", "line break"), ("\u{1b}[1m", "control")]
        {
            assert!(said(bad).unwrap_err().contains(problem), "{bad:?}");
        }
    }
}
