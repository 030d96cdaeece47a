//! The state of features as a file in flagd's format, which OpenFeature's providers read.

use serde_json::{Map, Value, json};

use crate::config::project::Project;
use crate::paths;
use crate::plan::environment::target::Target;
use crate::render::{Access, Generated, MARKER};

/// The file's name in its folder.
pub const FLAGS: &str = "flags.json";

/// The file of an environment; none where the project has no feature.
#[must_use]
pub fn file(project: &Project, target: &Target) -> Option<Generated> {
    if target.features.is_empty() {
        return None;
    }
    let flag = |(name, state): (&crate::names::FeatureName, &crate::config::model::feature::Switch)| {
        let owner = project.file.features.get(name).and_then(|feature| feature.owner.clone());
        let mut flag = json!({
            "state": "ENABLED",
            "variants": {"on": true, "off": false},
            "defaultVariant": state.to_string(),
        });
        if let (Some(owner), Some(flag)) = (owner, flag.as_object_mut()) {
            flag.insert("metadata".to_owned(), json!({ "owner": owner }));
        }
        (name.to_string(), flag)
    };
    let flags: Map<String, Value> = target.features.iter().map(flag).collect();
    let all = json!({
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "metadata": {"comment": MARKER, "environment": target.name},
        "flags": flags,
    });
    let text = serde_json::to_string_pretty(&all).unwrap_or_default() + "\n";
    Some(Generated { path: format!("{}/{FLAGS}", paths::FEATURES), text, access: Access::Public })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::environment::samples::project;

    #[test]
    fn a_flag_has_its_state_in_the_environment_and_its_owner() {
        let project = project("project: shop\nfeatures: {new: {owner: me, dev: on}, old: {}}\n");
        let of = |name: &str| {
            let text = file(&project, &Target::of(&project, name).unwrap()).unwrap().text;
            let all: Value = serde_json::from_str(&text).unwrap();
            all["flags"].to_string()
        };
        let new = r#""state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant""#;
        let expected =
            |state: &str| format!(r#"{{"new":{{{new}:"{state}","metadata":{{"owner":"me"}}}},"old":{{{new}:"off"}}}}"#);
        assert_eq!([of("dev"), of("prod")], [expected("on"), expected("off")]);
        let bare = crate::plan::environment::samples::project("project: shop\n");
        assert_eq!(file(&bare, &Target::dev(&bare)), None);
    }
}
