//! Certificates on real parts: verified by four programs that know nothing of each other, trusted inside containers
//! without a word, and renewed while requests go on.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::checkout::Checkout;
use crate::http::Clients;
use crate::{engine, http};

const VERIFY_GO: &str = r#"package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
)

func main() {
	roots := x509.NewCertPool()
	bundle, _ := os.ReadFile(os.Getenv("SSL_CERT_FILE"))
	roots.AppendCertsFromPEM(bundle)
	text, _ := os.ReadFile("/run/devenv/certs/cert.pem")
	block, _ := pem.Decode(text)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		panic(err)
	}
	for _, name := range os.Args[1:] {
		_, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots})
		fmt.Println(name, err == nil)
	}
	answer, err := http.Get("https://PROJECT.test/")
	fmt.Println("get", err == nil && answer.StatusCode == 200 && answer.ProtoMajor == 2)
}
"#;

const VERIFY_PYTHON: &str = r#"
import sys, urllib.request
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

bundle = x509.load_pem_x509_certificates(open("/usr/local/share/devenv/host/ca-certificates.crt", "rb").read())
leaf = x509.load_pem_x509_certificate(open("/run/devenv/certs/cert.pem", "rb").read())
for name in sys.argv[1:]:
    verifier = PolicyBuilder().store(Store([c for c in bundle if c.subject.rfc4514_string().endswith("O=devenv")]))
    try:
        verifier.build_server_verifier(x509.DNSName(name)).verify(leaf, [])
        print(name, "true")
    except VerificationError:
        print(name, "false")
print("get", "true" if urllib.request.urlopen("https://PROJECT.test/").status == 200 else "false")
"#;

const GET_JAVA: &str = r#"
import java.net.URI;
import java.net.http.*;

public class Get {
    public static void main(String[] args) throws Exception {
        var request = HttpRequest.newBuilder(URI.create("https://PROJECT.test/")).build();
        var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.statusCode() + " " + answer.version());
    }
}
"#;

