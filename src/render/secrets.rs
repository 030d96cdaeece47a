//! Files that hold credentials: a folder a service, an env file a part. They are never public.

use std::collections::BTreeMap;

use crate::names::PartName;
use crate::paths;
use crate::plan::environment::target::Base;
use crate::plan::parts::secret_variable::{Form, SecretVariable};
use crate::plan::parts::{Environment, Part, PartKind};
use crate::redact::percent;
use crate::render::{Access, Generated, MARKER};

/// All credentials of a checkout: service → name → value.
pub type Secrets = BTreeMap<PartName, BTreeMap<String, String>>;

/// The files of every service and part.
#[must_use]
pub fn files(environment: &Environment, secrets: &Secrets) -> Vec<Generated> {
    let private = |path: String, text: String| Generated { path, text, access: Access::Private };
    let mut files = Vec::new();
    for (service, values) in secrets.iter().filter(|(service, _)| environment.credentials.contains_key(*service)) {
        for (name, value) in values {
            let path = format!("{}/{name}", paths::secrets_of(service));
            files.push(Generated { path, text: value.clone(), access: secret_access(environment, service) });
        }
    }
    for part in environment.parts.values().filter(|part| !part.secret_env.is_empty()) {
        files.push(private(paths::env_file(&part.name), env_file(part, secrets)));
    }
    files
}

/// Who may read a part's secrets: as on a platform, the image's own user, where the environment is made for one, and where
/// a module does not run as the developer.
#[must_use]
pub fn secret_access(environment: &Environment, part: &PartName) -> Access {
    let is_module = |part: &&Part| matches!(part.kind, PartKind::Module | PartKind::Task);
    let of_image = environment.parts.get(part).filter(is_module).is_some_and(|part| part.user.is_none());
    if environment.base == Base::Prod || of_image { Access::Mounted } else { Access::Private }
}

/// What each part reads of credentials, as one text: with another one it is recreated. A service takes its credentials
/// over when it starts, whatever its data says.
#[must_use]
pub fn read_by_parts(environment: &Environment, secrets: &Secrets) -> BTreeMap<String, String> {
    let is_given = |part: &Part| part.deployed.as_ref().is_some_and(|deployed| !deployed.secrets.is_empty());
    let parts = environment.parts.values();
    let parts = parts.filter(|part| part.credentials || !part.secret_env.is_empty() || is_given(part));
    let read = |part: &Part| {
        let mut text = env_file(part, secrets);
        for secret in part.deployed.iter().flat_map(|deployed| deployed.secrets.keys()) {
            let value = secret.split_once('.').and_then(|(service, name)| secrets.get(service)?.get(name));
            text.extend(value.map(|value| format!("{secret}={value}\n")));
        }
        for (name, value) in secrets.get(&part.name).filter(|_| part.credentials).into_iter().flatten() {
            text.push_str(&format!("{name}={value}\n"));
        }
        text
    };
    parts.map(|part| (part.name.to_string(), read(part))).collect()
}

/// The env file of a part. Compose reads `$` and `\` in values, by rules that differ between its versions: in double
/// quotes, with these escapes, every version reads every value as it was. (In single quotes none can hold `\'`.)
#[must_use]
pub fn env_file(part: &Part, secrets: &Secrets) -> String {
    let mut text = format!("# {MARKER}\n");
    for (name, variable) in &part.secret_env {
        let value = fill(variable, secrets);
        text.push_str(&format!("{name}=\"{}\"\n", quoted(&value)));
    }
    text
}

fn quoted(value: &str) -> String {
    value.chars().fold(String::new(), |mut text, c| {
        match c {
            '\\' => text.push_str("\\0134"),
            '"' => text.push_str("\\0042"),
            '$' => text.push_str("\\$"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            c => text.push(c),
        }
        text
    })
}

/// A text with its credentials. What a credential itself has in braces is not one.
#[must_use]
pub fn fill(text: &SecretVariable, secrets: &Secrets) -> String {
    text.filled(|credential| {
        let value = secrets.get(&credential.service)?.get(&credential.name)?;
        Some(if credential.form == Form::Percent { percent(value) } else { value.clone() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::parts::ImageRef;
    use crate::plan::parts::samples::environment;

    #[test]
    fn a_credential_with_braces_is_no_template() {
        let credentials = [("password", "{user}$"), ("user", "me")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let db = PartName::new("db").unwrap();
        let secrets = Secrets::from([(db.clone(), credentials)]);
        let fill = |template| fill(&SecretVariable::of(&db, template), &secrets);
        assert_eq!(fill("{password}"), "{user}$");
        assert_eq!(fill("db://{user}:{password}@{host}/{"), "db://me:%7Buser%7D%24@{host}/{");
    }

    #[test]
    fn the_user_of_an_image_can_read_a_modules_own_secrets_and_nobody_else_those_of_dev() {
        let (api, released, db) = ("api", "released", "db");
        let part = |name: &str, kind, user: Option<&str>| Part {
            user: user.map(str::to_owned),
            ..Part::new(PartName::new(name).unwrap(), kind, ImageRef::Theirs("x".to_owned()))
        };
        let parts = [
            part(api, PartKind::Module, Some("1001:1001")),
            part(released, PartKind::Module, None),
            part(db, PartKind::Service, None),
        ];
        let mut environment = environment(parts.into());
        let access = |environment: &Environment| {
            [api, released, db].map(|name| secret_access(environment, &PartName::new(name).unwrap()))
        };
        assert_eq!(access(&environment), [Access::Private, Access::Mounted, Access::Private]);
        environment.base = Base::Prod;
        assert_eq!(access(&environment), [Access::Mounted; 3]);
    }

    #[test]
    fn an_env_file_holds_every_character() {
        assert_eq!(quoted("a'b\"c\\'$d\n#"), "a'b\\0042c\\0134'\\$d\\n#");
    }
}
