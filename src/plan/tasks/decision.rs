//! Which tasks run, and why: before anything is started, as far as that can be known.

use std::collections::BTreeMap;

use crate::digest::Fingerprint;
use crate::names::TaskName;
use crate::plan::tasks::fingerprint::TaskInputs;
use crate::plan::tasks::graph::{TaskGraph, TaskNode};
use crate::plan::tasks::history::{Earlier, History, Why};

/// What becomes of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// An earlier run has its result. A group has those of what it needs, and no run of its own.
    Done(Earlier),
    /// It runs.
    Runs(Why),
}

/// What is decided from.
pub struct Deciding<'a, F> {
    /// The tasks of the run.
    pub graph: &'a TaskGraph,
    /// Earlier runs.
    pub history: &'a History,
    /// Tasks that run whatever is known, and why.
    pub forced: &'a BTreeMap<TaskName, Why>,
    /// Results of tasks that are not part of the run, and are needed.
    pub given: &'a BTreeMap<TaskName, Earlier>,
    /// What a task is made from, with the results of what it needs.
    pub inputs: F,
    /// Milliseconds since 1970.
    pub now: u64,
}

impl<F: Fn(&TaskNode, &BTreeMap<TaskName, Earlier>) -> TaskInputs> Deciding<'_, F> {
    /// The verdict on each task.
    pub fn verdicts(&self) -> BTreeMap<TaskName, Verdict> {
        let mut verdicts: BTreeMap<TaskName, Verdict> = BTreeMap::new();
        let mut known = self.given.clone();
        for node in self.graph.in_order() {
            let verdict = self.verdict(node, &verdicts, &known);
            if let Verdict::Done(earlier) = &verdict {
                known.insert(node.name.clone(), earlier.clone());
            }
            verdicts.insert(node.name.clone(), verdict);
        }
        verdicts
    }

    fn verdict(
        &self,
        node: &TaskNode,
        verdicts: &BTreeMap<TaskName, Verdict>,
        known: &BTreeMap<TaskName, Earlier>,
    ) -> Verdict {
        if let Some(why) = self.forced.get(&node.name).filter(|_| !node.is_group()) {
            return Verdict::Runs(why.clone());
        }
        let runs = |need: &&TaskName| matches!(verdicts.get(*need), Some(Verdict::Runs(_)));
        if let Some(need) = node.needs.iter().find(runs) {
            return Verdict::Runs(Why::Needs(need.clone()));
        }
        if node.is_group() {
            return Verdict::Done(Earlier { run: String::new(), result: result_of_group(node, known) });
        }
        match self.history.find(&node.name, &(self.inputs)(node, known), self.now) {
            Ok(earlier) => Verdict::Done(earlier),
            Err(why) => Verdict::Runs(why),
        }
    }
}

/// The result of a group: those of what it needs.
#[must_use]
pub fn result_of_group(node: &TaskNode, known: &BTreeMap<TaskName, Earlier>) -> String {
    let of =
        |need: &TaskName| known.get(need).map(|earlier| format!("{need}\0{}\n", earlier.result)).unwrap_or_default();
    Fingerprint::of(&node.needs.iter().map(of).collect::<String>()).to_string()
}
