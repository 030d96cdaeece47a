//! The image below `base`, where no registry can be reached: a Debian root file system from Debian's packages.

use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::host::process::{self, Cmd, Line};

/// The mmdebstrap call that writes a root file system to `target`, from the archive that mmdebstrap has for the suite,
/// with its updates. The same packages give the same bytes.
///
/// As root it works on a file system in memory, in name spaces of its own: whatever ends it, nothing stays behind.
#[must_use]
pub fn mmdebstrap(suite: &str, epoch: i64, target: &Path) -> Cmd {
    let is_root = rustix::process::geteuid().is_root();
    let args = vec![
        format!("--mode={}", if is_root { "root" } else { "unshare" }),
        "--format=tar".to_owned(),
        "--variant=minbase".to_owned(),
        "--components=main".to_owned(),
        "--aptopt=Acquire::Languages \"none\"".to_owned(),
        "--aptopt=APT::Install-Recommends \"false\"".to_owned(),
        "--dpkgopt=force-unsafe-io".to_owned(),
        // Manuals and translations are of no use in a container; licences stay.
        "--customize-hook=cd \"$1/usr/share\" && rm -rf info/* locale/* man/* && \
         find doc -mindepth 2 ! -type d ! -name copyright -delete"
            .to_owned(),
        suite.to_owned(),
        target.display().to_string(),
    ];
    let call = if is_root {
        let script = "mount -t tmpfs -o mode=1777 tmpfs /mnt && export TMPDIR=/mnt && mmdebstrap \"$@\"";
        let apart = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script, "-"];
        Cmd::new("unshare", apart).args(args)
    } else {
        Cmd::new("mmdebstrap", args)
    };
    call.env("SOURCE_DATE_EPOCH", epoch.to_string()).env("DEBIAN_FRONTEND", "noninteractive")
}

/// Whether the program is there; an error says what to do.
pub fn check() -> Result<()> {
    if which::which("mmdebstrap").is_err() {
        let error = Error::message(Kind::Missing, "the root image is made with `mmdebstrap`, which is not installed");
        return Err(error.hint("`devenv doctor --fix` installs it"));
    }
    if !rustix::process::geteuid().is_root() && which::which("newuidmap").is_err() {
        let message = "mmdebstrap needs `newuidmap` where it does not run as root, and that is not installed";
        return Err(
            Error::message(Kind::Missing, message).hint("`devenv doctor --fix` installs it, with package uidmap")
        );
    }
    Ok(())
}

/// Makes the root file system and returns it as a tar file's bytes.
pub async fn make(suite: &str, epoch: i64, mut each: impl FnMut(&str)) -> Result<Vec<u8>> {
    check()?;
    let folder = tempfile::Builder::new().prefix("devenv-root-").tempdir();
    let folder =
        folder.map_err(|error| Error::message(Kind::Failed, format!("no place for temporary files: {error}")))?;
    let target = folder.path().join("root.tar");
    let mut last: Vec<String> = Vec::new();
    let status = process::stream(&mmdebstrap(suite, epoch, &target), |line| {
        let (Line::Out(text) | Line::Err(text)) = line;
        each(text);
        last.push(text.to_owned());
    })
    .await?;
    if !status.success() {
        let lines =
            last.iter().skip(last.len().saturating_sub(12)).map(|line| format!("\n    {line}")).collect::<String>();
        let error = Error::message(Kind::Failed, format!("mmdebstrap could not make the root image{lines}"));
        return Err(error.hint("it needs Debian's packages: look at the network and at proxy settings"));
    }
    std::fs::read(&target).map_err(crate::host::files::failed("read", &target))
}
