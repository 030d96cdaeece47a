//! Manifests of splits, as files in the folders of runs.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::host::tasks::records;
use crate::names::TaskName;
use crate::paths;
use crate::plan::tasks::history::History;
use crate::plan::tasks::splits::manifest::Manifest;
use crate::plan::tasks::splits::times::Times;
use crate::render::Access;

/// How many of the last runs of a task are looked at for times.
const RUNS: usize = 20;

/// Where the manifest of a task is.
#[must_use]
pub fn path(folder: &Path, task: &TaskName) -> PathBuf {
    folder.join(paths::RUN_SPLITS).join(format!("{}.json", task.file()))
}

/// Writes one.
pub(super) fn write(folder: &Path, task: &TaskName, manifest: &Manifest) -> Result<()> {
    let path = path(folder, task);
    files::make_folder(path.parent().unwrap_or(folder), Access::Private)?;
    let text = serde_json::to_string(manifest).unwrap_or_default() + "\n";
    files::write(&path, text.as_bytes(), Access::Private).map(drop)
}

/// Reads one that somebody has named.
pub fn read(path: &Path) -> Result<Manifest> {
    let odd = |why: String| Error::message(Kind::Usage, format!("{} cannot be read: {why}", path.display()));
    let text = files::read_text(path)?.ok_or_else(|| odd("there is no such file".to_owned()))?;
    serde_json::from_str(&text).map_err(|error| odd(error.to_string()))
}

/// The manifests of a task, the newest first. One that cannot be read tells nothing.
pub fn all(root: &Path, history: &History, task: &TaskName) -> Vec<(String, Manifest)> {
    let runs = history.runs().iter().filter(|run| run.tasks.get(task).is_some_and(|seen| seen.about.reused.is_none()));
    let read = |id: &str| {
        let text = files::read_text(&path(&records::folder(root).join(id), task)).ok()??;
        serde_json::from_str(&text).ok()
    };
    runs.take(RUNS).filter_map(|run| Some((run.id.clone(), read(&run.id)?))).collect()
}

/// How long the tests of a task took in earlier runs.
pub(super) fn times(root: &Path, history: &History, task: &TaskName) -> Times {
    Times::of(all(root, history, task).iter().map(|(_, manifest)| manifest))
}
