//! Names that people write and engines read: parsed once at the edge, then trusted.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text has no characters.
    #[error("a name must not be empty")]
    Empty,
    /// The text is longer than the engine or DNS allows.
    #[error("`{0}` is longer than {1} characters")]
    TooLong(String, usize),
    /// The text has a character that a name must not have, or starts or ends with `-`.
    #[error("`{0}` is not a valid name: use lower-case letters, digits and `-`, starting with a letter")]
    Shape(String),
}

/// Parses a DNS label in its strictest form: it is used in host names, image names and volume names.
fn label(text: &str, most: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > most {
        return Err(NameError::TooLong(text.to_owned(), most));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
    if !starts || text.ends_with('-') || !text.chars().all(allowed) {
        return Err(NameError::Shape(text.to_owned()));
    }
    Ok(())
}

/// Whether a text may stand between the dots of a host name in lower case.
#[must_use]
pub fn is_host_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(plain) && !text.starts_with('-') && !text.ends_with('-')
}

/// The shape of every name, for editors: a strict DNS label.
pub const NAME_PATTERN: &str = "^[a-z]([a-z0-9-]*[a-z0-9])?$";

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $most:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(inline, extend("format" = "name", "pattern" = NAME_PATTERN, "maxLength" = $most))]
        pub struct $name(String);

        impl $name {
            /// Parses a name; see [`NameError`] for what is refused.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                label(&text, $most)?;
                Ok(Self(text))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The product's name, as the team writes it in `project:`.
    ProjectName,
    40
);
name!(
    /// A module or a service: also its host name inside the environment.
    PartName,
    40
);
name!(
    /// A node of the image hierarchy.
    ImageName,
    40
);

impl PartName {
    /// The name in capitals with `_` for `-`: the prefix of the variables that consumers get.
    #[must_use]
    pub fn variable(&self) -> String {
        self.0.to_uppercase().replace('-', "_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_strict_dns_label() {
        for good in ["a", "api", "api-2", "a1"] {
            assert!(PartName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "1a", "A", "a_b", "a.b", "a b", "ä", "a/b", "$(id)", "--help"] {
            assert!(PartName::new(bad).is_err(), "{bad}");
        }
        assert!(PartName::new("a".repeat(41)).is_err());
    }

    #[test]
    fn a_name_gives_the_prefix_of_variables() {
        assert_eq!(PartName::new("order-db").unwrap().variable(), "ORDER_DB");
    }
}
