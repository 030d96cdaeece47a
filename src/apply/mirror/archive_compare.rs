//! A full comparison of a copy with its source: the container's tree streams by and is compared by content.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::apply::mirror::ends::Ends;
use crate::error::{Error, Kind, Result};
use crate::host::archive::comparison;
use crate::host::archive::pipe;
use crate::host::engine::Engine;
use crate::host::ignore::source::Survey;
use crate::plan::mirror::sync::{self, Counterpart, Operation};
use crate::plan::mirror::tree::Entry;

/// Bytes that are kept of what should be an archive and may be a message.
const SAID: usize = 500;

/// What a comparison finds that differs, for people.
pub async fn verify(engine: &Engine, ends: &Ends) -> Result<Vec<Operation>> {
    let Looked { here, seen, .. } = look(engine, ends).await?;
    Ok(sync::compared(&here, &seen))
}

/// Both trees.
pub(crate) struct Looked {
    /// What counts here.
    pub(crate) here: Vec<Entry>,
    /// What is here and does not count, as [`SourceFolder::survey`] has it.
    pub(crate) left_out: Vec<PathBuf>,
    /// How the container's differs.
    pub(crate) seen: BTreeMap<PathBuf, Counterpart>,
}

/// Looks at both trees.
pub(crate) async fn look(engine: &Engine, ends: &Ends) -> Result<Looked> {
    let mut argv = vec!["tar".to_owned(), "-C".to_owned(), ends.dir.clone()];
    let mut left_out = vec![PathBuf::from(".devenv")];
    left_out.extend(ends.mounted.iter().cloned());
    argv.extend(left_out.iter().map(|path| format!("--exclude=./{}", escaped(&path.to_string_lossy()))));
    argv.extend(["-cf", "-", "."].map(str::to_owned));
    let mut talk = engine.talk(&ends.container, argv).await?;
    let source = Arc::clone(&ends.source);
    let (send, reading) = pipe::reading(move |pipe| {
        let Survey { entries: here, left_out, .. } = source.survey()?;
        let walked = here.iter().map(|entry| (entry.path.as_path(), &entry.kind)).collect();
        let seen = comparison::compare(pipe, &source, &walked)?;
        Ok(Looked { here, left_out, seen })
    });
    let mut said = Vec::new();
    while let Some(chunk) = talk.output.next().await? {
        if said.len() < SAID {
            said.extend_from_slice(&chunk);
        }
        if send.send(chunk).await.is_err() {
            break;
        }
    }
    drop(send);
    let code = engine.code(&talk.id).await?;
    let ended = pipe::ended(reading).await;
    // 1: a file changed while it was read, which the next event or comparison tells.
    match code {
        0 | 1 => {}
        // What the engine cannot start, it says in place of the archive.
        126 | 127 => {
            said.truncate(SAID);
            let said = String::from_utf8_lossy(&said);
            let error = |message: String| Error::message(Kind::Failed, message);
            return Err(if said.contains("not found") {
                error(format!("the image of {} has no `tar`, which a mirror needs", ends.container))
                    .hint("add the package tar to the image, or `mirror: bind`")
            } else {
                error(format!("cannot read {} in the container: {}", ends.dir, said.trim()))
            });
        }
        code => {
            let message = format!("cannot read {} in the container: tar ended with code {code}", ends.dir);
            return Err(Error::message(Kind::Failed, message));
        }
    }
    let mut looked = ended?;
    let ours: BTreeSet<&Path> = looked.here.iter().map(|entry| entry.path.as_path()).collect();
    // What comes back from the container is not taken away there.
    looked.seen.retain(|path, _| ours.contains(path.as_path()) || !ends.is_output(path));
    Ok(looked)
}

fn escaped(path: &str) -> String {
    path.chars().flat_map(|c| if matches!(c, '*' | '?' | '[' | '\\') { vec!['\\', c] } else { vec![c] }).collect()
}
