//! Whose the files are that root makes: those in somebody's folder are that person's, with modes of our own, whatever the
//! umask is. So `sudo devenv up` leaves nothing behind that its owner cannot use.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Owner and group of what stands in a folder, where we run as root and the folder is somebody else's.
fn heir(path: &Path) -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let folder = fs::metadata(path.parent()?).ok()?;
    (folder.uid() != 0).then(|| (folder.uid(), folder.gid()))
}

/// Hands a file or folder of ours to the owner of the folder that it lies in.
pub fn hand_over(path: &Path) -> io::Result<()> {
    let Some((uid, gid)) = heir(path) else { return Ok(()) };
    match fs::symlink_metadata(path) {
        Ok(facts) if facts.uid() == uid => Ok(()),
        _ => std::os::unix::fs::lchown(path, Some(uid), Some(gid)),
    }
}

/// Makes a folder, not its parents; one that is there is left as it is.
pub fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    match fs::DirBuilder::new().mode(mode).create(path) {
        Ok(()) => set_mode(path, mode).and_then(|()| hand_over(path)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Opens a file that is read, written and locked, and that is made where it is missing.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(path, File::options().read(true).write(true))
}

/// Opens a file that is read, and at whose end is written, and that is made where it is missing.
pub fn open_at_end(path: &Path) -> io::Result<File> {
    open_with(path, File::options().read(true).append(true))
}

fn open_with(path: &Path, options: &mut fs::OpenOptions) -> io::Result<File> {
    match options.clone().create_new(true).mode(0o644).open(path) {
        Ok(file) => {
            set_mode(path, 0o644)?;
            hand_over(path)?;
            Ok(file)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
