//! What a killed process leaves: files and folders whose names say which process was making them.

use std::fs;
use std::path::Path;

/// The beginning of a name that says that this process makes it.
#[must_use]
pub fn name(prefix: &str) -> String {
    format!("{prefix}{}-", std::process::id())
}

/// Removes what stands right in a folder under such names, if its process has ended. What cannot be removed stays: it
/// may be another user's.
pub fn remove(folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(prefix)?.split_once('-')?.0.parse().ok());
        if number.is_some_and(|number: i32| !lives(number)) {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let _ = if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
        }
    }
}

fn lives(number: i32) -> bool {
    let process = rustix::process::Pid::from_raw(number);
    process.is_some_and(|process| rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_ended_process_was_making_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mine = name(".x-");
        // No process has the largest number that there can be.
        for file in [".x-2147483647-ab", ".x-export", ".x-1-ab", mine.as_str(), "x-2147483647-ab"] {
            fs::write(at(file), "").unwrap();
        }
        fs::create_dir_all(at(".x-2147483646-d/below")).unwrap();
        remove(folder.path(), ".x-");
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        let mut expected = [".x-1-ab", ".x-export", mine.as_str(), "x-2147483647-ab"].map(std::ffi::OsString::from);
        expected.sort();
        assert_eq!(left, expected);
    }
}
