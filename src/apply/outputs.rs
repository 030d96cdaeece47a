//! Brings back what the container has changed of the outputs, as `plan/outputs.rs` decides.

use futures_util::StreamExt;

use crate::apply::mirror::Ends;
use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::outputs::{self, Spool};
use crate::host::pipe;
use crate::plan::outputs::{Back, Stamps, back};

/// Compares the outputs of both sides and brings back what the container has changed. `agreed` is what both sides had
/// last, and what they have now afterwards. The container need not run.
pub async fn bring(engine: &Engine, ends: &Ends, agreed: &mut Stamps) -> Result<Vec<Back>> {
    if ends.outputs.is_empty() {
        return Ok(Vec::new());
    }
    let mut spool = Spool::new(&ends.spool)?;
    for output in &ends.outputs {
        let name = output.clone();
        let (send, reading) = pipe::reading(move |pipe| {
            spool.take(&name, pipe)?;
            Ok(spool)
        });
        let path = format!("{}/{output}", ends.dir);
        if let Some(mut archive) = engine.archive(&ends.container, &path).await? {
            while let Some(chunk) = archive.next().await {
                // A reader that has failed says why itself.
                let _ = send.send(chunk?).await;
            }
        }
        drop(send);
        spool = pipe::ended(reading).await?;
    }
    let root = ends.source.root();
    let here = outputs::stamps(root, &ends.outputs);
    let mut all = back(&ends.outputs, &here, &spool.stamps, agreed, |path| ends.source.keeps(path, false));
    for back in &mut all {
        let placed = match &*back {
            Back::Bring(path) => spool.place(root, path),
            Back::Remove(path) => outputs::remove(root, path),
            Back::Conflict(_) | Back::Refused(..) => Ok(()),
        };
        if let (Err(error), Back::Bring(path) | Back::Remove(path)) = (placed, &*back) {
            *back = Back::Refused(path.clone(), error.to_string());
        }
    }
    // What was changed here alone is agreed on when it has been sent.
    let sent_by_us = |path: &std::path::PathBuf| {
        let own = here.get(path);
        own.is_some() && own != spool.stamps.get(path) && !all.iter().any(|back| back.path() == path)
    };
    agreed.retain(|path, _| spool.stamps.contains_key(path) || (here.contains_key(path) && sent_by_us(path)));
    for (path, stamp) in spool.stamps.iter().filter(|(path, _)| path.to_str().is_some() && !sent_by_us(path)) {
        agreed.insert(path.clone(), stamp.clone());
    }
    Ok(all)
}
