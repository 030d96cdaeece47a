//! The tmux program: the server of a checkout, which has a socket of its own. Where this machine has no tmux, the copy that
//! was taken out of the image `debug`, with all that it loads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::host::process::{self, Cmd};
use crate::host::user::xdg;

/// The program.
const PROGRAM: &str = "tmux";
/// The folder of the copy in the image, and its name in the user's cache.
pub const IN_IMAGE: &str = "/usr/local/lib/devenv/tmux";
/// What starts a program with the libraries beside it.
const LOADER: &str = "loader";
/// Descriptions of terminals, which may be missing on this machine too.
const TERMINALS: &str = "terminfo";

/// How tmux is called.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Program {
    /// The machine's own.
    OnPath,
    /// The copy in this folder.
    Copied(PathBuf),
}

/// tmux with the server of one checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tmux {
    program: Program,
    id: String,
}

impl Tmux {
    /// The machine's own for the checkout with this id, whether it is there or not.
    #[must_use]
    pub fn on_path(id: &str) -> Self {
        Self { program: Program::OnPath, id: id.to_owned() }
    }

    /// The machine's own, else a copy that was taken before.
    #[must_use]
    pub fn found(id: &str) -> Option<Self> {
        if process::exists(PROGRAM) {
            return Some(Self::on_path(id));
        }
        let copies = fs::read_dir(copies().ok()?).into_iter().flatten().flatten().map(|entry| entry.path());
        let newest = copies.filter(|folder| is_whole(folder)).max_by_key(|folder| modified(folder));
        newest.map(|folder| Self::copied(folder, id))
    }

    /// The copy in `folder`.
    #[must_use]
    pub fn copied(folder: PathBuf, id: &str) -> Self {
        Self { program: Program::Copied(folder), id: id.to_owned() }
    }

    /// Whether it is a copy.
    #[must_use]
    pub fn is_copy(&self) -> bool {
        matches!(self.program, Program::Copied(_))
    }

    async fn works(&self) -> bool {
        process::output(&self.program().args(["-V"])).await.is_ok_and(|output| output.status.success())
    }

    fn program(&self) -> Cmd {
        let Program::Copied(folder) = &self.program else { return Cmd::new(PROGRAM, [""; 0]) };
        let place = |name: &str| folder.join(name).display().to_string();
        let loader = ["--library-path".to_owned(), folder.display().to_string(), place(PROGRAM)];
        // The machine's own descriptions come first, where it has any.
        Cmd::new(place(LOADER), loader).env("TERMINFO_DIRS", format!(":{}", place(TERMINALS)))
    }

    /// A call with commands, one after the other.
    #[must_use]
    pub fn call(&self, commands: &[Vec<String>]) -> Cmd {
        let mut call = self.program().args(["-L".to_owned(), format!("devenv-{}", self.id)]);
        for (at, command) in commands.iter().enumerate() {
            call = call.args((at > 0).then(|| ";".to_owned()));
            call = call.args(command.clone());
        }
        call
    }

    /// What a command prints; none where no server runs.
    pub async fn ask(&self, command: &[String]) -> Result<Option<String>> {
        let output = process::output(&self.call(&[command.to_vec()])).await?;
        Ok(output.status.success().then_some(output.stdout))
    }

    /// Runs commands.
    pub async fn run(&self, commands: &[Vec<String>]) -> Result<()> {
        let output = process::output(&self.call(commands)).await?;
        if output.status.success() {
            return Ok(());
        }
        let message = format!("tmux failed: {}", output.stderr.trim());
        Err(Error::message(Kind::Failed, message).hint("`devenv attach --print` shows the commands"))
    }

    /// Ends the server with all that runs in its panes; false where none runs.
    pub async fn end(&self) -> bool {
        self.ask(&["kill-server".to_owned()]).await.is_ok_and(|answer| answer.is_some())
    }

    /// Shows the session on our own terminal until it is left.
    pub async fn attach(&self, session: &str) -> Result<ExitStatus> {
        // Of another server's pane this one knows nothing.
        let command = ["attach-session", "-t", session].map(str::to_owned).to_vec();
        process::interactive(&self.call(&[command]).env("TMUX", "")).await
    }

    /// Whether that is the server of the checkout.
    #[must_use]
    pub fn is_of(&self, server: &str) -> bool {
        server.split(',').next().is_some_and(|socket| socket.ends_with(&format!("/devenv-{}", self.id)))
    }

