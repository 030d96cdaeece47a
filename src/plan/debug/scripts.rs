//! The scripts of the tool box: what each says about itself in its first comments, and whose namespaces one needs. Pure.

use serde::Serialize;

use crate::names::PartName;

/// A script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Script {
    /// Its name, which is its command.
    pub name: String,
    /// What it does: its first comment line.
    pub about: String,
    /// How it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// The team's file; `None` for one of devenv's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl Script {
    /// A script with this text.
    #[must_use]
    pub fn new(name: &str, text: &str, file: Option<String>) -> Self {
        let comments = || text.lines().filter(|line| !line.starts_with("#!")).map_while(|line| line.strip_prefix('#'));
        let usage = comments().find_map(|line| line.trim().strip_prefix("usage:")).map(|usage| usage.trim().to_owned());
        let about = comments().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("usage:"));
        Self { name: name.to_owned(), about: about.unwrap_or_default().to_owned(), usage, file }
    }

    /// Whether its first argument is the part whose namespaces it needs.
    #[must_use]
    pub fn needs_part(&self) -> bool {
        self.usage.as_ref().is_some_and(|usage| usage.split(' ').nth(1) == Some("NAME"))
    }
}

/// The part that a command is meant for where none was named: the first argument of a script that needs one.
#[must_use]
pub fn meant<'a>(command: &'a [String], scripts: &[Script], is_part: impl Fn(&str) -> bool) -> Option<&'a str> {
    let (name, rest) = command.split_first()?;
    let first = rest.first().filter(|first| PartName::new(first.as_str()).is_ok() && is_part(first))?;
    scripts.iter().any(|script| script.name == *name && script.needs_part()).then_some(first.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_comments_of_a_script_say_what_it_is() {
        let text =
            "#!/bin/sh\n# Writes what goes over the wire\n# usage: capture NAME [SECONDS]\nset -eu\n# not this\n";
        let script = Script::new("capture", text, None);
        assert_eq!(script.about, "Writes what goes over the wire");
        assert_eq!(script.usage.as_deref(), Some("capture NAME [SECONDS]"));
        assert!(script.needs_part());
        let bare = Script::new("x", "\u{7f}ELF", Some("devenv/images/debug/scripts/x".to_owned()));
        assert_eq!((bare.about.as_str(), bare.needs_part()), ("", false));
    }

    #[test]
    fn a_script_that_needs_a_part_says_by_its_argument_which() {
        let scripts = [
            Script::new("capture", "# x\n# usage: capture NAME [SECONDS]\n", None),
            Script::new("probe", "# x\n# usage: probe [NAME]…\n", None),
        ];
        let of = |command: &[&str]| {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            meant(&command, &scripts, |name| name == "api").map(str::to_owned)
        };
        assert_eq!(of(&["capture", "api", "5"]), Some("api".to_owned()));
        assert_eq!(of(&["capture", "apo"]), None);
        assert_eq!(of(&["probe", "api"]), None);
        assert_eq!(of(&["capture"]), None);
        assert_eq!(of(&[]), None);
    }
}
