//! What `devenv.yaml` says about production: names of what must be provided there. Never a value.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::schema::grammar::{SecretName, SecretReference};

/// What production must be given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prod {
    /// What each credential is called where production keeps it, such as `db.password: shop_db_password`; the gateway's
    /// certificate is `gateway.certificate` and `gateway.key`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<SecretName, SecretReference>")]
    pub secrets: BTreeMap<String, String>,
}
