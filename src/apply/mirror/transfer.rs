//! Carries operations to a mirror's helper: lines and what follows them, several under way, and each answer awaited.

use std::fs::Metadata;
use std::path::Path;
use std::sync::Arc;

use crate::config::model::values::RelPath;
use crate::error::{Error, Kind, Result};
use crate::host::archive::pack::{self, Archive};
use crate::host::engine::Engine;
use crate::host::engine::exec_stream::{ExecStream, Input, Output};
use crate::host::ignore::source::SourceFolder;
use crate::host::random;
use crate::plan::mirror::sync::Operation;
use crate::render::mirror::{self, Packet};

/// Files up to this size travel together, larger ones in pieces of it.
const PIECE: u64 = 1024 * 1024;
/// An archive ends when it is larger than this.
const ARCHIVE: usize = 2 * 1024 * 1024;

/// A helper that runs in a container.
pub struct Transfer {
    output: Output,
    input: Input,
    token: String,
    heard: Vec<u8>,
}

/// What the helper says to a line that went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// It is done.
    Done,
    /// It is done, and something that was asked for may have been written.
    Fresh,
}

/// What goes at once, made from files of this machine.
struct Chunk {
    packets: Vec<Packet>,
    bytes: u64,
    /// Where the next one begins.
    next: Place,
}

/// Where a chunk begins: at an operation, or within the large file that it writes.
#[derive(Debug, Clone, Default)]
struct Place {
    operation: usize,
    /// How much of the file has gone.
    offset: u64,
    /// The file as it was at its first piece.
    begun: Option<Metadata>,
    /// How often it was begun.
    tries: usize,
}

impl Place {
    fn at(operation: usize) -> Self {
        Self { operation, ..Self::default() }
    }
}

impl Transfer {
    /// Starts the helper.
    pub async fn open(engine: &Engine, container: &str, dir: &str) -> Result<Self> {
        let token = random::text(8)?;
        let argv = ["sh", "-c", mirror::HELPER, "devenv-mirror", dir, &token].map(str::to_owned).into();
        let ExecStream { output, input, .. } = engine.talk(container, argv).await?;
        let mut transfer = Self { output, input, token, heard: Vec::new() };
        transfer.answer().await?;
        Ok(transfer)
    }

    /// Carries out operations, which are in order, and returns the bytes of the files that were written. `is_new`: nobody
    /// looks at the folder yet, so files need not appear at once.
    pub async fn carry(&mut self, source: &Arc<SourceFolder>, operations: &[Operation], is_new: bool) -> Result<u64> {
        if operations.is_empty() {
            return Ok(0);
        }
        let all: Arc<[Operation]> = operations.into();
        let mut bytes = 0;
        let mut next = chunk_of(&all, source, &Place::default(), is_new)?;
        // The next chunk is packed while the one before it is on its way.
        loop {
            let at = next.next.clone();
            bytes += next.bytes;
            let is_last = at.operation >= all.len();
            let packing = (!is_last).then(|| {
                let (all, source) = (Arc::clone(&all), Arc::clone(source));
                tokio::task::spawn_blocking(move || chunk_of(&all, &source, &at, is_new))
            });
            self.deliver(&next.packets).await?;
            match packing {
                Some(packing) => next = packing.await.map_err(|error| Error::message(Kind::Bug, error))??,
                None => return Ok(bytes),
            }
        }
    }

    /// Says packets and waits until each is answered.
    async fn deliver(&mut self, packets: &[Packet]) -> Result<()> {
        let bytes = packets.iter().map(|packet| packet.0.as_slice()).collect::<Vec<_>>().concat();
        let Self { output, input, token, heard } = self;
        let answers = async {
            for _ in packets {
                answer(output, token, heard).await?;
            }
            Ok::<(), Error>(())
        };
        // An answer that is an error comes before all is sent; what is left to send is lost with the helper.
        let sending = input.send(&bytes);
        tokio::pin!(answers, sending);
        let mut said = false;
        loop {
            tokio::select! {
                biased;
                ended = &mut answers => return ended,
                spoken = &mut sending, if !said => {
                    said = true;
                    if spoken.is_err() {
                        // Why is what the helper has answered last.
                        answers.as_mut().await?;
                        return spoken;
                    }
                }
            }
        }
    }

    /// Whether one of these paths may have been written since it was asked before.
    pub async fn has_fresh(&mut self, paths: &[RelPath]) -> Result<bool> {
        self.input.send(&mirror::fresh(paths).0).await?;
        Ok(self.answer().await? == Answer::Fresh)
    }

    async fn answer(&mut self) -> Result<Answer> {
        answer(&mut self.output, &self.token, &mut self.heard).await
    }
}

