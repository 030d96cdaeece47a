//! Faults put into a real stack: `trace` names the hop that is broken, and the cause.

use serde_json::Value;

use crate::checkout::{Checkout, until};
use crate::engine;

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api:
    path: api
    image: python
    deps: {lock: [requirements.txt], install: pip install --quiet -r requirements.txt}
    run: exec python -u serve.py
    port: 8000
    health: {http: /api/ok}
    route: /api
    needs: [db, cache]
  web: {path: web, image: python, run: exec python3 -m http.server 8000, port: 8000, route: /pages}
  odd:
    path: odd
    image: base
    run: sleep infinity
    needs: [web]
    env: {HTTP_PROXY: 'http://me:hidden-word@web:9', NO_PROXY: x, DATABASE_URL: 'postgres://me@dbb/shop', QUEUE_URL: 'redis://localhost:6379/0'}
services:
  db: {preset: postgres}
  cache: {preset: redis}
  elsewhere: {external: 'http://web:8000/'}
";

/// Answers by its path; where it listens stands in files.
const SERVE: &str = r#"
import http.server, os, socket, ssl, time, urllib.request
from connect import connect

def query(sql):
    db = connect()
    try:
        cursor = db.cursor()
        cursor.execute(sql)
        return cursor.fetchall()
    finally:
        db.close()

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text="", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def call(self, calls):
        try:
            calls()
        except OSError:
            pass
        self.answer(500)

    def do_GET(self):
        path = self.path.removeprefix("/api")
        if path == "/ok":
            self.answer(200, "ok")
        elif path == "/slow":
            time.sleep(30)
        elif path == "/circle":
            self.answer(302, Location="/api/circle?again")
        elif path.startswith("/circle"):
            self.answer(302, Location="/api/circle")
        elif path == "/misdirected":
            self.call(lambda: socket.create_connection(("db", 5433), timeout=2))
        elif path == "/misnamed":
            self.call(lambda: socket.getaddrinfo("dbx", 5432))
        elif path == "/hang-up":
            self.connection.close()
        elif path == "/hostile":
            print("\x1b[2J\x1b[Hapi → db 1 ms ok\rforged", flush=True)
            self.answer(500, Location="\x1b]0;title\x07")
        elif path == "/on":
            headers = {"X-Request-Id": self.headers["X-Request-Id"], "Host": self.headers["Host"]}
            context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
            context.check_hostname = False
            request = urllib.request.Request("https://gateway:443/pages/index.html", headers=headers)
            try:
                urllib.request.urlopen(request, context=context).read()
            except Exception:
                pass
            self.answer(200, "went on")
        else:
            try:
                self.answer(200, str(query("select * from " + path[1:])))
            except Exception as error:
                print("cannot answer:", error, flush=True)
                self.answer(500, "failed")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with open("/tmp/posts", "a") as posts:
            posts.write("x")
        self.answer(201)

def read(name, otherwise):
    return open(name).read().strip() if os.path.exists(name) else otherwise

http.server.ThreadingHTTPServer((read("host", "0.0.0.0"), int(read("port", "8000"))), Handler).serve_forever()
"#;

/// Takes every connection that the database has, and holds them.
const HOLD: &str = r#"
import os, time
from connect import connect

held = []
try:
    while True:
        held.append(connect())
except Exception as error:
    print(error)
with open("/tmp/held", "w") as file:
    file.write(str(os.getpid()))
time.sleep(300)
"#;

const CONNECT: &str = r#"
import os, urllib.parse
import pg8000.dbapi as pg

url = urllib.parse.urlparse(os.environ["DB_URL"])

def connect():
    return pg.connect(user=url.username, password=url.password, host=url.hostname, port=url.port, database=url.path[1:], timeout=3)
"#;

fn project() -> Checkout {
    let checkout = Checkout::with_tools(CONFIGURATION);
    checkout.write("api/serve.py", SERVE);
    checkout.write("api/connect.py", CONNECT);
    checkout.write("api/hold.py", HOLD);
    checkout.write("api/requirements.txt", "pg8000==1.31.2\n");
    checkout.write("web/index.html", "hello");
    checkout.write("odd/.keep", "");
    checkout.ok(&["up"]);
    checkout.ok(&["debug", "--", "true"]);
    checkout
}

