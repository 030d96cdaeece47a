//! The stores of trusted authorities on this machine, and what each thinks of one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::host::files;
use crate::host::process::{self, Cmd};
use crate::host::user::xdg;
use crate::plan::certs::trust::{Authority, Store, StoreTrust, Trust, folder, in_listing, is_our_file, nicknames};
use crate::plan::certs::x509::CertFacts;

/// The certificates of the authorities that this machine's programs trust, in one text.
pub fn system_bundle() -> Result<Option<String>> {
    for file in BUNDLES {
        if let Some(text) = files::read_text(Path::new(file))? {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// The file with them.
#[must_use]
pub fn system_bundle_file() -> Option<&'static Path> {
    BUNDLES.into_iter().map(Path::new).find(|file| file.is_file())
}

const BUNDLES: [&str; 3] = [DEBIAN_BUNDLE, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
const DEBIAN_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Looks at every store of this machine and user.
pub async fn stores(authority: &Authority) -> Result<Vec<StoreTrust>> {
    let certificate = files::read_text(&authority.path)?.unwrap_or_default();
    let mut seen = Vec::new();
    let systems =
        [(Store::Debian, "update-ca-certificates"), (Store::Fedora, "update-ca-trust"), (Store::Arch, "trust")];
    let system = systems
        .into_iter()
        .find(|(store, tool)| process::exists(tool) && folder(store).is_some_and(|folder| Path::new(folder).is_dir()));
    if let Some((store, _)) = system {
        let file = Path::new(folder(&store).unwrap_or_default()).join(authority.file());
        let is_source = files::read_text(&file)?.is_some_and(|text| text == certificate);
        // A call that was cut short has left the one without the other.
        let is_there = is_source && bundle(&store).is_none_or(|text| text.contains(certificate.trim()));
        let trust = match (is_there, is_source) {
            (true, _) => Trust::Trusted,
            (false, true) => Trust::Kept,
            (false, false) => Trust::Absent,
        };
        seen.push(StoreTrust { store, trust });
    }
    if Path::new("/etc/ssl/certs/java/cacerts").is_file() && process::exists("keytool") {
        let call = Cmd::new("keytool", ["-list", "-cacerts", "-storepass", "changeit", "-alias"]);
        seen.push(StoreTrust { store: Store::DebianJava, trust: answer(&call.args([authority.java_alias()])).await });
    }
    if cfg!(target_os = "macos") {
        let call = Cmd::new("security", ["verify-cert", "-c"]).args([authority.path.to_string_lossy()]);
        seen.push(StoreTrust { store: Store::Keychain, trust: answer(&call).await });
    }
    if process::exists("certutil.exe") {
        let name = authority.name.rsplit_once(' ').map_or(authority.name.as_str(), |(name, _)| name);
        let call = Cmd::new("certutil.exe", ["-user", "-verifystore", "Root", name]);
        seen.push(StoreTrust { store: Store::Windows, trust: answer(&call).await });
    }
    for database in databases() {
        let trust = match listing(&database).await {
            Some(listing) => in_listing(&listing, &authority.name),
            None if process::exists("certutil") => Trust::Unreadable,
            None => Trust::Unknown,
        };
        seen.push(StoreTrust { store: Store::Nss(database), trust });
    }
    Ok(seen)
}

/// The authorities of devenv's that stores of this machine know and that are not among `known`: their files are gone, or
/// they are of other users.
pub async fn lost(known: &[Authority]) -> Result<Vec<Authority>> {
    let mut found = BTreeMap::new();
    for folder in [Store::Debian, Store::Fedora, Store::Arch].iter().filter_map(folder) {
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in files.filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_our_file)) {
            if let Ok(facts) = CertFacts::of(&files::read_text(&path)?.unwrap_or_default()) {
                let authority = Authority::new(path, &facts.name, &facts.fingerprint);
                found.insert(authority.name.clone(), authority);
            }
        }
    }
    for database in databases() {
        let listing = listing(&database).await.unwrap_or_default();
        for authority in nicknames(&listing).filter_map(|(name, _)| Authority::named(name)) {
            found.entry(authority.name.clone()).or_insert(authority);
        }
    }
    found.retain(|name, _| known.iter().all(|known| known.name != *name));
    Ok(found.into_values().collect())
}

/// What a database of NSS holds; `None` where it cannot be asked.
async fn listing(database: &Path) -> Option<String> {
    let call = Cmd::new("certutil", ["-L", "-d"]).args([format!("sql:{}", database.display())]);
    let output = process::output(&call).await.ok()?;
    output.status.success().then_some(output.stdout)
}

/// What programs read of a system's store, where that is one text.
fn bundle(store: &Store) -> Option<String> {
    match store {
        Store::Debian => files::read_text(Path::new(DEBIAN_BUNDLE)).ok().flatten(),
        _ => None,
    }
}

async fn answer(call: &Cmd) -> Trust {
    match process::output(call).await {
        Ok(output) if output.status.success() => Trust::Trusted,
        Ok(_) => Trust::Absent,
        Err(_) => Trust::Unknown,
    }
}

/// The databases of NSS that browsers of this user have.
fn databases() -> Vec<PathBuf> {
    let Some(home) = std::env::var_os("HOME").map(PathBuf::from) else { return Vec::new() };
    // NSS itself uses the second where there is no first.
    let chromium = [".pki/nssdb", "snap/chromium/current/.pki/nssdb"].map(|folder| home.join(folder));
    let chromium =
        chromium.into_iter().chain(xdg::base("XDG_DATA_HOME", ".local/share").map(|base| base.join("pki/nssdb")));
    // Firefox begins new profiles in the second since its version 147.
    let recent = xdg::base("XDG_CONFIG_HOME", ".config").map(|base| base.join("mozilla/firefox"));
    let profiles = [
        ".mozilla/firefox",
        "snap/firefox/common/.mozilla/firefox",
        ".var/app/org.mozilla.firefox/.mozilla/firefox",
        "Library/Application Support/Firefox/Profiles",
    ];
    let firefox = profiles
        .map(|folder| home.join(folder))
        .into_iter()
        .chain(recent)
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()));
    let mut found: Vec<PathBuf> = chromium.chain(firefox).filter(|folder| folder.join("cert9.db").is_file()).collect();
    found.sort();
    found
}
