//! What `devenv ci` leaves: its reports, and the bundle of a run that has failed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::apply::tasks::story;
use crate::commands::context::Context;
use crate::config::text::yaml;
use crate::error::Result;
use crate::host::checkout;
use crate::host::files;
use crate::host::release::source;
use crate::host::tasks::bundle::Bundle;
use crate::host::tasks::records;
use crate::paths;
use crate::plan::tasks::state::State;
use crate::redact::hide;
use crate::render::Access;
use crate::render::ci::{Report, notice};
use crate::render::ci_page::{self, Story};

/// Where `devenv ci` writes.
#[derive(clap::Args, Debug)]
pub(super) struct ReportArgs {
    /// Write all results as one JUnit file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write all results as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write all results as one page of HTML, with output, timeline, slowest and flaky tests
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Where the bundle of a failed run is written, a tar archive [default: the run's folder in .devenv]
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

impl ReportArgs {
    /// Removes what an earlier run has written there.
    pub(super) fn remove_earlier(&self, folder: &Path) -> Result<()> {
        let all = [&self.junit, &self.report, &self.html, &self.bundle].into_iter().flatten();
        let mut files = all.map(|path| folder.join(path));
        let is_file = |path: &Path| fs::symlink_metadata(path).is_ok_and(|facts| facts.is_file());
        files.try_for_each(|path| if is_file(&path) { files::remove(&path) } else { Ok(()) })
    }
}

/// Writes the reports that are wanted, and the bundle where something has failed.
pub(super) async fn write(cx: &Context, args: &ReportArgs, report: &Report, first: Option<&str>) -> Result<()> {
    if let Some(path) = &args.junit {
        put(&cx.folder.join(path), &report.junit())?;
    }
    if let Some(path) = &args.report {
        put(&cx.folder.join(path), &json(report))?;
    }
    let reproduce = reproduce(report, first);
    if args.html.is_some() || reproduce.is_some() {
        let known = cx.checkout()?;
        let root = &known.root;
        let mut story = Story {
            project: known.project.file.project.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            // Without git there is no commit to name.
            commit: source::head(root).await.ok().flatten().map(|commit| commit.id),
            reproduce: reproduce.clone(),
            ..Story::default()
        };
        story::tell(root, report, &mut story)?;
        let page = ci_page::page(report, &story)?;
        if let Some(path) = &args.html {
            put(&cx.folder.join(path), &page)?;
        }
        if let Some(command) = &reproduce {
            let path = place(cx, args, root, report);
            let configuration = yaml::document(&known.project.shown());
            let bundle = bundle(root, report, &story, (page, configuration, command));
            files::make_folder(path.parent().unwrap_or(root), Access::Private)?;
            let left_out = bundle.write(&path)?;
            let note = match left_out.len() {
                0 => String::new(),
                many => format!(", without {many} files that its left-out.txt names"),
            };
            cx.screen.say(format!("bundle of this failure: {}{note}", path.display()));
            cx.screen.say(format!("to run it here: {command}"));
        }
    }
    if is_github() {
        report.annotations().iter().for_each(|line| cx.screen.data(line));
        let hint = reproduce.map(|command| notice(&format!("to run it locally: {command}")));
        hint.iter().for_each(|line| cx.screen.data(line));
    }
    Ok(())
}

/// Whether this is a run of GitHub.
pub(super) fn is_github() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

fn put(path: &Path, text: &str) -> Result<()> {
    files::write(path, hide(text).as_bytes(), Access::Public).map(drop)
}

fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
}

/// The command that repeats what has failed first; none where nothing has.
fn reproduce(report: &Report, first: Option<&str>) -> Option<String> {
    let of_task = first.map(|task| {
        let split = report.tasks.get(task).and_then(|seen| seen.about.splits.iter().find(|one| one.failed.is_some()));
        let split = split.map(|one| format!(" --split {}/{}", one.split, one.of)).unwrap_or_default();
        format!("devenv task run {task}{split}")
    });
    let of_check = (report.check == Some(false)).then(|| "devenv check".to_owned());
    let of_all = report.error.is_some().then(|| "devenv ci".to_owned());
    of_task.or(of_check).or(of_all)
}

/// Where the bundle is written: in the folder of its run, where nothing else is said.
fn place(cx: &Context, args: &ReportArgs, root: &Path, report: &Report) -> PathBuf {
    let of_run = || match &report.run {
        Some(id) => records::folder(root).join(id).join(paths::RUN_BUNDLE),
        None => paths::devenv(root).join(paths::RUN_BUNDLE),
    };
    args.bundle.as_ref().map_or_else(of_run, |path| cx.folder.join(path))
}

fn bundle(
    root: &Path,
    report: &Report,
    story: &Story,
    (page, configuration, command): (String, String, &str),
) -> Bundle {
    let mut bundle = Bundle::default();
    let texts = [
        ("summary.txt", summary(report, story, command)),
        ("report.html", page),
        ("report.json", json(report)),
        ("configuration.yaml", configuration),
        ("digests.json", digests(report)),
    ];
    bundle.texts.extend(texts.map(|(name, text)| (name.to_owned(), text)));
    bundle.files.push((checkout::LOCK.to_owned(), root.join(checkout::LOCK)));
    story::pack(root, report, &mut bundle);
    bundle
}

/// States in lines, and what to do.
fn summary(report: &Report, story: &Story, command: &str) -> String {
    let commit = story.commit.as_deref().unwrap_or("not known");
    let mut text = format!("project: {}\ncommit: {commit}\ndevenv: {}\n", story.project, story.version);
    if let Some(passed) = report.check {
        text += &format!("check: {}\n", if passed { "passed" } else { "failed" });
    }
    text.extend(report.error.iter().map(|why| format!("no task was run: {why}\n")));
    text.extend(report.tasks.iter().map(|(name, task)| format!("{name}: {}\n", task.is)));
    text + &format!("\nTo run it locally, at that commit:\n  {command}\n")
}

/// What each task was made from: its image and the digests of everything else.
fn digests(report: &Report) -> String {
    let inputs: serde_json::Map<String, serde_json::Value> = report
        .tasks
        .iter()
        .filter(|(_, task)| task.is != State::Unscheduled)
        .filter_map(|(name, task)| Some((name.clone(), serde_json::to_value(task.about.inputs.as_ref()?).ok()?)))
        .collect();
    serde_json::to_string_pretty(&inputs).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn one_command_repeats_what_has_failed_first() {
        let report = |check, error: Option<&str>| Report {
            run: None,
            check,
            error: error.map(str::to_owned),
            tasks: BTreeMap::new(),
        };
        let said = |report: &Report, first| reproduce(report, first).unwrap_or_default();
        assert_eq!(said(&report(Some(false), None), Some("api:test")), "devenv task run api:test");
        assert_eq!(said(&report(Some(false), None), None), "devenv check");
        assert_eq!(said(&report(Some(true), Some("the engine is gone")), None), "devenv ci");
        assert_eq!(reproduce(&report(Some(true), None), None), None);
    }
}
