//! The commands of tmux that make and change a session, as words: what is read by a shell or by tmux again is quoted.

use crate::assets::{Asset, Assets};
use crate::plan::screens::Pane;
use crate::plan::screens::changes::TmuxChange;
use crate::render::{RenderError, render};

const SESSION: &str = "templates/tmux/session.conf";
const SCREEN: &str = "templates/tmux/screen.conf";
/// The name of the session, which has a server of its own.
pub const NAME: &str = "devenv";
/// The option in which a window keeps its screen, and a pane its name.
pub const SCREEN_OPTION: &str = "@devenv_screen";
/// The same of a pane.
pub const PANE_OPTION: &str = "@devenv_pane";
/// What a window shows until somebody looks at it: it prints nothing and waits.
const WAITING: &str = "exec sleep 2147483647";

/// A session that is made or changed.
#[derive(Debug, Clone, Copy)]
pub struct TmuxSession<'a> {
    /// The files in force.
    pub assets: &'a Assets,
    /// Host name of the environment.
    pub host: &'a str,
    /// The call of devenv for this checkout, as words.
    pub devenv: &'a [String],
    /// Columns and rows of the terminal.
    pub size: (usize, usize),
}

/// A command of tmux.
pub type Words = Vec<String>;

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The target of a screen's window, by its whole name.
fn window(screen: &str) -> String {
    format!("={NAME}:={screen}")
}

impl TmuxSession<'_> {
    /// The commands for a list of changes, in their order.
    pub fn commands(&self, changes: &[TmuxChange]) -> Result<Vec<Words>, RenderError> {
        let mut all = Vec::new();
        for change in changes {
            all.extend(self.change(change)?);
        }
        Ok(all)
    }

    fn change(&self, change: &TmuxChange) -> Result<Vec<Words>, RenderError> {
        let set = |target: &str, scope: &str, option: &str, value: &str| {
            words(&["set-option", scope, "-t", target, option, value])
        };
        Ok(match change {
            TmuxChange::Session(screen) => {
                let (columns, rows) = (self.size.0.to_string(), self.size.1.to_string());
                let new = ["new-session", "-d", "-s", NAME, "-n", screen, "-x", &columns, "-y", &rows, WAITING];
                let mut all = vec![words(&new), set(&window(screen), "-w", SCREEN_OPTION, screen)];
                all.extend(self.options()?);
                all
            }
            TmuxChange::Window(screen) => {
                // Behind the last one.
                let new = ["new-window", "-d", "-a", "-t", &format!("={NAME}:{{end}}"), "-n", screen, WAITING];
                vec![words(&new), set(&window(screen), "-w", SCREEN_OPTION, screen)]
            }
            TmuxChange::First(screen, pane) => {
                let target = window(screen);
                let respawn = words(&["respawn-pane", "-k", "-t", &target, &self.program(pane)]);
                vec![respawn, set(&target, "-p", PANE_OPTION, &pane.to_string())]
            }
            TmuxChange::Add(screen, pane) => {
                let target = window(screen);
                let split = words(&["split-window", "-t", &target, &self.program(pane)]);
                vec![split, set(&target, "-p", PANE_OPTION, &pane.to_string())]
            }
            TmuxChange::Again(id, pane) => vec![words(&["respawn-pane", "-k", "-t", id, &self.program(pane)])],
            TmuxChange::Remove(id) => vec![words(&["kill-pane", "-t", id])],
            TmuxChange::Close(screen) => vec![words(&["kill-window", "-t", &window(screen)])],
            TmuxChange::Arrange(screen, panes) => self.arrange(screen, *panes)?,
            TmuxChange::Show(screen) => {
                let target = window(screen);
                vec![
                    words(&["select-window", "-t", &target]),
                    words(&["select-pane", "-t", &format!("{target}.{{top-left}}")]),
                ]
            }
        })
    }

    /// What a shell of tmux runs in a pane.
    fn program(&self, pane: &Pane) -> String {
        format!("exec {}", quoted(self.devenv.iter().cloned().chain(pane.args())))
    }

    fn options(&self) -> Result<Vec<Words>, RenderError> {
        let fill = quoted(self.devenv.iter().cloned().chain(words(&["attach", "--fill"])));
        let fill = format!("run-shell -b {}", quoted([format!("{fill} \"#{{{SCREEN_OPTION}}}\"")]));
        let mut context = tera::Context::new();
        context.insert("host", self.host);
        context.insert("fill", &quoted([fill]));
        self.template(SESSION, &context)
    }

    fn arrange(&self, screen: &str, panes: usize) -> Result<Vec<Words>, RenderError> {
        let mut context = tera::Context::new();
        context.insert("window", &window(screen));
        context.insert("panes", &panes);
        context.insert("columns", &self.size.0);
        context.insert("rows", &self.size.1);
        self.template(SCREEN, &context)
    }

    /// The commands that a template has, one a line.
    fn template(&self, path: &str, context: &tera::Context) -> Result<Vec<Words>, RenderError> {
        let text = render(path, self.assets.get(path).map_or("", Asset::text), context)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let wrong =
            |line: &str| RenderError { template: path.to_owned(), problem: format!("unclosed quote in `{line}`") };
        lines.map(|line| shlex::split(line).ok_or_else(|| wrong(line))).collect()
    }
}

/// Words as a shell takes them apart again. None of ours has a NUL in it.
fn quoted(words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<String> = words.into_iter().collect();
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default()
}

#[cfg(test)]
#[path = "tmux_tests.rs"]
mod tests;
