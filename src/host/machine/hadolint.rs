//! The linter of Dockerfiles, where it is installed.

use std::path::Path;

use crate::host::machine::programs::{output, program};
use crate::host::process::Cmd;
use crate::plan::check::dockerfiles::Lint;

/// Lints `files`, paths below `root`. It answers with an exit status of its own where it has found something.
pub async fn lint(root: &Path, files: &[String]) -> Lint {
    if files.is_empty() {
        return Lint::Nothing;
    }
    let Some(hadolint) = program("hadolint") else { return Lint::Absent };
    let paths = files.iter().map(|file| root.join(file).display().to_string());
    let arguments = ["--format", "json", "--"].map(str::to_owned).into_iter().chain(paths);
    match output(&Cmd::new(hadolint.display().to_string(), arguments)).await {
        None => Lint::Failed("it did not answer".to_owned()),
        Some(output) if output.stdout.trim().is_empty() => Lint::Failed(output.stderr.trim().to_owned()),
        Some(output) => Lint::read(&output.stdout).below(&root.display().to_string()),
    }
}
