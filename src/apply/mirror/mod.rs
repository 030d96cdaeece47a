//! Runs a mirror: one helper in one container, a full comparison when it is opened, then what changes. What is to be
//! done is decided in `plan/mirror/sync.rs`; here it is carried out and remembered.

pub mod archive_compare;
pub mod ends;
pub mod outputs;
pub mod stand_in;
pub mod transfer;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::apply::mirror::archive_compare::{Looked, look};
use crate::apply::mirror::ends::Ends;
use crate::apply::mirror::transfer::Transfer;
use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::ignore::source::SourceFolder;
use crate::host::locks;
use crate::host::outputs as host;
use crate::paths;
use crate::plan::mirror::copy::Copy;
use crate::plan::mirror::halt::{Halt, SourceRoot, halt, takes_most};
use crate::plan::mirror::outputs::{Back, Stamps};
use crate::plan::mirror::sync::{self, Counterpart, Operation};
use crate::plan::mirror::tree::{Entry, EntryKind};

/// The ends of a module's copy, with a container that has it mounted.
pub fn ends(checkout: &Path, copy: &Copy, container: String) -> Result<Ends> {
    Ok(Ends {
        container,
        source: Arc::new(SourceFolder::open(checkout, &copy.folder, &copy.selection)?),
        dir: copy.dir.clone(),
        outputs: copy.outputs.clone(),
        mounted: copy.mounted.iter().map(PathBuf::from).collect(),
        spool: paths::devenv(checkout),
    })
}

/// Whether a mirror may empty what it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// It halts before it does.
    On,
    /// It halts before it does; and the root was this one when the mirror last knew it.
    Since(SourceRoot),
    /// Somebody has said that it is meant.
    Off,
}

/// What a comparison or a batch has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// What was done, in order.
    pub operations: Vec<Operation>,
    /// Bytes of the files that were written.
    pub bytes: u64,
    /// What has come back.
    pub brought: Vec<Back>,
    /// What is here and not in the copy, since git ignores it or it may be a private key; after a full comparison.
    pub left_out: Vec<PathBuf>,
    /// Why nothing was done.
    pub halted: Option<Halt>,
}

/// A mirror that is open. It ends when this is dropped; after an error, and when it has halted, it must be opened again.
pub struct MirrorSession {
    engine: Engine,
    ends: Ends,
    transfer: Transfer,
    /// What is in the container and counts.
    known: BTreeMap<PathBuf, EntryKind>,
    /// What both sides had of the outputs last.
    agreed: Stamps,
    root: SourceRoot,
}

impl MirrorSession {
    /// Begins a mirror: outputs come back, then both ends are compared by content and made equal. `agreed` is what both
    /// had of the outputs last.
    pub async fn open(engine: &Engine, ends: Ends, guard: Guard, agreed: Stamps) -> Result<(Self, Sent)> {
        let transfer = Transfer::open(engine, &ends.container, &ends.dir).await?;
        let _alone = locks::take_mirror(&ends.container, &ends.dir).await?;
        let root = root(ends.source.root());
        let engine = engine.clone();
        let mut session = Self { engine, ends, transfer, known: BTreeMap::new(), agreed, root };
        let Looked { here, mut left_out, seen } = look(&session.engine, &session.ends).await?;
        left_out.retain(|path| !session.ends.is_output(path));
        session.known = here.iter().map(|entry| (entry.path.clone(), entry.kind.clone())).collect();
        let mut operations = sync::compared(&here, &seen);
        let gone = operations.iter().filter(|operation| matches!(operation, Operation::Remove(_))).count();
        let files = seen.values().filter(|what| !matches!(what, Counterpart::Folder)).count();
        let left = here.iter().filter(|entry| entry.kind != EntryKind::Folder).count();
        let before = match guard {
            Guard::Since(root) => Some(root),
            Guard::On | Guard::Off => None,
        };
        if guard != Guard::Off
            && let Some(halt) = halt(before, root, files, gone, left)
        {
            session.root = before.unwrap_or(root);
            return Ok((session, Sent { halted: Some(halt), ..Sent::default() }));
        }
        let brought = session.bring().await?;
        session.leave_agreed(&mut operations);
        let bytes = session.transfer.carry(&session.ends.source, &operations, seen.is_empty()).await?;
        session.agree(&operations);
        Ok((session, Sent { operations, bytes, brought, left_out, halted: None }))
    }

