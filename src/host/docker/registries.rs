//! Registries that did not answer a moment ago. Waiting for one takes seconds, and every command would wait again.

use std::path::PathBuf;
use std::time::Duration;

use crate::digest;
use crate::error::Result;
use crate::host::files;
use crate::host::user::xdg;
use crate::render::Access;

/// How long a registry is not asked again.
const PAUSE: Duration = Duration::from_secs(60);

/// The file whose time says when the registry did not answer; it is worth nothing after a minute, so it is kept where
/// a system forgets by itself.
fn file(registry: &str) -> Result<PathBuf> {
    let folder = xdg::folder("XDG_RUNTIME_DIR", ".cache", "what it remembers for a minute")?;
    let name: String = digest::hex(registry.as_bytes()).chars().take(16).collect();
    Ok(folder.join("silent").join(name))
}

/// Whether the registry did not answer within the last minute.
#[must_use]
pub fn is_silent(registry: &str) -> bool {
    let written = file(registry).ok().and_then(|file| std::fs::metadata(file).ok()?.modified().ok());
    // A time in the future is that of another clock.
    written.is_some_and(|time| time.elapsed().is_ok_and(|age| age < PAUSE))
}

/// Remembers that the registry does not answer. Where that cannot be written, it is asked again.
pub fn remember_silence(registry: &str) {
    let remember = || -> Result<()> {
        let file = file(registry)?;
        if let Some(folder) = file.parent() {
            files::make_folder(folder, Access::Private)?;
        }
        files::remove(&file)?;
        files::write(&file, registry.as_bytes(), Access::Private).map(drop)
    };
    let _ = remember();
}
