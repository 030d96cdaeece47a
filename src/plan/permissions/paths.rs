//! Where a path of a definition leads: relative ones begin at the checkout, `~` is the home, and links are followed by
//! whoever collects the places.

use std::path::{Component, Path, PathBuf};

use crate::config::model::local::Permission;

/// What stands where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The path without links and `..`; what does not exist of it is as it was written.
    pub real: String,
    /// What reading it would be.
    pub reading: Reading,
    /// Names of [`super::settings`] that stand in it or above it, where it is in the checkout.
    pub settings: Option<String>,
}

/// What reading a path would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// There is nothing, or a folder.
    Nothing,
    /// A file of ordinary size.
    File,
    /// A socket.
    Socket,
    /// A device, a pipe, or a file larger than any that is read.
    Endless,
}

/// The sockets that engines usually have.
pub const SOCKETS: [&str; 4] =
    ["/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock"];

impl Destination {
    /// The permission that a container with this place needs.
    pub(super) fn permission(&self, root: &str, sockets: &[String]) -> Option<Permission> {
        let real = Path::new(&self.real);
        let has_socket = |socket: &str| Path::new(socket).starts_with(real);
        let is_below = real.starts_with(root);
        if (self.reading == Reading::Socket && !is_below)
            || sockets.iter().any(|socket| has_socket(socket))
            || SOCKETS.into_iter().any(has_socket)
        {
            return Some(Permission::EngineSocket);
        }
        (!is_below).then_some(Permission::OutsideMounts)
    }

    /// The path for people, with where it leads if that is another.
    pub(super) fn told(&self, text: &str) -> String {
        if text == self.real { text.to_owned() } else { format!("{text}, which is {}", self.real) }
    }
}

/// A path as it is asked for: absolute, and `..` still in it, since what stands before one may be a link. Compose takes
/// every `~` at the beginning for the home, also that of `~name`.
pub(super) fn absolute(text: &str, root: &str, home: Option<&str>) -> String {
    match (home, text.strip_prefix('~')) {
        (Some(home), Some(rest)) => format!("{home}/{}", rest.trim_start_matches('/')),
        _ => Path::new(root).join(text).display().to_string(),
    }
}

/// The path with `.` and `..` folded, for one of which nothing exists.
#[must_use]
pub fn folded(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut folded, part| {
        match part {
            Component::ParentDir => drop(folded.pop()),
            Component::CurDir => {}
            part => folded.push(part),
        }
        folded
    })
}

/// A text of a compose file with `$$` as what it stands for; `None` where it has a variable.
pub(super) fn plain(text: &str) -> Option<String> {
    if !text.contains('$') {
        return Some(text.to_owned());
    }
    let pieces: Vec<&str> = text.split("$$").collect();
    (!pieces.iter().any(|piece| piece.contains('$'))).then(|| pieces.join("$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_begins_at_the_checkout_or_at_the_home() {
        let at = |text| absolute(text, "/srv/shop", Some("/home/ann"));
        assert_eq!(
            [at("./x"), at("~/.ssh"), at("~"), at("~bob/x")],
            ["/srv/shop/./x", "/home/ann/.ssh", "/home/ann/", "/home/ann/bob/x"]
        );
        assert_eq!(folded(Path::new("/srv/shop/./a/../../other")), Path::new("/srv/other"));
        assert_eq!(folded(Path::new("/../..")), Path::new("/"));
    }

    #[test]
    fn a_doubled_dollar_is_one_and_a_single_one_is_a_variable() {
        assert_eq!(
            [plain("a$$b"), plain("a"), plain("$$$$")],
            [Some("a$b".into()), Some("a".into()), Some("$$".into())]
        );
        assert_eq!([plain("${A}"), plain("$$$A"), plain("$A")], [None, None, None]);
    }
}
