//! The copies of source that the watcher keeps equal: one session per module that runs on one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::apply::mirror::stand_in::goes_on;
use crate::apply::mirror::{self, Guard, MirrorSession, Sent};
use crate::apply::watch::watch_settings::WatchSettings;
use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::watcher_process;
use crate::names::PartName;
use crate::plan::mirror::copy::Copy;
use crate::plan::mirror::halt::{SourceRoot, halt};
use crate::plan::mirror::{MirrorStatus, Told};
use crate::plan::parts::Part;
use crate::plan::watch::FileChange;

/// Longest time for a batch; an engine that takes longer is taken to be away.
const PATIENCE: Duration = Duration::from_secs(120);

/// All sessions of a watcher.
#[derive(Default)]
pub(crate) struct Copies {
    open: BTreeMap<PartName, (Copy, MirrorSession)>,
    /// Roots as halted mirrors last knew them.
    halted: BTreeMap<PartName, SourceRoot>,
}

impl Copies {
    /// Forgets all sessions: nobody knows what has arrived.
    pub(crate) fn forget(&mut self) {
        self.open.clear();
    }

    /// Brings changes into all copies whose containers run, opens those that are not open, and takes back outputs.
    /// Returns what there is to tell about each that it has had to do with.
    pub(crate) async fn send(
        &mut self,
        engine: &Engine,
        setting: &WatchSettings,
        containers: &BTreeMap<PartName, String>,
        changed: &BTreeMap<PathBuf, FileChange>,
    ) -> Vec<Told> {
        // A session ends with its container, and when its copy is defined otherwise.
        self.open.retain(|name, (copy, session)| {
            let now = setting.environment.parts.get(name).and_then(|part| part.mirror.as_ref());
            now == Some(copy) && containers.get(name).is_some_and(|id| id == session.container())
        });
        let mut told = Vec::new();
        for part in setting.copied() {
            let (Some(copy), Some(container)) = (&part.mirror, containers.get(&part.name)) else { continue };
            let paths = below(&setting.folder(&copy.folder), changed);
            if paths.is_empty() && copy.outputs.is_empty() && self.open.contains_key(&part.name) {
                continue;
            }
            let work = self.one(engine, setting, part, copy, container, &paths);
            let ended = tokio::time::timeout(PATIENCE, work).await;
            if matches!(ended, Ok(Err(_))) && !goes_on(engine, container).await {
                // The helper ended with its container, which is compared before it starts again.
                self.open.remove(&part.name);
                continue;
            }
            let broken = |why: String| (MirrorStatus::Broken { why }, Sent::default());
            let (status, sent) = match ended {
                Ok(Ok(sent)) => match sent.halted.clone() {
                    Some(halt) => (MirrorStatus::Halted { halt }, sent),
                    None => (MirrorStatus::InSync, sent),
                },
                Ok(Err(error)) => broken(error.to_string()),
                Err(_) => broken("the engine does not answer".to_owned()),
            };
            if status != MirrorStatus::InSync {
                // The next change looks again.
                self.open.remove(&part.name);
            }
            told.push(Told {
                part: part.name.clone(),
                status,
                changes: sent.operations.len(),
                brought: sent.brought,
                agreed: self.open.get(&part.name).map(|(_, session)| session.agreed().clone()),
            });
        }
        told
    }

    async fn one(
        &mut self,
        engine: &Engine,
        setting: &WatchSettings,
        part: &Part,
        copy: &Copy,
        container: &str,
        paths: &BTreeSet<PathBuf>,
    ) -> Result<Sent> {
        let name = &part.name;
        if let Some((_, session)) = self.open.get_mut(name) {
            let sent = if paths.is_empty() {
                session.look_for_outputs().await.map(|brought| Sent { brought, ..Sent::default() })
            } else {
                session.send(paths).await
            };
            match sent {
                Ok(sent) => {
                    if sent.halted.is_some() {
                        self.halted.insert(name.clone(), session.root());
                    }
                    return Ok(sent);
                }
                // The helper is gone, with its container or without: a comparison says where it was.
                Err(_) => drop(self.open.remove(name)),
            }
        }
        if let Some(halt) = halt(None, mirror::root(&setting.folder(&copy.folder)), 0, 0, 0) {
            return Ok(Sent { halted: Some(halt), ..Sent::default() });
        }
        let ends = mirror::ends(&setting.checkout.root, copy, container.to_owned())?;
        let guard = self.halted.get(name).map_or(Guard::On, |root| Guard::Since(*root));
        let agreed = watcher_process::state(&setting.checkout.root).modules.remove(name).unwrap_or_default().outputs;
        let (session, sent) = MirrorSession::open(engine, ends, guard, agreed).await?;
        if sent.halted.is_none() {
            self.halted.remove(name);
            self.open.insert(name.clone(), (copy.clone(), session));
        }
        Ok(sent)
    }
}

/// Changed paths below a folder, relative to it.
fn below(folder: &Path, changed: &BTreeMap<PathBuf, FileChange>) -> BTreeSet<PathBuf> {
    changed.keys().filter_map(|path| path.strip_prefix(folder).ok()).map(Path::to_owned).collect()
}
