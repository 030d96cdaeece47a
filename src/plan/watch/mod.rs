//! What is watched, and what is remembered of it: the rules of each module's loop, and the state that `status` shows and
//! that outlives the watcher.

pub mod deaths;
mod debounce;
pub mod event_loop;
pub mod events;
pub mod hold;
mod interruptions;
pub mod loop_step;
pub mod notify;
pub mod runner;
pub mod state;

use std::collections::BTreeMap;
use std::time::Duration;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::config::model::module::{Module, ModuleMode, Reload, RestartWhen};
use crate::config::model::values::RelPath;
use crate::config::project::Project;
use crate::digest::Fingerprint;
use crate::names::PartName;
use crate::plan::environment::enabled::enabled_modules;
use crate::plan::parts::{Environment, PartKind};
use crate::plan::watch::loop_step::LoopStep;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChange {
    /// It was not there before.
    New,
    /// Its content, its mode or its kind is another one.
    Written,
    /// It is not there any more.
    Gone,
    /// A folder came or went, which matters to copies alone.
    Folder,
}

/// What a change means to a module.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Folders of the checkout whose changes count: the module's own, and those of `watch.also`.
    pub folders: Vec<RelPath>,
    /// What does not count in them.
    ignore: Gitignore,
    /// Fingerprint of the dependencies that should be installed.
    pub install: Option<Fingerprint>,
    /// Steps, in their order, the restart among them.
    pub steps: Vec<LoopStep>,
    /// Parts that must run first.
    pub needs: Vec<PartName>,
}

/// The rules of all watched modules.
pub type Rules = BTreeMap<PartName, Rule>;

impl Rule {
    /// Whether a path of the checkout counts. What editors put beside a file until it is saved does not.
    #[must_use]
    pub fn counts(&self, path: &str) -> bool {
        if path.rsplit('/').next().is_some_and(is_editors) {
            return false;
        }
        self.folders.iter().any(|folder| {
            let inside = if folder.as_str() == "." { Some(path) } else { below(path, folder.as_str()) };
            inside.is_some_and(|inside| {
                self.ignore.is_empty() || !self.ignore.matched_path_or_any_parents(inside, false).is_ignore()
            })
        })
    }
}

/// Whether this is a name that editors give to what is not saved yet.
fn is_editors(name: &str) -> bool {
    let ends = |end: &str| name.ends_with(end);
    (name.starts_with('.') && (ends(".swp") || ends(".swx") || ends(".swo")))
        || name.starts_with(".#")
        || name.starts_with(".goutputstream-")
        || (name.starts_with('#') && ends("#"))
        || ends("~")
        || ends("___jb_tmp___")
        || ends("___jb_old___")
        || name == "4913"
}

fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    path.strip_prefix(folder)?.strip_prefix('/')
}

/// A file that was written this shortly before it was read may have been written again with the same time: the clock of
/// files stands still for some milliseconds.
const TICK: Duration = Duration::from_millis(20);

/// Whether a file that was last written at one time is what was read from another on; all since 1970. A time that has
/// not come yet says nothing about that.
#[must_use]
pub fn is_settled(written: Duration, read: Duration, now: Duration) -> bool {
    written + TICK < read || written > now + TICK
}

/// The rules of those modules that ask to be watched.
#[must_use]
pub fn rules(project: &Project, environment: &Environment) -> Rules {
    // A released image has no source that could change.
    let has_source = |module: &Module| module.mode == ModuleMode::Dev;
    let modules = enabled_modules(project).filter(|(_, module)| has_source(module) && asks(module));
    modules.map(|(name, module)| (name.clone(), rule(name, module, project, environment))).collect()
}

/// Whether a module asks to be watched: it says what happens on a change, or a change must be built to be seen.
#[must_use]
pub fn asks(module: &Module) -> bool {
    let on_change = module.watch.as_ref().is_some_and(|watch| !watch.on_change.is_empty());
    on_change || restarts(module)
}

fn restarts(module: &Module) -> bool {
    let builds = module.build.is_some() || module.watch.is_some();
    module.reload == Reload::Restart && !module.is_task() && builds
}

fn rule(name: &PartName, module: &Module, project: &Project, environment: &Environment) -> Rule {
    let watch = module.watch.clone().unwrap_or_default();
    let also = watch.also.iter().filter_map(|other| project.file.modules.get(other));
    let folders = std::iter::once(module).chain(also).map(|module| module.path.clone()).collect();
    let mut ignore = GitignoreBuilder::new("");
    let outputs = module.outputs.iter().map(|path| format!("/{path}"));
    for line in watch.ignore.iter().cloned().chain(outputs) {
        // The configuration was checked; a pattern that is none matches nothing.
        let _ = ignore.add_line(None, &line);
    }
    let part = environment.parts.get(name);
    let runs = |need: &&PartName| environment.parts.get(*need).is_some_and(|need| need.kind != PartKind::Task);
    Rule {
        folders,
        ignore: ignore.build().unwrap_or_else(|_| Gitignore::empty()),
        install: part.and_then(|part| part.install.as_ref()).map(|install| install.made_from.fingerprint()),
        steps: steps(module),
        needs: part.map(|part| part.needs.iter().filter(runs).cloned().collect()).unwrap_or_default(),
    }
}