/// The sentence of a trace that finds something broken, and the hop.
fn broken(checkout: &Checkout, args: &[&str]) -> (String, String) {
    let ran = checkout.devenv(&[&["trace", "--json", "--timeout", "3s"], args].concat()).code(1);
    let trace: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(trace["ok"], false);
    let hops = trace["hops"].as_array().unwrap();
    let hop = hops.iter().find(|hop| hop["verdict"] == "broken").unwrap_or_else(|| panic!("{trace}"));
    (hop["name"].as_str().unwrap().to_owned(), checkout.plain(trace["sentence"].as_str().unwrap()))
}

pub(crate) fn says(checkout: &Checkout, args: &[&str], hop: &str, sentence: &str) {
    let (broken_hop, said) = broken(checkout, args);
    assert!(broken_hop == hop && said.contains(sentence), "{args:?}: {broken_hop}: {said}");
}

/// Waits until the gateway gets an answer of the module again.
fn answers(checkout: &Checkout) {
    until("the module answers", || (checkout.devenv(&["trace", "/api/ok"]).code == Some(0)).then_some(()));
}

fn restart(checkout: &Checkout) {
    engine::docker(&["restart", "--time", "1", &checkout.container("api")]);
}

fn sql(checkout: &Checkout, sql: &str) {
    let psql = ["exec", &checkout.container("db"), "psql", "-h", "/run/postgresql", "-U", "postgres", "-qAtc", sql];
    engine::docker(&psql);
}

