//! Certificates that must be refused: one thing is wrong with each, and four programs that know nothing of each other say so.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::checkout::{self, Checkout, state};
use crate::http;

const GO: &str = r#"package main

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"
)

func main() {
	cases, _ := os.Open("cases.txt")
	for lines := bufio.NewScanner(cases); lines.Scan(); {
		var label, root, file, host string
		var at int64
		fmt.Sscan(lines.Text(), &label, &root, &file, &host, &at)
		roots, others := x509.NewCertPool(), x509.NewCertPool()
		text, _ := os.ReadFile(root)
		roots.AppendCertsFromPEM(text)
		text, _ = os.ReadFile(file)
		block, rest := pem.Decode(text)
		others.AppendCertsFromPEM(rest)
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			panic(err)
		}
		options := x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: others, CurrentTime: time.Unix(at, 0)}
		_, err = leaf.Verify(options)
		fmt.Println(label, err == nil)
	}
}
"#;

const PYTHON: &str = r#"
import datetime
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

def read(path):
    return x509.load_pem_x509_certificates(open(path, "rb").read())

for line in open("cases.txt"):
    label, root, file, host, at = line.split()
    leaf, *others = read(file)
    policy = PolicyBuilder().store(Store(read(root))).time(datetime.datetime.fromtimestamp(int(at), datetime.UTC))
    try:
        policy.build_server_verifier(x509.DNSName(host)).verify(leaf, others)
        print(label, "true")
    except VerificationError:
        print(label, "false")
"#;

const OPENSSL: &str = r#"while read -r label root file host at; do
    if openssl verify -x509_strict -no-CApath -no-CAstore -attime "$at" -CAfile "$root" -untrusted "$file" \
        -verify_hostname "$host" "$file" >/dev/null 2>&1; then echo "$label true"; else echo "$label false"; fi
done < cases.txt"#;

const DAY: i64 = 24 * 60 * 60;

/// A certificate with its key, both as PEM.
struct Pair(String, String);

/// A certificate with this name, signed by `by`, or by itself.
fn made(name: &str, names: &[&str], is_authority: bool, by: Option<&Pair>) -> Pair {
    let mut params = CertificateParams::new(names.iter().copied().map(str::to_owned).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = time::OffsetDateTime::from_unix_timestamp(now() - DAY).unwrap();
    params.not_after = time::OffsetDateTime::from_unix_timestamp(now() + 30 * DAY).unwrap();
    params.use_authority_key_identifier_extension = true;
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    } else {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    }
    let key = KeyPair::generate().unwrap();
    let certificate = match by {
        None => params.self_signed(&key),
        Some(Pair(certificate, key_of_issuer)) => {
            let signer = KeyPair::from_pem(key_of_issuer).unwrap();
            params.signed_by(&key, &Issuer::from_ca_cert_pem(certificate, signer).unwrap())
        }
    };
    Pair(certificate.unwrap().pem(), key.serialize_pem())
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// What rustls says, in the words of the others.
fn rustls(checkout: &Checkout, cases: &str) -> String {
    let read = |path: &str| -> Vec<CertificateDer<'static>> {
        let text = checkout.read(&format!("case/{path}"));
        CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().unwrap()
    };
    let verdict = |line: &str| {
        let [label, root, file, host, at] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(read(root).remove(0)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let chain = read(file);
        let at = UnixTime::since_unix_epoch(Duration::from_secs(at.parse().unwrap()));
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let is_good = verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], at).is_ok();
        format!("{label} {is_good}\n")
    };
    cases.lines().map(verdict).collect()
}

