//! What a person may write about a module's own credentials. No decisions here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::schema::grammar::AnyText;

/// Where a module's credential comes from in dev: exactly one of these.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModuleSecret {
    /// The value for every developer, such as a key of a test account; it never reaches another environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<AnyText>")]
    pub default: Option<String>,
    /// How many random bytes it is made of, for each checkout, written in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 8, max = 1024))]
    pub generate: Option<u16>,
    /// What `devenv up` asks the developer for, once for each checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
}

impl ModuleSecret {
    /// Bytes of one whose length nobody says.
    const LENGTH: u16 = 16;

    /// How many random bytes it is made of.
    #[must_use]
    pub fn length(&self) -> usize {
        usize::from(self.generate.unwrap_or(Self::LENGTH))
    }
}
