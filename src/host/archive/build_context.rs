//! What is sent to a build: a tar file with normal modes, owners and times, so that the same content is the same bytes.

use crate::assets::{Asset, AssetOrigin};
use crate::digest;
use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::host::files::reading;
use crate::render::dockerfile::HOST_FOLDER;

/// Packs a Dockerfile at its path, the files of its context, and those of the folder that each RUN sees. What the context
/// has at that path gives way: it is the Dockerfile as its author wrote it.
pub fn pack((at, dockerfile): (&str, &str), context: &[(&str, &Asset)], host: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    add(&mut archive, at, dockerfile.as_bytes(), false)?;
    for (name, bytes) in host {
        add(&mut archive, &format!("{HOST_FOLDER}/{name}"), bytes, false)?;
    }
    for (path, asset) in context.iter().filter(|(path, _)| *path != at) {
        match (&asset.content, &asset.origin) {
            (Some(content), _) => add(&mut archive, path, content, asset.executable)?,
            (None, AssetOrigin::Project(file)) => {
                let link = std::fs::read_link(file).ok();
                let content = match &link {
                    Some(target) => Some(target.to_string_lossy().into_owned().into_bytes()),
                    None => Some(reading::within(file, files::MOST_CONTEXT).map_err(files::failed("read", file))?),
                };
                // Different content would be in an image under the fingerprint of the one that was read before.
                let Some(content) = content.filter(|content| digest::hex(content) == asset.digest) else {
                    let message = format!("{} changed while its image was being built", file.display());
                    return Err(Error::message(Kind::Failed, message).hint("run the command again"));
                };
                match link {
                    Some(target) => add_link(&mut archive, path, &target)?,
                    None => add(&mut archive, path, &content, asset.executable)?,
                }
            }
            (None, AssetOrigin::Embedded) => {}
        }
    }
    archive.into_inner().map_err(odd)
}

/// A tar file with one file.
pub fn single(path: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    add(&mut archive, path, bytes, false)?;
    archive.into_inner().map_err(odd)
}

fn add(archive: &mut tar::Builder<Vec<u8>>, path: &str, bytes: &[u8], executable: bool) -> Result<()> {
    let mut header = header(if executable { 0o755 } else { 0o644 });
    header.set_size(bytes.len() as u64);
    archive.append_data(&mut header, path, bytes).map_err(odd)
}

fn add_link(archive: &mut tar::Builder<Vec<u8>>, path: &str, target: &std::path::Path) -> Result<()> {
    let mut header = header(0o777);
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    archive.append_link(&mut header, path, target).map_err(odd)
}

fn header(mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn odd(error: std::io::Error) -> Error {
    Error::message(Kind::Failed, format!("cannot pack the build context: {error}"))
}
