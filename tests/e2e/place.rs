//! Where the program, the repository and room for temporary files are: those of the build, or copies of them that belong to
//! the user who runs the tests.

use std::path::PathBuf;

/// Names the folder of copies; `tests/e2e_user.rs` makes it.
const COPY: &str = "DEVENV_TEST_COPY";

fn copy(path: &str) -> Option<PathBuf> {
    std::env::var_os(COPY).map(|folder| PathBuf::from(folder).join(path))
}

/// The program.
pub(crate) fn program() -> PathBuf {
    copy("devenv").unwrap_or_else(|| env!("CARGO_BIN_EXE_devenv").into())
}

/// The repository: the files that the example needs, and the lock.
pub(crate) fn repository() -> PathBuf {
    copy("repository").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into())
}

/// Room for what outlives one test.
pub(crate) fn room() -> PathBuf {
    copy("room").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into())
}
