//! Tasks: the image or module of each exists, its needs exist and form no cycle, and no two write the same artifact.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::cross_checks::beside;
use crate::config::cross_checks::cycles::{self, Graph};
use crate::config::cross_checks::environments;
use crate::config::cross_checks::images;
use crate::config::cross_checks::split;
use crate::config::cross_checks::subject::{Part, Sort};
use crate::config::inputs::KnownNames;
use crate::config::model::task_texts;
use crate::config::problems::{ENOUGH, Finding};
use crate::config::schema::table::listed;
use crate::config::text::place::Span;
use crate::config::text::quote::quoted;
use crate::config::text::tree::{Entry, Node, Value, is_extension};
use crate::config::text::unknown_words::did_you_mean;

/// Steps of a module that are tasks of themselves.
pub const STEPS: [&str; 4] = ["build", "lint", "test", RELEASE];
/// The task that makes the released image of a module, which each module has.
pub const RELEASE: &str = "release";
/// What `devenv ci` does that is no task.
pub const CHECK: &str = "check";

pub(super) fn check(tree: &Node, parts: &[Part<'_>], known: &KnownNames) -> Vec<Finding> {
    let entries = tree.get("tasks").map(Node::entries).unwrap_or_default();
    let tasks: Vec<&Entry> = entries.iter().filter(|entry| !is_extension(&entry.key.text)).collect();
    let modules: Vec<&Part<'_>> = parts.iter().filter(|part| part.sort == Sort::Module).collect();
    let subject = Subject { names: names(&tasks, &modules), tasks, modules };
    let mut findings: Vec<Finding> = subject.tasks.iter().flat_map(|task| subject.task(task)).collect();
    let images = subject.tasks.iter().flat_map(|task| images_of(task));
    findings.extend(images::of_tasks(tree, known, images));
    findings.extend(subject.tasks.iter().flat_map(|task| beside::check(task, parts)));
    findings.extend(subject.circles());
    findings.extend(subject.artifacts());
    findings.extend(tree.get("ci").map(Node::items).unwrap_or_default().iter().filter_map(|item| subject.ci(item)));
    findings
}

/// The images of a task and of what runs beside it.
fn images_of(task: &Entry) -> impl Iterator<Item = (String, &Node)> {
    let own = task.value.get("image").map(|image| (format!("the task {}", quoted(&task.key.text)), image));
    own.into_iter().chain(beside::images(task))
}

/// The names of all tasks.
fn names(tasks: &[&Entry], modules: &[&Part<'_>]) -> BTreeSet<String> {
    let steps = modules.iter().flat_map(|module| {
        let has = STEPS.iter().filter(|step| **step == RELEASE || module.node.get(step).is_some());
        has.map(|step| format!("{}:{step}", module.name))
    });
    tasks.iter().map(|task| task.key.text.to_string()).chain(steps).collect()
}

struct Subject<'t> {
    tasks: Vec<&'t Entry>,
    modules: Vec<&'t Part<'t>>,
    names: BTreeSet<String>,
}

impl<'t> Subject<'t> {
    fn task(&self, task: &'t Entry) -> Vec<Finding> {
        let (name, node) = (quoted(&task.key.text), &task.value);
        let mut findings: Vec<Finding> = self.module(task).into_iter().collect();
        if &*task.key.text == CHECK {
            let message = format!("the name {name} is reserved: in `ci` it is `devenv check`");
            findings.push(Finding::new(task.key.span, message).label("reserved").help("choose another name"));
        }
        if !matches!(node.value, Value::Map(_)) {
            return findings;
        }
        let is_group = node.get("run").is_none();
        let place = node.entry("module").or_else(|| node.entry("image"));
        match (node.entry("module"), node.entry("image"), is_group) {
            (Some(module), Some(image), _) => findings.push(
                Finding::new(image.key.span, format!("the task {name} has both `module` and `image`"))
                    .label("the image is the module's")
                    .help("keep one of them")
                    .also(module.key.span, "the module"),
            ),
            (None, None, false) => findings.push(
                Finding::new(task.key.span, format!("the task {name} has no image to run in"))
                    .label("neither `module` nor `image`")
                    .help("add `module:` with one of the modules, or `image:` with an image of the hierarchy"),
            ),
            _ => {}
        }
        let alone = [
            "env",
            "artifacts",
            "results",
            "secrets",
            "beside",
            "split",
            "resources",
            "max_run",
            "retries",
            "retry_on",
            "mutex",
        ];
        let used = place.or_else(|| alone.iter().find_map(|key| node.entry(key)));
        if let Some(used) = used.filter(|_| is_group && matches!(node.entries(), [_, ..])) {
            findings.push(
                Finding::new(task.key.span, format!("the task {name} has no `run`"))
                    .label("no `run`")
                    .help("add `run:` with a command; a group has `needs` alone")
                    .also(used.key.span, "only of tasks that run something"),
            );
        } else if is_group && node.get("needs").is_none_or(|needs| needs.items().is_empty()) {
            findings.push(
                Finding::new(task.key.span, format!("the task {name} does nothing"))
                    .label("neither `run` nor `needs`")
                    .help("add `run:` with a command, or `needs:` to make it a group"),
            );
        }
        findings.extend(self.needs(task));
        findings.extend(node.get("resources").and_then(environments::cpus));
        findings.extend(split::check(task));
        findings
    }

    fn module(&self, task: &Entry) -> Option<Finding> {
        let module = task.value.get("module")?;
        let wanted = module.text()?;
        if self.modules.iter().any(|known| known.name == wanted) {
            return None;
        }
        let message = format!("the task {} runs in {}, which is not a module", quoted(&task.key.text), quoted(wanted));
        let help = did_you_mean(wanted, self.modules.iter().map(|module| module.name));
        let help = help.or_else(|| Some(format!("there are {}", self.listed()?)));
        Some(Finding::new(module.span, message).label("no such module").maybe_help(help))
    }

    fn listed(&self) -> Option<String> {
        let names: Vec<String> = self.modules.iter().take(20).map(|module| module.name.to_owned()).collect();
        (!names.is_empty()).then(|| listed(&names, "and"))
    }

    fn needs(&self, task: &Entry) -> Vec<Finding> {
        let own = &*task.key.text;
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        let mut findings = Vec::new();
        for (need, span) in needs(&task.value) {
            if findings.len() > ENOUGH {
                break;
            }
            if let Some(first) = seen.insert(need, span) {
                let message = format!("the task {} needs {} twice", quoted(own), quoted(need));
                findings.push(
                    Finding::new(span, message).label("again here").help("keep one of them").also(first, "first here"),
                );
            } else if need == own {
                let message = format!("the task {} needs itself", quoted(own));
                findings.push(Finding::new(span, message).label("the task itself").help("remove it"));
            } else if !self.names.contains(need) {
                let message = format!("the task {} needs {}, which is not a task", quoted(own), quoted(need));
                findings.push(Finding::new(span, message).label("not known").maybe_help(self.near(need)));
            }
        }
        findings
    }

    fn near(&self, name: &str) -> Option<String> {
        let is_module = self.modules.iter().any(|module| module.name == name);
        let steps = || self.names.iter().filter(|known| known.starts_with(&format!("{name}:"))).cloned();
        if is_module {
            let steps: Vec<String> = steps().collect();
            let none = "the module has no `build`, `lint` or `test`".to_owned();
            return Some(if steps.is_empty() {
                none
            } else {
                format!("of that module there are {}", listed(&steps, "and"))
            });
        }
        let all = || listed(&self.names.iter().take(20).cloned().collect::<Vec<_>>(), "and");
        did_you_mean(name, self.names.iter().map(String::as_str)).or_else(|| Some(format!("there are {}", all())))
    }

    fn circles(&self) -> Vec<Finding> {
        let edges = |task: &&'t Entry| (&*task.key.text, needs(&task.value).collect());
        let graph: Graph<'t> = self.tasks.iter().map(edges).collect();
        let finding = |(chain, spans): (String, Vec<Span>)| {
            cycles::finding(format!("these tasks depend on each other in a cycle: {chain}"), &spans, "needed here")
                .map(|finding| finding.help("remove one of these `needs`: no task of a cycle can start first"))
        };
        cycles::find(&graph).into_iter().filter_map(finding).collect()
    }

    /// Two tasks of one folder that keep the same path.
    fn artifacts(&self) -> Vec<Finding> {
        let mut seen: BTreeMap<(&str, String), (&str, Span)> = BTreeMap::new();
        let mut findings = Vec::new();
        for task in &self.tasks {
            let folder = task
                .value
                .get("module")
                .and_then(Node::text)
                .and_then(|name| self.modules.iter().find(|module| module.name == name)?.node.get("path")?.text());
            for item in task.value.get("artifacts").map(Node::items).unwrap_or_default() {
                let Some(path) = item.text().filter(|text| task_texts::check_artifact(text).is_ok()) else { continue };
                let key = (folder.unwrap_or("."), path.trim_matches('/').to_owned());
                if let Some((other, first)) = seen.insert(key, (&task.key.text, item.span)) {
                    let (own, other) = (quoted(&task.key.text), quoted(other));
                    let message = format!("the tasks {other} and {own} write one artifact, {}", quoted(path));
                    let finding =
                        Finding::new(item.span, message).label("written here too").also(first, "written here");
                    findings.push(finding.help("write it to another path"));
                }
            }
        }
        findings
    }

    fn ci(&self, item: &Node) -> Option<Finding> {
        let text = item.text().filter(|text| task_texts::check_ci_entry(text).is_ok())?;
        let not_known =
            |message: String, help| Some(Finding::new(item.span, message).label("not known").maybe_help(help));
        match text.strip_prefix("*:") {
            _ if text == CHECK || self.names.contains(text) => None,
            Some(step) if STEPS.contains(&step) => None,
            Some(step) => {
                let help = did_you_mean(step, STEPS)
                    .or_else(|| Some("there are `*:build`, `*:lint`, `*:test` and `*:release`".to_owned()));
                not_known(format!("`ci` names {}, and modules have no such step", quoted(text)), help)
            }
            None => not_known(format!("`ci` names {}, which is not a task", quoted(text)), self.near(text)),
        }
    }
}

fn needs(node: &Node) -> impl Iterator<Item = (&str, Span)> {
    let items = node.get("needs").map(Node::items).unwrap_or_default();
    let named = items.iter().filter_map(|item| Some((item.text()?, item.span)));
    named.filter(|(name, _)| task_texts::check_name(name).is_ok())
}
