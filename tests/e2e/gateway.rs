//! The gateway on real parts: what passes through it as it comes, and what it does while a module is away.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use serde_json::Value;

use crate::checkout::{Checkout, end, until};
use crate::proxy::Proxy;
use crate::{engine, http};

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api: {path: api, image: python, run: python3 -u serve.py, port: 8000, health: {http: /id}, route: /}
";

/// Speaks WebSocket, streams events of which the second waits for a request, and measures bodies.
const SERVE: &str = r#"
import base64, hashlib, http.server, threading
go_on = threading.Event()

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        if self.path == "/ws":
            key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
            self.end_headers()
            while head := self.rfile.read(2):
                length = head[1] & 127
                mask = self.rfile.read(4)
                text = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(length)))
                self.wfile.write(bytes([129, length]) + text.upper())
            self.close_connection = True
        elif self.path == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"data: one\n\n")
            go_on.wait(60)
            self.wfile.write(b"data: two\n\n")
            self.close_connection = True
        elif self.path == "/go-on":
            go_on.set()
            self.answer("going on")
        elif self.path == "/headers":
            seen = sorted(f"{name.lower()}: {value}" for name, value in self.headers.items())
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Set-Cookie", "session=" + "x" * 30000)
            self.send_header("Content-Length", str(len("\n".join(seen))))
            self.end_headers()
            self.wfile.write("\n".join(seen).encode())
        else:
            self.answer(self.headers.get("X-Request-Id", "none"))

    def do_POST(self):
        if self.path == "/early":
            self.close_connection = True
            self.send_response(401)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"nobody")
            return
        if self.path == "/stream":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            length = int(self.rfile.readline(), 16)
            self.wfile.write(self.rfile.read(length))
            go_on.wait(60)
            self.close_connection = True
            return
        left, seen = int(self.headers["Content-Length"]), hashlib.sha256()
        while left and (piece := self.rfile.read(min(left, 1 << 20))):
            left -= len(piece)
            seen.update(piece)
        self.answer(f"{left} {seen.hexdigest()}")

http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"#;

fn project() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/serve.py", SERVE);
    checkout.ok(&["up"]);
    checkout
}

/// What a virtual machine and a remote engine are: only published ports are reached from here.
#[test]
fn an_engine_whose_container_addresses_do_not_answer_is_served_as_well() {
    let checkout = Checkout::page(
        "  other: {path: web, image: python, run: python3 -m http.server 8001, port: 8001, health: {tcp: 8001}}\n",
    );
    let proxy = Proxy::far(&checkout);
    let devenv = |args: &[&str]| {
        let mut command = checkout.command();
        command.args(args).env("DOCKER_HOST", proxy.host()).stdout(Stdio::piped()).stderr(Stdio::piped());
        end(command.spawn().unwrap(), args).code(0)
    };
    devenv(&["up"]);
    let status = devenv(&["status"]).stdout;
    assert_eq!(status.matches("healthy").count(), 3, "{status}");
    devenv(&["up"]).says("nothing to do");
    checkout.replace("devenv.yaml", "route: /}", "route: /elsewhere}");
    devenv(&["up"]).says("reload gateway");
    devenv(&["up"]).says("nothing to do");
}

