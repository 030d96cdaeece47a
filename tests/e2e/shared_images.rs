//! The images of the hierarchy, built once by a project of their own: those of the tests get them by name. They go when
//! this process does, however it ends.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Once, OnceLock};

use crate::{engine, place};

/// The images that most tests stand on.
const IMAGES: [&str; 5] = ["base", "python", "gateway", "postgres", "redis"];

/// Builds them, the first time that it is asked.
pub(crate) fn must_be_there(lock: &str, state: &Path) {
    static KEEPER: OnceLock<Child> = OnceLock::new();
    KEEPER.get_or_init(|| {
        build(lock, state, &IMAGES);
        // Its input ends with this process.
        let remove = "cat; \"$0\" images \"$1/*\" --format '{{.Repository}}:{{.Tag}}' | xargs -r \"$0\" rmi";
        let mut keeper = Command::new("sh");
        keeper.args(["-c", remove]).arg(engine::program()).arg(project());
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    });
}

/// Builds the image of the tool box, which only few tests need, the first time that it is asked.
pub(crate) fn tools_must_be_there(lock: &str, state: &Path) {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| build(lock, state, &["debug"]));
}

fn project() -> String {
    format!("e2eimages{}", std::process::id())
}

fn build(lock: &str, state: &Path, images: &[&str]) {
    let folder = tempfile::Builder::new().prefix("devenv-e2e-images-").tempdir().unwrap();
    let configuration =
        format!("project: {}\nmodules:\n  api: {{path: ., image: base, run: sleep infinity}}\n", project());
    fs::write(folder.path().join("devenv.yaml"), configuration).unwrap();
    fs::write(folder.path().join("devenv.lock"), lock).unwrap();
    let mut build = Command::new(place::program());
    build.args(["images", "build"]).args(images).current_dir(folder.path());
    build.env("XDG_STATE_HOME", state).env("XDG_DATA_HOME", state).stdin(Stdio::null());
    let built = build.output().unwrap();
    assert!(built.status.success(), "the images cannot be built: {}", String::from_utf8_lossy(&built.stderr));
}
