//! The engine, by the docker command: what there is of a project, and its removal.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

/// The docker command itself, which the checkouts' own `docker` hands its calls to.
pub(crate) fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("docker")).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("there is no docker command: run `devenv doctor --fix --yes`"))
}

/// Fails with the command that fixes it where there is no engine.
pub(crate) fn must_be_there() {
    static ANSWER: OnceLock<String> = OnceLock::new();
    let answer = ANSWER.get_or_init(|| {
        let output = output(&["version", "--format", "{{.Server.Version}}"]);
        if output.status.success() { String::new() } else { String::from_utf8_lossy(&output.stderr).into_owned() }
    });
    assert!(answer.is_empty(), "there is no Docker engine: run `devenv doctor --fix --yes`\n{answer}");
}

/// Runs docker to its end.
pub(crate) fn output(args: &[&str]) -> Output {
    Command::new(program()).args(args).output().unwrap()
}

/// What docker prints; a failure is one of the test.
pub(crate) fn docker(args: &[&str]) -> String {
    let output = output(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {}: {stderr}", args.join(" "));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// The lines that docker prints.
pub(crate) fn lines(args: &[&str]) -> Vec<String> {
    docker(args).lines().map(str::to_owned).collect()
}

/// What the engine knows about a container, image, volume or network.
pub(crate) fn inspect(name: &str) -> Value {
    serde_json::from_str::<Value>(&docker(&["inspect", name])).unwrap()[0].take()
}

/// Asks the engine what no option of the docker command asks, and returns the answer's status.
pub(crate) fn post(path: &str, body: &Value) -> u16 {
    let mut socket = UnixStream::connect("/var/run/docker.sock").unwrap();
    let body = body.to_string();
    let head = "Host: docker\r\nConnection: close\r\nContent-Type: application/json";
    write!(socket, "POST {path} HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

/// Removes everything whose name begins with that of a project, which is random; errors are for nobody.
pub(crate) fn remove_project(project: &str) {
    let list = |args: &[&str]| -> Vec<String> {
        let output = output(args);
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    };
    let remove = |command: &[&str], names: Vec<String>| {
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            output(&[command, &names].concat());
        }
    };
    let ours = |name: &String| name.starts_with(&format!("{project}-"));
    let name = format!("name={project}-");
    let containers = list(&["ps", "--all", "--filter", &name, "--format", "{{.Names}}"]);
    remove(&["rm", "--force", "--volumes"], containers.into_iter().filter(ours).collect());
    let volumes = list(&["volume", "ls", "--filter", &name, "--format", "{{.Name}}"]);
    remove(&["volume", "rm", "--force"], volumes.into_iter().filter(ours).collect());
    let networks = list(&["network", "ls", "--filter", &name, "--format", "{{.ID}} {{.Name}}"]);
    let of_ours = |line: &String| line.split_once(' ').is_some_and(|(_, name)| ours(&name.to_owned()));
    let ids = networks.iter().filter(|line| of_ours(line)).filter_map(|line| line.split(' ').next());
    remove(&["network", "rm"], ids.map(str::to_owned).collect());
    // What was pulled or pushed keeps a name by digest, without a tag.
    let format = "{{if eq .Tag \"<none>\"}}{{.Repository}}@{{.Digest}}{{else}}{{.Repository}}:{{.Tag}}{{end}}";
    let images = list(&["images", "--digests", "--format", format]);
    let tagged = |tag: &String| tag.starts_with(&format!("{project}/")) || tag.contains(&format!("/{project}/"));
    remove(&["rmi", "--force"], images.into_iter().filter(tagged).collect());
    let label = format!("label=devenv.image.project={project}");
    // One that has a name is another project's by now.
    remove(&["rmi", "--force"], list(&["images", "--quiet", "--filter", "dangling=true", "--filter", &label]));
}

/// Deletes a folder, as far as it is there.
pub(crate) fn remove_folder(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
}
