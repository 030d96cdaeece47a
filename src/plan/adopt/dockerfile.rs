//! How a Dockerfile runs source: its stages, each with what it inherits from its base.

use std::collections::BTreeMap;

/// A stage, with everything of the stages that it stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stage {
    /// Its name in the file.
    pub name: String,
    /// The image that it stands on in the end, from a registry.
    pub from: String,
    /// Where its commands run.
    pub workdir: String,
    /// Its variables.
    pub env: BTreeMap<String, String>,
    /// Its `ENTRYPOINT`.
    pub entrypoint: Vec<String>,
    /// Its `CMD`.
    pub cmd: Vec<String>,
    /// Ports that it exposes.
    pub exposed: Vec<u16>,
    /// Packages of Debian that it installs.
    pub packages: Vec<String>,
    /// What is copied from the context: source and destination.
    pub copies: Vec<(String, String)>,
}

/// The stages of a Dockerfile in their order; `args` are the build's arguments.
pub(crate) fn stages(text: &str, args: &BTreeMap<String, String>) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut arguments = args.clone();
    for line in lines(text) {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        let filled = |text: &str| fill(text, &arguments, stages.last().map(|stage| &stage.env));
        let rest = if word.eq_ignore_ascii_case("RUN") { rest.trim().to_owned() } else { filled(rest.trim()) };
        match word.to_ascii_uppercase().as_str() {
            "FROM" => stages.push(begun(&rest, &stages)),
            "ARG" => {
                for word in rest.split_whitespace() {
                    if let Some((name, value)) = word.split_once('=') {
                        arguments.entry(name.to_owned()).or_insert_with(|| value.trim_matches('"').to_owned());
                    }
                }
            }
            other => {
                if let Some(stage) = stages.last_mut() {
                    instruction(stage, other, &rest);
                }
            }
        }
    }
    stages
}

/// Lines with those that go on joined; comments and the texts of heredocs left out.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let (mut goes_on, mut heredoc) = (false, None::<String>);
    for line in text.lines() {
        if let Some(end) = &heredoc {
            if line.trim() == end {
                heredoc = None;
            }
            continue;
        }
        let line = line.trim();
        if line.starts_with('#') || (line.is_empty() && !goes_on) {
            continue;
        }
        let (content, more) = line.strip_suffix('\\').map_or((line, false), |content| (content, true));
        match lines.last_mut().filter(|_| goes_on) {
            Some(last) => last.push_str(&format!(" {}", content.trim())),
            None => lines.push(content.trim().to_owned()),
        }
        goes_on = more;
        heredoc = content.split_once("<<").map(|(_, end)| end.trim_matches(['-', '"', '\'', ' ']).to_owned());
        heredoc = heredoc.filter(|end| !end.is_empty() && end.chars().all(char::is_alphanumeric));
    }
    lines
}

fn fill(text: &str, args: &BTreeMap<String, String>, env: Option<&BTreeMap<String, String>>) -> String {
    let known: BTreeMap<String, String> =
        args.iter().chain(env.into_iter().flatten()).map(|(name, value)| (name.clone(), value.clone())).collect();
    crate::config::compose_variables::filled(text, &known, &mut Vec::new())
}

fn begun(rest: &str, stages: &[Stage]) -> Stage {
    let words: Vec<&str> = rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
    let from = words.first().copied().unwrap_or_default();
    let name = words.get(2).copied().unwrap_or_default().to_lowercase();
    match stages.iter().find(|stage| stage.name == from.to_lowercase() && !from.is_empty()) {
        Some(below) => Stage { name, ..below.clone() },
        None => Stage { name, from: from.to_owned(), workdir: "/".to_owned(), ..Stage::default() },
    }
}

