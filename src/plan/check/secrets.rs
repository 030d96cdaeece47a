//! Secrets: none in a committed file, in the environment of an image, or as a literal in the configuration. Pure.

use crate::plan::check::facts::CheckFacts;
use crate::plan::check::finding::{Finding, Spot};
use crate::plan::check::rules::Rule;
use crate::plan::environment::target::{Base, Target};
use crate::plan::images::dockerfile::instructions_with_lines;

/// How secrets begin that say what they are, with the least number of characters after that.
const MARKED: [(&str, usize, &str); 10] = [
    ("AKIA", 16, "an AWS access key"),
    ("ghp_", 36, "a token of GitHub"),
    ("gho_", 36, "a token of GitHub"),
    ("ghs_", 36, "a token of GitHub"),
    ("github_pat_", 60, "a token of GitHub"),
    ("glpat-", 20, "a token of GitLab"),
    ("xoxb-", 24, "a token of Slack"),
    ("sk_live_", 20, "a Stripe live key"),
    ("AIza", 35, "a key of Google"),
    ("npm_", 36, "an npm token"),
];

/// What a text has that nobody should commit; `known` are credentials of this checkout.
#[must_use]
pub fn committed(path: &str, text: &str, known: &[String]) -> Vec<Finding> {
    let fix = "remove it and rotate the secret: treat anything that was committed as leaked";
    let finding = |at: usize, what: &str| {
        let line = text.get(..at).map_or(0, |before| before.matches('\n').count()) + 1;
        Finding::error(Rule::SecretFile, Spot::new(path, line), format!("the file has {what}"), fix)
    };
    let mut all = Vec::new();
    for (at, _) in text.match_indices("-----BEGIN ") {
        let rest = text.get(at..).unwrap_or_default();
        let head = rest.lines().next().unwrap_or_default();
        // The word alone is in many a program; a key has lines of its own.
        let body = rest.lines().nth(1).unwrap_or_default().trim();
        let is_body =
            body.len() >= 32 && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        if head.contains("PRIVATE KEY-----") && is_body {
            all.push(finding(at, "a private key"));
        }
    }
    for (start, least, what) in MARKED {
        for (at, _) in text.match_indices(start) {
            let is_inside =
                text.get(..at).and_then(|before| before.chars().next_back()).is_some_and(|c| c.is_ascii_alphanumeric());
            let rest = text.get(at + start.len()..).unwrap_or_default();
            let long = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte)).count();
            let is_mixed = rest.bytes().take(long).any(|byte| byte.is_ascii_digit());
            if !is_inside && long >= least && is_mixed {
                all.push(finding(at, what));
            }
        }
    }
    for secret in known {
        if let Some((at, _)) = text.match_indices(secret.as_str()).next() {
            all.push(finding(at, "a credential of this checkout"));
        }
    }
    all
}

/// Whether a variable's name says that its value is a secret: by its end, since `PASSWORD_RESET_TIMEOUT` is none.
pub(in crate::plan) fn names_secret(name: &str) -> bool {
    const ENDS: [&str; 10] = [
        "PASSWORD",
        "PASSWD",
        "SECRET",
        "TOKEN",
        "API_KEY",
        "APIKEY",
        "ACCESS_KEY",
        "PRIVATE_KEY",
        "SECRET_KEY",
        "SECRET_KEY_BASE",
    ];
    let name = name.to_ascii_uppercase();
    ENDS.iter().any(|end| name.ends_with(end))
}

/// Whether a value is one: no variable, no path, not empty.
fn is_literal(value: &str) -> bool {
    !value.is_empty() && !value.contains('$') && !value.starts_with('/') && !["true", "false"].contains(&value)
}

