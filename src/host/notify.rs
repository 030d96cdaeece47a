//! Ways to tell a person something: the desktop, and a webhook.

use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::host::http;
use crate::host::process::{self, Cmd};
use crate::plan::watch::notify::News;

/// Longest time that a webhook may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Variables of a session that has a desktop.
const DESKTOPS: [&str; 3] = ["DBUS_SESSION_BUS_ADDRESS", "WAYLAND_DISPLAY", "DISPLAY"];

/// Shows it on the desktop; where there is none, nothing happens.
pub async fn desktop(news: &News) -> Result<()> {
    let call = if cfg!(target_os = "macos") {
        // The text comes as an argument, so that nothing in it is script.
        let script = "on run argv\ndisplay notification (item 1 of argv) with title \"devenv\"\nend run";
        Cmd::new("osascript", ["-e", script, &plain(&news.text)])
    } else if DESKTOPS.iter().any(|name| std::env::var_os(name).is_some()) && process::exists("notify-send") {
        Cmd::new("notify-send", ["--app-name=devenv", "devenv", &markup(&news.text)])
    } else {
        return Ok(());
    };
    let output = process::output(&call).await?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::message(Kind::Failed, format!("{} failed: {}", call.program, output.stderr.trim())))
}

/// A text with its control characters made visible.
fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_unicode().collect() } else { vec![c] }).collect()
}

/// The same as Pango markup that stands for itself: what a program prints is not markup.
fn markup(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Posts it to an address.
pub async fn webhook(address: &str, news: &News) -> Result<()> {
    let failed = |error: String| Error::message(Kind::Failed, format!("the webhook failed: {error}"));
    let body = serde_json::to_string(news).map_err(|error| failed(error.to_string()))?;
    http::post(address, body, PATIENCE).await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::markup;

    #[test]
    fn what_a_program_prints_is_neither_markup_nor_control_characters() {
        assert_eq!(markup("<a href=\"x\">A & B</a>\u{1b}[2J"), "&lt;a href=\"x\"&gt;A &amp; B&lt;/a&gt;\\u{1b}[2J");
    }
}
