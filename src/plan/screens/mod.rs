//! The screens of a checkout's tmux session: which parts stand together, and what each pane of a screen shows. Pure.

pub mod changes;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::names::PartName;
use crate::plan::parts::{Environment, GATEWAY, Part, PartKind};

/// The name of the first screen where there is no gateway.
const OVERVIEW: &str = "overview";
/// The same where a part is called so; no part can have this name.
const OVERVIEW_OF_ALL: &str = "overview_of_all";

/// What a pane shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    /// The state of all parts, as it changes.
    Status,
    /// The logs of these parts; of all where there are none.
    Logs(Vec<PartName>),
    /// The results of a module's loop.
    Loop(PartName),
    /// A shell in a module's folder.
    Shell(PartName),
    /// A console on a database, logged in.
    Console(PartName),
}

impl Pane {
    /// What runs in it: arguments for devenv.
    #[must_use]
    pub fn args(&self) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match self {
            Self::Status => words(&["status", "--watch"]),
            Self::Logs(parts) => {
                let mut args = words(&["logs", "--follow", "--tail", "50"]);
                args.extend(parts.iter().map(PartName::to_string));
                args
            }
            Self::Loop(module) => words(&["watch", module.as_str()]),
            Self::Shell(part) => words(&["shell", part.as_str()]),
            Self::Console(part) => words(&["db", part.as_str(), "console"]),
        }
    }
}

/// Its name, which people read in its border and by which it is found again.
impl fmt::Display for Pane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status => f.write_str("status"),
            Self::Logs(parts) if parts.is_empty() => f.write_str("logs"),
            Self::Logs(parts) => {
                let parts: Vec<&str> = parts.iter().map(PartName::as_str).collect();
                write!(f, "logs {}", parts.join(" "))
            }
            Self::Loop(module) => write!(f, "loop {module}"),
            Self::Shell(part) => write!(f, "shell {part}"),
            Self::Console(part) => write!(f, "console {part}"),
        }
    }
}

/// A screen: a window of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    /// Its name.
    pub name: String,
    /// Its panes, the most important first; at least one.
    pub panes: Vec<Pane>,
}

/// What is known of the parts beside the environment.
#[derive(Debug, Clone, Default)]
pub struct KnownParts {
    /// The services that have a console.
    pub databases: BTreeSet<PartName>,
    /// The modules that are watched.
    pub watched: BTreeSet<PartName>,
}

/// The screens, the overview first: those that the configuration names, else one for each module.
#[must_use]
pub fn screens(
    environment: &Environment,
    known: &KnownParts,
    configured: &BTreeMap<PartName, Vec<PartName>>,
) -> Vec<Screen> {
    let mut screens: Vec<Screen> = if configured.is_empty() {
        let modules = environment.parts.values().filter(|part| part.kind == PartKind::Module);
        modules.map(|module| around(module, environment, known)).collect()
    } else {
        let some = configured.iter().map(|(name, parts)| {
            let parts = parts.iter().filter_map(|part| environment.parts.get(part)).collect::<Vec<_>>();
            screen(name.as_str(), &parts, known)
        });
        some.filter(|screen| !screen.panes.is_empty()).collect()
    };
    let shown: BTreeSet<&Pane> = screens.iter().flat_map(|screen| &screen.panes).collect();
    let name = match GATEWAY {
        gateway if environment.parts.contains_key(gateway) => gateway,
        _ if environment.parts.contains_key(OVERVIEW) => OVERVIEW_OF_ALL,
        _ => OVERVIEW,
    };
    let mut panes = vec![Pane::Status, Pane::Logs(Vec::new())];
    // What no module needs is nowhere else.
    let consoles = known.databases.iter().map(|part| Pane::Console(part.clone()));
    panes.extend(consoles.filter(|pane| configured.is_empty() && !shown.contains(pane)));
    screens.insert(0, Screen { name: name.to_owned(), panes });
    screens
}

/// A module with what it needs.
fn around(module: &Part, environment: &Environment, known: &KnownParts) -> Screen {
    let needs = module.needs.iter().filter_map(|need| environment.parts.get(need));
    let parts: Vec<&Part> = std::iter::once(module).chain(needs).collect();
    let mut screen = screen(module.name.as_str(), &parts, known);
    // A shell and a loop are those of the module; its neighbours have screens of their own.
    screen.panes.retain(|pane| match pane {
        Pane::Shell(part) | Pane::Loop(part) => *part == module.name,
        Pane::Status | Pane::Logs(_) | Pane::Console(_) => true,
    });
    screen
}

/// A screen on these parts: their logs together, then shells, loops and consoles.
fn screen(name: &str, parts: &[&Part], known: &KnownParts) -> Screen {
    if parts.is_empty() {
        return Screen { name: name.to_owned(), panes: Vec::new() };
    }
    let modules = || parts.iter().filter(|part| part.kind == PartKind::Module).map(|part| part.name.clone());
    let mut panes = vec![Pane::Logs(parts.iter().map(|part| part.name.clone()).collect())];
    panes.extend(modules().map(Pane::Shell));
    panes.extend(modules().filter(|name| known.watched.contains(name)).map(Pane::Loop));
    let databases = parts.iter().map(|part| &part.name).filter(|name| known.databases.contains(*name));
    panes.extend(databases.cloned().map(Pane::Console));
    Screen { name: name.to_owned(), panes }
}

#[cfg(test)]
#[path = "screens_tests.rs"]
mod tests;
