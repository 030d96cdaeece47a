//! Reading files that others have written: no more than a budget, only what is a file, and without waiting for a writer.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// The largest text that is read: configuration, templates, Dockerfiles, lock files.
pub const MOST_TEXT: u64 = 64 << 20;

/// Opens a file and nothing else: a FIFO does not block, a device does not answer. Links are followed.
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok((file, metadata))
}

/// The bytes of a file of at most `most` bytes. What is said to be short and does not end, as in /proc, counts as it is
/// read.
pub fn within(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, metadata) = open(path)?;
    let too_large = || {
        let what = format!("it is larger than {} MiB", most >> 20);
        io::Error::new(io::ErrorKind::FileTooLarge, what)
    };
    if metadata.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

/// The bytes of a text; see [`MOST_TEXT`].
pub fn text(path: &Path) -> io::Result<Vec<u8>> {
    within(path, MOST_TEXT)
}

/// Hands on each line of a file, however large that is, as long as `each` wants more.
pub fn lines(path: &Path, mut each: impl FnMut(&str) -> bool) -> io::Result<()> {
    let (mut reader, mut line) = (BufReader::new(open(path)?.0), Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        if !each(text.strip_suffix('\n').unwrap_or(&text)) {
            break;
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_handed_on_until_nobody_wants_more() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        std::fs::write(&path, b"a\n\nb\xff\nc").unwrap();
        let read = |most: usize| {
            let mut all = Vec::new();
            lines(&path, |line| {
                all.push(line.to_owned());
                all.len() < most
            })
            .unwrap();
            all
        };
        assert_eq!(read(9), ["a", "", "b\u{fffd}", "c"]);
        assert_eq!(read(1), ["a"]);
    }

    #[test]
    fn what_is_no_file_or_too_large_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
        let said = |path: &Path| text(path).unwrap_err().to_string();
        assert_eq!(said(&fifo), "it is not a regular file");
        assert_eq!(said(Path::new("/dev/zero")), "it is not a regular file");
        assert_eq!(said(folder.path()), "it is a folder");
        let large = folder.path().join("large");
        File::create(&large).unwrap().set_len(3 << 20).unwrap();
        assert_eq!(within(&large, 2 << 20).unwrap_err().to_string(), "it is larger than 2 MiB");
        assert_eq!(within(&large, 3 << 20).unwrap().len(), 3 << 20);
        assert!(!text(Path::new("/proc/self/status")).unwrap().is_empty());
    }
}