/// Reads to the next answer.
async fn answer(output: &mut Output, token: &str, heard: &mut Vec<u8>) -> Result<Answer> {
    let mut fresh = false;
    let mut complaints: Vec<String> = Vec::new();
    loop {
        while let Some(end) = heard.iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&heard[..end]).into_owned();
            heard.drain(..=end);
            match line.strip_prefix(token).map(str::trim) {
                Some("ok") if fresh => return Ok(Answer::Fresh),
                Some("ok") => return Ok(Answer::Done),
                Some("fresh") => fresh = true,
                Some(_) => return Err(refused(&complaints)),
                None => complaints.push(line),
            }
        }
        match output.next().await? {
            Some(chunk) => heard.extend_from_slice(&chunk),
            None => {
                complaints.extend((!heard.is_empty()).then(|| String::from_utf8_lossy(heard).into_owned()));
                return Err(refused(&complaints));
            }
        }
    }
}

fn refused(complaints: &[String]) -> Error {
    let said: String = complaints.iter().rev().take(5).rev().map(|line| format!("\n    {line}")).collect();
    let error = Error::message(Kind::Failed, format!("the mirror's helper in the container has ended{said}"));
    match complaints.last() {
        Some(last) if last.contains("there is no") || last.contains("not found") => {
            error.hint("a mirror needs sh, tar and coreutils in the image: add them, or set `mirror: bind`")
        }
        _ => error.hint("`devenv up` compares everything and continues"),
    }
}

/// What goes next, from `at`.
fn chunk_of(operations: &[Operation], source: &SourceFolder, at: &Place, is_new: bool) -> Result<Chunk> {
    let begin = at.operation;
    if let Some(Operation::Write { path, executable, bytes }) = operations.get(begin)
        && *bytes > PIECE
    {
        return large(source, path, *executable, at);
    }
    let is_small = |operation: &&Operation| !matches!(operation, Operation::Write { bytes, .. } if *bytes > PIECE);
    let mut before: Vec<Operation> = Vec::new();
    let mut after: Vec<Operation> = Vec::new();
    let mut files: Vec<(&Path, pack::Content)> = Vec::new();
    let mut length = 0;
    let mut next = begin;
    for operation in operations[begin..].iter().take_while(is_small) {
        next += 1;
        match operation {
            Operation::Write { path, .. } => {
                // What is gone by now is reported by the next event.
                if let Some(content) = pack::read(&source.root().join(path)) {
                    length += content.bytes.len();
                    files.push((path, content));
                }
            }
            Operation::Clear(_) | Operation::Folder(_) => before.push(operation.clone()),
            _ => after.push(operation.clone()),
        }
        if length > ARCHIVE {
            break;
        }
    }
    let mut commands = mirror::commands(&before);
    let mut body = Vec::new();
    if let [(path, content)] = files.as_slice() {
        commands.push(mirror::file(path, content.executable, content.bytes.len() as u64));
        body.extend_from_slice(&content.bytes);
    } else if !files.is_empty() {
        let mut archive = Archive::default();
        for (path, content) in &files {
            archive.add(path, content)?;
        }
        body = archive.bytes()?;
        if is_new {
            commands.push(mirror::fill(body.len()));
        } else {
            let paths: Vec<&Path> = files.iter().map(|(path, _)| *path).collect();
            commands.extend(mirror::files(&paths, body.len()));
        }
    }
    commands.extend(mirror::commands(&after));
    let packets = if commands.is_empty() { Vec::new() } else { vec![mirror::packet(&commands, &body)] };
    Ok(Chunk { packets, bytes: length as u64, next: Place::at(next) })
}

/// The next piece of a large file. One that changes meanwhile is begun again, and after some tries left as it was: the
/// event that says so sends it again. One that is gone is left to its own event.
fn large(source: &SourceFolder, path: &Path, executable: bool, at: &Place) -> Result<Chunk> {
    use std::io::{Read, Seek, SeekFrom};
    let full = source.root().join(path);
    let odd = |error: std::io::Error| Error::message(Kind::Failed, format!("cannot read {}: {error}", full.display()));
    let nothing = |next: Place| Ok(Chunk { packets: Vec::new(), bytes: 0, next });
    let after = Place::at(at.operation + 1);
    let Some((mut file, metadata)) = pack::open(&full) else { return nothing(after) };
    let begun = at.begun.clone().unwrap_or(metadata);
    file.seek(SeekFrom::Start(at.offset)).map_err(odd)?;
    let mut piece = Vec::new();
    std::io::Read::by_ref(&mut file).take(PIECE).read_to_end(&mut piece).map_err(odd)?;
    if !pack::is_same(&begun, &file.metadata().map_err(odd)?) {
        let tries = at.tries + 1;
        return nothing(if tries < pack::TRIES { Place { tries, ..Place::at(at.operation) } } else { after });
    }
    let mut commands = vec![mirror::piece(piece.len(), at.offset == 0)];
    let is_end = (piece.len() as u64) < PIECE;
    if is_end {
        commands.push(mirror::last_piece(path, executable));
    }
    let bytes = piece.len() as u64;
    let next = if is_end { after } else { Place { offset: at.offset + bytes, begun: Some(begun), ..at.clone() } };
    Ok(Chunk { packets: vec![mirror::packet(&commands, &piece)], bytes, next })
}
