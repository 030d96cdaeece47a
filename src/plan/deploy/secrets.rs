//! Which of a cluster's secrets a part is given. A secret cannot change under its name, so a new value has another
//! name: `NAME_DIGEST`, of which the newest counts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::plan::deploy::cluster::{Cluster, Secret};
use crate::plan::deploy::errors::Refusal;
use crate::plan::deploy::stack::{Desired, Stack};

/// The least number of digits that a digest in a name has.
const LEAST: usize = 8;

/// The name of the newest of a cluster's secrets of this name, with or without a digest.
#[must_use]
pub fn newest<'c>(secrets: &'c BTreeMap<String, Secret>, name: &str) -> Option<&'c str> {
    let is_of = |one: &str| {
        let rest = one.strip_prefix(name);
        let digest = rest.and_then(|rest| rest.strip_prefix('_'));
        rest == Some("")
            || digest.is_some_and(|digest| digest.len() >= LEAST && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let all = secrets.iter().filter(|(one, _)| is_of(one));
    all.max_by_key(|(one, secret)| (secret.made, one.len(), *one)).map(|(one, _)| one.as_str())
}

/// The stack with the secrets that the cluster has; refused where one is missing.
pub fn resolved(stack: &Stack, cluster: &Cluster) -> Result<Stack, Refusal> {
    let mut stack = stack.clone();
    let mut missing = BTreeSet::new();
    for desired in stack.parts.values_mut() {
        for name in desired.secrets.clone() {
            match newest(&cluster.secrets, &name) {
                Some(found) if found == name => {}
                Some(found) => rename(desired, &name, found),
                None => drop(missing.insert(name)),
            }
        }
    }
    if missing.is_empty() { Ok(stack) } else { Err(Refusal::Secrets(missing.into_iter().collect())) }
}

fn rename(desired: &mut Desired, name: &str, found: &str) {
    let all = desired.spec.pointer_mut("/TaskTemplate/ContainerSpec/Secrets").and_then(Value::as_array_mut);
    for one in all.into_iter().flatten().filter_map(|one| one.get_mut("SecretName")) {
        if one.as_str() == Some(name) {
            *one = found.into();
        }
    }
    desired.made_from("secrets", found);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Error;
    use crate::plan::deploy::samples::{deployed, name, stack};

    #[test]
    fn a_secret_that_is_not_there_is_told_with_the_way_to_make_it() {
        let mut cluster = deployed(&stack());
        cluster.secrets.clear();
        let error = Error::from(resolved(&stack(), &cluster).unwrap_err());
        assert_eq!(error.to_string(), "the cluster has no secret `shop_db_password`");
        assert!(error.hints[0].contains("docker secret create shop_db_password FILE"), "{:?}", error.hints);
    }

    #[test]
    fn a_newer_value_under_a_name_with_a_digest_replaces_the_containers_that_have_the_secret() {
        let mut stack = stack();
        let db = stack.parts.get_mut(&name("db")).unwrap();
        db.spec = json!({"TaskTemplate": {"ContainerSpec": {"Secrets": [{"SecretName": "shop_db_password"}]}}});
        let mut cluster = deployed(&stack);
        assert_eq!(resolved(&stack, &cluster).unwrap(), stack);
        let make = |cluster: &mut Cluster, name: &str, made| {
            cluster.secrets.insert(name.to_owned(), Secret { id: name.to_owned(), made });
        };
        make(&mut cluster, "shop_db_password_old", 9);
        make(&mut cluster, "shop_db_password_0123abcd", 7);
        make(&mut cluster, "shop_db_password_89abcdef", 6);
        let now = resolved(&stack, &cluster).unwrap();
        let db = &now.parts[&name("db")];
        assert_eq!(db.spec["TaskTemplate"]["ContainerSpec"]["Secrets"][0]["SecretName"], "shop_db_password_0123abcd");
        let before = stack.parts[&name("db")].definition.label();
        assert_eq!(db.definition.difference(&before), Some(vec!["secrets".to_owned()]));
        assert_ne!(db.template, stack.parts[&name("db")].template);
        assert_eq!(now.parts[&name("api")], stack.parts[&name("api")]);
    }
}
