//! Collects what `init` looks at: the files of a folder as git sees them, and the texts that say how they run.

use std::path::Path;

use crate::error::Result;
use crate::host::files;
use crate::host::ignore::source::SourceFolder;
use crate::plan::mirror::copy::Selection;
use crate::plan::mirror::tree::EntryKind;
use crate::plan::source_tree::{self, MOST_BYTES, SourceFile, SourceTree};

/// Texts of at most so many files are read.
const MOST_TEXTS: usize = 5_000;

/// The files below a folder, and the folders that cannot be read.
pub fn read(root: &Path) -> Result<(SourceTree, Vec<String>)> {
    let survey = SourceFolder::at(root, root, &Selection::default())?.survey()?;
    let mut tree = SourceTree::default();
    let mut texts = 0;
    let mut text = |path: &str| {
        texts += usize::from(source_tree::is_read(path));
        let is_read = source_tree::is_read(path) && texts <= MOST_TEXTS;
        is_read.then(|| files::plain_text(&root.join(path), MOST_BYTES)).flatten()
    };
    for entry in &survey.entries {
        let Some(path) = entry.path.to_str() else { continue };
        match entry.kind {
            EntryKind::Folder => tree.add_folder(path),
            EntryKind::File { .. } => tree.add(path, SourceFile { text: text(path), is_private: false }),
            EntryKind::Link(_) => {}
        }
    }
    // What git ignores counts only where it holds variables: whoever runs the product by compose has them there.
    for path in survey.left_out.iter().filter_map(|path| path.to_str()) {
        let name = path.rsplit('/').next().unwrap_or(path);
        if (name.starts_with(".env") || name.ends_with(".env")) && root.join(path).is_file() {
            tree.add(path, SourceFile { text: text(path), is_private: true });
        }
    }
    let unread = survey.unread.into_iter().map(|(folder, _)| folder.display().to_string()).collect();
    Ok((tree, unread))
}
