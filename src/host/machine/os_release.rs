//! Which system this is.

use std::collections::BTreeMap;
use std::env;
use std::fs;

use crate::plan::machine::{Release, System};

pub(super) fn system() -> System {
    match env::consts::OS {
        "linux" => {
            let text = fs::read_to_string("/etc/os-release").or_else(|_| fs::read_to_string("/usr/lib/os-release"));
            let release = release(&text.unwrap_or_default());
            let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().to_lowercase();
            if kernel.contains("microsoft") { System::Wsl(release) } else { System::Linux(release) }
        }
        "macos" => System::Macos,
        other => System::Other(other.to_owned()),
    }
}

/// `os-release(5)`: assignments of the shell.
pub(super) fn release(text: &str) -> Release {
    let fields: BTreeMap<_, _> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let field = |name: &str| {
        let raw = fields.get(name).copied().unwrap_or_default();
        shlex::split(raw).unwrap_or_default().join(" ")
    };
    Release {
        id: field("ID"),
        like: field("ID_LIKE").split_whitespace().map(str::to_owned).collect(),
        version: field("VERSION_ID"),
        codename: field("VERSION_CODENAME"),
        name: field("PRETTY_NAME"),
    }
}
