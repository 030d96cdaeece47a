//! The environment of other programs: of our own variables, those that say where things are and who asks. What else this
//! process was started with would change what they do (`COMPOSE_COMPATIBILITY` renames containers), unseen.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Where things are, how texts are read and shown, and how the network is reached.
const KEPT: [&str; 41] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "TZ",
    "LANG",
    "LANGUAGE",
    "TERM",
    "COLORTERM",
    "TERMINFO",
    "NO_COLOR",
    "DOCKER_CONFIG",
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "GNUPGHOME",
    "GPG_TTY",
    "PASSWORD_STORE_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "JAVA_HOME",
    "APT_CONFIG",
    "DEBIAN_FRONTEND",
    // Desktops: what opens an address or shows a message.
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "DBUS_SESSION_BUS_ADDRESS",
    "DESKTOP_SESSION",
    "BROWSER",
];
/// Beginnings of further names of these kinds: locales, folders and desktops of freedesktop.org, Windows below us.
const KEPT_KINDS: [&str; 3] = ["LC_", "XDG_", "WSL"];
/// What docker's command needs to reach an engine over TLS that `DOCKER_HOST` names.
const TLS: [&str; 2] = ["DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"];

/// What a program gets of our environment; `given` is what its call sets.
#[must_use]
pub fn inherited(program: &str, given: &[(String, String)]) -> Vec<(OsString, OsString)> {
    let own = std::env::current_exe().ok();
    let is_ourselves = own.is_some_and(|own| own.as_os_str() == program) || matches!(program, "sudo" | "sg");
    let over_tcp = given.iter().any(|(name, value)| name == "DOCKER_HOST" && value.starts_with("tcp:"));
    let is_kept = |name: &str| {
        is_ourselves
            || KEPT.contains(&name)
            || KEPT_KINDS.iter().any(|kind| name.starts_with(kind))
            || (over_tcp && TLS.contains(&name))
    };
    std::env::vars_os().filter(|(name, _)| name.to_str().map_or(is_ourselves, is_kept)).collect()
}

/// Those of our variables that compose files may use by name. What steers compose itself is not for them.
#[must_use]
pub fn for_compose_files(variables: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let steers = |name: &str| name.starts_with("COMPOSE_") || name.starts_with("DOCKER_");
    variables.iter().filter(|(name, _)| !steers(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