    /// Brings what is at these paths now into the container, as one batch. A changed `.gitignore`, and a path that is
    /// empty, stand for the whole tree.
    pub async fn send(&mut self, changed: &BTreeSet<PathBuf>) -> Result<Sent> {
        let _alone = locks::take_mirror(&self.ends.container, &self.ends.dir).await?;
        let at_root = root(self.ends.source.root());
        if let Some(halt) = halt(None, at_root, 0, 0, 0) {
            return Ok(Sent { halted: Some(halt), ..Sent::default() });
        }
        let rules = |path: &PathBuf| path.as_os_str().is_empty() || path.ends_with(".gitignore");
        let (now, gone) = if changed.iter().any(rules) { self.whole(changed)? } else { self.parts(changed) };
        let is_file = |path: &PathBuf| self.known.get(path).is_some_and(|kind| *kind != EntryKind::Folder);
        let known = self.known.values().filter(|kind| **kind != EntryKind::Folder).count();
        let going = gone.iter().filter(|path| is_file(path)).count();
        // Who takes away most is asked what is left, and not believed by the batch.
        let left = if takes_most(going, known) {
            self.ends.source.walk().map_or(0, |all| all.iter().filter(|entry| entry.kind != EntryKind::Folder).count())
        } else {
            known.max(1)
        };
        if let Some(halt) = halt(Some(self.root), at_root, known, going, left) {
            return Ok(Sent { halted: Some(halt), ..Sent::default() });
        }
        self.root = at_root;
        let mut operations = sync::changed(&now, &self.known, &gone);
        let brought = self.before_sending(&mut operations).await?;
        let bytes = self.transfer.carry(&self.ends.source, &operations, false).await?;
        self.agree(&operations);
        for operation in &operations {
            match operation {
                Operation::Clear(path) => self.forget(path),
                Operation::Remove(path) | Operation::RemoveFolder(path) => {
                    self.known.remove(path);
                }
                _ => {}
            }
        }
        self.known.extend(now.into_iter().map(|entry| (entry.path, entry.kind)));
        Ok(Sent { operations, bytes, brought, ..Sent::default() })
    }

    /// Brings back what the container has changed of the outputs, if it says that there may be something.
    pub async fn look_for_outputs(&mut self) -> Result<Vec<Back>> {
        if self.ends.outputs.is_empty() {
            return Ok(Vec::new());
        }
        let _alone = locks::take_mirror(&self.ends.container, &self.ends.dir).await?;
        if self.transfer.has_fresh(&self.ends.outputs).await? { self.bring().await } else { Ok(Vec::new()) }
    }

    async fn bring(&mut self) -> Result<Vec<Back>> {
        outputs::bring(&self.engine, &self.ends, &mut self.agreed).await
    }

    /// Sees to outputs among what is to be sent: what has just come back is not sent, and what the container has changed
    /// meanwhile is not overwritten unseen.
    async fn before_sending(&mut self, operations: &mut Vec<Operation>) -> Result<Vec<Back>> {
        self.leave_agreed(operations);
        if !operations.iter().any(|operation| self.ends.is_output(operation.path())) {
            return Ok(Vec::new());
        }
        let brought = self.bring().await?;
        self.leave_agreed(operations);
        Ok(brought)
    }

    /// Leaves out the outputs that both sides have already.
    fn leave_agreed(&self, operations: &mut Vec<Operation>) {
        operations.retain(|operation| {
            let path = operation.path();
            let writes = matches!(operation, Operation::Write { .. } | Operation::Mode { .. } | Operation::Link { .. });
            !(writes && self.ends.is_output(path))
                || self.agreed.get(path) != host::stamp(&self.ends.source.root().join(path)).as_ref()
        });
    }

