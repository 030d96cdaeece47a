//! Runs a mirror: one helper in one container, a full comparison when it is opened, then what changes. What is to be
//! done is decided in `plan/sync.rs`; here it is carried out and remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::apply::courier::Courier;
use crate::config::values::RelPath;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::host::comparison;
use crate::host::engine::Engine;
use crate::host::locks;
use crate::host::source::Source;
use crate::plan::parts::Copy;
use crate::plan::sync::{self, Halt, Operation, Root, Seen};
use crate::plan::tree::{Entry, Kind};

/// What a mirror connects.
#[derive(Debug, Clone)]
pub struct Ends {
    /// The running container.
    pub container: String,
    /// The source.
    pub source: Arc<Source>,
    /// The mirrored folder in the container.
    pub dir: String,
    /// Paths below it that come back, and are not taken away there.
    pub outputs: Vec<RelPath>,
    /// Paths below it that other volumes are mounted on.
    pub mounted: Vec<PathBuf>,
}

/// The ends of a module's copy, with a container that has it mounted.
pub fn ends(checkout: &Path, copy: &Copy, container: String) -> Result<Ends> {
    Ok(Ends {
        container,
        source: Arc::new(Source::open(checkout, &copy.folder, &copy.patterns())?),
        dir: copy.dir.clone(),
        outputs: copy.outputs.clone(),
        mounted: copy.mounted.iter().map(PathBuf::from).collect(),
    })
}

/// Whether a mirror may empty what it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// It halts before it does.
    On,
    /// It halts before it does; and the root was this one when the mirror last knew it.
    Since(Root),
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
    /// Why nothing was done.
    pub halted: Option<Halt>,
}

/// How a mirror is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// When the last batch had arrived.
    pub in_sync_since: SystemTime,
    /// Files that are mirrored.
    pub files: usize,
    /// Their length together.
    pub bytes: u64,
    /// Why nothing is sent any more.
    pub halted: Option<Halt>,
}

/// A mirror that is open. It ends when this is dropped; after an error it must be opened anew.
pub struct Session {
    ends: Ends,
    courier: Courier,
    /// What is in the container and counts.
    known: BTreeMap<PathBuf, Kind>,
    root: Root,
    in_sync_since: SystemTime,
    halted: Option<Halt>,
}

impl Session {
    /// Begins a mirror: both ends are compared by content and made equal.
    pub async fn open(engine: &Engine, ends: Ends, guard: Guard) -> Result<(Self, Sent)> {
        let courier = Courier::open(engine, &ends.container, &ends.dir).await?;
        let _alone = locks::take_mirror(&ends.container, &ends.dir).await?;
        let root = root(ends.source.root());
        let (here, seen) = look(engine, &ends).await?;
        let known = here.iter().map(|entry| (entry.path.clone(), entry.kind.clone())).collect();
        let mut session = Self { ends, courier, known, root, in_sync_since: SystemTime::now(), halted: None };
        let operations = sync::compared(&here, &seen);
        let gone = operations.iter().filter(|operation| matches!(operation, Operation::Remove(_))).count();
        let files = seen.values().filter(|what| !matches!(what, Seen::Folder)).count();
        let left = here.iter().filter(|entry| entry.kind != Kind::Folder).count();
        let before = match guard {
            Guard::Since(root) => Some(root),
            Guard::On | Guard::Off => None,
        };
        if guard != Guard::Off
            && let Some(halt) = sync::halt(before, root, files, gone, left)
        {
            session.known.clear();
            session.root = before.unwrap_or(root);
            session.halted = Some(halt.clone());
            return Ok((session, Sent { halted: Some(halt), ..Sent::default() }));
        }
        let bytes = session.courier.carry(&session.ends.source, &operations, seen.is_empty()).await?;
        session.in_sync_since = SystemTime::now();
        Ok((session, Sent { operations, bytes, halted: None }))
    }

    /// Brings what is at these paths now into the container, as one batch. A changed `.gitignore`, and a path that is
    /// empty, stand for the whole tree.
    pub async fn send(&mut self, changed: &BTreeSet<PathBuf>) -> Result<Sent> {
        if let Some(halt) = &self.halted {
            return Ok(Sent { halted: Some(halt.clone()), ..Sent::default() });
        }
        let _alone = locks::take_mirror(&self.ends.container, &self.ends.dir).await?;
        let at_root = root(self.ends.source.root());
        if let Some(halt) = sync::halt(None, at_root, 0, 0, 0) {
            self.halted = Some(halt.clone());
            return Ok(Sent { halted: Some(halt), ..Sent::default() });
        }
        let rules = |path: &PathBuf| path.as_os_str().is_empty() || path.ends_with(".gitignore");
        let (now, gone) = if changed.iter().any(rules) { self.whole(changed)? } else { self.parts(changed) };
        let is_file = |path: &PathBuf| self.known.get(path).is_some_and(|kind| *kind != Kind::Folder);
        let known = self.known.values().filter(|kind| **kind != Kind::Folder).count();
        let going = gone.iter().filter(|path| is_file(path)).count();
        // Who takes away most is asked what is left, and not believed by the batch.
        let left = if going * 2 > known {
            self.ends.source.walk().map_or(0, |all| all.iter().filter(|entry| entry.kind != Kind::Folder).count())
        } else {
            known.max(1)
        };
        if let Some(halt) = sync::halt(Some(self.root), at_root, known, going, left) {
            self.halted = Some(halt.clone());
            return Ok(Sent { halted: Some(halt), ..Sent::default() });
        }
        self.root = at_root;
        let operations = sync::changed(&now, &self.known, &gone);
        let bytes = self.courier.carry(&self.ends.source, &operations, false).await?;
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
        self.in_sync_since = SystemTime::now();
        Ok(Sent { operations, bytes, halted: None })
    }

