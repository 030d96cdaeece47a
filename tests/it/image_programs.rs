//! Programs in the folders of images: this repository is a project too, which has them mounted as they stand here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn scripts_that_cannot_run(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            scripts_that_cannot_run(&path, found);
        } else if fs::read(&path).unwrap().starts_with(b"#!")
            && entry.metadata().unwrap().permissions().mode() & 0o111 == 0
        {
            found.push(path.display().to_string());
        }
    }
}

#[test]
fn a_script_can_run_as_it_was_cloned() {
    let mut found = Vec::new();
    scripts_that_cannot_run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("images"), &mut found);
    assert_eq!(found, Vec::<String>::new());
}
