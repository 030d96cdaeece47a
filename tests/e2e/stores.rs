//! Who trusts an authority: the stores of a system, of Java and of browsers, real ones.

use crate::checkout::Checkout;
use crate::{engine, place};

/// What is done by `certs trust` is tried in a container, so that this machine's stores stay as they are.
#[test]
fn stores_trust_and_forget_an_authority_also_when_its_files_are_gone() {
    let checkout = Checkout::new(
        "project: PROJECT
modules:
  stores: {path: stores, image: stores, run: sleep infinity}
images:
  stores: {parent: base, packages: [ca-certificates-java, openjdk-21-jre-headless, libnss3-tools]}
",
    );
    checkout.write("stores/.keep", "");
    checkout.ok(&["up"]);
    let container = checkout.container("stores");
    engine::docker(&["cp", &place::program().display().to_string(), &format!("{container}:/usr/local/bin/devenv")]);
    let sh = |line: &str| {
        let line = format!("exec 2>&1; cd /root; export HOME=/root CI=true; {line}");
        engine::docker(&["exec", "--user", "0", &container, "sh", "-c", &line])
    };
    for folder in ["/root/.pki/nssdb", "/root/.mozilla/firefox/x.default"] {
        sh(&format!("mkdir -p {folder} && certutil -N -d sql:{folder} --empty-password"));
    }
    let known = "ls /etc/ssl/certs | wc -l; grep -c BEGIN /etc/ssl/certs/ca-certificates.crt; \
        keytool -list -cacerts -storepass changeit 2>/dev/null | grep -c trustedCertEntry; \
        for d in .pki/nssdb .mozilla/firefox/x.default; do certutil -L -d sql:/root/$d | grep -c devenv; done; true";
    let before = sh(known);
    let all = ["system: ", "Java: ", "browser /root/.mozilla/firefox/x.default: ", "browser /root/.pki/nssdb: "];
    let are = |said: &str, state: &str| all.iter().all(|store| said.contains(&format!("{store}{state}")));

    let said = sh("devenv certs trust; echo $?");
    assert!(said.ends_with("\n3"), "without a yes nothing is done: {said}");
    assert_eq!(sh(known), before);
    for how in ["devenv certs untrust --yes", "rm -r .local/share/devenv && devenv certs untrust --lost --yes"] {
        let said = sh("devenv certs trust --yes");
        assert!(are(&said, "trusted"), "{said}");
        assert_ne!(sh(known), before);
        assert!(sh("devenv certs trust --yes").lines().all(|line| !line.starts_with("$ ")), "it is there already");
        let ca = ".local/share/devenv/ca/ca.pem";
        assert!(sh(&format!("openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt {ca}")).contains("OK"));
        let said = sh(how);
        assert!(are(&said, "not trusted"), "{said}");
        assert_eq!(sh(known), before);
    }

    // A browser with a primary password is told of, and keeps no other from its turn.
    let locked = "/root/.config/mozilla/firefox/a.locked";
    sh(&format!("mkdir -p {locked} && echo secret12 > /tmp/p && certutil -N -d sql:{locked} -f /tmp/p"));
    let said = sh("devenv certs trust --yes || true");
    assert!(said.contains(&format!("error: browser {locked} could not be changed as intended")), "{said}");
    assert!(are(&said, "trusted"), "{said}");
    assert!(sh("devenv certs").contains("not trusted"));
    sh("devenv certs untrust --yes");
    assert_eq!(sh(known), before);
    assert!(sh("devenv certs untrust --lost").contains("no trust store here has a devenv authority other than yours"));
}
