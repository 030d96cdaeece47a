//! What builds and what runs a module: what its image and compose say, else what the language does.

use crate::config::relative_path::joined;
use crate::config::text::tree::Node;
use crate::plan::adopt::dockerfile::Stage;
use crate::plan::adopt::kinds::Source;
use crate::plan::adopt::words;
use crate::plan::adopt::words::below;

/// Languages whose programs are made by a build: what an image runs is not in the source.
const COMPILED: [&str; 3] = ["go", "rust", "java"];

/// What compiles and what runs a module, and whether that is a guess.
pub(crate) fn run(
    source: &Source,
    node: &Node,
    port: Option<u16>,
    folder: &str,
) -> (Option<String>, Option<String>, bool) {
    let stage = source.stage.clone().unwrap_or_default();
    let own = |key: &str| node.get(key).map(words::command).filter(|words| !words.is_empty());
    let entrypoint = own("entrypoint");
    let mut all = entrypoint.clone().unwrap_or_else(|| stage.entrypoint.clone());
    all.retain(|word| !word.ends_with("docker-entrypoint.sh") && !word.ends_with("docker-php-entrypoint"));
    let cmd = own("command").or_else(|| entrypoint.is_none().then(|| stage.cmd.clone()));
    all.extend(cmd.unwrap_or_default());
    let is_own = own("command").is_some() || entrypoint.is_some();
    let line = words::joined(&all);
    let program = line.split_whitespace().next().unwrap_or_default();
    let is_compiled = COMPILED.contains(&source.language.as_str());
    let is_binary = is_compiled && (program.contains('/') || program == "java");
    if source.language == "php" && (program.is_empty() || program.contains("apache2") || program.contains("php-fpm")) {
        return (None, Some(format!("php -S 0.0.0.0:{} -t .", port.unwrap_or(80))), true);
    }
    let guess = source.starter.clone().unwrap_or_default();
    if all.is_empty() || is_binary || (source.is_built && is_compiled && !is_own) {
        return (guess.build, guess.run, true);
    }
    let words: Vec<String> =
        all.iter().filter(|word| *word != "--offline").map(|word| relative(word, &stage, source)).collect();
    let run = words::joined(&words);
    let below = node
        .get("working_dir")
        .and_then(Node::scalar)
        .and_then(|dir| below(dir, &stage.workdir))
        .filter(|dir| !dir.is_empty());
    let run = below.map_or(run.clone(), |dir| format!("cd {dir} && {run}"));
    (None, Some(run.replace(&format!("{folder}/"), "")), false)
}

/// A path of the image as one of the module's folder.
fn relative(word: &str, stage: &Stage, source: &Source) -> String {
    if !word.starts_with('/') {
        return word.to_owned();
    }
    if let Some(rest) = below(word, &stage.workdir) {
        return if rest.is_empty() { ".".to_owned() } else { format!("./{rest}") };
    }
    let last = word.rsplit('/').next().unwrap_or(word);
    let copy = stage.copies.iter().find(|(from, to)| {
        to == word || (from.rsplit('/').next() == Some(last) && format!("{}/{last}", to.trim_end_matches('/')) == word)
    });
    copy.map_or_else(
        || word.to_owned(),
        |(from, _)| {
            let from = joined(".", from);
            format!("./{}", from.strip_prefix(&format!("{}/", source.path)).unwrap_or(&from))
        },
    )
}
