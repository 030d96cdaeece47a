//! Variables in compose files, in all forms that compose knows: `$X`, `${X}`, `${X:-default}`, `${X?message}`, `${X:+instead}`,
//! one within another, and `$$` for a dollar (compose specification, "Interpolation").

use std::collections::BTreeMap;

/// Compose sets it by itself.
const OWN: &str = "COMPOSE_PROJECT_NAME";

/// A variable that is not set, and has no default where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unset<'t> {
    /// Its name.
    pub name: &'t str,
    /// What the file says about that.
    pub message: Option<&'t str>,
    /// Number of the `$` in the text.
    pub dollar: usize,
    /// Bytes of the whole expression.
    pub length: usize,
}

/// The variables of a text that are missing.
pub(crate) fn unset<'t>(text: &'t str, env: &BTreeMap<String, String>) -> Vec<Unset<'t>> {
    let mut found = Vec::new();
    scan(text, 0, env, &mut found);
    found
}

/// A text with its variables filled in; those that are not set are empty, as compose has them, and are added to `missing`.
pub(crate) fn filled(text: &str, env: &BTreeMap<String, String>, missing: &mut Vec<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            after
        } else if let Some(inside) = after.strip_prefix('{') {
            // An expression that is not closed stays as it is.
            let Some(end) = closing(inside) else { return format!("{out}${after}") };
            let (name, operator) = inside[..end].split_at(name_length(inside));
            out.push_str(&value(name, operator, env, missing));
            &inside[end + 1..]
        } else {
            let (name, after) = after.split_at(name_length(after));
            out.push_str(&if name.is_empty() { "$".to_owned() } else { value(name, "", env, missing) });
            after
        };
    }
    out + rest
}

fn value(name: &str, operator: &str, env: &BTreeMap<String, String>, missing: &mut Vec<String>) -> String {
    let value = env.get(name).filter(|value| !operator.starts_with(':') || !value.is_empty());
    let operator = operator.strip_prefix(':').unwrap_or(operator);
    let rest = operator.get(1..).unwrap_or_default();
    match (operator.chars().next(), value) {
        (Some('-'), None) => filled(rest, env, missing),
        (Some('+'), Some(_)) => filled(rest, env, missing),
        (Some('+'), None) => String::new(),
        (_, Some(value)) => value.clone(),
        (_, None) => {
            missing.push(name.to_owned());
            String::new()
        }
    }
}

/// Those of the variables that a compose file names, wherever it does.
#[must_use]
pub fn named(text: &str, env: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let names = text.split('$').skip(1).map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        &rest[..name_length(rest)]
    });
    names.filter_map(|name| Some((name.to_owned(), env.get(name)?.clone()))).collect()
}

/// Adds what is missing in a text before which `dollars` stand.
fn scan<'t>(text: &'t str, dollars: usize, env: &BTreeMap<String, String>, found: &mut Vec<Unset<'t>>) {
    let mut at = 0;
    while let Some(next) = text[at..].find('$') {
        let start = at + next;
        let rest = &text[start + 1..];
        let dollar = dollars + text[..start].matches('$').count();
        if rest.starts_with('$') {
            at = start + 2;
        } else if let Some(inside) = rest.strip_prefix('{') {
            // What is not closed, compose tells.
            let Some(end) = closing(inside) else { return };
            let (name, operator) = inside[..end].split_at(name_length(inside));
            at = start + 2 + end + 1;
            expression(name, operator, (dollar, end + 3), env, found);
        } else {
            let length = name_length(rest);
            at = start + 1 + length;
            expression(&rest[..length], "", (dollar, length + 1), env, found);
        }
    }
}

fn expression<'t>(
    name: &'t str,
    operator: &'t str,
    (dollar, length): (usize, usize),
    env: &BTreeMap<String, String>,
    found: &mut Vec<Unset<'t>>,
) {
    if name.is_empty() || name == OWN {
        return;
    }
    let is_strict = operator.starts_with(':');
    let is_set = env.get(name).is_some_and(|value| !is_strict || !value.is_empty());
    let operator = operator.strip_prefix(':').unwrap_or(operator);
    let rest = operator.get(1..).unwrap_or_default();
    match operator.chars().next() {
        None if !is_set => found.push(Unset { name, message: None, dollar, length }),
        Some('?') if !is_set => found.push(Unset { name, message: Some(rest), dollar, length }),
        Some('-') if !is_set => scan(rest, dollar + 1, env, found),
        Some('+') if is_set => scan(rest, dollar + 1, env, found),
        _ => {}
    }
}

/// Where the brace is that closes an expression.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' if text[..at].ends_with('$') => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn name_length(text: &str) -> usize {
    let length = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    if text.starts_with(|c: char| c.is_ascii_digit()) { 0 } else { length }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> BTreeMap<String, String> {
        [("SET", "x"), ("EMPTY", "")].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn what_is_missing_is_found_in_every_form() {
        for (text, expected) in [
            ("$SET ${SET} ${EMPTY} $$NOT $${NOT} ${A:-} ${A-b} ${A:+b} ${SET:?m} $1 ${COMPOSE_PROJECT_NAME}", ""),
            ("a $A-${B} ${EMPTY:?must be}", "A@0 B@1 EMPTY@2:must be"),
            ("${A?} ${A:-$B} ${SET:-$C} ${SET:+${D}} ${A:-${EMPTY:-${E}}}", "A@0: B@2 D@6 E@9"),
            ("$$$A ${A", "A@2"),
        ] {
            let found = unset(text, &env()).into_iter().map(|one| {
                let message = one.message.map(|message| format!(":{message}")).unwrap_or_default();
                format!("{}@{}{message}", one.name, one.dollar)
            });
            assert_eq!(found.collect::<Vec<_>>().join(" "), expected, "{text}");
        }
    }

    #[test]
    fn a_text_is_filled_in_as_compose_does() {
        for (text, expected) in [
            ("$SET ${SET}-${EMPTY:-d} ${EMPTY-d}| $$NOT $1", "x x-d | $NOT $1|"),
            ("${A:-${B:-c}} ${SET:+y}${A:+n} ${SET:-${C}}", "c y x|"),
            ("$A ${B:?why} ${C", "  ${C|A B"),
        ] {
            let mut missing = Vec::new();
            let filled = filled(text, &env(), &mut missing);
            assert_eq!(format!("{filled}|{}", missing.join(" ")), expected, "{text}");
        }
    }

    #[test]
    fn only_variables_that_a_file_names_are_for_it() {
        assert_eq!(named("a: ${SET:-$EMPTY} # $OTHER", &env()), env());
        assert_eq!(named("a: SET", &env()), BTreeMap::new());
    }
}
