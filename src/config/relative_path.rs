//! Paths below a folder as text, as files of a product name each other.

/// A path relative to `folder`, as one from the top: without `.`, and with `..` only in front, where it leaves the top.
#[must_use]
pub fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// The folder that a file is in.
#[must_use]
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_joined_and_says_when_it_leaves_the_top() {
        for (folder, path, expected) in [
            (".", "./api", "api"),
            ("docker", "../api/", "api"),
            ("docker", "..", "."),
            (".", "../x", "../x"),
            ("a/b", "../../../x", "../x"),
        ] {
            assert_eq!(joined(folder, path), expected, "{folder} {path}");
        }
    }
}
