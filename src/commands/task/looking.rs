//! `devenv task list`, `devenv task graph` and `devenv task why`: they write nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::amounts;
use crate::apply::session::Intent;
use crate::apply::tasks::sources::known;
use crate::commands::context::Context;
use crate::commands::task::prepare::{Request, run_context};
use crate::error::Result;
use crate::names::TaskName;
use crate::plan::tasks::decision::Verdict;
use crate::plan::tasks::graph::{Place, TaskGraph, TaskNode};
use crate::plan::tasks::history::History;
use crate::plan::tasks::record::TaskRun;
use crate::render;

/// A task as `--json` prints it.
#[derive(Debug, Serialize)]
struct TaskJson<'a> {
    name: &'a TaskName,
    place: Option<String>,
    run: Option<&'a str>,
    needs: &'a [TaskName],
    /// What the last run made of it.
    last: Option<&'static str>,
    last_run: Option<&'a str>,
    usual_milliseconds: Option<u128>,
}

fn place(node: &TaskNode) -> Option<String> {
    let of_work = node.work.as_ref().map(|work| match &work.place {
        Place::Module(name) => format!("module {name}"),
        Place::Image(name) => format!("image {name}"),
    });
    of_work.or_else(|| node.release.as_ref().map(|name| format!("release of {name}")))
}

fn last<'a>(history: &'a History, task: &TaskName) -> Option<(&'a str, &'a TaskRun)> {
    history.runs().iter().find_map(|run| Some((run.id.as_str(), run.tasks.get(task)?)))
}

pub(super) fn list(cx: &Context, json: bool) -> Result<()> {
    let checkout = cx.checkout()?;
    let graph = TaskGraph::of(&checkout.project.file);
    let known = known(&checkout.root)?;
    known.news.iter().for_each(|line| cx.screen.say(line));
    let durations = known.history.durations();
    let tasks: Vec<TaskJson<'_>> = graph.0.values().map(|node| of(node, &known.history, &durations)).collect();
    if json {
        cx.screen.json(&tasks);
    } else if tasks.is_empty() {
        cx.screen
            .say("there are no tasks: declare them in `tasks:` of devenv.yaml; the steps of modules are tasks too");
    } else {
        cx.screen.table(&["TASK", "IN", "NEEDS", "LAST", "USUALLY"], &tasks.iter().map(row).collect::<Vec<_>>());
    }
    Ok(())
}

fn of<'a>(node: &'a TaskNode, history: &'a History, durations: &BTreeMap<TaskName, Duration>) -> TaskJson<'a> {
    let last = last(history, &node.name);
    TaskJson {
        name: &node.name,
        place: place(node),
        run: node.work.as_ref().map(|work| work.run.as_str()),
        needs: &node.needs,
        last: last.map(|(_, task)| task.is.word()),
        last_run: last.map(|(run, _)| run),
        usual_milliseconds: durations.get(&node.name).map(Duration::as_millis),
    }
}

fn row(task: &TaskJson<'_>) -> Vec<String> {
    let needs: Vec<&str> = task.needs.iter().map(TaskName::as_str).collect();
    let usually = task.usual_milliseconds.and_then(|took| u64::try_from(took).ok()).map(amounts::milliseconds);
    let none = || "-".to_owned();
    vec![
        task.name.to_string(),
        task.place.clone().unwrap_or_else(|| "group".to_owned()),
        if needs.is_empty() { none() } else { needs.join(", ") },
        task.last.map_or_else(none, str::to_owned),
        usually.unwrap_or_else(none),
    ]
}

pub(super) fn graph(cx: &Context, json: bool) -> Result<()> {
    let checkout = cx.checkout()?;
    let graph = TaskGraph::of(&checkout.project.file);
    if json {
        let needs: BTreeMap<&TaskName, &[TaskName]> =
            graph.0.values().map(|node| (&node.name, node.needs.as_slice())).collect();
        cx.screen.json(&needs);
    } else {
        cx.screen.data(render::tasks::mermaid(&graph));
    }
    Ok(())
}

/// Why a task would run, as `--json` prints it.
#[derive(Debug, Serialize)]
struct WhyJson {
    name: TaskName,
    runs: bool,
    why: String,
    inputs: BTreeMap<String, String>,
}

pub(super) async fn why(cx: &Context, name: &str, json: bool) -> Result<()> {
    let request = Request { names: vec![name.to_owned()], ..Request::default() };
    let context = run_context(cx.session(Intent::Look).await?, &request).await?;
    let verdicts = context.verdicts();
    let results = verdicts.iter().filter_map(|(task, verdict)| match verdict {
        Verdict::Done(earlier) => Some((task.clone(), earlier.clone())),
        Verdict::Runs(_) => None,
    });
    let results = results.collect();
    let all: Vec<WhyJson> = context
        .graph
        .in_order()
        .into_iter()
        .filter_map(|node| {
            let (runs, why) = match verdicts.get(&node.name)? {
                Verdict::Runs(why) => (true, why.to_string()),
                Verdict::Done(_) if node.is_group() => (false, "all that it needs has completed".to_owned()),
                Verdict::Done(earlier) => (false, format!("completed in run {} with the same inputs", earlier.run)),
            };
            let inputs = context.inputs(&node.name, &results).0;
            Some(WhyJson { name: node.name.clone(), runs, why, inputs })
        })
        .collect();
    if json {
        cx.screen.json(&all);
        return Ok(());
    }
    let rows = all.iter().map(|one| {
        vec![one.name.to_string(), if one.runs { "runs" } else { "is not run" }.to_owned(), one.why.clone()]
    });
    cx.screen.table(&["TASK", "", "WHY"], &rows.collect::<Vec<_>>());
    let inputs = all.iter().rfind(|one| one.name.as_str() == name).into_iter().flat_map(|one| &one.inputs);
    let rows: Vec<Vec<String>> = inputs.map(|(input, digest)| vec![input.clone(), digest.clone()]).collect();
    if !rows.is_empty() {
        cx.screen.data("\n");
        cx.screen.table(&["MADE FROM", "DIGEST"], &rows);
    }
    Ok(())
}
