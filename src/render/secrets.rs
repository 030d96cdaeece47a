//! Files that hold credentials: a folder a service, an env file a part. They are never public.

use std::collections::BTreeMap;

use crate::names::PartName;
use crate::paths;
use crate::plan::parts::{Environment, Part};
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
            files.push(private(format!("{}/{name}", paths::secrets_of(service)), value.clone()));
        }
    }
    for part in environment.parts.values().filter(|part| !part.secret_env.is_empty()) {
        files.push(private(paths::env_file(&part.name), env_file(part, secrets)));
    }
    files
}

/// What each part reads of credentials, as one text: with another one it is recreated. A service takes its credentials
/// over when it starts, whatever its data says.
#[must_use]
pub fn read_by_parts(environment: &Environment, secrets: &Secrets) -> BTreeMap<String, String> {
    let parts = environment.parts.values().filter(|part| part.credentials || !part.secret_env.is_empty());
    let read = |part: &Part| {
        let mut text = env_file(part, secrets);
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
        let value = fill(&variable.template, secrets.get(&variable.service));
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

/// Fills the holes of a template with a service's credentials. In a URL, a password may have characters that would end
/// its part of the URL, so they are encoded. What a credential itself has in braces is not a hole.
#[must_use]
pub fn fill(template: &str, credentials: Option<&BTreeMap<String, String>>) -> String {
    let is_url = template.contains("://");
    let mut pieces = template.split('{');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let filled = piece.split_once('}').and_then(|(name, rest)| Some((credentials?.get(name)?, rest)));
        match filled {
            Some((secret, rest)) if is_url => text.extend([percent(secret).as_str(), rest]),
            Some((secret, rest)) => text.extend([secret.as_str(), rest]),
            None => text.extend(["{", piece]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_with_braces_is_no_template() {
        let credentials = [("password", "{user}$"), ("user", "me")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let fill = |template| fill(template, Some(&credentials));
        assert_eq!(fill("{password}"), "{user}$");
        assert_eq!(fill("db://{user}:{password}@{host}/{"), "db://me:%7Buser%7D%24@{host}/{");
    }

    #[test]
    fn an_env_file_holds_every_character() {
        assert_eq!(quoted("a'b\"c\\'$d\n#"), "a'b\\0042c\\0134'\\$d\\n#");
    }
}
