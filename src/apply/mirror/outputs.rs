//! Brings back what the container has changed of the outputs, as `plan/mirror/outputs.rs` decides.

use std::path::Path;

use crate::apply::mirror::ends::Ends;
use crate::error::Result;
use crate::host::archive::pipe::Pipe;
use crate::host::engine::Engine;
use crate::host::outputs::{self, Spool};
use crate::plan::mirror::outputs::{Back, Stamps, back};

/// Compares the outputs of both sides and brings back what the container has changed. `agreed` is what both sides had
/// last, and what they have now afterwards. The container need not run.
pub async fn bring(engine: &Engine, ends: &Ends, agreed: &mut Stamps) -> Result<Vec<Back>> {
    if ends.outputs.is_empty() {
        return Ok(Vec::new());
    }
    let mut spool = Spool::new(&ends.spool)?;
    for output in &ends.outputs {
        let name = output.clone();
        let path = format!("{}/{output}", ends.dir);
        let take = move |pipe: &mut Pipe| {
            spool.take(&name, pipe)?;
            Ok(spool)
        };
        (spool, _) = engine.read_archive(&ends.container, &path, take).await?;
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
    // What is there is known now; what was changed here alone is agreed on when it has been sent.
    let is_ours = |path: &Path| {
        let differs = here.get(path).is_some_and(|own| Some(own) != spool.stamps.get(path));
        differs && !all.iter().any(|back| back.path() == path)
    };
    agreed.retain(|path, _| spool.stamps.contains_key(path));
    for (path, stamp) in spool.stamps.iter().filter(|(path, _)| path.to_str().is_some() && !is_ours(path)) {
        agreed.insert(path.clone(), stamp.clone());
    }
    Ok(all)
}
