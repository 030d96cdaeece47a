//! Who on this machine trusts an authority, and the calls that make them trust it or undo exactly that. Pure.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::plan::doctor::repairs::{RepairAction, RootAccess};

/// A place where programs look for the authorities that they trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// The system's, made by `update-ca-certificates` (Debian, Ubuntu, Alpine).
    Debian,
    /// The system's, made by `update-ca-trust` (Fedora, RHEL).
    Fedora,
    /// The system's, made by `trust extract-compat` (Arch).
    Arch,
    /// The login keychain of macOS.
    Keychain,
    /// That of Windows, seen from WSL.
    Windows,
    /// That of Debian's Java, which follows the system's when something is added and not when it is taken away.
    DebianJava,
    /// A database of NSS in this folder: Firefox and Chromium on Linux.
    Nss(PathBuf),
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Debian | Self::Fedora | Self::Arch => f.write_str("system"),
            Self::Keychain => f.write_str("keychain"),
            Self::Windows => f.write_str("Windows"),
            Self::DebianJava => f.write_str("Java"),
            Self::Nss(folder) => write!(f, "browser {}", folder.display()),
        }
    }
}

/// A store, and what it thinks of the authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreTrust {
    /// The store.
    pub store: Store,
    /// Whether it trusts the authority.
    pub trust: Trust,
}

impl Trust {
    /// Whether it is known that programs which read the store do not trust the authority.
    #[must_use]
    pub fn is_not_given(self) -> bool {
        matches!(self, Self::Kept | Self::Absent)
    }
}

/// What a store thinks of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// It is trusted.
    Trusted,
    /// It is there, and not trusted.
    Kept,
    /// It is not there.
    Absent,
    /// It cannot be seen: `certutil` is missing.
    Unknown,
    /// It cannot be seen: the store cannot be read.
    Unreadable,
}

/// An authority as stores know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Its certificate.
    pub path: PathBuf,
    /// Its name in browsers, which has the beginning of its fingerprint in it: unique.
    pub name: String,
}

impl Authority {
    /// The authority in `path`, by what its certificate says.
    #[must_use]
    pub fn new(path: PathBuf, common_name: &str, fingerprint: &str) -> Self {
        let short: String = fingerprint.chars().filter(char::is_ascii_hexdigit).take(SHORT).collect();
        Self { path, name: format!("{common_name} {}", short.to_lowercase()) }
    }

    /// An authority that is known by its name in browsers alone; `None` where the name is none of devenv's.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (common_name, short) = name.rsplit_once(' ')?;
        let is_ours = common_name.starts_with(NAME) && is_short(short);
        is_ours.then(|| Self { path: PathBuf::new(), name: name.to_owned() })
    }

    /// The name of its file in a system's store.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}.crt", self.stem())
    }

    /// Its name in the store of Debian's Java, which is made from the name of that file.
    #[must_use]
    pub fn java_alias(&self) -> String {
        format!("debian:{}.pem", self.stem())
    }

    fn stem(&self) -> String {
        format!("devenv-{}", self.name.rsplit(' ').next().unwrap_or_default())
    }
}

/// What the common name of every authority of devenv's begins with.
const NAME: &str = "devenv on ";

/// The most characters of a common name (RFC 5280, appendix A.1, ub-common-name).
pub const LONGEST_NAME: usize = 64;

/// The common name of an authority, by which people know it in a browser's list: the machine's, or a zone's.
#[must_use]
pub fn common_name(machine: &str, zone: Option<&str>) -> String {
    let zone = zone.map(|zone| format!(" for {zone}")).unwrap_or_default();
    format!("{NAME}{machine}{zone}").chars().take(LONGEST_NAME).collect()
}

/// Whether a file of a system's store has a name that devenv gives.
#[must_use]
pub fn is_our_file(name: &str) -> bool {
    name.strip_prefix("devenv-").and_then(|rest| rest.strip_suffix(".crt")).is_some_and(is_short)
}

