//! The copy of a part's source, made equal whether its container runs or not: where it does not, a one-off container of the
//! same definition stands in for it. A copy needs no running program.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::apply::mirror::{self, Guard, Sent};
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::engine::one_off::OneOff;
use crate::host::random;
use crate::host::{locks, watcher_process};
use crate::plan::mirror::copy::Copy;
use crate::plan::mirror::halt::Halt;
use crate::plan::observed::ContainerState;
use crate::plan::parts::Part;

/// A container that stands in for a part's own, until it is ended.
pub struct StandIn {
    /// Its id.
    pub id: String,
    _alone: File,
}

/// What a copy is made equal with.
#[derive(Clone, Copy)]
pub struct Equal<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The checkout's folder.
    pub root: &'a Path,
    /// Name of the compose project.
    pub project: &'a str,
    /// Whether the copy may be emptied.
    pub guard: Guard,
}

impl Equal<'_> {
    /// Makes the copy of a part equal by content; `container` is the part's own. A halt is not an error of this function.
    pub async fn make(&self, part: &Part, copy: &Copy, container: &str) -> Result<Sent> {
        if runs(self.engine, container).await {
            match self.compare(part, copy, container).await {
                // Its program has ended meanwhile, and took the helper with it.
                Err(_) if !runs(self.engine, container).await => {}
                sent => return sent,
            }
        }
        let stand_in = self.begin(part, copy, container).await?;
        let sent = self.compare(part, copy, &stand_in.id).await;
        self.end(stand_in).await?;
        sent
    }

    /// Starts a container like `container`, which does not run, with nothing in it that changes the copy.
    pub async fn begin(&self, part: &Part, copy: &Copy, container: &str) -> Result<StandIn> {
        // Two helpers in different containers would take each other's staged files for left-overs.
        let alone = locks::take_mirror(&copy.volume, "stand-in").await?;
        let one_off = OneOff {
            like: container.to_owned(),
            name: format!("{}-{}-mirror-{}", self.project, part.name, random::text(3)?),
            purpose: "mirror".to_owned(),
            argv: ["sh", "-c", "trap 'exit 0' TERM; sleep 86400 & wait"].map(str::to_owned).into(),
            ..OneOff::default()
        };
        let stand_in = StandIn { id: self.engine.create_one_off(&one_off).await?, _alone: alone };
        match self.engine.start(&stand_in.id).await {
            Ok(()) => Ok(stand_in),
            Err(error) => self.end(stand_in).await.and(Err(error)),
        }
    }

    /// Removes it.
    pub async fn end(&self, stand_in: StandIn) -> Result<()> {
        self.engine.remove_one_off(&stand_in.id).await
    }

    /// The same for whoever is about to start something on the copy: a halt is an error.
    pub async fn before_start(&self, part: &Part, copy: &Copy, container: &str) -> Result<Sent> {
        let sent = self.make(part, copy, container).await?;
        match &sent.halted {
            Some(halt) => Err(halted(part, halt)),
            None => Ok(sent),
        }
    }

    async fn compare(&self, part: &Part, copy: &Copy, container: &str) -> Result<Sent> {
        let ends = mirror::ends(self.root, copy, container.to_owned())?;
        let agreed = watcher_process::state(self.root).modules.remove(&part.name).unwrap_or_default().outputs;
        let (session, sent) = mirror::MirrorSession::open(self.engine, ends, self.guard, agreed).await?;
        if !copy.outputs.is_empty() {
            let agreed = session.agreed().clone();
            watcher_process::update(self.root, |state| {
                state.modules.entry(part.name.clone()).or_default().outputs = agreed;
            })?;
        }
        Ok(sent)
    }
}

/// Those of the paths that are not in the copy which nobody was told of yet; they count as told from now on.
pub fn untold(root: &Path, part: &Part, sent: &Sent) -> Result<Vec<PathBuf>> {
    let known = watcher_process::state(root).modules.remove(&part.name).unwrap_or_default().left_out;
    let new: Vec<PathBuf> = sent.left_out.iter().filter(|path| !known.contains(*path)).cloned().collect();
    if !new.is_empty() {
        watcher_process::update(root, |state| {
            state.modules.entry(part.name.clone()).or_default().left_out.extend(new.iter().cloned());
        })?;
    }
    Ok(new)
}

/// Whether a container runs; one that is gone does not.
pub(crate) async fn runs(engine: &Engine, container: &str) -> bool {
    engine.detail(container).await.is_ok_and(|detail| detail.state == ContainerState::Running)
}

/// Whether a container goes on although its processes could not be asked: the engine says a moment later that one has ended.
pub(crate) async fn goes_on(engine: &Engine, container: &str) -> bool {
    for _ in 0..10 {
        if !runs(engine, container).await {
            return false;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    true
}

fn halted(part: &Part, halt: &Halt) -> Error {
    let message = format!("the mirror of `{}` is halted: {halt}; nothing was changed in the container", part.name);
    Error::message(Kind::Failed, message)
        .hint(format!("bring the files back, or, if this is intended, `devenv mirror resume {}`", part.name))
}