#[test]
fn each_fault_of_a_module_and_of_what_it_needs_is_told_apart() {
    let checkout = project();
    let name = checkout.project().to_owned();
    let ran = checkout.ok(&["trace", "/api/ok"]);
    for row in
        ["tls ", "gateway ", "route /api → api (10.213.", "api ", "directly: status 200", "api → db ", "api → cache "]
    {
        assert!(ran.stdout.contains(row), "{}", ran.stdout);
    }
    assert!(ran.stdout.contains("\nevery hop is OK\n") && ran.stderr.is_empty(), "{}{}", ran.stdout, ran.stderr);
    // No tool box has to start where this machine finds everything well within its patience.
    until("this machine has asked", || {
        checkout.ok(&["trace", "/api/ok"]).stdout.contains("directly: status 200, from this machine").then_some(())
    });
    let wire = checkout.ok(&["trace", "/api/ok", "--wire"]).stdout;
    assert!(wire.contains("directly: status 200\n") && !wire.contains("from this machine"), "{wire}");
    // The log has the line of the request.
    assert!(ran.stdout.contains("api | 10.213.") && ran.stdout.contains("GET /api/ok"), "{}", ran.stdout);

    // Answers of the module.
    says(&checkout, &["/api/orders"], "gateway", "`api` answers 500: a table is missing, says `");
    says(&checkout, &["/api/slow"], "gateway", "within 3 s");
    says(&checkout, &["/api/hang-up"], "gateway", "`api` closes the connection without an answer");
    says(&checkout, &["/api/circle"], "gateway", "`api` redirects in a loop");
    // What the module keeps to itself, the wire tells.
    says(
        &checkout,
        &["/api/misdirected"],
        "gateway",
        "`api` answers 500: `api` calls db:5433, and the connection is refused",
    );
    says(&checkout, &["/api/misnamed"], "gateway", "`api` looks up `dbx`, but there is no such name in its network");
    let watched = checkout.devenv(&["trace", "/api/orders", "--wire"]).code(1).stdout;
    assert!(watched.contains("api looks up db: 10.213.") && watched.contains("api → db:5432: postgres: "), "{watched}");
    says(&checkout, &["/pages/index.html"], "gateway", "`web` answers 404 to /pages/index.html and 200 to /index.html");
    // A call that carries the id appears.
    let on: Value = serde_json::from_str(&checkout.devenv(&["trace", "/api/on", "--json"]).stdout).unwrap();
    assert!(on["hops"].as_array().unwrap().iter().any(|hop| hop["name"] == "→ web"), "{on}");
    // What changes something is sent once, unless it is asked for.
    let posts = || engine::docker(&["exec", &checkout.container("api"), "cat", "/tmp/posts"]).len();
    let post = checkout.ok(&["trace", "/api/orders", "-d", "{}", "-H", "Content-Type: application/json"]);
    assert!(post.stdout.contains("not asked again") && posts() == 1, "{}", post.stdout);
    checkout.ok(&["trace", "/api/orders", "-d", "{}", "--direct"]);
    assert_eq!(posts(), 3);
    // Nothing of others steers the terminal or makes a hop.
    let hostile = checkout.devenv(&["trace", "/api/hostile"]).code(1).stdout;
    assert!(!hostile.contains('\u{1b}') && !hostile.contains('\r'), "{hostile:?}");
    assert_eq!(hostile.lines().filter(|line| line.starts_with("api → db")).count(), 1, "{hostile}");

    // The database: password, connections, life.
    let password = engine::docker(&["exec", &checkout.container("db"), "cat", "/run/devenv/credentials/password"]);
    sql(&checkout, &format!("alter role {name} password 'another'"));
    says(
        &checkout,
        &["/api/orders"],
        "gateway",
        "`db` refuses the password that `DB_URL` of `api` has: password authentication failed",
    );
    let shown = checkout.devenv(&["trace", "/api/orders"]).code(1);
    assert!(!shown.stdout.contains(&password), "{}", shown.stdout);
    sql(&checkout, &format!("alter role {name} password '{password}'"));
    let api = checkout.container("api");
    engine::docker(&["exec", "--detach", &api, "/srv/api/.venv/bin/python", "hold.py"]);
    until("all connections are taken", || {
        engine::output(&["exec", &api, "test", "-s", "/tmp/held"]).status.success().then_some(())
    });
    says(&checkout, &["/api/orders"], "gateway", "`db` has no connections left: sorry, too many clients already");
    engine::docker(&["exec", &api, "sh", "-c", "kill $(cat /tmp/held)"]);
    engine::docker(&["stop", &checkout.container("db")]);
    says(
        &checkout,
        &["/api/orders"],
        "gateway",
        "`api` answers 500: `db`, which `api` needs, is not running: it was stopped",
    );
    says(&checkout, &["--from", "api", "db"], "api → db", "`db`, which `api` needs, is not running");
    checkout.ok(&["start"]);

    // Where the module listens, and whether it runs.
    checkout.write("api/port", "8001");
    restart(&checkout);
    until("it listens elsewhere", || {
        broken(&checkout, &["/api/ok"])
            .1
            .contains("`api` listens on port 8001 and not on 8000, which is its `port`")
            .then_some(())
    });
    std::fs::remove_file(checkout.root().join("api/port")).unwrap();
    checkout.write("api/host", "127.0.0.1");
    restart(&checkout);
    until("it listens on its own address", || {
        broken(&checkout, &["/api/ok"]).1.contains("`api` listens only on 127.0.0.1:8000").then_some(())
    });
    std::fs::remove_file(checkout.root().join("api/host")).unwrap();
    engine::docker(&["stop", "--time", "1", &checkout.container("api")]);
    says(&checkout, &["/api/ok"], "gateway", "`api` is not running: it was stopped");
    engine::docker(&["start", &checkout.container("api")]);
    engine::docker(&["update", "--restart", "always", &checkout.container("api")]);
    checkout.write("api/port", "no number");
    restart(&checkout);
    until("it crashes in a loop", || {
        broken(&checkout, &["/api/ok"]).1.contains("`api` crashes in a loop").then_some(())
    });
    engine::docker(&["update", "--restart", "no", &checkout.container("api")]);
    until("it has ended for good", || {
        broken(&checkout, &["/api/ok"]).1.contains("`api` is not running: it ended with code 1").then_some(())
    });
}

