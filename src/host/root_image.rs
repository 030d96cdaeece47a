//! The image below `base`, where no registry can be reached: a Debian root file system from Debian's packages.

use std::io::Read;
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::host::process::{self, Cmd, OutputLine};

/// What the root is made from.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// Debian's code name.
    pub suite: &'a str,
    /// The time of all files, in seconds since 1970.
    pub epoch: i64,
    /// Sources of packages, as apt's lines; mmdebstrap's own for the suite, with its updates, where there are none.
    pub sources: &'a [String],
    /// Versions that apt takes where they are to be had, as its preferences.
    pub preferences: Option<String>,
}

/// Runs in the new root when all packages are installed, with the root as `$1`. Manuals and translations are of no use in
/// a container; licences stay. Nothing tells of this machine. What a build would make or remove is made or removed here:
/// a mount point that the engine has to make, and a removal, are marks in a layer with the time of the build.
const CUSTOMIZE: &str = r#"set -e
cd "$1"
mkdir -p usr/share/devenv usr/local/share/devenv/host
chroot . dpkg-query -W -f '${Package} ${Version}\n' > usr/share/devenv/installed
awk 'NR == FNR { installed[$1 " " $2] = 1; next }
  $1 == "Package:" { name = $2 }
  $1 == "Version:" { version = $2 }
  $1 == "SHA256:" && installed[name " " version] { print name, version, $2 }' \
  usr/share/devenv/installed var/lib/apt/lists/*_Packages | LC_ALL=C sort -u > usr/share/devenv/packages
rm -rf usr/share/devenv/installed usr/share/info/* usr/share/locale/* usr/share/man/* etc/*- \
  var/cache/debconf/*-old var/lib/dpkg/*-old
chroot . find /etc/alternatives -xtype l -delete
find usr/share/doc -mindepth 2 ! -type d ! -name copyright -delete
find var/lib/apt/lists var/cache/apt -type f -delete
for file in hosts hostname resolv.conf; do : > etc/$file; chmod 644 etc/$file; done
"#;

/// The sources of packages that an image has, whatever its own root came from.
fn usual_sources(suite: &str) -> String {
    match suite {
        "sid" | "unstable" => format!("deb http://deb.debian.org/debian {suite} main\n"),
        suite => format!(
            "deb http://deb.debian.org/debian {suite} main\n\
             deb http://deb.debian.org/debian {suite}-updates main\n\
             deb http://security.debian.org/debian-security {suite}-security main\n"
        ),
    }
}

/// The mmdebstrap call that writes a root file system to the file `root.tar` in `folder`. The same packages give the same
/// bytes.
///
/// As root it works on a file system in memory, in name spaces of its own: whatever ends it, nothing stays behind.
fn mmdebstrap(order: &Order<'_>, folder: &Path) -> Cmd {
    let is_root = rustix::process::geteuid().is_root();
    let file = |name: &str| folder.join(name).display().to_string();
    let mut args = vec![
        format!("--mode={}", if is_root { "root" } else { "unshare" }),
        "--format=tar".to_owned(),
        "--variant=minbase".to_owned(),
        "--components=main".to_owned(),
        "--aptopt=Acquire::Languages \"none\"".to_owned(),
        "--aptopt=APT::Install-Recommends \"false\"".to_owned(),
        "--dpkgopt=force-unsafe-io".to_owned(),
        // `CUSTOMIZE` does it, with the lists still there.
        "--skip=cleanup/apt".to_owned(),
    ];
    if order.preferences.is_some() {
        args.push(format!("--setup-hook=upload '{}' /etc/apt/preferences.d/devenv", file(PREFERENCES)));
        args.push("--customize-hook=rm \"$1\"/etc/apt/preferences.d/devenv".to_owned());
    }
    if !order.sources.is_empty() {
        args.push(format!("--customize-hook=upload '{}' /etc/apt/sources.list", file(SOURCES)));
        args.push("--customize-hook=rm -f \"$1\"/etc/apt/sources.list.d/*".to_owned());
    }
    args.push(format!("--customize-hook={CUSTOMIZE}"));
    args.extend([order.suite.to_owned(), file(ROOT)]);
    args.extend(order.sources.iter().cloned());
    let call = if is_root {
        let script = "mount -t tmpfs -o mode=1777 tmpfs /mnt && export TMPDIR=/mnt && mmdebstrap \"$@\"";
        let apart = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script, "-"];
        Cmd::new("unshare", apart).args(args)
    } else {
        Cmd::new("mmdebstrap", args)
    };
    call.env("SOURCE_DATE_EPOCH", order.epoch.to_string()).env("DEBIAN_FRONTEND", "noninteractive")
}

/// Files of a call, in its folder.
const ROOT: &str = "root.tar";
const PREFERENCES: &str = "preferences";
const SOURCES: &str = "sources.list";

/// Whether the program is there; an error says what to do.
pub fn check() -> Result<()> {
    if which::which("mmdebstrap").is_err() {
        let error = Error::message(Kind::Missing, "the root image is built with `mmdebstrap`, which is not installed");
        return Err(error.hint("`devenv doctor --fix` installs it"));
    }
    if !rustix::process::geteuid().is_root() && which::which("newuidmap").is_err() {
        let message = "mmdebstrap needs `newuidmap` unless it runs as root, and that is not installed";
        return Err(Error::message(Kind::Missing, message)
            .hint("the package uidmap has it: `devenv doctor --fix` installs it, or says what root must install"));
    }
    Ok(())
}

/// Makes the root file system and returns it as a tar file's bytes.
pub async fn make(order: &Order<'_>, mut each: impl FnMut(&str)) -> Result<Vec<u8>> {
    check()?;
    let folder = tempfile::Builder::new().prefix("devenv-root-").tempdir();
    let folder =
        folder.map_err(|error| Error::message(Kind::Failed, format!("no place for temporary files: {error}")))?;
    let usual = usual_sources(order.suite);
    for (name, text) in [(PREFERENCES, order.preferences.as_ref()), (SOURCES, Some(&usual))] {
        let path = folder.path().join(name);
        std::fs::write(&path, text.map_or("", String::as_str)).map_err(crate::host::files::failed("write", &path))?;
    }
    let mut last: Vec<String> = Vec::new();
    let status = process::stream(&mmdebstrap(order, folder.path()), |line| {
        let (OutputLine::Out(text) | OutputLine::Err(text)) = line;
        each(text);
        last.push(text.to_owned());
    })
    .await?;
    if !status.success() {
        let lines =
            last.iter().skip(last.len().saturating_sub(12)).map(|line| format!("\n    {line}")).collect::<String>();
        let error = Error::message(Kind::Failed, format!("mmdebstrap could not build the root image{lines}"));
        return Err(error.hint("it needs Debian's packages: check the network and the proxy settings"));
    }
    let target = folder.path().join(ROOT);
    std::fs::read(&target).map_err(crate::host::files::failed("read", &target))
}

/// A file of a root file system, as text; empty where it has none.
pub fn file(tar: &[u8], path: &str) -> Result<String> {
    let odd = |error: std::io::Error| Error::message(Kind::Failed, format!("cannot read the root image: {error}"));
    for entry in tar::Archive::new(tar).entries().map_err(odd)? {
        let mut entry = entry.map_err(odd)?;
        if Path::new("/").join(entry.path().map_err(odd)?) == Path::new(path) {
            let mut text = String::new();
            entry.read_to_string(&mut text).map_err(odd)?;
            return Ok(text);
        }
    }
    Ok(String::new())
}