#[test]
fn streams_sockets_ids_and_large_bodies_pass_as_they_come() {
    let checkout = project();
    let url = checkout.url("gateway");
    let host = url.trim_start_matches("https://").to_owned();

    // A WebSocket, which is open in both directions after the answer.
    let mut socket = BufReader::new(http::connect(&url, &["http/1.1"]));
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    write!(socket.get_mut(), "GET /ws HTTP/1.1\r\nHost: {host}\r\n{upgrade}\r\n{key}\r\n\r\n").unwrap();
    let answer = http::head(&mut socket);
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    for word in ["hello", "again"] {
        let mask = [1, 2, 3, 4];
        let masked = word.bytes().enumerate().map(|(at, byte)| byte ^ mask[at % 4]);
        let frame: Vec<u8> = [0x81, 0x85].into_iter().chain(mask).chain(masked).collect();
        socket.get_mut().write_all(&frame).unwrap();
        let mut back = [0; 7];
        socket.read_exact(&mut back).unwrap();
        assert_eq!(&back, [b"\x81\x05", word.to_uppercase().as_bytes()].concat().as_slice());
    }

    // An event arrives before the next one is there to be sent.
    let mut events = BufReader::new(http::connect(&url, &["http/1.1"]));
    write!(events.get_mut(), "GET /events HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    assert!(http::head(&mut events).contains("text/event-stream"));
    let mut next = || {
        let mut line = String::new();
        while !line.contains("data: ") {
            line.clear();
            assert!(events.read_line(&mut line).unwrap() > 0);
        }
        line.trim().to_owned()
    };
    assert_eq!(next(), "data: one");
    assert_eq!(http::get(&format!("{url}/go-on")), (200, "going on".to_owned()));
    assert_eq!(next(), "data: two");

    // An id reaches the module, the answer and the log; one that could break a log does not.
    let ask = |id: &str| {
        let mut stream = BufReader::new(http::connect(&url, &["http/1.1"]));
        let head_of = format!("Host: {host}\r\nConnection: close\r\nX-Request-Id: {id}");
        write!(stream.get_mut(), "GET /id HTTP/1.1\r\n{head_of}\r\n\r\n").unwrap();
        let answer = http::head(&mut stream);
        let mut body = String::new();
        stream.read_to_string(&mut body).unwrap();
        (answer, body)
    };
    let (answer, body) = ask("order-42");
    assert!(body == "order-42" && answer.to_lowercase().contains("x-request-id: order-42\r\n"), "{answer}{body}");
    let line = until("the access log has the id", || {
        let log = engine::lines(&["logs", &checkout.container("gateway")]);
        log.into_iter().find(|line| line.contains("order-42"))
    });
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["request_id"], &line["upstream"], &line["status"]),
        (&"order-42".into(), &"api".into(), &200.into())
    );
    let (_, body) = ask("a\"b c");
    assert!(body.len() == 32 && body.bytes().all(|byte| byte.is_ascii_hexdigit()), "{body}");

    // Both protocols by ALPN; plain HTTP leads to the same address, method and body kept.
    for (offered, chosen) in [(&["h2", "http/1.1"][..], "h2"), (&["http/1.1"], "http/1.1")] {
        assert_eq!(http::connect(&url, offered).conn.alpn_protocol(), Some(chosen.as_bytes()));
    }
    let plain = engine::lines(&["port", &checkout.container("gateway"), "8080/tcp"]).remove(0);
    let mut stream = std::net::TcpStream::connect(&plain).unwrap();
    let name = host.split(':').next().unwrap();
    write!(stream, "GET /deep?x=1 HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n").unwrap();
    let answer = http::head(&mut BufReader::new(stream));
    assert!(
        answer.starts_with("HTTP/1.1 308 ") && answer.contains(&format!("Location: {url}/deep?x=1\r\n")),
        "{answer}"
    );

    // 64 MB, whole.
    let body = "0123456789abcdef".repeat(4 << 20);
    let (status, answer) = http::request("POST", &format!("{url}/size"), &body);
    assert_eq!((status, answer), (200, format!("0 {}", devenv::digest::hex(body.as_bytes()))));

    // An answer that comes before the body was read, of a module that closes then, each time.
    for _ in 0..20 {
        assert_eq!(http::request("POST", &format!("{url}/early"), &body[..3 << 20]), (401, "nobody".to_owned()));
    }
    // A body of unknown length passes as it comes.
    let mut stream = BufReader::new(http::connect(&url, &["http/1.1"]));
    let chunked = "Transfer-Encoding: chunked\r\nConnection: close";
    write!(stream.get_mut(), "POST /stream HTTP/1.1\r\nHost: {host}\r\n{chunked}\r\n\r\n3\r\none\r\n").unwrap();
    assert!(http::head(&mut stream).starts_with("HTTP/1.1 200 "));
    let mut first = String::new();
    stream.read_line(&mut first).and_then(|_| stream.read_line(&mut first)).unwrap();
    assert_eq!(first, "3\r\none\r\n");

    // A body that is too large is refused before it is sent, with a word on how much is taken.
    let mut stream = BufReader::new(http::connect(&url, &["http/1.1"]));
    write!(stream.get_mut(), "POST /id HTTP/1.1\r\nHost: {host}\r\nContent-Length: 209715200\r\n\r\n").unwrap();
    assert!(http::head(&mut stream).starts_with("HTTP/1.1 413 "));
    let mut page = String::new();
    stream.read_line(&mut page).and_then(|_| stream.read_line(&mut page)).unwrap();
    assert!(page.contains("at most 100 MB"), "{page}");

    // Plain HTTP at the port of HTTPS is led to HTTPS.
    let mut plain = BufReader::new(
        std::net::TcpStream::connect(host.replace(&format!("{}.localhost", checkout.project()), "127.0.0.1")).unwrap(),
    );
    write!(plain.get_mut(), "GET /id?x=1 HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let answer = http::head(&mut plain);
    assert!(
        answer.starts_with("HTTP/1.1 308 ") && answer.contains(&format!("Location: https://{host}/id?x=1")),
        "{answer}"
    );
    checkout.ok(&["down", "-v", "--yes"]);
}