    /// Notes what was sent of the outputs.
    fn agree(&mut self, operations: &[Operation]) {
        for path in operations.iter().map(Operation::path).filter(|path| path.to_str().is_some()) {
            if self.ends.is_output(path) {
                match host::stamp(&self.ends.source.root().join(path)) {
                    Some(stamp) => self.agreed.insert(path.to_owned(), stamp),
                    None => self.agreed.remove(path),
                };
            }
        }
    }

    /// What both sides had of the outputs last.
    #[must_use]
    pub fn agreed(&self) -> &Stamps {
        &self.agreed
    }

    /// The root as the mirror last knew it.
    #[must_use]
    pub fn root(&self) -> SourceRoot {
        self.root
    }

    /// The container that it runs in.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.ends.container
    }

    fn forget(&mut self, path: &Path) {
        let below: Vec<PathBuf> = self.below(path).cloned().collect();
        for path in below {
            self.known.remove(&path);
        }
    }

    /// What is known at a path and below it.
    fn below<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a PathBuf> {
        let from = self.known.range(path.to_owned()..);
        from.map(|(path, _)| path).take_while(move |known| known.starts_with(path))
    }

    /// The changes, found by a walk of the whole tree: rules may say something else about any path now.
    fn whole(&self, changed: &BTreeSet<PathBuf>) -> Result<(Vec<Entry>, Vec<PathBuf>)> {
        let all = self.ends.source.walk()?;
        let here: BTreeSet<&Path> = all.iter().map(|entry| entry.path.as_path()).collect();
        let gone = self.known.keys().filter(|path| !here.contains(path.as_path())).cloned().collect();
        let everything = changed.iter().any(|path| path.as_os_str().is_empty());
        let is_new = |entry: &Entry| {
            everything || changed.contains(&entry.path) || self.known.get(&entry.path) != Some(&entry.kind)
        };
        Ok((all.iter().filter(|entry| is_new(entry)).cloned().collect(), gone))
    }

    /// The changes at some paths and below them.
    fn parts(&self, changed: &BTreeSet<PathBuf>) -> (Vec<Entry>, Vec<PathBuf>) {
        let (mut now, mut gone) = (BTreeMap::new(), BTreeSet::new());
        let mut listed: Option<&Path> = None;
        for path in changed {
            let entry = self.ends.source.entry(path);
            let is_folder = matches!(&entry, Some(Entry { kind: EntryKind::Folder, .. }));
            // What lies in a new folder was listed with it.
            let is_listed = listed.is_some_and(|listed| path.starts_with(listed));
            if is_folder && is_listed {
                continue;
            }
            let inner = if is_folder { self.ends.source.below(path) } else { Vec::new() };
            listed = if is_folder { Some(path) } else { listed };
            let here: BTreeSet<&Path> = entry.iter().chain(&inner).map(|entry| entry.path.as_path()).collect();
            gone.extend(self.below(path).filter(|known| !here.contains(known.as_path())).cloned());
            for inner in &inner {
                // A folder is named when something in it has changed, and what has is named too.
                if self.known.get(&inner.path) != Some(&inner.kind) {
                    now.insert(inner.path.clone(), inner.clone());
                }
            }
            for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
                if entry.is_some() && self.known.get(above) != Some(&EntryKind::Folder) {
                    now.insert(above.to_owned(), Entry { path: above.to_owned(), kind: EntryKind::Folder });
                }
            }
            now.extend(entry.map(|entry| (entry.path.clone(), entry)));
        }
        (now.into_values().collect(), gone.into_iter().collect())
    }
}

/// What the root of a source is now.
#[must_use]
pub fn root(path: &Path) -> SourceRoot {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => SourceRoot::Folder(metadata.dev(), metadata.ino()),
        Ok(_) => SourceRoot::NoFolder,
        Err(_) => SourceRoot::Missing,
    }
}