    /// Shows the session in a new window of another server.
    pub async fn attach_elsewhere(&self, server: &str, session: &str) -> Result<ExitStatus> {
        let attach = self.call(&[["attach-session", "-t", session].map(str::to_owned).to_vec()]);
        let socket = server.split(',').next().unwrap_or_default();
        let window = ["-S", socket, "new-window", "-n", session].map(str::to_owned);
        let window = self.program().args(window).args([format!("exec env -u TMUX {attach}")]);
        process::interactive(&window.env("TMUX", server)).await
    }
}

/// The server in whose pane this process runs, as its variable says: its socket, a comma, and more.
#[must_use]
pub fn inside() -> Option<String> {
    std::env::var("TMUX").ok().filter(|server| !server.is_empty())
}

/// The folder for the copy out of the image with this fingerprint: each is made once, and stays while a server may use it.
pub fn copy_of(fingerprint: &str) -> Result<PathBuf> {
    Ok(copies()?.join(fingerprint))
}

/// Puts a copy that `unpack` writes into a new folder in its place, when it is whole and works on this machine.
pub async fn keep_copy<U: Future<Output = Result<()>>>(folder: &Path, unpack: impl FnOnce(PathBuf) -> U) -> Result<()> {
    let parent = folder.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(files::failed("make", parent))?;
    let new = tempfile::tempdir_in(parent).map_err(files::failed("make a folder in", parent))?;
    unpack(new.path().to_owned()).await?;
    let made = new.path().join(PROGRAM);
    if !Tmux::copied(made.clone(), "").works().await {
        return Err(Error::message(Kind::Failed, "that of the image `debug` does not run on it"));
    }
    match fs::rename(&made, folder) {
        // Somebody else has made the same meanwhile.
        Err(_) if is_whole(folder) => Ok(()),
        renamed => renamed.map_err(files::failed("write", folder)),
    }
}

fn copies() -> Result<PathBuf> {
    Ok(xdg::folder("XDG_CACHE_HOME", ".cache", "the copy of tmux")?.join(PROGRAM))
}

/// Whether a copy is complete: it gets its place when it is.
#[must_use]
pub fn is_whole(folder: &Path) -> bool {
    [LOADER, PROGRAM].iter().all(|name| folder.join(name).is_file())
}

fn modified(folder: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(folder).and_then(|found| found.modified()).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_copy_is_called_by_the_loader_beside_it() {
        let tmux = Tmux::copied(PathBuf::from("/c/x"), "ab12");
        let call = tmux.call(&[vec!["kill-server".to_owned()], vec!["x y".to_owned()]]);
        assert_eq!(call.to_string(), "/c/x/loader --library-path /c/x /c/x/tmux -L devenv-ab12 kill-server ';' 'x y'");
        assert_eq!(call.env, [("TERMINFO_DIRS".to_owned(), ":/c/x/terminfo".to_owned())]);
        assert_eq!(Tmux::on_path("ab12").call(&[]).to_string(), "tmux -L devenv-ab12");
    }

    #[test]
    fn a_pane_is_of_the_server_whose_socket_it_names() {
        let tmux = Tmux::on_path("ab12");
        assert!(tmux.is_of("/tmp/tmux-0/devenv-ab12,4711,0"));
        assert!(!tmux.is_of("/tmp/tmux-0/devenv-ab123,4711,0") && !tmux.is_of("/tmp/tmux-0/default,1,0"));
    }

    #[tokio::test]
    async fn a_copy_gets_its_place_when_it_is_whole() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("tmux/abc");
        let failed = keep_copy(&folder, |_| async { Err(Error::message(Kind::Failed, "no")) }).await;
        assert!(failed.is_err() && !folder.exists());
        let write = |new: PathBuf| async move {
            fs::create_dir(new.join("tmux")).unwrap();
            let loader = new.join("tmux/loader");
            fs::write(&loader, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&loader, fs::Permissions::from_mode(0o755)).unwrap();
            fs::write(new.join("tmux/tmux"), "").unwrap();
            Ok(())
        };
        keep_copy(&folder, write).await.unwrap();
        assert!(is_whole(&folder));
        keep_copy(&folder, write).await.unwrap();
        let left = fs::read_dir(cache.path().join("tmux")).unwrap().count();
        assert_eq!(left, 1);
    }
}
