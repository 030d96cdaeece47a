//! A program that a step lacks, and which image has it.

use crate::plan::images::Hierarchy;
use crate::plan::parts::{ImageRef, Part};

/// What shells say of a program that is not there, after its name.
const NOT_FOUND: [&str; 3] = [": not found", ": command not found", ": No such file or directory"];

/// The program that a shell has not found, by what it printed last.
#[must_use]
pub fn missing<'l>(lines: impl DoubleEndedIterator<Item = &'l str>) -> Option<&'l str> {
    lines.rev().find_map(|line| {
        let said = NOT_FOUND.iter().find_map(|end| line.trim_end().strip_suffix(end))?;
        let name = said.rsplit(": ").next()?;
        (!name.is_empty() && !name.contains(char::is_whitespace)).then_some(name)
    })
}

/// What to do about a step that has ended with the code of a program that is not there.
#[must_use]
pub fn hint<'l>(lines: impl DoubleEndedIterator<Item = &'l str>, part: &Part, images: &Hierarchy) -> Option<String> {
    let program = missing(lines)?;
    let image = match &part.image {
        ImageRef::Ours(name, _) | ImageRef::Released(name, _) => name.as_str(),
        ImageRef::Theirs(reference) => reference,
    };
    let have: Vec<&str> = images
        .nodes()
        .iter()
        .filter(|node| node.programs.iter().any(|one| one == program))
        .map(|node| node.name.as_str())
        .collect();
    let with_it = match have.as_slice() {
        [] => String::new(),
        [one] => format!(" the image `{one}` has it: `image: {one}`, or"),
        many => format!(" the images `{}` have it: `image: {}`, or", many.join("`, `"), many[0]),
    };
    Some(format!(
        "the image `{image}` has no `{program}`:{with_it} install it with the module's `deps`, or add its Debian package: \
         `images: {{{image}: {{packages: […]}}}}`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_read_from_what_shells_say() {
        let said = |line: &'static str| missing(["building", line].into_iter());
        assert_eq!(said("sh: 1: go: not found"), Some("go"));
        assert_eq!(said("bash: line 3: ruff: command not found"), Some("ruff"));
        assert_eq!(said("sh: npm: not found"), Some("npm"));
        assert_eq!(said("sh: 1: ./tool: No such file or directory"), Some("./tool"));
        assert_eq!(said("error: the page you looked for: not found here"), None);
        assert_eq!(said("ok"), None);
    }
}
