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

fn like(text: &str, most: usize) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let plain: String = text.chars().map(plain).collect();
    let plain = plain.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    plain[..plain.len().min(most)].trim_end_matches('-').to_owned()
}

/// A text, then the same with 2, 3 and so on behind it: the first that is free.
pub fn numbered(text: &str, is_free: impl Fn(&str) -> bool) -> String {
    let mut all = std::iter::once(text.to_owned()).chain((2..).map(|number| format!("{text}-{number}")));
    all.find(|name| is_free(name)).unwrap_or_default()
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

            /// The name that is most like a text, with room for a number behind it; none where nothing of it can be in one.
            #[must_use]
            pub fn like(text: &str) -> Option<Self> {
                Self::new(like(text, $most - 4)).ok()
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
    /// An environment: `dev`, `ci`, `prod`, or one of the team's.
    EnvironmentName,
    40
);
name!(
    /// A feature gate.
    FeatureName,
    60
);
name!(
    /// A key whose signatures count.
    SignerName,
    40
);
name!(
    /// A node of the image hierarchy.
    ImageName,
    40
);

/// A task: a name of the configuration, or a module's own step, such as `api:test`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "task", "pattern" = TASK_PATTERN))]
pub struct TaskName(String);

/// The shape of a task's name, for editors.
pub const TASK_PATTERN: &str = "^[a-z]([a-z0-9-]*[a-z0-9])?(:[a-z]+)?$";

impl TaskName {
    /// Parses a name, with or without a step.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        let (name, step) = text.split_once(':').unwrap_or((&text, "x"));
        if !name.is_empty() && (step.is_empty() || !step.chars().all(|c| c.is_ascii_lowercase())) {
            return Err(NameError::Shape(text));
        }
        label(name, 40)?;
        Ok(Self(text))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a part of a path or of a container's name.
    #[must_use]
    pub fn file(&self) -> String {
        self.0.replace(':', ".")
    }
}

impl TryFrom<String> for TaskName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl From<TaskName> for String {
    fn from(name: TaskName) -> Self {
        name.0
    }
}

impl From<&PartName> for TaskName {
    fn from(name: &PartName) -> Self {
        Self(name.0.clone())
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for TaskName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl ImageName {
    /// The image of the gateway.
    #[must_use]
    pub fn gateway() -> Self {
        Self("gateway".to_owned())
    }
}

impl PartName {
    /// The name in capitals with `_` for `-`: the prefix of the variables that consumers get.
    #[must_use]
    pub fn variable(&self) -> String {
        self.0.to_uppercase().replace('-', "_")
    }

    /// The name under which a further port of this part is kept on this machine.
    #[must_use]
    pub fn of_port(&self, port: &str) -> String {
        of_port(&self.0, port)
    }
}

impl FeatureName {
    /// The variable that says whether it is on, such as `FEATURE_NEW_CHECKOUT`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("FEATURE_{}", self.0.to_uppercase().replace('-', "_"))
    }
}

/// The name under which a further port of a part is kept on this machine.
#[must_use]
pub fn of_port(part: &str, port: &str) -> String {
    format!("{part}-{port}")
}

/// The further port of a service that has a page for people.
pub const PAGE: &str = "page";

/// Whether a POSIX shell hands a variable on to what it runs; Debian's drops those that it could not set.
#[must_use]
pub fn is_for_shells(variable: &str) -> bool {
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
    variable.starts_with(begins) && variable.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a credential is a secret. A user's or a database's name is one that everybody may see.
#[must_use]
pub fn is_secret(credential: &str) -> bool {
    !matches!(credential, "user" | "database" | "bucket")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_like_a_text() {
        let long = format!("{}-b", "a".repeat(35));
        for (text, expected) in
            [("My_App", "my-app"), ("1-web.", "web"), ("Über", "ber"), ("42", ""), (&long, &long[..35])]
        {
            let name = PartName::like(text).map(|name| name.to_string());
            assert_eq!(name.unwrap_or_default(), expected, "{text}");
        }
        assert_eq!(numbered("web", |name| !["web", "web-2"].contains(&name)), "web-3");
    }

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