#[test]
fn four_verifiers_agree_and_containers_trust_without_a_word() {
    let checkout = Checkout::page(
        "  go: {path: go, image: go, run: sleep infinity}
  js: {path: js, image: node, run: sleep infinity}
  java: {path: java, image: java, run: sleep infinity}
images:
  java: {parent: base, packages: [openjdk-21-jdk-headless]}
",
    );
    let here = |text: &str| text.replace("PROJECT", checkout.project());
    checkout.write("web/verify.py", &here(VERIFY_PYTHON));
    checkout.write("go/go.mod", "module verify\n\ngo 1.21\n");
    checkout.write("go/main.go", &here(VERIFY_GO));
    checkout.write("js/.keep", "");
    checkout.write("java/Get.java", &here(GET_JAVA));
    checkout.ok(&["up"]);

    let project = checkout.project();
    let (host, inner) = (format!("{project}.localhost"), format!("{project}.test"));
    let (api, foreign) = (format!("web.{inner}"), "google.com");
    let names = [host.as_str(), &inner, &api, foreign];
    let expected = format!("{host} true\n{inner} true\n{api} true\n{foreign} false\nget true\n");
    let go = [["exec", "go", "--", "go", "run", "."].as_slice(), &names].concat();
    assert_eq!(checkout.ok(&go).stdout, expected);
    let python =
        "python3 -m venv /tmp/v && /tmp/v/bin/pip install -q cryptography && exec /tmp/v/bin/python verify.py \"$@\"";
    let python = [["exec", "web", "--", "sh", "-c", python, "sh"].as_slice(), &names].concat();
    assert_eq!(checkout.ok(&python).stdout, expected);

    let openssl = ["exec", "web", "--", "openssl", "verify", "-x509_strict", "-CAfile"];
    let openssl =
        [openssl.as_slice(), &["/usr/local/share/devenv/host/ca-certificates.crt", "-verify_hostname"]].concat();
    for (name, code) in names.into_iter().zip([0, 0, 0, 2]) {
        checkout.devenv(&[openssl.as_slice(), &[name, "/run/devenv/certs/cert.pem"]].concat()).code(code);
    }
    // The fourth is rustls, by which these tests ask.
    assert_eq!(http::get(&checkout.url("gateway")), (200, "hello".to_owned()));

    let fetch = format!("fetch('https://{inner}/').then(a => a.text()).then(console.log)");
    assert_eq!(checkout.ok(&["exec", "js", "--", "node", "-e", &fetch]).stdout, "hello\n");

    assert_eq!(checkout.ok(&["exec", "java", "--", "java", "Get.java"]).stdout, "200 HTTP_2\n");

    // The key is the developer's, and only the certificate of the authority comes near a container.
    let everywhere =
        "cat /usr/local/share/devenv/host/* /run/devenv/certs/* | grep -c 'PRIVATE KEY'; ls -l /run/devenv/certs";
    let seen = checkout.ok(&["exec", "web", "--", "sh", "-c", everywhere]).stdout;
    assert!(seen.starts_with("2\n") && seen.matches("-rw-------").count() == 2, "one key, two lines: {seen}");
    let key = std::fs::read_to_string(crate::checkout::state().join("devenv/ca/ca.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    for container in checkout.containers().values() {
        assert!(!engine::inspect(container).to_string().contains(secret));
    }
    crate::checkout::shell(&format!("! grep -rqF '{secret}' '{}'", checkout.root().display()));
}

#[test]
fn a_name_of_another_zone_has_the_certificate_of_that_zone_alone() {
    let checkout = Checkout::page("gateway: {aliases: [shop.example.test, PROJECT.e2e-zone.internal]}\n");
    let data = checkout.own_authorities();
    let (project, zone) = (checkout.project(), "e2e-zone.internal");
    checkout
        .devenv(&["up"])
        .code(2)
        .says(&format!("devenv.yaml:4: no authority of this machine signs for `{project}.{zone}`"))
        .says(&format!("`devenv certs add-zone {zone}`"));
    checkout.ok(&["certs", "add-zone", zone]);
    checkout.ok(&["up"]);
    let authorities = [data.join("ca/ca.pem"), data.join("zones").join(zone).join("ca.pem")];
    let url = checkout.url("gateway");
    let port = url.rsplit(':').next().unwrap();
    let ask = |host: &str, authority: &std::path::Path| {
        let line = format!(
            "curl -s --cacert '{}' --resolve '{host}:{port}:127.0.0.1' 'https://{host}:{port}/' || echo \"curl $?\"",
            authority.display()
        );
        crate::checkout::shell(&line)
    };
    let [machine, own] = &authorities;
    let named = format!("{project}.{zone}");
    for (host, good, bad) in [(named.as_str(), own, machine), ("shop.example.test", machine, own)] {
        assert_eq!(ask(host, good), "hello", "{host}");
        assert_eq!(ask(host, bad), "curl 60\n", "{host}");
    }
    // Containers find these names and trust their authorities.
    for host in [named.as_str(), "shop.example.test"] {
        let read = format!("import urllib.request; print(urllib.request.urlopen('https://{host}/').read().decode())");
        assert_eq!(checkout.ok(&["exec", "web", "--", "python3", "-c", &read]).stdout, "hello\n");
    }
    let (certs, hosts) = (checkout.ok(&["certs"]).stdout, checkout.ok(&["hosts"]).stdout);
    assert!(certs.contains(&format!("environment, {zone}")), "{certs}");
    assert!(hosts.contains(&named) && hosts.contains("shop.example.test"), "{hosts}");
    // Whether a program finds names by itself is what it really does: it is refused, or has found nobody.
    let found: serde_json::Value = serde_json::from_str(&checkout.ok(&["hosts", "--json"]).stdout).unwrap();
    let curl = found["programs"].as_array().unwrap().iter().find(|program| program["name"] == "curl").unwrap();
    let does = crate::checkout::shell("curl -s http://nobody.localhost:1/ || echo $?");
    assert_eq!(curl["itself"], serde_json::json!(does == "7\n"), "{does}");
    checkout.ok(&["up"]).says("nothing to do");
    let doctor = checkout.ok(&["doctor"]).stdout;
    let rows: Vec<&str> = doctor.lines().filter(|line| line.contains(" certificate ")).collect();
    assert!(rows.len() == 2 && rows.iter().all(|row| row.starts_with("ok") && row.contains("days left")), "{doctor}");
    let file = format!(".devenv/certs/{zone}.pem");
    let before = checkout.read(&file);
    checkout.replace(&file, "MII", "NII");
    let doctor = checkout.ok(&["doctor"]).stdout;
    assert!(doctor.contains("it is damaged") && doctor.contains("hint: `devenv up` creates a new one"), "{doctor}");
    checkout.ok(&["up"]).says(&format!("the certificate for {zone} is recreated"));
    assert_ne!(checkout.read(&file), before);
    assert_eq!(ask(&named, own), "hello");
    // With another authority, programs that have read the one before start over.
    checkout.ok(&["--yes", "certs", "reset", "--zone", zone]);
    checkout.ok(&["certs", "add-zone", zone]);
    checkout.ok(&["up"]).says("recreate web: authorities changed");
    // What needs no signature goes on with an authority that cannot sign.
    for key in [data.join("ca/ca.key"), data.join("zones").join(zone).join("ca.key")] {
        let key = key.display();
        crate::checkout::shell(&format!("chmod 644 '{key}'"));
        let (up, status, stop) = (checkout.devenv(&["up"]), checkout.devenv(&["status"]), checkout.devenv(&["stop"]));
        crate::checkout::shell(&format!("chmod 400 '{key}'"));
        up.code(1).says("others can read");
        let status = status.code(0).stdout;
        assert!(status.contains("healthy") && !status.contains("stale"), "{status}");
        stop.code(0);
        checkout.ok(&["up"]);
    }
    // A name that goes takes its key with it; a file of the user's own stays.
    checkout.write(".devenv/certs/mine.pem", "mine");
    checkout.replace("devenv.yaml", &format!(", PROJECT.{zone}").replace("PROJECT", project), "");
    checkout.ok(&["up"]).says("recreate gateway");
    assert_eq!(
        crate::checkout::shell(&format!("ls '{}/.devenv/certs'", checkout.root().display())),
        "cert.pem\nkey.pem\nmine.pem\n"
    );
    std::fs::remove_dir_all(data.join("zones").join(zone)).unwrap();
}

/// Puts the same certificate there with 29 of its 90 days left.
fn make_due(checkout: &Checkout) {
    crate::checkout::shell(&format!(
        "cd '{}/.devenv/certs' && head -n 1 cert.pem > due.pem && \
         openssl x509 -x509toreq -in cert.pem -signkey key.pem -copy_extensions copyall -out due.csr && \
         openssl x509 -req -in due.csr -copy_extensions copyall -days 29 -set_serial 7 \
         -CA '{ca}.pem' -CAkey '{ca}.key' >> due.pem && mv due.pem cert.pem && rm due.csr",
        checkout.root().display(),
        ca = crate::checkout::state().join("devenv/ca/ca").display(),
    ));
}

/// Whether the gateway shows the certificate that stands in the file.
fn is_served(checkout: &Checkout) -> bool {
    let file = checkout.read(".devenv/certs/cert.pem");
    http::certificate(&checkout.url("gateway")) == CertificateDer::from_pem_slice(file.as_bytes()).unwrap()
}

#[test]
fn a_certificate_is_renewed_while_requests_go_on() {
    let checkout = Checkout::page("");
    checkout.ok(&["up"]);
    let url = checkout.url("gateway");
    let plain = engine::lines(&["port", &checkout.container("gateway"), "8080/tcp"]).remove(0);
    let plain = format!("http://{plain}/deep?x=1");
    let before = checkout.read(".devenv/certs/cert.pem");
    let clients = Clients::of(&url);
    clients.go_on();
    let gateway = checkout.container("gateway");
    for _ in 0..3 {
        make_due(&checkout);
        checkout.ok(&["up"]).says("the certificate is recreated").says("days are left").says("nothing to do");
        clients.go_on();
        assert!(is_served(&checkout));
    }
    clients.end();
    assert_ne!(checkout.read(".devenv/certs/cert.pem"), before);
    assert_eq!(checkout.container("gateway"), gateway);
    assert_eq!(http::request("GET", &plain, "").0, 308);

    // A damaged one is told of, and goes with its key.
    let key = checkout.read(".devenv/certs/key.pem");
    checkout.replace(".devenv/certs/cert.pem", "MII", "NII");
    checkout.ok(&["up"]).says("the certificate is recreated: it is damaged");
    assert!(is_served(&checkout) && checkout.read(".devenv/certs/key.pem") != key);
}

#[test]
fn the_watcher_renews_a_certificate_that_is_due_while_requests_go_on() {
    let checkout = Checkout::page("  watched: {path: web, image: base, run: sleep infinity, build: 'true'}\n");
    checkout.ok(&["up"]);
    let url = checkout.url("gateway");
    make_due(&checkout);
    checkout.ok(&["certs"]);
    let due = checkout.read(".devenv/certs/cert.pem");
    let clients = Clients::of(&url);
    // Settings are read again, and with them the days that are left.
    checkout.replace("devenv.yaml", "project:", "# changed\nproject:");
    let log_says = |line: &str| {
        crate::checkout::until(line, || {
            let log = std::fs::read_to_string(checkout.root().join(".devenv/watch/log")).unwrap_or_default();
            log.contains(line).then_some(log)
        })
    };
    log_says("days are left");
    clients.go_on();
    clients.end();
    assert_ne!(checkout.read(".devenv/certs/cert.pem"), due);
    assert!(is_served(&checkout));
    checkout.ok(&["up"]).says("nothing to do");

    // One that cannot be renewed is told, and serves on until the next try.
    make_due(&checkout);
    let due = checkout.read(".devenv/certs/cert.pem");
    let foreign = due.split_once('\n').unwrap().1;
    checkout.write(".devenv/certs/cert.pem", foreign);
    checkout.replace("devenv.yaml", "# changed\n", "");
    let log = log_says("could not be renewed, trying again in an hour");
    assert!(log.contains("cert.pem is not a file that devenv made, so it stays as it is"), "{log}");
    assert_eq!((http::get(&url).0, checkout.read(".devenv/certs/cert.pem").as_str()), (200, foreign));
    checkout.write(".devenv/certs/cert.pem", &due);
    checkout.ok(&["up"]).says("the certificate is recreated").says("days are left");
}

#[test]
fn nothing_is_written_through_a_link_of_the_repository() {
    let checkout = Checkout::new("project: PROJECT\nmodules:\n  web: {path: web, image: base, run: sleep infinity}\n");
    checkout.write("web/.keep", "");
    let root = checkout.root();
    for (folder, target) in [(".devenv", "web"), (".devenv/certs", "../web"), (".devenv/secrets", "../web")] {
        let _ = std::fs::remove_dir_all(root.join(".devenv"));
        if folder != ".devenv" {
            std::fs::create_dir(root.join(".devenv")).unwrap();
        }
        std::os::unix::fs::symlink(target, root.join(folder)).unwrap();
        checkout.devenv(&["up"]).code(1).says(&format!("{folder} is a link, and devenv writes nothing through links"));
        assert_eq!(crate::checkout::shell(&format!("ls -A '{}/web'", root.display())), ".keep\n", "{folder}");
        std::fs::remove_file(root.join(folder)).unwrap();
    }
}

#[test]
fn a_certificate_of_the_teams_own_wins_and_is_checked() {
    let checkout = Checkout::page(
        "  app: {path: web, image: python, run: python3 -m http.server 8001, port: 8001, route: {host: app}}
gateway: {aliases: [dev.teams-own.internal]}
",
    );
    let make_for = |names: &[&str], days: &str| {
        let (host, names) = (names[0], names.iter().map(|name| format!("DNS:{name}")).collect::<Vec<_>>().join(","));
        let folder = checkout.root().join("devenv/certs");
        crate::checkout::shell(&format!(
            "mkdir -p '{0}' && cd '{0}' && openssl req -x509 -newkey rsa:2048 -nodes -days {days} -subj '/CN={host}' \
             -addext 'subjectAltName={names}' -keyout gateway.key -out gateway.pem 2>&1",
            folder.display()
        ));
    };
    let make = |host: &str, days: &str| make_for(&[host, "dev.teams-own.internal"], days);
    let host = format!("{}.localhost", checkout.project());
    make_for(&["other.example"], "10");
    let refused = checkout.devenv(&["up"]).code(2);
    refused.says("devenv/certs/gateway.pem: the certificate is for other.example, not for");
    make(&host, "10");
    let encrypt = "openssl rsa -aes128 -passout pass:x -in gateway.key -out gateway.key 2>&1";
    crate::checkout::shell(&format!("cd '{}/devenv/certs' && {encrypt}", checkout.root().display()));
    checkout.devenv(&["up"]).code(2).says("gateway.key: it is encrypted");
    make(&host, "10");
    let leaf = checkout.read("devenv/certs/gateway.pem");
    let ca = std::fs::read_to_string(crate::checkout::state().join("devenv/ca/ca.pem")).unwrap();
    let by_nobody_known = "openssl req -x509 -newkey rsa:2048 -nodes -subj '/CN=Middle' -keyout ca.key -out ca.pem 2>&1 && \
        openssl x509 -x509toreq -in gateway.pem -signkey gateway.key -copy_extensions copyall -out leaf.csr && \
        openssl x509 -req -in leaf.csr -copy_extensions copyall -days 60 -CA ca.pem -CAkey ca.key -out gateway.pem";
    crate::checkout::shell(&format!("cd '{}/devenv/certs' && {by_nobody_known}", checkout.root().display()));
    checkout.ok(&["up"]).says("devenv/certs/gateway.pem is by `CN=Middle`, which is neither in the file nor known");
    let doctor = checkout.ok(&["doctor"]).stdout;
    assert!(
        doctor.contains("by `CN=Middle`") && doctor.contains("put the intermediate certificates below"),
        "{doctor}"
    );
    checkout.write("devenv/certs/gateway.pem", &format!("{ca}{leaf}"));
    checkout.devenv(&["up"]).code(2).says("its certificate must come first");
    let good = checkout.read("devenv/certs/gateway.key");
    make(&host, "10");
    let pem = checkout.read("devenv/certs/gateway.pem");
    let key = checkout.read("devenv/certs/gateway.key");
    checkout.write("devenv/certs/gateway.key", &good);
    checkout.devenv(&["up"]).code(2).says("gateway.key: it does not match the certificate next to it");
    checkout.write("devenv/certs/gateway.key", &key);
    checkout.ok(&["up"]).says("devenv/certs/gateway.pem expires in ");
    let served = checkout.read(".devenv/certs/gateway.pem");
    assert!(served.ends_with(&pem), "{served}");
    // What it does not cover goes on with devenv's: names inside containers, and hosts of routes.
    let inner = format!("import urllib.request as r; print(r.urlopen('https://{}.test/').read())", checkout.project());
    assert_eq!(checkout.ok(&["exec", "web", "--", "python3", "-c", &inner]).stdout, "b'hello'\n");
    assert_eq!(http::get(&checkout.url("app")), (200, "hello".to_owned()));
    let (certs, doctor) = (checkout.ok(&["certs"]).stdout, checkout.ok(&["doctor"]).stdout);
    assert!(certs.contains("the team's own") && doctor.contains("the team's own"), "{certs}{doctor}");
    // What is committed for the first checkout keeps no further one from its start.
    let further = checkout.clone_to("review");
    further.write("devenv/certs/gateway.pem", &pem);
    further.write("devenv/certs/gateway.key", &key);
    further.replace("devenv.yaml", "gateway: {aliases: [dev.teams-own.internal]}\n", "");
    further.ok(&["up", "web"]).says(&format!("not for review.{host}: devenv's own is shown here"));
    further.ok(&["down", "-v", "--yes"]);
    // It is good for the further name too, so no authority has to sign for that.
    let port = checkout.url("gateway");
    let port = port.rsplit(':').next().unwrap();
    let folder = checkout.root().join("devenv/certs");
    let ask = format!(
        "curl -s --cacert '{}/gateway.pem' --resolve 'dev.teams-own.internal:{port}:127.0.0.1' \
         https://dev.teams-own.internal:{port}/",
        folder.display()
    );
    assert_eq!(crate::checkout::shell(&ask), "hello");
}