#[test]
fn four_verifiers_refuse_what_is_wrong_and_follow_the_clock() {
    let checkout = Checkout::new(
        "\
project: PROJECT
modules:
  web: {path: case, image: python, run: python3 -m http.server 8000, port: 8000, route: /}
  go: {path: case, image: go, run: sleep infinity}
",
    );
    checkout.write("case/go.mod", "module verify\n\ngo 1.21\n");
    checkout.write("case/main.go", GO);
    checkout.write("case/verify.py", PYTHON);
    checkout.ok(&["up"]);

    // A chain of three that is right, and the same with one thing wrong.
    let root = made("root", &[], true, None);
    let (middle, namesake) = (made("middle", &[], true, Some(&root)), made("middle", &[], true, Some(&root)));
    let leaf = made("leaf", &["shop.test"], false, Some(&middle));
    let nameless = made("shop.test", &[], false, Some(&middle));
    checkout.write("case/root.pem", &root.0);
    checkout.write("case/chain.pem", &format!("{}{}", leaf.0, middle.0));
    checkout.write("case/wrong-key.pem", &format!("{}{}", leaf.0, namesake.0));
    checkout.write("case/no-middle.pem", &leaf.0);
    checkout.write("case/no-san.pem", &format!("{}{}", nameless.0, middle.0));
    // Devenv's own, as the gateway serves it.
    checkout.write("case/ca.pem", &std::fs::read_to_string(state().join("devenv/ca/ca.pem")).unwrap());
    checkout.write("case/own.pem", &checkout.read(".devenv/certs/cert.pem"));

    let (now, own) = (now(), format!("{}.test", checkout.project()));
    let later = |days: i64| now + days * DAY;
    let cases = [
        format!("right root.pem chain.pem shop.test {now}"),
        format!("wrong-host root.pem chain.pem shop.example {now}"),
        format!("wrong-key root.pem wrong-key.pem shop.test {now}"),
        format!("no-middle root.pem no-middle.pem shop.test {now}"),
        format!("no-san root.pem no-san.pem shop.test {now}"),
        format!("expired root.pem chain.pem shop.test {}", later(31)),
        format!("not-yet root.pem chain.pem shop.test {}", later(-2)),
        format!("foreign ca.pem chain.pem shop.test {now}"),
        format!("own ca.pem own.pem {own} {now}"),
        format!("own-60 ca.pem own.pem {own} {}", later(60)),
        format!("own-88 ca.pem own.pem {own} {}", later(88)),
        format!("own-89 ca.pem own.pem {own} {}", later(89) + 3600),
        format!("own-400 ca.pem own.pem {own} {}", later(400)),
    ];
    let cases: String = cases.iter().map(|case| format!("{case}\n")).collect();
    checkout.write("case/cases.txt", &cases);
    let good = ["right", "own", "own-60", "own-88"];
    let labels = cases.lines().map(|line| line.split(' ').next().unwrap());
    let expected: String = labels.map(|label| format!("{label} {}\n", good.contains(&label))).collect();

    assert_eq!(rustls(&checkout, &cases), expected, "rustls");
    assert_eq!(checkout.ok(&["exec", "go", "--", "go", "run", "."]).stdout, expected, "go");
    let python = "python3 -m venv /tmp/v && /tmp/v/bin/pip install -q cryptography && exec /tmp/v/bin/python verify.py";
    assert_eq!(checkout.ok(&["exec", "web", "--", "sh", "-c", python]).stdout, expected, "cryptography");
    // OpenSSL takes a name without SAN from the subject, as nobody else does any more.
    let openssl = checkout.ok(&["exec", "web", "--", "sh", "-c", OPENSSL]).stdout;
    assert_eq!(openssl, expected.replace("no-san false", "no-san true"), "openssl");
    checkout.ok(&["down", "-v", "--yes"]);
}

#[test]
fn certificates_follow_a_clock_that_was_moved_there_and_back() {
    let checkout = Checkout::page("");
    checkout.ok(&["up"]);
    let url = checkout.url("gateway");

    // What moves the clock is unpacked beside the checkout, so that nothing is installed on this machine.
    let web = checkout.container("web");
    let beside = checkout.beside("clock");
    let get = "apt-get download --quiet libfaketime && dpkg-deb --extract libfaketime_*.deb .";
    checkout::shell(&format!("mkdir '{0}' && cd '{0}' && {get} >&2", beside.display()));
    let mover = checkout::shell(&format!("ls '{}'/usr/lib/*/faketime/libfaketime.so.1", beside.display()));
    let mover = mover.trim();
    let after = |days: u32, args: &[&str]| {
        let mut command = checkout.command();
        command.env("LD_PRELOAD", mover).env("FAKETIME", format!("+{days}d")).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        checkout::end(child, args).code(0)
    };
    let left = |days: u32| {
        let all: serde_json::Value = serde_json::from_str(&after(days, &["certs", "--json"]).stdout).unwrap();
        all["environment"]["days_left"].as_i64().unwrap()
    };

    let today = left(0);
    assert!((88..=89).contains(&today), "{today}");
    assert_eq!((left(60), left(400)), (today - 60, today - 400));
    assert!(after(89, &["certs"]).stdout.contains("expired"));
    after(58, &["up"]).says("nothing to do");
    for (days, why) in [(60, "days are left"), (60 + 89, "it has expired"), (60 + 89 + 400, "it has expired")] {
        after(days, &["up"]).says(why);
        after(days, &["up"]).says("nothing to do");
        assert!((88..=89).contains(&left(days)));
    }
    checkout.ok(&["up"]).says("it is not valid yet: the clock was moved");
    assert_eq!(http::get(&url), (200, "hello".to_owned()));
    assert_eq!(checkout.container("web"), web);
    checkout.ok(&["down", "-v", "--yes"]);
}