/// Secrets that stay readable in an image, and credentials that stand in the configuration.
#[must_use]
pub fn findings(facts: &CheckFacts<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    let file = &facts.project.file;
    let in_force = facts.assets.all().filter(|(path, _)| path.ends_with("/Dockerfile"));
    let in_force = in_force.map(|(path, asset)| (facts.assets.place(path), asset.text()));
    let own = facts.assets.all_own().map(|build| (build.dockerfile.clone(), build.text.as_str()));
    for (path, text) in in_force.chain(own) {
        for (line, instruction) in instructions_with_lines(text) {
            let place = || Spot::new(path.clone(), line);
            all.extend(readable(&instruction).map(|name| in_image(place(), &format!("`{name}`"))));
        }
    }
    for (name, image) in &file.images {
        for (argument, _) in image.args.iter().filter(|(argument, value)| names_secret(argument) && !value.is_empty()) {
            let spot = Spot::of(facts.project, &["images", name.as_str(), "args", argument]);
            all.push(in_image(spot, &format!("the argument `{argument}`")));
        }
    }
    let modules = file.modules.iter().map(|(name, module)| ("modules", name, &module.env));
    let services = file.services.iter().map(|(name, service)| ("services", name, &service.env));
    for (section, part, env) in modules.chain(services) {
        for variable in literals(env) {
            let path = [section, part.as_str(), "env", variable];
            if facts.project.template(&path).is_none() {
                let says = format!("`{variable}` of `{part}` is a literal in the configuration");
                let fix = "write `${NAME}`, or let the part need a service whose credentials devenv makes";
                all.push(Finding::warning(Rule::SecretLiteral, Spot::of(facts.project, &path), says, fix));
            }
        }
    }
    for name in file.environments.keys() {
        let Ok(target) = Target::of(facts.project, name.as_str()) else { continue };
        for (part, env) in file.environments.get(name).into_iter().flat_map(|settings| &settings.env) {
            for variable in literals(env) {
                let path = ["environments", name.as_str(), "env", part.as_str(), variable];
                if facts.project.template(&path).is_some() {
                    continue;
                }
                let spot = Spot::of(facts.project, &path);
                let says = format!("`{variable}` of `{part}` in {name} is a literal in the configuration");
                let fix = "write `${NAME}`: the environment fills it in";
                all.push(match target.base {
                    Base::Prod => Finding::error(Rule::SecretLiteral, spot, says, fix),
                    Base::Dev | Base::Ci => Finding::warning(Rule::SecretLiteral, spot, says, fix),
                });
            }
        }
    }
    all
}

fn literals(env: &std::collections::BTreeMap<String, String>) -> impl Iterator<Item = &String> {
    env.iter().filter(|(name, value)| names_secret(name) && is_literal(value)).map(|(name, _)| name)
}

fn in_image(spot: Spot, what: &str) -> Finding {
    let says = format!("{what} stays readable in the image");
    let fix = "pass it when the container starts, or mount it for one RUN with `--mount=type=secret`";
    Finding::error(Rule::SecretImage, spot, says, fix)
}

/// The variables that an ENV or ARG instruction gives a literal value, where that is a secret.
fn readable(instruction: &str) -> impl Iterator<Item = String> {
    let (keyword, rest) = instruction.split_once(char::is_whitespace).unwrap_or_default();
    let is_one = keyword.eq_ignore_ascii_case("ENV") || keyword.eq_ignore_ascii_case("ARG");
    let words = shlex::split(rest).unwrap_or_default();
    // The old form has no `=`: `ENV NAME VALUE`.
    let old = match words.as_slice() {
        [name, value, ..] if keyword.eq_ignore_ascii_case("ENV") && !name.contains('=') => {
            Some((name.clone(), value.clone()))
        }
        _ => None,
    };
    let is_old = old.is_some();
    let new = words.into_iter().filter(move |_| !is_old);
    let new = new.filter_map(|word| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
    let all = old.into_iter().chain(new).filter(move |_| is_one);
    all.filter(|(name, value)| names_secret(name) && is_literal(value)).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_or_a_token_in_a_file_is_found_with_its_line_and_a_word_about_one_is_not() {
        let key = format!("-----BEGIN EC PRIVATE KEY-----\n{}\n", "Ab3".repeat(16));
        let token = format!("ghp_{}", "a1".repeat(18));
        let text = format!(
            "# -----BEGIN PRIVATE KEY----- is how one begins\n{key}x = \"{token}\"\nhigh{token}\nghp_short\nmade-here\n"
        );
        let said: Vec<String> =
            committed("a.env", &text, &["made-here".to_owned()]).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "error secret-file a.env:2: the file has a private key",
                "error secret-file a.env:4: the file has a token of GitHub",
                "error secret-file a.env:7: the file has a credential of this checkout",
            ]
        );
        assert!(!said.concat().contains("made-here") && !said.concat().contains(&token));
    }

    #[test]
    fn a_literal_in_an_image_is_readable_and_an_argument_without_value_is_not() {
        let of = |text: &str| readable(text).collect::<Vec<_>>();
        assert_eq!(of("ENV DB_PASSWORD=x A=1 \"API_TOKEN=y z\""), ["DB_PASSWORD", "API_TOKEN"]);
        assert_eq!(of("env DB_PASSWORD x"), ["DB_PASSWORD"]);
        assert_eq!(of("ARG TOKEN=x"), ["TOKEN"]);
        for fine in [
            "ARG TOKEN",
            "ENV TOKEN=",
            "ENV TOKEN_FILE=x PASSWORD_RESET_TIMEOUT=60",
            "ENV PASSWORD=/run/x",
            "ENV TOKEN=${TOKEN}",
            "RUN TOKEN=x y",
        ] {
            assert_eq!(of(fine), Vec::<String>::new(), "{fine}");
        }
    }
}
