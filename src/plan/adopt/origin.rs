//! Which files of a folder say how its product is run.

use std::collections::BTreeMap;
use std::fmt;

use crate::plan::source_tree::SourceTree;

/// What a devenv.yaml is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Compose files, each over the one before.
    Compose(Vec<String>),
    /// A devcontainer.json.
    DevContainer(String),
    /// A Procfile.
    Procfile(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compose(names) => f.write_str(&names.join(" and ")),
            Self::DevContainer(name) | Self::Procfile(name) => f.write_str(name),
        }
    }
}

/// Names of compose files, as compose looks for them.
const COMPOSE: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
const CONTAINER: [&str; 2] = [".devcontainer/devcontainer.json", ".devcontainer.json"];

/// What is at the top of a folder, compose files first.
#[must_use]
pub fn found(tree: &SourceTree) -> Option<Origin> {
    if let Some(main) = COMPOSE.iter().find(|name| tree.has(name)) {
        let (stem, ending) = main.rsplit_once('.').unwrap_or((main, "yaml"));
        let endings = [ending, "yaml", "yml"].map(|ending| format!("{stem}.override.{ending}"));
        let over = endings.into_iter().find(|name| tree.has(name));
        return Some(Origin::Compose(std::iter::once((*main).to_owned()).chain(over).collect()));
    }
    tree.has("Procfile").then(|| Origin::Procfile("Procfile".to_owned()))
}

/// What the files are that somebody names.
///
/// # Errors
/// Why they do not belong together.
pub fn named(names: &[String], tree: &SourceTree) -> Result<Origin, String> {
    if let [name] = names {
        if name == "." {
            return found(tree).ok_or_else(|| "there is no compose file and no Procfile here".to_owned());
        }
        let below: Vec<String> = CONTAINER.iter().map(|file| (*file).to_owned()).collect();
        if name == ".devcontainer" || below.contains(name) {
            let file = below.iter().find(|file| tree.has(file) && (*name == **file || name == ".devcontainer"));
            return file
                .cloned()
                .map(Origin::DevContainer)
                .ok_or_else(|| format!("there is no devcontainer.json in {name}"));
        }
        if name.rsplit('/').next().is_some_and(|last| last.starts_with("Procfile")) {
            return Ok(Origin::Procfile(name.clone()));
        }
    }
    let other = names.iter().find(|name| !name.ends_with(".yaml") && !name.ends_with(".yml"));
    match other {
        Some(other) if names.len() > 1 => {
            Err(format!("{other} is not a compose file: only those can be laid over each other"))
        }
        _ => Ok(Origin::Compose(names.to_vec())),
    }
}

/// The variables of a file such as `.env`, as compose reads them.
#[must_use]
pub fn dotenv(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let line = line.trim();
        let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        let value = value.trim();
        let quoted =
            |quote: char| value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)).map(|(inner, _)| inner);
        let plain = || value.split_once(" #").map_or(value, |(value, _)| value.trim_end());
        let value = quoted('"').or_else(|| quoted('\'')).unwrap_or_else(plain);
        (!line.starts_with('#')).then(|| (name.trim().to_owned(), value.to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::source_tree::sample;

    #[test]
    fn what_is_there_is_found_as_compose_finds_it() {
        let tree = sample(&[("docker-compose.yml", ""), ("docker-compose.override.yml", ""), ("Procfile", "")]);
        assert_eq!(found(&tree).unwrap().to_string(), "docker-compose.yml and docker-compose.override.yml");
        assert_eq!(found(&sample(&[("Procfile", "")])), Some(Origin::Procfile("Procfile".to_owned())));
        assert_eq!(found(&sample(&[("a/compose.yaml", "")])), None);
        let tree = sample(&[(".devcontainer/devcontainer.json", "")]);
        let container = Origin::DevContainer(".devcontainer/devcontainer.json".to_owned());
        assert_eq!(named(&[".devcontainer".to_owned()], &tree), Ok(container));
        assert!(named(&["a.yaml".to_owned(), "Procfile".to_owned()], &tree).unwrap_err().contains("Procfile"));
    }

    #[test]
    fn a_file_of_variables_is_read_as_compose_reads_it() {
        let read = dotenv("# A=1\nexport B=2 # two\nC=\"a # b\" # c\nD='x'\nE=\nF\n");
        let shown: Vec<String> = read.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(shown, ["B=2", "C=a # b", "D=x", "E="]);
    }
}
