//! The stores of trusted authorities on this machine, and what each thinks of one.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::host::files;
use crate::host::process::{self, Cmd};
use crate::plan::trust::{Authority, Seen, Store, Trust, folder};

/// The certificates of the authorities that this machine's programs trust, in one text.
pub fn system_bundle() -> Result<Option<String>> {
    let files = [DEBIAN_BUNDLE, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
    for file in files {
        if let Some(text) = files::read_text(Path::new(file))? {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

const DEBIAN_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Looks at every store of this machine and user.
pub async fn stores(authority: &Authority) -> Result<Vec<Seen>> {
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
        seen.push(Seen { store, trust: if is_there { Trust::Trusted } else { Trust::Absent } });
    }
    if Path::new("/etc/ssl/certs/java/cacerts").is_file() && process::exists("keytool") {
        let call = Cmd::new("keytool", ["-list", "-cacerts", "-storepass", "changeit", "-alias"]);
        seen.push(Seen { store: Store::DebianJava, trust: answer(&call.args([authority.java_alias()])).await });
    }
    if cfg!(target_os = "macos") {
        let call = Cmd::new("security", ["verify-cert", "-c"]).args([authority.path.to_string_lossy()]);
        seen.push(Seen { store: Store::Keychain, trust: answer(&call).await });
    }
    if process::exists("certutil.exe") {
        let name = authority.name.rsplit_once(' ').map_or(authority.name.as_str(), |(name, _)| name);
        let call = Cmd::new("certutil.exe", ["-user", "-verifystore", "Root", name]);
        seen.push(Seen { store: Store::Windows, trust: answer(&call).await });
    }
    for database in databases() {
        let call = Cmd::new("certutil", ["-L", "-d"]).args([format!("sql:{}", database.display())]);
        let trust = if process::exists("certutil") {
            answer(&call.args(["-n", authority.name.as_str()])).await
        } else {
            Trust::Unknown
        };
        seen.push(Seen { store: Store::Nss(database), trust });
    }
    Ok(seen)
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
    let chromium = [".pki/nssdb", "snap/chromium/current/.pki/nssdb"].map(|folder| home.join(folder));
    let profiles = [
        ".mozilla/firefox",
        "snap/firefox/common/.mozilla/firefox",
        ".var/app/org.mozilla.firefox/.mozilla/firefox",
        "Library/Application Support/Firefox/Profiles",
    ];
    let firefox = profiles
        .into_iter()
        .filter_map(|folder| std::fs::read_dir(home.join(folder)).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()));
    let mut found: Vec<PathBuf> =
        chromium.into_iter().chain(firefox).filter(|folder| folder.join("cert9.db").is_file()).collect();
    found.sort();
    found
}
