//! The tmux program: the server of a checkout, which has a socket of its own.

use std::process::ExitStatus;

use crate::error::{Error, Kind, Result};
use crate::host::process::{self, Cmd};

/// The program.
pub const PROGRAM: &str = "tmux";

/// A call of tmux for the checkout with this id, with commands one after the other.
#[must_use]
pub fn call(id: &str, commands: &[Vec<String>]) -> Cmd {
    let mut call = Cmd::new(PROGRAM, ["-L".to_owned(), format!("devenv-{id}")]);
    for (at, command) in commands.iter().enumerate() {
        call = call.args((at > 0).then(|| ";".to_owned()));
        call = call.args(command.clone());
    }
    call
}

/// What commands print; none where no server runs.
pub async fn ask(id: &str, command: &[String]) -> Result<Option<String>> {
    let output = process::output(&call(id, &[command.to_vec()])).await?;
    Ok(output.status.success().then_some(output.stdout))
}

/// Runs commands.
pub async fn run(id: &str, commands: &[Vec<String>]) -> Result<()> {
    let output = process::output(&call(id, commands)).await?;
    if output.status.success() {
        return Ok(());
    }
    let message = format!("tmux failed: {}", output.stderr.trim());
    Err(Error::message(Kind::Failed, message).hint("`devenv attach --print` shows the commands"))
}

/// Shows the session on our own terminal until it is left.
pub async fn attach(id: &str, session: &str) -> Result<ExitStatus> {
    // Of another server's pane this one knows nothing.
    let command = ["attach-session", "-t", session].map(str::to_owned).to_vec();
    process::interactive(&call(id, &[command]).env("TMUX", "")).await
}

/// The server in whose pane this process runs, as its variable says: its socket, a comma, and more.
#[must_use]
pub fn inside() -> Option<String> {
    std::env::var("TMUX").ok().filter(|server| !server.is_empty())
}

/// Whether that is the server of the checkout with this id.
#[must_use]
pub fn is_of(server: &str, id: &str) -> bool {
    server.split(',').next().is_some_and(|socket| socket.ends_with(&format!("/devenv-{id}")))
}

/// Shows the session in a new window of another server.
pub async fn attach_elsewhere(server: &str, id: &str, session: &str) -> Result<ExitStatus> {
    let attach = call(id, &[["attach-session", "-t", session].map(str::to_owned).to_vec()]);
    let socket = server.split(',').next().unwrap_or_default();
    let window = ["-S", socket, "new-window", "-n", session].map(str::to_owned);
    let window = Cmd::new(PROGRAM, window).args([format!("exec env -u TMUX {attach}")]);
    process::interactive(&window.env("TMUX", server)).await
}
