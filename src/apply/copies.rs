//! The copies of source that the watcher keeps equal: one session per module that runs on one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::apply::mirror::{self, Guard, Session};
use crate::apply::watch::Setting;
use crate::error::Result;
use crate::host::engine::Engine;
use crate::names::PartName;
use crate::plan::parts::{Copy, Environment};
use crate::plan::sync::{self, Root};
use crate::plan::watch::Change;

/// Longest time for a batch; an engine that takes longer is taken to be away.
const PATIENCE: Duration = Duration::from_secs(120);

/// All sessions of a watcher.
#[derive(Default)]
pub struct Copies {
    open: BTreeMap<PartName, (Copy, Session)>,
    /// Roots as halted mirrors last knew them.
    halted: BTreeMap<PartName, Root>,
    told: BTreeMap<PartName, String>,
}

impl Copies {
    /// Forgets sessions of modules that are defined otherwise now; the next batch opens them again.
    pub fn keep(&mut self, environment: &Environment) {
        self.open.retain(|name, (copy, _)| {
            environment.parts.get(name).and_then(|part| part.mirror.as_ref()).is_some_and(|now| now == copy)
        });
    }

    /// Brings changes into all copies whose containers run, and opens those that are not open. Returns what there is to
    /// tell: a status that is another than before.
    pub async fn send(
        &mut self,
        engine: &Engine,
        setting: &Setting,
        containers: &BTreeMap<PartName, String>,
        changed: &BTreeMap<PathBuf, Change>,
    ) -> Vec<(PartName, String)> {
        self.open.retain(|name, (_, session)| containers.get(name).is_some_and(|id| id == session.container()));
        let mut told = Vec::new();
        for part in setting.environment.parts.values().filter(|part| part.is_copied()) {
            let (Some(copy), Some(container)) = (&part.mirror, containers.get(&part.name)) else { continue };
            let folder = if copy.folder.as_str() == "." {
                setting.root.clone()
            } else {
                setting.root.join(copy.folder.as_str())
            };
            let paths = below(&folder, changed);
            let is_open = self.open.contains_key(&part.name);
            if paths.is_empty() && is_open {
                continue;
            }
            let work = self.one(engine, &setting.root, &part.name, copy, container, &paths);
            let status = match tokio::time::timeout(PATIENCE, work).await {
                Ok(Ok(status)) => status,
                Ok(Err(error)) => format!("broken: {error}"),
                Err(_) => "broken: the engine does not answer".to_owned(),
            };
            if status.starts_with("broken") {
                self.open.remove(&part.name);
            }
            if self.told.insert(part.name.clone(), status.clone()).as_ref() != Some(&status) {
                told.push((part.name.clone(), status));
            }
        }
        told
    }

    async fn one(
        &mut self,
        engine: &Engine,
        root: &Path,
        name: &PartName,
        copy: &Copy,
        container: &str,
        paths: &BTreeSet<PathBuf>,
    ) -> Result<String> {
        if let Some((_, session)) = self.open.get_mut(name) {
            match session.send(paths).await {
                Ok(sent) => {
                    return Ok(match sent.halted {
                        Some(halt) => {
                            self.halted.insert(name.clone(), session.root());
                            // The next change looks again.
                            self.open.remove(name);
                            stands_still(name, &halt)
                        }
                        None => "in sync".to_owned(),
                    });
                }
                // The helper is gone, with its container or without: a comparison says where it was.
                Err(_) => self.open.remove(name),
            };
        }
        let folder = if copy.folder.as_str() == "." { root.to_owned() } else { root.join(copy.folder.as_str()) };
        if let Some(halt) = sync::halt(None, mirror::root(&folder), 0, 0, 0) {
            return Ok(stands_still(name, &halt));
        }
        let ends = mirror::ends(root, copy, container.to_owned())?;
        let guard = self.halted.get(name).map_or(Guard::On, |root| Guard::Since(*root));
        let (session, sent) = Session::open(engine, ends, guard).await?;
        Ok(match sent.halted {
            Some(halt) => stands_still(name, &halt),
            None => {
                self.halted.remove(name);
                self.open.insert(name.clone(), (copy.clone(), session));
                "in sync".to_owned()
            }
        })
    }
}

fn stands_still(name: &PartName, halt: &impl std::fmt::Display) -> String {
    format!("halted: {halt}; bring the files back, or, if it is meant, `devenv mirror resume {name}`")
}

/// Changed paths below a folder, relative to it.
fn below(folder: &Path, changed: &BTreeMap<PathBuf, Change>) -> BTreeSet<PathBuf> {
    changed.keys().filter_map(|path| path.strip_prefix(folder).ok()).map(Path::to_owned).collect()
}