/// Whether it is the beginning of a fingerprint, as names have it.
fn is_short(text: &str) -> bool {
    text.len() == SHORT && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

const SHORT: usize = 12;

/// The names in what `certutil -L` prints, and what each is trusted for: `C` in the first field, for servers.
pub fn nicknames(listing: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = listing.lines().filter_map(|line| line.trim_end().rsplit_once(' '));
    pairs.map(|(name, flags)| (name.trim(), flags))
}

/// What a database that prints this thinks of the authority with this name.
#[must_use]
pub fn in_listing(listing: &str, name: &str) -> Trust {
    match nicknames(listing).find(|(other, _)| *other == name) {
        None => Trust::Absent,
        Some((_, flags)) if flags.split(',').next().is_some_and(|servers| servers.contains('C')) => Trust::Trusted,
        Some(_) => Trust::Kept,
    }
}

/// Where a system's store takes files from.
#[must_use]
pub fn folder(store: &Store) -> Option<&'static str> {
    match store {
        Store::Debian => Some("/usr/local/share/ca-certificates"),
        Store::Fedora => Some("/etc/pki/ca-trust/source/anchors"),
        Store::Arch => Some("/etc/ca-certificates/trust-source/anchors"),
        Store::Keychain | Store::Windows | Store::DebianJava | Store::Nss(_) => None,
    }
}

/// The calls that make every store trust the authority which does not yet.
#[must_use]
pub fn trust(stores: &[StoreTrust], authority: &Authority, root: RootAccess) -> Vec<RepairAction> {
    let mut actions = Vec::new();
    let lacks_certutil = stores.iter().any(|seen| seen.trust == Trust::Unknown);
    if lacks_certutil {
        actions.push(root.call(&["apt-get", "install", "-y", "--no-install-recommends", "libnss3-tools"]));
    }
    let path = authority.path.to_string_lossy().into_owned();
    for seen in stores.iter().filter(|seen| seen.trust != Trust::Trusted) {
        match &seen.store {
            store @ (Store::Debian | Store::Fedora | Store::Arch) => {
                let target = format!("{}/{}", folder(store).unwrap_or_default(), authority.file());
                actions.push(root.call(&["install", "-m", "0644", &path, &target]));
                actions.push(root.call(refresh(store)));
            }
            // It was told by the system's.
            Store::DebianJava => {}
            Store::Keychain => {
                actions.push(RepairAction::run(&["security", "add-trusted-cert", "-r", "trustRoot", &path]));
            }
            Store::Windows => actions.push(RepairAction::run(&[
                "sh",
                "-c",
                "exec certutil.exe -user -addstore Root \"$(wslpath -w \"$1\")\"",
                "sh",
                &path,
            ])),
            Store::Nss(folder) => {
                let folder = format!("sql:{}", folder.display());
                let argv = [
                    "certutil",
                    "-A",
                    "-d",
                    &folder,
                    "-t",
                    "C,,",
                    "-n",
                    &authority.name,
                    "-i",
                    &path,
                    "-f",
                    "/dev/null",
                ];
                actions.push(RepairAction::run(&argv));
            }
        }
    }
    actions
}

/// The calls that undo [`trust`], in every store that trusts the authority.
#[must_use]
pub fn untrust(stores: &[StoreTrust], authority: &Authority, root: RootAccess) -> Vec<RepairAction> {
    let mut actions = Vec::new();
    for seen in stores.iter().filter(|seen| matches!(seen.trust, Trust::Trusted | Trust::Kept | Trust::Unreadable)) {
        match &seen.store {
            store @ (Store::Debian | Store::Fedora | Store::Arch) => {
                let target = format!("{}/{}", folder(store).unwrap_or_default(), authority.file());
                actions.push(root.call(&["rm", "-f", &target]));
                // Debian's goes on to trust what is gone, unless it begins afresh.
                let afresh: &[&str] = if *store == Store::Debian { &["--fresh"] } else { &[] };
                actions.push(root.call(&[refresh(store), afresh].concat()));
            }
            Store::DebianJava => {
                let alias = authority.java_alias();
                let argv = ["keytool", "-delete", "-cacerts", "-storepass", "changeit", "-noprompt", "-alias", &alias];
                actions.push(root.call(&argv));
            }
            Store::Keychain => {
                actions.push(RepairAction::run(&[
                    "security",
                    "remove-trusted-cert",
                    &authority.path.to_string_lossy(),
                ]));
            }
            Store::Windows => {
                let name = authority.name.rsplit_once(' ').map_or(authority.name.as_str(), |(name, _)| name);
                actions.push(RepairAction::run(&["certutil.exe", "-user", "-delstore", "Root", name]));
            }
            Store::Nss(folder) => {
                let folder = format!("sql:{}", folder.display());
                actions.push(RepairAction::run(&["certutil", "-D", "-d", &folder, "-n", &authority.name]));
            }
        }
    }
    actions
}

