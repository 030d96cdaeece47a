//! The gateway: what it adds to a request, and how long the first certificate takes.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::{Goal, Project, Row, docker};

/// A module that answers as fast as a small program can, and keeps connections open.
const MODULE: &str = "\
modules:
  web: {path: web, image: python, run: python3 server.py, port: 8000, health: {tcp: 8000}, route: /}
";
const SERVER: &str = "\
import socketserver
answer = b'HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\nContent-Type: text/plain\\r\\n\\r\\nok\\n'
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.setsockopt(6, 1, 1)
        read = b''
        while chunk := self.request.recv(65536):
            read += chunk
            while b'\\r\\n\\r\\n' in read:
                read = read.split(b'\\r\\n\\r\\n', 1)[1]
                self.request.sendall(answer)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
Server(('', 8000), Handler).serve_forever()
";
/// Requests on one connection; the first ones, which open it, do not count.
const REQUESTS: (usize, usize) = (500, 20);

/// Measures both.
pub(crate) fn rows() -> Result<Vec<Row>> {
    let project = Project::new("gateway", MODULE)?;
    let web = project.folder.path().join("web");
    fs::create_dir_all(&web)?;
    fs::write(web.join("server.py"), SERVER)?;
    project.devenv(&["up", "--yes"]).run()?;
    let container = docker(&["ps", "--quiet", &format!("--filter=name={}-gateway-.*-web-1", crate::PREFIX)])?;
    let container = container.first().context("the module does not run")?;
    let address = docker(&["inspect", "--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container])?;
    let url = project.devenv(&["url", "web"]).output()?;
    let direct = format!("http://{}:8000", address.concat());
    let through = url.trim().trim_end_matches('/').to_owned();
    let mut rounds = Vec::new();
    for _ in 0..5 {
        rounds.push(median(&through)?.saturating_sub(median(&direct)?));
    }
    rounds.sort();
    let what = "gateway, added to a request (HTTPS, kept open)".to_owned();
    let added = Row { what, own: rounds[2], goal: Goal::Time(Duration::from_millis(1)) };

    let mut times = Vec::new();
    for _ in 0..=20 {
        // Nothing but the authority and the certificate is to be made.
        times.push(Project::new("first", "")?.devenv(&["up", "--yes"]).timed()?);
    }
    times.sort();
    let what = "first authority and certificate, with `up` around them".to_owned();
    let first = Row { what, own: times[10], goal: Goal::Time(Duration::from_millis(300)) };
    project.devenv(&["down", "--volumes", "--yes"]).run()?;
    Ok(vec![added, first])
}

/// The median time of a request.
fn median(url: &str) -> Result<Duration> {
    let (requests, opening) = REQUESTS;
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--insecure", "--output", "/dev/null", "--write-out", "%{http_code} %{time_total}\\n"]);
    let output = curl.arg(format!("{url}/?[1-{requests}]")).output().context("curl")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut times = Vec::new();
    for line in text.lines().skip(opening) {
        let (code, time) = line.split_once(' ').context("an odd line")?;
        ensure!(code == "200", "{url}: {code}");
        times.push(Duration::from_secs_f64(time.parse()?));
    }
    ensure!(times.len() == requests - opening, "{url}: {} answers", times.len());
    times.sort();
    Ok(times[times.len() / 2])
}
