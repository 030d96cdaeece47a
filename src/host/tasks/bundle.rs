//! What a failed run leaves for somebody else: one archive of texts and files, without secrets.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::host::files::{failed, ownership, reading};
use crate::redact::{hidden, hide};

/// The largest file that is put in, and how much of all files is.
const MOST_FILE: u64 = 16 << 20;
const MOST_ALL: u64 = 256 << 20;

/// The content of a bundle.
#[derive(Default)]
pub struct Bundle {
    /// Texts, each with its path inside.
    pub texts: Vec<(String, String)>,
    /// Files of this machine, each with its path inside.
    pub files: Vec<(String, PathBuf)>,
}

impl Bundle {
    /// Writes the archive, and returns a line for each file that is not in it, which it holds too.
    pub fn write(&self, path: &Path) -> Result<Vec<String>> {
        let file =
            ownership::open(path).and_then(|file| file.set_len(0).map(|()| file)).map_err(failed("write", path))?;
        let mut packed = tar::Builder::new(BufWriter::new(file));
        self.pack(&mut packed).map_err(failed("write", path))
    }

    fn pack(&self, packed: &mut tar::Builder<BufWriter<File>>) -> io::Result<Vec<String>> {
        let (mut left_out, mut left) = (Vec::new(), MOST_ALL);
        for (name, path) in &self.files {
            match content(path) {
                Ok(bytes) if bytes.len() as u64 > left => left_out.push(format!("{}: the bundle is full", hide(name))),
                Ok(bytes) => {
                    left -= bytes.len() as u64;
                    add(packed, name, &bytes)?;
                }
                Err(why) => left_out.push(format!("{}: {why}", hide(name))),
            }
        }
        for (name, text) in &self.texts {
            add(packed, name, hide(text).as_bytes())?;
        }
        if !left_out.is_empty() {
            add(packed, "left-out.txt", (left_out.join("\n") + "\n").as_bytes())?;
        }
        packed.finish()?;
        packed.get_mut().flush()?;
        Ok(left_out)
    }
}

/// The bytes of a file with its secrets hidden, or why it is not for others.
fn content(path: &Path) -> Result<Vec<u8>, String> {
    if path.is_symlink() {
        return Err("it is a link".to_owned());
    }
    let bytes = reading::within(path, MOST_FILE).map_err(|error| error.to_string())?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(hide(&text).into_bytes()),
        Err(error) => {
            let bytes = error.into_bytes();
            // One character for each byte: what is between two others is found too.
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            let lossy = String::from_utf8_lossy(&bytes);
            let has_secret = hidden(&text) != text || hidden(&lossy) != lossy;
            if has_secret { Err("it is not text, and holds a secret".to_owned()) } else { Ok(bytes) }
        }
    }
}

fn add(packed: &mut tar::Builder<BufWriter<File>>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(bytes.len() as u64);
    packed.append_data(&mut header, hide(name), bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_secret_is_in_a_bundle_and_what_is_left_out_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let secret = "canary-of-bundles-93";
        crate::redact::remember([&secret.to_owned()]);
        fs::write(at("text"), format!("a {secret} b")).unwrap();
        fs::write(at("odd"), [b"\xff".as_slice(), secret.as_bytes(), b"\xfe"].concat()).unwrap();
        fs::write(at("binary"), b"\xff\x00\x01").unwrap();
        symlink("/etc/passwd", at("link")).unwrap();
        File::create(at("large")).unwrap().set_len(MOST_FILE + 1).unwrap();
        let names = ["text", "odd", "binary", "link", "large", "gone"];
        let bundle = Bundle {
            texts: vec![("summary.txt".to_owned(), secret.to_owned())],
            files: names.map(|name| (format!("artifacts/{secret}/{name}"), at(name))).into(),
        };
        let path = at("bundle.tar");
        let left_out = bundle.write(&path).unwrap();
        assert_eq!(left_out.len(), 4, "{left_out:?}");
        assert!(left_out[0].ends_with("odd: it is not text, and holds a secret"), "{left_out:?}");
        let all = fs::read(&path).unwrap();
        assert!(!all.windows(secret.len()).any(|window| window == secret.as_bytes()));
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(all.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), bytes);
        }
        assert_eq!(files["artifacts/********/text"], b"a ******** b");
        assert_eq!(files["artifacts/********/binary"], b"\xff\x00\x01");
        assert_eq!((files["summary.txt"].as_slice(), files.len()), (b"********".as_slice(), 4));
    }
}
