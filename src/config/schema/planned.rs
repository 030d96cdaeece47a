//! Keys that are part of the design and not of this version: they are refused by name, never ignored.

/// Keys of one task.
const OF_TASKS: [&str; 5] = ["environment", "inputs", "index", "notify", "on"];
/// Keys of the `resources` of a task.
const OF_RESOURCES: [&str; 1] = ["label"];
/// Keys of the whole file.
const OF_FILE: [&str; 2] = ["workers", "roles"];

/// Whether a key that nobody knows at this place is one of a later version; `path` are the keys above it.
pub(super) fn is_planned(path: &[&str], key: &str) -> bool {
    match path {
        [] => OF_FILE.contains(&key),
        ["tasks", _] => OF_TASKS.contains(&key),
        ["tasks", _, "resources"] => OF_RESOURCES.contains(&key),
        _ => false,
    }
}