/// The steps of a module's loop, in their order.
fn steps(module: &Module) -> Vec<LoopStep> {
    let watch = module.watch.clone().unwrap_or_default();
    let mut steps: Vec<LoopStep> = watch.on_change.iter().map(|step| LoopStep::from(*step)).collect();
    if steps.is_empty() && module.build.is_some() && restarts(module) {
        steps.push(LoopStep::Build);
    }
    steps.sort_by_key(|step| *step != LoopStep::Build);
    // A restart would start what was not built.
    if restarts(module) && (module.build.is_none() || steps.contains(&LoopStep::Build)) {
        let built = usize::from(steps.first() == Some(&LoopStep::Build));
        let at = if watch.restart == RestartWhen::AfterTests { steps.len() } else { built };
        steps.insert(at, LoopStep::Restart);
    }
    steps
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::plan::watch::hold::Hold;
    use crate::plan::watch::state::{ModuleState, Run};

    /// A rule for one folder.
    pub(crate) fn rule(folder: &str, steps: &[LoopStep], ignore: &[&str]) -> Rule {
        let mut builder = GitignoreBuilder::new("");
        for line in ignore {
            builder.add_line(None, line).unwrap();
        }
        Rule {
            folders: vec![RelPath::new(folder).unwrap()],
            ignore: builder.build().unwrap(),
            install: None,
            steps: steps.to_vec(),
            needs: Vec::new(),
        }
    }

    #[test]
    fn what_was_written_while_it_was_read_is_read_again() {
        let read = Duration::from_secs(60);
        let now = read + Duration::from_secs(1);
        assert!(is_settled(read - Duration::from_millis(21), read, now));
        for late in [0, 5, 200] {
            assert!(!is_settled(read + Duration::from_millis(late), read, now), "{late}");
        }
        assert!(!is_settled(read - Duration::from_millis(4), read, now), "in the same tick of the clock");
        assert!(is_settled(now + Duration::from_secs(60), read, now), "by another clock");
    }

    #[test]
    fn a_path_counts_below_its_folder_unless_it_is_ignored() {
        let rule = rule("a/b", &[], &["*.md", "/docs/", "!keep.md"]);
        let counts: Vec<bool> = ["a/b/x", "a/b/c/x.md", "a/b/docs/x", "a/b/c/docs/x", "a/b/keep.md", "a/bc", "a/b"]
            .into_iter()
            .map(|path| rule.counts(path))
            .collect();
        assert_eq!(counts, [true, false, false, true, true, false, false]);
        assert!(self::rule(".", &[], &[]).counts("x"));
    }

    #[test]
    fn what_editors_put_beside_a_file_does_not_count() {
        let rule = rule("a", &[], &[]);
        let names = ["x~", ".x.swp", ".#x", "#x#", "4913", "x___jb_tmp___", ".goutputstream-AB", "x#", "swp", "x.swp"];
        let counts: Vec<&str> = names.into_iter().filter(|name| rule.counts(&format!("a/{name}"))).collect();
        assert_eq!(counts, ["x#", "swp", "x.swp"]);
    }

    #[test]
    fn a_restart_follows_the_build_and_nothing_that_was_not_built() {
        let said = |keys: &str| {
            let module: Module = serde_yaml::from_str(&format!("{{path: a, image: b, run: r, {keys}}}")).unwrap();
            steps(&module).iter().map(|step| step.as_str()).collect::<Vec<_>>().join(" ")
        };
        let all = "build: b, lint: l, test: t, watch: {on_change: [test, lint, build]";
        assert_eq!(said(&format!("{all}}}")), "build restart test lint");
        assert_eq!(said(&format!("{all}, restart: after-tests}}")), "build test lint restart");
        assert_eq!(said("lint: l, watch: {on_change: [lint]}"), "restart lint");
        assert_eq!(said("build: b"), "build restart");
        assert_eq!(said("build: b, lint: l, watch: {on_change: [lint]}"), "lint");
        assert_eq!(said("watch: {}, reload: self"), "");
    }

    #[test]
    fn results_belong_to_a_container_and_a_failed_installation_to_what_is_not_installed() {
        let module: Module =
            serde_yaml::from_str("{path: a, image: b, run: r, lint: x, deps: {lock: [l], install: i, into: [d]}}")
                .unwrap();
        let run = |container: &str, code| Run::new(container, code, (0, Duration::ZERO), Vec::new());
        let kept = |container, installed| {
            let steps =
                [(LoopStep::Deps, run("one-off", 1)), (LoopStep::Lint, run("c1", 1)), (LoopStep::Test, run("c1", 0))];
            let mut state = ModuleState { steps: steps.into(), ..ModuleState::default() };
            state.keep_current(&module, container, installed);
            state.line(&PartName::new("api").unwrap())
        };
        assert_eq!(kept(Some("c1"), false), "deps FAILED 0 ms, lint FAILED 0 ms");
        assert_eq!(kept(Some("c1"), true), "lint FAILED 0 ms");
        assert_eq!(kept(Some("c2"), true), "");
        assert_eq!(kept(None, false), "deps FAILED 0 ms");
    }

    #[test]
    fn a_line_of_status_names_each_step_with_its_time() {
        let run = |code, took| Run::new("c1", code, (0, Duration::from_millis(took)), Vec::new());
        let steps = [(LoopStep::Test, run(1, 61_500)), (LoopStep::Build, run(0, 1_250))];
        let state = ModuleState {
            steps: steps.into_iter().collect(),
            runs: Some(LoopStep::Lint),
            waits: Some(Hold::Need { part: PartName::new("db").unwrap() }),
            ..ModuleState::default()
        };
        assert_eq!(
            state.line(&PartName::new("api").unwrap()),
            "build ok 1.2 s, test FAILED 1 min 1 s, lint runs, waits for db"
        );
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<ModuleState>(&text).unwrap(), state);
    }
}