fn refresh(store: &Store) -> &'static [&'static str] {
    match store {
        Store::Fedora => &["update-ca-trust", "extract"],
        Store::Arch => &["trust", "extract-compat"],
        _ => &["update-ca-certificates"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(actions: &[RepairAction]) -> String {
        actions.iter().map(|action| format!("{action}\n")).collect()
    }

    fn seen(trust: Trust) -> Vec<StoreTrust> {
        let nss = Store::Nss(PathBuf::from("/home/ada/.pki/nssdb"));
        [Store::Debian, Store::DebianJava, nss].map(|store| StoreTrust { store, trust }).into()
    }

    #[test]
    fn an_authority_of_devenvs_is_known_by_its_name() {
        assert_eq!(common_name("box", None), "devenv on box");
        assert_eq!(common_name("box", Some("shop.internal")), "devenv on box for shop.internal");
        assert_eq!(common_name(&"x".repeat(63), None).len(), LONGEST_NAME);
        let listing = "
Certificate Nickname                                         Trust Attributes
                                                             SSL,S/MIME,JAR/XPI

devenv on my box 0a1b2c3d4e5f                                C,,
devenv on box                                                C,,
Somebody 0a1b2c3d4e5f                                        C,,
";
        let found: Vec<Authority> = nicknames(listing).filter_map(|(name, _)| Authority::named(name)).collect();
        assert_eq!(found, [Authority::new(PathBuf::new(), "devenv on my box", "0A:1B:2C:3D:4E:5F:60")]);
        assert_eq!(in_listing(listing, &found[0].name), Trust::Trusted);
        assert_eq!(in_listing(&listing.replace("C,,", ",,"), &found[0].name), Trust::Kept);
        assert_eq!(in_listing(listing, "devenv on box 0a1b2c3d4e60"), Trust::Absent);
        assert!(is_our_file(&found[0].file()));
        assert!(!is_our_file("devenv-mine.crt") && !is_our_file("0a1b2c3d4e5f.crt"));
    }

    #[test]
    fn what_is_done_is_undone() {
        let authority = Authority::new(PathBuf::from("/data/ca.pem"), "devenv on box", "0A:1B:2C:3D:4E:5F:60");
        assert_eq!(
            shown(&trust(&seen(Trust::Absent), &authority, RootAccess::BySudo)),
            "\
sudo install -m 0644 /data/ca.pem /usr/local/share/ca-certificates/devenv-0a1b2c3d4e5f.crt
sudo update-ca-certificates
certutil -A -d sql:/home/ada/.pki/nssdb -t 'C,,' -n 'devenv on box 0a1b2c3d4e5f' -i /data/ca.pem -f /dev/null
"
        );
        assert_eq!(shown(&trust(&seen(Trust::Trusted), &authority, RootAccess::BySudo)), "");
        assert_eq!(
            shown(&untrust(&seen(Trust::Trusted), &authority, RootAccess::Already)),
            "\
rm -f /usr/local/share/ca-certificates/devenv-0a1b2c3d4e5f.crt
update-ca-certificates --fresh
keytool -delete -cacerts -storepass changeit -noprompt -alias debian:devenv-0a1b2c3d4e5f.pem
certutil -D -d sql:/home/ada/.pki/nssdb -n 'devenv on box 0a1b2c3d4e5f'
"
        );
        assert_eq!(shown(&untrust(&seen(Trust::Absent), &authority, RootAccess::Already)), "");
    }
}
