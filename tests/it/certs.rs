//! Authorities: whose their files are from the first byte, and that a damaged one is told and never replaced.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::test::Test;

/// Makes the authority of a zone under this umask, and returns the folder that it is in.
fn zone(test: &Test, umask: &str) -> PathBuf {
    let call = test.command();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]).arg(call.get_program());
    shell.args(["certs", "add-zone", "shop.internal"]).env_clear().current_dir(test.project()).stdin(Stdio::null());
    shell.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    test.beside("home/data/devenv/zones/shop.internal")
}

/// A run of `certs add-zone` again: exit code and stderr.
fn again(test: &Test) -> (Option<i32>, String) {
    let output = test.command().args(["certs", "add-zone", "shop.internal"]).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_key_is_for_its_owner_alone_whatever_the_umask() {
    for umask in ["000", "077", "277"] {
        let test = Test::new();
        let folder = zone(&test, umask);
        let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.join("ca.key")) & 0o377, 0, "umask {umask}");
        assert_eq!(mode(&folder) & 0o077, 0, "umask {umask}");
        assert_eq!(again(&test).0, Some(0));
    }
}

#[test]
fn an_authority_that_is_damaged_is_told_and_kept() {
    let test = Test::new();
    let folder = zone(&test, "022");
    for (file, says) in [("ca.pem", "it is damaged"), ("ca.key", "it is not")] {
        let path = folder.join(file);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] = if bad[middle] == b'A' { b'B' } else { b'A' };
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, &bad).unwrap();
        let (code, said) = again(&test);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&path.display().to_string()) && said.contains("devenv certs reset"), "{said}");
        assert!(said.contains(says) || said.contains("it does not match the certificate"), "{said}");
        assert_eq!(fs::read(&path).unwrap(), bad);
        fs::write(&path, good).unwrap();
        assert_eq!(again(&test).0, Some(0));
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let test = Test::new();
    let key = zone(&test, "022").join("ca.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, said) = again(&test);
    assert!(code == Some(1) && said.contains("ca.key (mode 0644)"), "{said}");
    assert!(said.contains("`chmod 400 '") && said.contains("`devenv certs reset --zone shop.internal`"), "{said}");
    fs::remove_file(&key).unwrap();
    let (code, said) = again(&test);
    assert!(code == Some(1) && said.contains("it is missing, but the certificate exists"), "{said}");
}

#[test]
fn an_authority_whose_certificate_is_lost_is_told_and_its_key_kept() {
    let test = Test::new();
    let folder = zone(&test, "022");
    let key = fs::read(folder.join("ca.key")).unwrap();
    fs::rename(folder.join("ca.pem"), test.beside("ca.pem")).unwrap();
    let (code, said) = again(&test);
    assert!(code == Some(1) && said.contains("ca.pem: it is missing, but its key exists"), "{said}");
    assert_eq!(fs::read(folder.join("ca.key")).unwrap(), key);
    // One that was killed while it made the authority leaves the certificate under another name, and nobody has seen it.
    fs::rename(test.beside("ca.pem"), folder.join("ca.pem.new")).unwrap();
    assert_eq!(again(&test).0, Some(0));
    assert_ne!(fs::read(folder.join("ca.key")).unwrap(), key);
    assert_eq!(files(&folder).len(), 2);
}

#[test]
fn a_zone_is_never_a_path() {
    let test = Test::new();
    let folder = zone(&test, "022");
    let before = files(&test.beside("home/data"));
    let outside = folder.parent().unwrap().parent().unwrap();
    for zone in ["../zones/shop.internal", outside.to_str().unwrap(), "../ca", "..", "Shop.internal", ""] {
        for call in ["reset", "trust", "untrust"] {
            let output = test.command().args(["certs", call, "--zone", zone, "--yes"]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(2) && said.contains("no authority for"), "{call} {zone}: {said}");
        }
    }
    for (zone, says) in
        [(Some("other.internal"), "there is no zone `other.internal`"), (None, "this machine has no authority")]
    {
        for call in ["reset", "untrust"] {
            let mut command = test.command();
            command.args(["certs", call, "--yes"]).args(zone.iter().flat_map(|zone| ["--zone", zone]));
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(2) && said.contains(says), "{call}: {said}");
        }
    }
    assert_eq!(files(&test.beside("home/data")), before);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let test = Test::new();
    fs::create_dir(test.beside("home/data")).unwrap();
    fs::set_permissions(test.beside("home/data"), fs::Permissions::from_mode(0o555)).unwrap();
    let (code, said) = again(&test.by_user(1000));
    assert!(code == Some(1) && said.contains("home/data/devenv") && said.contains("permission denied"), "{said}");
}

#[test]
fn a_profile_that_is_wrong_is_told_before_anything_is_made() {
    let test = Test::good().file("devenv/certs/profile.yaml", "key: rsa\n");
    let (code, said) = again(&test);
    assert!(code == Some(2) && said.contains(" --> certs/profile.yaml:1:6\n"), "{said}");
    assert!(!test.beside("home/data").exists());
}

/// Every file below a folder, with its content.
fn files(folder: &std::path::Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return [].into() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| if path.is_dir() { files(&path) } else { [(path.clone(), fs::read(path).unwrap())].into() })
        .collect()
}

#[test]
fn the_doctor_tells_of_authorities_and_changes_nothing() {
    let test = Test::good();
    let rows = || {
        let output = test.command().args(["doctor", "--json"]).output().unwrap();
        let all: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        let ours = all.into_iter().filter(|row| row["name"] == "authority" || row["name"] == "certificate");
        ours.map(|row| format!("{} {}", row["state"].as_str().unwrap(), row["detail"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let before = files(&test.beside("home"));
    assert_eq!(rows(), ["ok none yet: `devenv up` creates it"]);
    assert_eq!(files(&test.beside("home")), before);
    let folder = zone(&test, "022");
    let key = folder.join("ca.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let made = files(&test.beside("home"));
    let exposed = format!(
        "warning the certificate authority of zone shop.internal cannot be used: others can read {} (mode 0644)",
        key.display()
    );
    assert_eq!(rows(), ["ok none yet: `devenv up` creates it".to_owned(), exposed]);
    assert_eq!(files(&test.beside("home")), made);
}