fn instruction(stage: &mut Stage, word: &str, rest: &str) {
    match word {
        "WORKDIR" => stage.workdir = absolute(&stage.workdir, rest.trim_matches('"')),
        "ENV" => stage.env.extend(variables(rest)),
        "ENTRYPOINT" => {
            stage.entrypoint = command(rest);
            stage.cmd = Vec::new();
        }
        "CMD" => stage.cmd = command(rest),
        "EXPOSE" => {
            let ports = rest.split_whitespace().filter_map(|word| word.split('/').next()?.parse::<u16>().ok());
            stage.exposed.extend(ports);
        }
        "RUN" => stage.packages.extend(packages(rest)),
        "COPY" | "ADD" if !rest.contains("--from=") => {
            let words: Vec<&str> = rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
            if let Some((to, from)) = words.split_last() {
                let to = absolute(&stage.workdir, to);
                stage.copies.extend(from.iter().map(|from| ((*from).to_owned(), to.clone())));
            }
        }
        _ => {}
    }
}

fn absolute(workdir: &str, path: &str) -> String {
    let joined = if path.starts_with('/') { path.to_owned() } else { format!("{workdir}/{path}") };
    let parts: Vec<&str> = joined.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    format!("/{}", parts.join("/"))
}

/// `A=b C="d e"`, or `A b`.
fn variables(rest: &str) -> Vec<(String, String)> {
    let words = shlex::split(rest).unwrap_or_default();
    match words.first() {
        Some(first) if first.contains('=') => {
            let pairs = words.iter().filter_map(|word| word.split_once('='));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        }
        Some(name) => vec![(name.clone(), words[1..].join(" "))],
        None => Vec::new(),
    }
}

/// A command in either form, as words.
fn command(rest: &str) -> Vec<String> {
    serde_json::from_str(rest).unwrap_or_else(|_| vec!["sh".to_owned(), "-c".to_owned(), rest.to_owned()])
}

/// What `apt-get install` of a script installs.
fn packages(script: &str) -> Vec<String> {
    let commands = script.split(['&', ';', '|']);
    let installs = commands.filter_map(|command| {
        let words: Vec<&str> = command.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "install")?;
        words[..at].iter().any(|word| *word == "apt-get" || *word == "apt").then(|| words[at + 1..].to_vec())
    });
    let plain = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c));
    installs.flatten().filter(|word| !word.starts_with('-') && plain(word)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_has_what_the_stages_below_it_say() {
        let text = "# syntax=docker/dockerfile:1\nARG VERSION=3.12\nFROM --platform=$BUILDPLATFORM python:${VERSION}-slim AS Base\n\
             WORKDIR /app\nENV A=1 B=\"two words\"\nENV PORT 80\nRUN apt-get update && \\\n    apt-get install -y \\\n    libpq5 curl=1.2 && rm -rf x\n\
             COPY --chown=a . ./src/\nEXPOSE $PORT 9229/udp\nCMD python3 app.py\nFROM base AS dev\nRUN <<EOF\nCMD [\"wrong\"]\nEOF\n\
             ENTRYPOINT [\"python3\"]\nCMD [\"-m\", \"x\"]\nFROM scratch\nCOPY --from=base /app /app\n";
        let stages = stages(text, &BTreeMap::new());
        let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(names, ["base", "dev", ""]);
        let dev = &stages[1];
        assert_eq!((dev.from.as_str(), dev.workdir.as_str()), ("python:3.12-slim", "/app"));
        assert_eq!((dev.entrypoint.join(" "), dev.cmd.join(" ")), ("python3".to_owned(), "-m x".to_owned()));
        assert_eq!(stages[0].cmd, ["sh", "-c", "python3 app.py"]);
        assert_eq!(dev.env.get("B").map(String::as_str), Some("two words"));
        assert_eq!((dev.exposed.clone(), dev.packages.join(" ")), (vec![80, 9229], "libpq5".to_owned()));
        assert_eq!(dev.copies, [(".".to_owned(), "/app/src".to_owned())]);
        assert_eq!(stages[2].from, "scratch");
    }
}
