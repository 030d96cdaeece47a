//! What is to be done to a session so that it has the screens that it should have: panes that stay are not touched. Pure.

use std::collections::BTreeSet;

use crate::plan::screens::{Pane, Screen};

/// A pane of a session that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningPane {
    /// The screen that its window was made for.
    pub screen: String,
    /// The number that tmux gives it, such as `%3`.
    pub id: String,
    /// The name of the pane that it was made for; empty where the screen was not looked at yet.
    pub pane: String,
    /// Whether its program has ended.
    pub is_dead: bool,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TmuxChange {
    /// Makes the session, with this screen's window in it.
    Session(String),
    /// Makes a window whose panes come when somebody looks at it: forty modules do not start a hundred programs.
    Window(String),
    /// Puts the first pane of a screen in the place of what its new window shows.
    First(String, Pane),
    /// Adds a pane to a screen.
    Add(String, Pane),
    /// Starts what has ended in a pane once more.
    Again(String, Pane),
    /// Removes a pane.
    Remove(String),
    /// Removes a screen.
    Close(String),
    /// Gives the panes of a screen their places.
    Arrange(String, usize),
    /// Shows a screen.
    Show(String),
}

/// What makes a session that has `seen` into one with these screens, of which `shown` is looked at.
#[must_use]
pub fn changes(screens: &[Screen], seen: &[RunningPane], shown: &str) -> Vec<TmuxChange> {
    let mut changes = Vec::new();
    let known: BTreeSet<&str> = seen.iter().map(|pane| pane.screen.as_str()).collect();
    for (at, screen) in screens.iter().filter(|screen| !known.contains(screen.name.as_str())).enumerate() {
        let is_first = at == 0 && seen.is_empty();
        let window = if is_first { TmuxChange::Session } else { TmuxChange::Window };
        changes.push(window(screen.name.clone()));
    }
    for name in known.iter().filter(|name| screens.iter().all(|screen| screen.name != **name)) {
        changes.push(TmuxChange::Close((*name).to_owned()));
    }
    for screen in screens {
        let own: Vec<&RunningPane> = seen.iter().filter(|pane| pane.screen == screen.name).collect();
        let is_filled = own.iter().any(|pane| !pane.pane.is_empty());
        if is_filled {
            changes.extend(kept(screen, &own));
        } else if screen.name == shown {
            changes.extend(fill(screen));
        }
    }
    changes.push(TmuxChange::Show(shown.to_owned()));
    changes
}

/// The panes of a screen that is looked at for the first time.
#[must_use]
pub fn fill(screen: &Screen) -> Vec<TmuxChange> {
    let mut panes = screen.panes.iter().cloned();
    let first = panes.next().map(|pane| TmuxChange::First(screen.name.clone(), pane));
    let rest = panes.enumerate().flat_map(|(at, pane)| {
        // Each makes room for the next one.
        [TmuxChange::Add(screen.name.clone(), pane), TmuxChange::Arrange(screen.name.clone(), at + 2)]
    });
    first.into_iter().chain(rest).collect()
}

/// What differs in a screen that somebody has looked at. Panes that were opened by hand are not devenv's.
fn kept(screen: &Screen, own: &[&RunningPane]) -> Vec<TmuxChange> {
    let mut changes = Vec::new();
    let mut count = own.len();
    for pane in &screen.panes {
        match own.iter().find(|seen| seen.pane == pane.to_string()) {
            Some(seen) if seen.is_dead => changes.push(TmuxChange::Again(seen.id.clone(), pane.clone())),
            Some(_) => {}
            None => {
                count += 1;
                changes.push(TmuxChange::Add(screen.name.clone(), pane.clone()));
                changes.push(TmuxChange::Arrange(screen.name.clone(), count));
            }
        }
    }
    let is_gone =
        |seen: &&&RunningPane| !seen.pane.is_empty() && screen.panes.iter().all(|pane| pane.to_string() != seen.pane);
    let gone: Vec<TmuxChange> = own.iter().filter(is_gone).map(|seen| TmuxChange::Remove(seen.id.clone())).collect();
    if !gone.is_empty() {
        count -= gone.len();
        changes.extend(gone);
        changes.push(TmuxChange::Arrange(screen.name.clone(), count));
    }
    changes
}
