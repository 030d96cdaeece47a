//! Help for an unknown word of a configuration: the known one that is meant, or how it is done here.

use crate::nearest::nearest;

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

/// Words of docker compose, and of earlier versions, that nothing is called here, and what is done instead.
const INSTEAD: [(&str, &str); 4] = [
    ("prod", "it is `environments: {prod: {secrets: …}}` now: move it there"),
    (
        "volumes",
        "the source is mounted already: what is installed belongs to `deps: {into: [...]}`, data to `volumes` of its part",
    ),
    ("env_file", "write the variables into `env`: `${NAME}` takes one from where devenv is called"),
    ("dockerfile", "put a Dockerfile of your own into devenv/images/NAME and use it with `image: NAME`"),
];

/// A help text for an unknown word.
pub(crate) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    let called = OTHER_TOOLS.iter().find(|(other, ours)| *other == word && known.contains(ours)).map(|(_, ours)| *ours);
    let near = nearest(word, known).or(called).map(|near| format!("did you mean `{near}`?"));
    near.or_else(|| INSTEAD.iter().find(|(other, _)| *other == word).map(|(_, instead)| (*instead).to_owned()))
}
