//! Deployments onto a real Swarm: what is rolled out, what is left alone, and what goes back.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use serde_json::Value;

use crate::checkout::{Checkout, Ran, end, shell, until};
use crate::cluster::Cluster;
use crate::registry::Registry;

const CONFIGURATION: &str = "\
project: PROJECT
registry: REGISTRY
modules:
  api:
    path: api
    image: python
    run: python3 -m http.server 8001
    port: 8001
    needs: [cache, migrate]
    health: {http: /, start_within: 5s}
    env: {TOLD: \"${TOLD:-nothing}\"}
  migrate: {path: migrate, image: python, run: sh run.sh, once: true, needs: [cache]}
  web:
    path: web
    image: python
    run: sh run.sh
    port: 8000
    route: /
    needs: [api]
    health: {http: /, start_within: 5s}
services:
  cache: {preset: redis}
features:
  new: {dev: on}
environments:
  prod:
    host: shop.test.example
    replicas: {web: 2}
    secrets: {cache.password: cache_password, gateway.certificate: gateway_certificate, gateway.key: gateway_key}
    deploy: {to: swarm, context: cluster, ports: host}
    gates: [tested, {checklist: [backup]}, {approve: 1}]
    smoke: [{get: /index.html}]
  here: {like: prod, deploy: {to: swarm, context: default}}
  nowhere: {like: prod, deploy: {to: swarm, context: no-such}}
  far: {like: prod, deploy: {to: swarm, context: far}}
";

struct Shop {
    checkout: Checkout,
    docker: PathBuf,
}

impl Shop {
    fn git(&self, rest: &str) -> String {
        shell(&format!("cd '{}' && git {rest}", self.checkout.root().display())).trim().to_owned()
    }

    /// The call with the contexts of this test, and its authority among those of the machine.
    fn begin(&self, args: &[&str]) -> Child {
        let mut command = self.checkout.command();
        command.env("DOCKER_CONFIG", &self.docker).env("SSL_CERT_FILE", self.checkout.beside("ca.pem"));
        command.env("TOLD", "a secret of the deployer").args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn deploy(&self, args: &[&str]) -> Ran {
        end(self.begin(args), args)
    }

    /// Commits, builds, pushes, and says that it was tested and approved.
    fn release(&self, word: &str) -> String {
        self.git("add --all");
        self.git(&format!("commit -qm {word}"));
        self.checkout.ok(&["release", "build"]);
        self.checkout.ok(&["push"]);
        self.checkout.ok(&["release", "passed"]);
        self.git("config user.email other@example.com");
        self.deploy(&["deploy", "prod", "--approve"]).code(0).says("✓ recorded: you approve");
        self.git("config user.email a@example.com");
        self.git("rev-parse HEAD")
    }

    fn page(&self, cluster: &Cluster) -> String {
        let ca = self.checkout.beside("ca.pem");
        shell(&format!(
            "curl -sS --noproxy '*' --cacert '{}' --resolve shop.test.example:443:{} https://shop.test.example/",
            ca.display(),
            cluster.address
        ))
    }
}

/// Requests to the gateway, one after the other, until it is ended.
struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(usize, Vec<String>)>,
}

impl Load {
    fn begin(shop: &Shop, cluster: &Cluster) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (ca, address, own) = (shop.checkout.beside("ca.pem"), cluster.address.clone(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let (mut asked, mut failed) = (0, Vec::new());
            while !own.load(Ordering::SeqCst) {
                let mut curl = Command::new("curl");
                curl.args([
                    "-sS",
                    "--noproxy",
                    "*",
                    "--max-time",
                    "10",
                    "-o",
                    "/dev/null",
                    "-w",
                    "%{http_code}",
                    "--cacert",
                ]);
                let at = format!("shop.test.example:443:{address}");
                let said = curl.arg(&ca).args(["--resolve", &at, "https://shop.test.example/"]).output().unwrap();
                asked += 1;
                let status = String::from_utf8_lossy(&said.stdout).into_owned();
                if status != "200" {
                    failed.push(status);
                }
            }
            (asked, failed)
        });
        Self { stop, thread }
    }

    /// As many were made, and what the others than 200 were.
    fn end(self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

/// Contexts, a certificate for the host, and the first commit.
fn begin(cluster: &Cluster, checkout: &Checkout) -> Shop {
    let docker = checkout.beside("docker");
    std::fs::create_dir(&docker).unwrap();
    shell(&format!(
        "DOCKER_CONFIG='{}' docker context create cluster --docker host={} >/dev/null",
        docker.display(),
        cluster.endpoint()
    ));
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    shell(&format!(
        "cd '{}/..' && openssl req -x509 {key} -days 2 -keyout ca.key -out ca.pem -subj /CN=authority 2>/dev/null && \
         openssl req {key} -keyout key.pem -out leaf.csr -subj /CN=shop 2>/dev/null && \
         echo subjectAltName=DNS:shop.test.example > names && \
         openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out leaf.pem 2>/dev/null",
        checkout.root().display()
    ));
    checkout.write(".gitignore", ".devenv/\n");
    checkout.write("api/index.html", "api one");
    checkout.write("migrate/run.sh", "echo migrated\n");
    checkout.write("web/index.html", "one");
    checkout.write("web/run.sh", "exec python3 -m http.server 8000\n");
    let shop = Shop { checkout: checkout.clone(), docker };
    shop.git("init -q");
    shop.git("config user.email a@example.com");
    shop.git("config user.name a");
    shop
}

#[test]
fn a_release_is_rolled_out_by_what_differs_and_goes_back_as_a_whole() {
    if !Cluster::is_possible() {
        return;
    }
    let checkout = Checkout::new(CONFIGURATION);
    let registry = Registry::start(&checkout);
    let place = format!("127.0.0.1:{}/{}", registry.port, checkout.project());
    checkout.replace("devenv.yaml", "REGISTRY", &place);
    let cluster = Cluster::start(&checkout, &checkout.beside("registry"));
    let shop = begin(&cluster, &checkout);
    checkout.ok(&["images", "build"]);
    let one = shop.release("one");
    let stack = format!("{}-prod", checkout.project());

    // What is missing is told before anything is changed.
    let said = "the engine is not a manager of a Swarm";
    shop.deploy(&["deploy", "here"]).code(3).says(said).says("docker swarm init");
    shop.deploy(&["deploy", "nowhere"]).code(3).says("cannot use the context `no-such`").says("cluster");
    shop.deploy(&["deploy", "prod", "--dry-run"])
        .code(1)
        .says("the cluster has no secret `cache_password`, `gateway_certificate`, `gateway_key`")
        .says("docker secret create cache_password FILE");
    let checked = shop.deploy(&["check"]).code(1).says("the secrets of nowhere were not checked");
    let missing = "the cluster of prod has no secret `cache_password`";
    assert!(checked.stdout.contains(missing), "{}", checked.stdout);
    let folder = checkout.root().join("..");
    for (name, file) in [("gateway_certificate", "leaf.pem"), ("gateway_key", "key.pem"), ("cache_password", "word")] {
        std::fs::write(checkout.beside("word"), "s3cret-word").unwrap();
        cluster.docker(&["secret", "create", name, folder.join(file).to_str().unwrap()]);
    }

    // A manager that ssh leads to; a program in its place leads to this cluster.
    let config = format!("DOCKER_CONFIG='{}'", shop.docker.display());
    shell(&format!("{config} docker context create far --docker host=ssh://deploy@manager:2222 >/dev/null"));
    checkout.write("../bin/ssh", "#!/bin/sh\necho no route to manager >&2; exit 255\n");
    shell(&format!("chmod +x '{}'", checkout.beside("bin/ssh").display()));
    shop.deploy(&["deploy", "far"]).code(3).says("no route to manager").says("ssh -p 2222 deploy@manager");
    let socket = cluster.endpoint().replace("unix://", "");
    let calls = checkout.beside("ssh-calls");
    let ssh = "for one; do case \"$one\" in *:/var/run/docker.sock) local=${one%%:*};; esac; done";
    let ssh =
        format!("#!/bin/sh\n{ssh}\necho \"$*\" > '{}'\nln -s '{socket}' \"$local\"\nexec sleep 600\n", calls.display());
    checkout.write("../bin/ssh", &ssh);
    shop.deploy(&["deploy", "far"])
        .code(1)
        .says(&format!("no node has the label `{}-far.cache=true`", checkout.project()));
    let calls = std::fs::read_to_string(calls).unwrap();
    assert!(calls.contains("BatchMode=yes") && calls.trim().ends_with("-p 2222 -- deploy@manager"), "{calls}");

    let label = format!("{stack}.cache");
    shop.deploy(&["deploy", "prod"])
        .code(1)
        .says(&format!("`cache` has data, and no node has the label `{label}=true`"))
        .says(&format!("docker node update --label-add {label}=true node1"));
    cluster.docker(&["node", "update", "--label-add", &format!("{label}=true"), "node1"]);
    shop.deploy(&["deploy", "prod"]).code(1).says("gate `checklist`: not confirmed: backup").says("--confirm 'backup'");
    assert_eq!(cluster.services(), Vec::<String>::new());
    let plan = shop.deploy(&["deploy", "prod", "--dry-run", "--confirm", "backup"]).code(0).stdout;
    let flags =
        plan.lines().find_map(|line| line.split_once("config:")?.1.split_once(':').map(|(name, _)| name.to_owned()));
    let flags = flags.unwrap();
    assert_eq!(
        plan,
        format!(
            "1 create network:{stack}: not there yet\n2 create config:{flags}: not there yet\n\
             3 create cache: not there yet (after 1, 2)\n4 run migrate: not there yet (after 1, 2, 3)\n\
             5 create api: not there yet (after 1, 2, 3, 4)\n6 create gateway: not there yet (after 1, 2, 4)\n\
             7 create web: not there yet (after 1, 2, 4, 5)\n8 smoke GET /index.html (after 3, 4, 5, 6, 7)\n"
        )
    );

    // A deployment that is killed is continued by the next one.
    let mut killed = shop.begin(&["deploy", "prod", "--confirm", "backup"]);
    until("the migration has begun", || cluster.services().iter().any(|line| line.contains("_migrate ")).then_some(()));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let ran = shop.deploy(&["deploy", "prod", "--confirm", "backup"]).code(0);
    let ran = ran.says("waiting for the deployment by a@example.com").says("was interrupted");
    ran.says_not("create network").says("✓ create web").says("✓ smoke GET /index.html");
    assert_eq!(shop.page(&cluster), "one");
    let api = cluster.docker(&["ps", "--quiet", "--filter", &format!("name={stack}_api")]);
    let env = cluster.docker(&["exec", api.trim(), "sh", "-c", "printenv TOLD; cat $FLAGD_OFFLINE_FLAG_SOURCE_PATH"]);
    assert!(env.starts_with("a secret of the deployer\n") && env.contains("\"defaultVariant\": \"off\""), "{env}");

    // Nothing to do.
    let begun = Instant::now();
    shop.deploy(&["deploy", "prod"]).code(0).says("nothing to do").says_not("✓");
    println!("deploy with nothing to do: {:?}", begun.elapsed());

    // A changed module alone; meanwhile no request fails.
    checkout.write("web/index.html", "two");
    let two = shop.release("two");
    let before = cluster.services();
    let load = Load::begin(&shop, &cluster);
    let begun = Instant::now();
    let ran = shop
        .deploy(&["deploy", "prod", "--confirm", "backup"])
        .code(0)
        .says("✓ update web")
        .says("✓ smoke GET /index.html");
    let (asked, failed) = load.end();
    let own = ["service", "inspect", &format!("{stack}_web"), "--format", "{{json .UpdateStatus}}"];
    let (took, own) = (begun.elapsed(), cluster.docker(&own));
    println!("roll-out of two containers: {took:?}; {asked} requests, failed: {failed:?}; the engine says {own}");
    ran.says_not("update api").says_not("migrate").says_not("remove config");
    assert!(asked > 50 && failed.is_empty(), "{asked} requests, failed: {failed:?}");
    let differ = |before: &[String]| {
        let now = cluster.services();
        let names = now
            .iter()
            .filter(|line| !before.contains(line))
            .map(|line| line.split(['_', ' ']).nth(1).unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(differ(&before), ["web"]);
    assert_eq!(shop.page(&cluster), "two");

    // A new value of a secret has a name with a digest; whoever has the secret is updated.
    let new = "cache_password_0123abcd";
    cluster.docker(&["secret", "create", new, folder.join("word").to_str().unwrap()]);
    let plan = shop.deploy(&["deploy", "prod", "--dry-run"]).code(0).stdout;
    assert!(plan.contains("update cache: secrets changed") && plan.contains("update api: secrets changed"), "{plan}");
    assert!(!plan.contains("update web"), "{plan}");
    cluster.docker(&["secret", "rm", new]);

    // A service that never becomes healthy: the engine rolls it back, and devenv the rest.
    let before = cluster.services();
    checkout.write("api/index.html", "api three");
    checkout.write("web/run.sh", "echo cannot start; exec sleep 1000\n");
    shop.release("three");
    let ran = shop.deploy(&["deploy", "prod", "--confirm", "backup"]).code(1);
    let ran = ran.says("✓ update api").says("✗ update web").says("`web` was rolled back by the engine");
    ran.says("everything runs as before: web rolled back, api rolled back").says("cannot start");
    assert_eq!(cluster.services(), before);
    assert_eq!(shop.page(&cluster), "two");

    // A migration that fails: nothing is rolled out.
    checkout.write("web/run.sh", "exec python3 -m http.server 8000\n");
    checkout.write("migrate/run.sh", "echo no such column >&2; exit 3\n");
    shop.release("four");
    let ran = shop.deploy(&["deploy", "prod", "--confirm", "backup"]).code(1);
    ran.says("`migrate` failed: it ended with code 3")
        .says("no such column")
        .says("no service was changed")
        .says_not("update");
    assert_eq!(shop.page(&cluster), "two");

    // A smoke check that fails takes back what was healthy.
    checkout.write("migrate/run.sh", "echo migrated\n");
    std::fs::rename(checkout.root().join("web/index.html"), checkout.root().join("web/other.html")).unwrap();
    shop.release("five");
    let ran = shop.deploy(&["deploy", "prod", "--confirm", "backup"]).code(1).says("✓ update web");
    ran.says("GET https://shop.test.example/index.html: it answered 404").says("web rolled back");
    assert_eq!(shop.page(&cluster), "two");

    // Back to the first one, without its checkout.
    shop.deploy(&["deploy", "prod", "--rollback"]).code(0).says("✓ update web").says_not("migrate");
    assert_eq!(shop.page(&cluster), "one");
    let all: Value = serde_json::from_str(&shop.deploy(&["deployments", "prod", "--json"]).code(0).stdout).unwrap();
    let outcomes: Vec<&str> = all.as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["deployed", "deployed", "failed", "failed", "failed", "rolled-back"]);
    shop.deploy(&["deploy", "prod", "--rollback", &two[..10]]).code(0).says("✓ update web");
    assert_eq!(shop.page(&cluster), "two");
    assert!(shop.deploy(&["deployments"]).code(0).stdout.contains("rolled back to"));
    assert!(checkout.ok(&["release", "show", &one]).stdout.contains("deployed to prod by a@example.com"));

    // No secret of whoever deploys is in a record.
    let kept = checkout.beside("registry/data");
    assert_eq!(shell(&format!("grep -rl 'a secret of the deployer' '{}' || true", kept.display())), "");
    until("no deployment is marked", || {
        (!cluster.docker(&["config", "ls", "--format", "{{.Name}}"]).contains("deploying")).then_some(())
    });
}