#[test]
fn each_fault_on_the_way_to_a_module_is_told_apart() {
    let checkout = project();
    let name = checkout.project().to_owned();
    answers(&checkout);

    // What is asked wrongly.
    checkout.devenv(&["trace", "api"]).code(2).says("`api` is neither a path nor an address");
    checkout.devenv(&["trace", "--from", "apo", "db"]).code(2).says("did you mean `api`?");
    checkout.devenv(&["trace", "--from", "api", "dbb"]).code(2).says("did you mean `db`?");
    checkout.devenv(&["trace", "/", "-H", "bad"]).code(2).says("header 1 is not a valid header");

    // Names and routes.
    says(&checkout, &["/nowhere"], "gateway", "no module has a route for /nowhere");
    let wrong = checkout.url("gateway").replace(&name, "elsewhere") + "/api/ok";
    says(&checkout, &[&wrong], "tls", "the certificate presented is not for `elsewhere.localhost`");
    says(&checkout, &["http://no-such-name.test/"], "name", "`no-such-name.test` does not resolve on this machine");

    // From inside a part whose variables are wrong.
    let ok = checkout.ok(&["trace", "--from", "api", "db"]).stdout;
    assert!(ok.contains(&format!("logged in as {name}, select 1 answered")), "{ok}");
    checkout.ok(&["trace", "--from", "api", "cache"]);
    checkout.ok(&["trace", "--from", "api", "web"]);
    checkout.ok(&["trace", "--from", "api", &format!("https://gateway.{name}.test/api/ok")]);
    checkout.ok(&["trace", "--from", "api", "web:8000"]);
    checkout.ok(&["trace", "--from", "api", "elsewhere"]);
    says(
        &checkout,
        &["--from", "api", "[::1]:81"],
        "api → ::1",
        "`api` names ::1, which is the container of `api` itself, and nothing listens there on port 81",
    );
    says(&checkout, &["http://[::1]:81/"], "tcp", "nothing listens on port 81 of ::1: connection refused");
    says(
        &checkout,
        &["--from", "api", "web:81"],
        "api → web",
        "`web` runs, and `api` does not reach its port 81: connection refused",
    );
    says(
        &checkout,
        &["--from", "api", "https://gateway/"],
        "api → gateway",
        "the certificate of `gateway` is for other names",
    );
    let trusted = format!("https://gateway.{name}.test/api/ok");
    // A service has the usual authorities and no others.
    says(
        &checkout,
        &["--from", "cache", &trusted],
        &format!("cache → gateway.{name}.test"),
        "is signed by an authority that `cache` does not trust",
    );
    let proxied = broken(&checkout, &["--from", "odd", "http://api:8000/api/ok"]).1;
    assert!(
        proxied.contains("`HTTP_PROXY` of `odd` sends its calls of `api` to http://web:9, and that fails"),
        "{proxied}"
    );
    assert!(!proxied.contains("hidden-word"), "{proxied}");
    checkout.replace(
        "devenv.yaml",
        "run: sleep infinity",
        "run: exec python3 -m http.server 8000\n    port: 8000\n    route: /odd",
    );
    checkout.replace("devenv.yaml", "path: odd\n    image: base", "path: odd\n    image: python");

    // What is configured and not in force yet.
    says(&checkout, &["/odd"], "gateway", "the gateway runs with an earlier configuration");
    checkout.ok(&["up"]);
    says(&checkout, &["/odd/"], "gateway", "`odd` answers 404 to /odd/ and 200 to /");
    let names: Value = serde_json::from_str(&checkout.devenv(&["trace", "/odd/", "--json"]).stdout).unwrap();
    let said = names["hops"].to_string();
    assert!(said.contains("odd → dbb") && said.contains("odd → localhost"), "{said}");

    // A body that is too large for the gateway.
    checkout.ok(&["eject", "templates/gateway/nginx.conf"]);
    checkout.replace("devenv/templates/gateway/nginx.conf", "client_max_body_size 100m", "client_max_body_size 1k");
    checkout.ok(&["up"]);
    says(&checkout, &["/api/x", "-d", &"x".repeat(5000)], "gateway", "the gateway rejects the body as too large");

    // The gateway, and the network.
    engine::docker(&["stop", &checkout.container("gateway")]);
    says(&checkout, &["/api/ok"], "tcp", "the gateway is not running: it was stopped");
    let network = checkout.networks().remove(0);
    for container in checkout.containers().values() {
        let _ = engine::output(&["network", "disconnect", "--force", &network, container]);
    }
    engine::docker(&["network", "rm", &network]);
    says(&checkout, &["/api/ok"], "network", "the network of this environment is gone");
}
