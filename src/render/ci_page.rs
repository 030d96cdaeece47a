//! The report of `devenv ci` as one page of HTML. Whatever tasks print is text in it: everything is escaped, nothing in it is
//! a program, and its policy allows none and nothing from elsewhere.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::amounts;
use crate::plain;
use crate::plan::tasks::flaky::Flaky;
use crate::plan::tasks::junit::{TestCase, Verdict};
use crate::plan::tasks::splits::manifest;
use crate::plan::tasks::state::State;
use crate::plan::tasks::timeline::Bar;
use crate::render::ci::{Report, TaskReport};
use crate::render::output::RenderError;
use crate::render::timeline::Timeline;

const PAGE: &str = include_str!("ci_page.html");
const STYLE: &str = include_str!("ci_page.css");
/// How many tests are listed as the slowest, and how many as failed.
const SLOWEST: usize = 10;
const FAILURES: usize = 200;

/// What a page tells beside the report itself.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// The project.
    pub project: String,
    /// The version of devenv.
    pub version: String,
    /// The commit that is checked out.
    pub commit: Option<String>,
    /// When the run began, for people.
    pub began: Option<String>,
    /// How long it took, in milliseconds.
    pub took: Option<u64>,
    /// When each attempt ran.
    pub bars: Vec<Bar>,
    /// What is flaky.
    pub flaky: Vec<Flaky>,
    /// The last lines of tasks.
    pub outputs: Vec<TaskOutput>,
    /// The command that repeats what has failed first.
    pub reproduce: Option<String>,
}

/// What a task has printed, or the end of it.
#[derive(Debug, Clone, Default)]
pub struct TaskOutput {
    /// The task.
    pub task: String,
    /// Its lines.
    pub lines: Vec<String>,
    /// How many lines stand before them.
    pub left_out: usize,
}

#[derive(Serialize)]
struct Page<'a> {
    project: &'a str,
    version: &'a str,
    state: &'static str,
    run: Option<&'a str>,
    began: Option<&'a str>,
    took: Option<String>,
    commit: Option<&'a str>,
    error: Option<&'a str>,
    check: Option<&'static str>,
    reproduce: Option<&'a str>,
    tasks: Vec<Row>,
    timeline: Option<Timeline>,
    failures: Vec<Test>,
    flaky: &'a [Flaky],
    slowest: Vec<Test>,
    outputs: Vec<Output>,
}

#[derive(Serialize)]
struct Row {
    number: usize,
    name: String,
    state: &'static str,
    took: String,
    tests: String,
    note: String,
    has_output: bool,
}

#[derive(Serialize)]
struct Test {
    task: String,
    name: String,
    text: String,
}

#[derive(Serialize)]
struct Output {
    number: usize,
    name: String,
    text: String,
    note: Option<String>,
    is_open: bool,
}

/// The page.
pub fn page(report: &Report, story: &Story) -> Result<String, RenderError> {
    let numbered = || report.tasks.iter().enumerate();
    let output = |name: &str| story.outputs.iter().find(|output| output.task == name && !output.lines.is_empty());
    let page = Page {
        project: &story.project,
        version: &story.version,
        state: state(report),
        run: report.run.as_deref(),
        began: story.began.as_deref(),
        took: story.took.map(amounts::milliseconds),
        commit: story.commit.as_deref(),
        error: report.error.as_deref(),
        check: report.check.map(|passed| if passed { "passed" } else { "failed" }),
        reproduce: story.reproduce.as_deref(),
        tasks: numbered().map(|(number, (name, task))| row(number, name, task, output(name).is_some())).collect(),
        timeline: Timeline::of(&story.bars),
        failures: failures(report),
        flaky: &story.flaky,
        slowest: slowest(report),
        outputs: numbered().filter_map(|(number, (name, task))| Some(shown(number, task, output(name)?))).collect(),
    };
    let mut context = tera::Context::new();
    context.insert("page", &page);
    context.insert("style", STYLE);
    context.insert("style_digest", &BASE64_STANDARD.encode(Sha256::digest(STYLE)));
    let wrong = |error: tera::Error| RenderError { template: "ci_page.html".to_owned(), problem: error.to_string() };
    let mut tera = tera::Tera::default();
    // By the ending of its name everything in it is escaped.
    tera.add_raw_template("ci_page.html", PAGE).map_err(wrong)?;
    let page = tera.render("ci_page.html", &context).map_err(wrong)?;
    Ok(page.chars().map(|c| if c != '\n' && plain::steers(c) { ' ' } else { c }).collect())
}

/// All in one word.
fn state(report: &Report) -> &'static str {
    let has = |wanted: fn(&State) -> bool| report.tasks.values().any(|task| wanted(&task.is));
    if report.error.is_some() || report.check == Some(false) || has(|is| matches!(is, State::Failed { .. })) {
        "failed"
    } else if has(|is| matches!(is, State::Exception { .. })) {
        "exception"
    } else {
        "completed"
    }
}

fn row(number: usize, name: &str, task: &TaskReport, has_output: bool) -> Row {
    let none = || "-".to_owned();
    Row {
        number,
        name: name.to_owned(),
        state: task.is.word(),
        took: task.about.took.map_or_else(none, amounts::milliseconds),
        tests: task.about.tests.map_or_else(none, |tests| tests.to_string()),
        note: match (&task.is, &task.about.reused) {
            (State::Completed, Some(run)) => format!("not run again: completed in {run}"),
            (State::Failed { failure }, _) => failure.to_string(),
            (State::Exception { reason }, _) => reason.to_string(),
            _ => manifest::sentence(&task.about.splits).unwrap_or_default(),
        },
        has_output,
    }
}

fn cases(report: &Report) -> impl Iterator<Item = (&String, &TestCase)> {
    report.tasks.iter().flat_map(|(name, task)| task.tests.iter().map(move |case| (name, case)))
}

fn test(task: &str, case: &TestCase, text: String) -> Test {
    Test { task: task.to_owned(), name: case.full_name(), text }
}

fn failures(report: &Report) -> Vec<Test> {
    let failed = cases(report).filter(|(_, case)| case.verdict == Verdict::Failed);
    failed.map(|(task, case)| test(task, case, case.message.clone())).take(FAILURES).collect()
}

fn slowest(report: &Report) -> Vec<Test> {
    let mut timed: Vec<(f64, &String, &TestCase)> =
        cases(report).filter_map(|(task, case)| Some((case.seconds?, task, case))).collect();
    timed.sort_by(|a, b| b.0.total_cmp(&a.0));
    timed.into_iter().take(SLOWEST).map(|(took, task, case)| test(task, case, format!("{took:.3} s"))).collect()
}

fn shown(number: usize, task: &TaskReport, output: &TaskOutput) -> Output {
    let line = |line: &String| anstream::adapter::strip_str(line).to_string();
    Output {
        number,
        name: output.task.clone(),
        text: output.lines.iter().map(line).collect::<Vec<_>>().join("\n"),
        note: (output.left_out > 0).then(|| format!("{} lines before these are left out", output.left_out)),
        is_open: task.is != State::Completed,
    }
}

#[cfg(test)]
#[path = "ci_page_tests.rs"]
mod tests;