#[test]
fn what_a_request_says_of_itself_is_not_believed_and_another_products_name_is_told() {
    let checkout = project();
    let url = checkout.url("gateway");
    let own = url.strip_prefix("https://").unwrap().to_owned();
    let ask = |host: &str, more: &str| {
        let mut stream = BufReader::new(http::connect(&url, &["http/1.1"]));
        write!(stream.get_mut(), "GET /headers HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n").unwrap();
        let head = http::head(&mut stream);
        let mut body = String::new();
        stream.read_to_string(&mut body).unwrap();
        (head, body)
    };
    // A name may have a dot or a `_`.
    let (_, seen) = ask(&own, "api_key: 1\r\nx.y: 2\r\n");
    assert!(seen.contains("api_key: 1\n") && seen.ends_with("x.y: 2"), "{seen}");
    let made_up = "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-Prefix: /p\r\nX-Forwarded-Port: 1\r\n\
        X-Forwarded-Host: evil\r\nX-Forwarded-Proto: http\r\nX-Real-IP: 6.6.6.6\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n";
    let (head, seen) = ask(&own, made_up);
    // 30 kB of headers in an answer pass, and its type as it is.
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("Content-Type: text/html\r\n"), "{}", &head[..300]);
    assert!(head.contains(&"x".repeat(30000)));
    for gone in ["6.6.6.6", "evil", "forwarded: ", "prefix", "x-forwarded-port", "h2c", "http2", "upgrade"] {
        let lines: Vec<&str> = seen.lines().filter(|line| line.contains(gone)).collect();
        assert!(lines.is_empty(), "{lines:?}");
    }
    for kept in [format!("x-forwarded-host: {own}"), "x-forwarded-proto: https".to_owned(), format!("host: {own}")] {
        assert!(seen.lines().any(|line| line == kept), "{kept}: {seen}");
    }
    // The port of one product under the name of another one.
    let (head, page) = ask("nobody.localhost", "");
    assert!(head.starts_with("HTTP/1.1 421 "), "{head}");
    let name = own.split(':').next().unwrap();
    assert!(page.contains(name) && page.contains("<code>nobody.localhost</code>"), "{page}");
    let port = own.split(':').next_back().unwrap();
    for here in ["localhost", "127.0.0.1", "[::1]"] {
        assert!(ask(&format!("{here}:{port}"), "").0.starts_with("HTTP/1.1 200 "), "{here}");
    }
}

#[test]
fn a_module_that_is_away_is_named_and_found_again_at_another_address() {
    let checkout = project();
    let url = checkout.url("gateway");
    let page = format!("{url}/id");
    let (api, gateway) = (checkout.container("api"), checkout.container("gateway"));
    let network = checkout.networks().remove(0);
    let address = |container: &str| {
        let networks = engine::inspect(container)["NetworkSettings"]["Networks"].take();
        networks.as_object().unwrap().values().next().unwrap()["IPAddress"].as_str().unwrap().to_owned()
    };
    let old = address(&api);
    let image = engine::inspect(&api)["Image"].as_str().unwrap().to_owned();
    assert_eq!(http::get(&page).0, 200);

    // Its old address goes to another, so that it cannot come back to it.
    engine::docker(&["rm", "--force", &api]);
    let taker = format!("{}-taker", checkout.project());
    let place = ["--network", &network, "--ip", &old, "--entrypoint", "sleep"];
    engine::docker(&[&["run", "--detach", "--name", &taker][..], &place, &[&image, "infinity"]].concat());
    let named = || {
        until("the page names the module", || {
            let (status, text) = http::get(&page);
            (status == 502 && text.contains("<h1>api does not answer</h1>") && text.contains("devenv logs api"))
                .then_some(())
        });
    };
    named();
    // What a page repeats of a request cannot be markup.
    let shown = http::get(&format!("{url}/id?<script>")).1;
    assert!(shown.contains("GET this address") && !shown.contains("<script>"), "{shown}");
    // Also when the gateway has started without it.
    engine::docker(&["restart", "--time", "1", &gateway]);
    until("the gateway is back", || {
        let connect = "exec 3<>/dev/tcp/127.0.0.1/8443";
        engine::output(&["exec", &gateway, "bash", "-c", connect]).status.success().then_some(())
    });
    named();

    // Back at another address.
    checkout.ok(&["up"]).says("create api");
    assert_ne!(address(&checkout.container("api")), old);
    assert_eq!(checkout.container("gateway"), gateway);
    until("the gateway finds it", || (http::get(&page).0 == 200).then_some(()));
    engine::docker(&["rm", "--force", &taker]);
    checkout.ok(&["down", "-v", "--yes"]);
}
