//! Did you mean: the known word that a mistyped one is nearest to.

/// The nearest of `known` to `word`, if it is near enough to be meant.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    let length = word.chars().count();
    if length > 60 {
        return None;
    }
    let most = match length {
        0 | 1 => return None,
        2..=5 => 1,
        6..=8 => 2,
        _ => 3,
    };
    let distance = |known: &&'k str| strsim::damerau_levenshtein(&word, &plain(known));
    known
        .into_iter()
        .map(|known| (distance(&known), known))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|found| found.1)
}

/// Words of docker compose and what they are called here.
const OTHER_TOOLS: [(&str, &str); 8] = [
    ("environment", "env"),
    ("depends_on", "needs"),
    ("dependencies", "deps"),
    ("healthcheck", "health"),
    ("command", "run"),
    ("entrypoint", "run"),
    ("name", "project"),
    ("profiles", "mode"),
];

/// Words of docker compose that nothing is called here, and what is done instead.
const INSTEAD: [(&str, &str); 3] = [
    ("volumes", "the source is mounted already: what is installed belongs to `deps: {into: [...]}`, data to a service"),
    ("env_file", "write the variables into `env`: `${NAME}` takes one from where devenv is called"),
    ("dockerfile", "a Dockerfile of your own stands in devenv/images/NAME, and is used by `image: NAME`"),
];

/// A help text for an unknown word.
pub(crate) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    let called = OTHER_TOOLS.iter().find(|(other, ours)| *other == word && known.contains(ours)).map(|(_, ours)| *ours);
    let near = nearest(word, known).or(called).map(|near| format!("did you mean `{near}`?"));
    near.or_else(|| INSTEAD.iter().find(|(other, _)| *other == word).map(|(_, instead)| (*instead).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_recognised_and_another_word_is_not() {
        let known = ["ports", "image", "start_within", "on"];
        assert_eq!(nearest("prots", known), Some("ports"));
        assert_eq!(nearest("Image", known), Some("image"));
        assert_eq!(nearest("start-within", known), Some("start_within"));
        for other in ["", "x", "volumes", "restart"] {
            assert_eq!(nearest(other, known), None, "{other}");
        }
    }
}