    /// How the mirror is.
    #[must_use]
    pub fn status(&self) -> Status {
        let lengths = self.known.values().filter_map(|kind| match kind {
            Kind::File { bytes, .. } => Some(*bytes),
            _ => None,
        });
        Status {
            in_sync_since: self.in_sync_since,
            files: self.known.values().filter(|kind| **kind != Kind::Folder).count(),
            bytes: lengths.sum(),
            halted: self.halted.clone(),
        }
    }

    /// The root as the mirror last knew it.
    #[must_use]
    pub fn root(&self) -> Root {
        self.root
    }

    /// The container that it runs in.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.ends.container
    }

    /// The folder of the source.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.ends.source.root()
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
        for path in changed {
            let entry = self.ends.source.entry(path);
            let inner = match &entry {
                Some(Entry { kind: Kind::Folder, .. }) => self.ends.source.below(path),
                _ => Vec::new(),
            };
            let here: BTreeSet<&Path> = entry.iter().chain(&inner).map(|entry| entry.path.as_path()).collect();
            gone.extend(self.below(path).filter(|known| !here.contains(known.as_path())).cloned());
            for inner in &inner {
                // A folder is named when something in it has changed, and what has is named too.
                if self.known.get(&inner.path) != Some(&inner.kind) {
                    now.insert(inner.path.clone(), inner.clone());
                }
            }
            for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
                if entry.is_some() && self.known.get(above) != Some(&Kind::Folder) {
                    now.insert(above.to_owned(), Entry { path: above.to_owned(), kind: Kind::Folder });
                }
            }
            now.extend(entry.map(|entry| (entry.path.clone(), entry)));
        }
        (now.into_values().collect(), gone.into_iter().collect())
    }
}

/// What a comparison finds that differs, for people.
pub async fn verify(engine: &Engine, ends: &Ends) -> Result<Vec<Operation>> {
    let (here, seen) = look(engine, ends).await?;
    Ok(sync::compared(&here, &seen))
}

/// Both trees: what counts here, and how the container's differs.
async fn look(engine: &Engine, ends: &Ends) -> Result<(Vec<Entry>, BTreeMap<PathBuf, Seen>)> {
    let mut argv = vec!["tar".to_owned(), "-C".to_owned(), ends.dir.clone()];
    let mut left_out = vec![PathBuf::from(".devenv")];
    left_out.extend(ends.mounted.iter().cloned());
    argv.extend(left_out.iter().map(|path| format!("--exclude=./{}", escaped(&path.to_string_lossy()))));
    argv.extend(["-cf", "-", "."].map(str::to_owned));
    let mut talk = engine.talk(&ends.container, argv).await?;
    let (send, receive) = tokio::sync::mpsc::channel::<bytes::Bytes>(64);
    let source = Arc::clone(&ends.source);
    let reading = tokio::task::spawn_blocking(move || {
        let here = source.walk()?;
        let mut pipe = Pipe { chunks: receive, rest: bytes::Bytes::new() };
        let seen = comparison::compare(&mut pipe, &source)?;
        // What follows the end of the archive is padding.
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        Ok::<_, Error>((here, seen))
    });
    while let Some(chunk) = talk.ear.hear().await? {
        if send.send(chunk).await.is_err() {
            break;
        }
    }
    drop(send);
    let code = engine.code(&talk.id).await?;
    let ended = reading.await.map_err(|error| Error::message(ErrorKind::Bug, error))?;
    // 1: a file changed while it was read, which the next event or comparison tells.
    match code {
        0 | 1 => {}
        126 | 127 => {
            let message = format!("the image of {} has no `tar`, which a mirror needs", ends.container);
            return Err(
                Error::message(ErrorKind::Failed, message).hint("add the package tar to the image, or `mirror: bind`")
            );
        }
        code => {
            let message = format!("cannot read {} in the container: tar ended with code {code}", ends.dir);
            return Err(Error::message(ErrorKind::Failed, message));
        }
    }
    let (here, mut seen) = ended?;
    let ours: BTreeSet<&Path> = here.iter().map(|entry| entry.path.as_path()).collect();
    // What comes back from the container is not taken away there.
    seen.retain(|path, _| {
        ours.contains(path.as_path()) || !ends.outputs.iter().any(|output| path.starts_with(output.as_str()))
    });
    Ok((here, seen))
}

fn escaped(path: &str) -> String {
    path.chars().flat_map(|c| if matches!(c, '*' | '?' | '[' | '\\') { vec!['\\', c] } else { vec![c] }).collect()
}

/// What the root of a source is now.
#[must_use]
pub fn root(path: &Path) -> Root {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Root::Folder(metadata.dev(), metadata.ino()),
        Ok(_) => Root::NoFolder,
        Err(_) => Root::Missing,
    }
}

/// Chunks that arrive, as something to read from.
struct Pipe {
    chunks: tokio::sync::mpsc::Receiver<bytes::Bytes>,
    rest: bytes::Bytes,
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.rest.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.rest = chunk,
                None => return Ok(0),
            }
        }
        let count = self.rest.len().min(into.len());
        into[..count].copy_from_slice(&self.rest.split_to(count));
        Ok(count)
    }
}
