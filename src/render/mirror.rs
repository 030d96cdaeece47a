//! Operations of a mirror as lines for its helper, in which any name survives but for NUL, which no name has.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::config::model::values::RelPath;
use crate::plan::mirror::sync::Operation;

/// The container's end, which is sent as the text of `sh -c`.
pub const HELPER: &str = include_str!("../../templates/mirror/helper.sh");

/// Longest script that goes in the line itself: the helper reads a line byte by byte, and a file at once.
const SHORT: usize = 600;

/// A word of shell that is exactly these bytes, on one line.
#[must_use]
pub fn quoted(name: &OsStr) -> Vec<u8> {
    let mut word = vec![b'\''];
    for byte in name.as_bytes() {
        match byte {
            b'\'' => word.extend_from_slice(b"'\\''"),
            b'\n' => word.extend_from_slice(b"'\"$nl\"'"),
            other => word.push(*other),
        }
    }
    word.push(b'\'');
    word
}

/// A path relative to the mirrored folder that no command takes for an option.
fn path(path: &Path) -> Vec<u8> {
    let mut text = b"./".to_vec();
    text.extend_from_slice(path.as_os_str().as_bytes());
    quoted(OsStr::from_bytes(&text))
}

/// One line for the helper, with what follows it on its input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packet(pub Vec<u8>);

/// Joins commands to one line, or to a script that the helper takes and runs; `body` is what they read.
#[must_use]
pub fn packet(commands: &[Vec<u8>], body: &[u8]) -> Packet {
    let script = commands.join(&b" && "[..]);
    let mut bytes;
    if script.len() <= SHORT {
        bytes = script;
        bytes.push(b'\n');
    } else {
        // Read as a whole before it runs, so that it may take its own input from behind itself.
        bytes = format!("take {} >\"$stage/script\" && . \"$stage/script\"\n", script.len()).into_bytes();
        bytes.extend(script);
    }
    bytes.extend_from_slice(body);
    Packet(bytes)
}

/// The question whether one of these paths may have been written since it was asked before.
#[must_use]
pub fn fresh(paths: &[RelPath]) -> Packet {
    let words = paths.iter().flat_map(|one| [b" ".to_vec(), path(Path::new(one.as_str()))].concat());
    packet(&[b"fresh".iter().copied().chain(words).collect()], b"")
}

/// The commands of operations that write no file's content.
#[must_use]
pub fn commands(operations: &[Operation]) -> Vec<Vec<u8>> {
    let mut made: Vec<Vec<u8>> = Vec::new();
    let mut last: Option<&'static str> = None;
    for operation in operations {
        let (verb, words) = match operation {
            Operation::Clear(at) => ("rm -rf", path(at)),
            Operation::Folder(at) => ("mkdir -p", path(at)),
            Operation::Mode { path: at, executable } => (if *executable { "chmod 755" } else { "chmod 644" }, path(at)),
            Operation::Remove(at) => ("rm -f", path(at)),
            Operation::RemoveFolder(at) => ("drop", path(at)),
            Operation::Link { path: at, target } => {
                let link =
                    [b"{ rm -rf ", &path(at)[..], b" && ln -s -- ", &quoted(target.as_os_str()), b" ", &path(at)];
                made.push([&link.concat()[..], b"; }"].concat());
                last = None;
                continue;
            }
            Operation::Write { .. } => continue,
        };
        match made.last_mut() {
            Some(command) if last == Some(verb) && command.len() < 60_000 => {
                command.push(b' ');
                command.extend(words);
            }
            _ => made.push([verb.as_bytes(), b" ", &words[..]].concat()),
        }
        last = Some(verb);
    }
    made
}

/// One file of `bytes` bytes, which follow the line.
#[must_use]
pub fn file(at: &Path, executable: bool, bytes: u64) -> Vec<u8> {
    let mode = if executable { &b"chmod 755 \"$stage/f\" && "[..] } else { b"" };
    let take = if bytes == 0 {
        b": >\"$stage/f\" && ".to_vec()
    } else {
        format!("take {bytes} >\"$stage/f\" && ").into_bytes()
    };
    [&take[..], mode, &placed(at)].concat()
}

/// Renames what is staged to its place. A folder that stands there has only been left because of what was made in it,
/// and `mv` would move the file into it.
fn placed(at: &Path) -> Vec<u8> {
    let at = path(at);
    [b"{ [ ! -d ", &at[..], b" ] || rm -rf ", &at, b"; } && mv -f -- \"$stage/f\" ", &at].concat()
}

/// A piece of a file that is too large for one packet.
#[must_use]
pub fn piece(bytes: usize, is_first: bool) -> Vec<u8> {
    format!("take {bytes} {} \"$stage/f\"", if is_first { ">" } else { ">>" }).into_bytes()
}

/// The end of a file that came in pieces.
#[must_use]
pub fn last_piece(at: &Path, executable: bool) -> Vec<u8> {
    let mode = if executable { &b"chmod 755 \"$stage/f\" && "[..] } else { b"" };
    [mode, &placed(at)].concat()
}

/// Files that follow as a tar archive of `bytes` bytes: unpacked beside, then renamed folder by folder.
#[must_use]
pub fn files(paths: &[&Path], bytes: usize) -> Vec<Vec<u8>> {
    let mut made = vec![format!("mkdir \"$stage/t\" && take {bytes} | tar -xomf - -C \"$stage/t\"").into_bytes()];
    let mut folder: Option<&Path> = None;
    for at in paths {
        let above = at.parent().unwrap_or(Path::new(""));
        let from = [&b"\"$stage/t\"/"[..], &quoted(at.as_os_str())].concat();
        match made.last_mut() {
            Some(command) if folder == Some(above) && command.len() < 60_000 => {
                // The folder that they go to stands at the end.
                let end = command.len() - path(above).len() - 1;
                command.splice(end..end, [b" ", &from[..]].concat());
            }
            _ => made.push([b"mv -f -- ", &from[..], b" ", &path(above)].concat()),
        }
        folder = Some(above);
    }
    made.push(b"rm -rf \"$stage/t\"".to_vec());
    made
}

/// Files that follow as a tar archive, for a folder that nobody looks at yet: unpacked in place.
#[must_use]
pub fn fill(bytes: usize) -> Vec<u8> {
    format!("take {bytes} | tar -xomf -").into_bytes()
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
