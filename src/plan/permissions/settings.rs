//! What stands in a checkout and decides what runs on the host: a container that could write it would reach out.

/// Folders and files that programs of the host run, or read as their settings.
pub const SETTINGS: [&str; 7] =
    [".git", ".vscode", ".idea", ".devcontainer", ".envrc", "devenv.yaml", "devenv.local.yaml"];
