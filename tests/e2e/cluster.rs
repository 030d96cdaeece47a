//! A Swarm of engines of its own, each in a network namespace, with a registry beside it on the same folder as the one
//! that tests push to. The machine's engine and its bridge are left alone. Root is needed, and said to be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::checkout::{Checkout, shell, until};

/// An engine in a namespace.
struct Node {
    folder: PathBuf,
    namespace: String,
    registry: Child,
    dockerd: Child,
}

impl Node {
    /// Starts an engine in a namespace that is there.
    fn start(folder: PathBuf, namespace: String, name: &str, registry: &Path) -> Self {
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("daemon.json"), "{}").unwrap();
        let inside = |program: &str| {
            let mut command = Command::new("nsenter");
            command.arg(format!("--net=/run/netns/{namespace}")).args([
                "unshare",
                "-m",
                "--uts",
                "--propagation",
                "private",
            ]);
            command.args(["sh", "-c", &format!("hostname {name}; exec {program}")]).stdin(Stdio::null());
            command
        };
        let here = folder.display();
        let log = fs::File::create(folder.join("log")).unwrap();
        let dockerd = inside(&format!(
            "setsid dockerd --data-root '{here}/data' --exec-root '{here}/exec' --pidfile '{here}/pid' -H 'unix://{here}/sock' \
             --config-file '{here}/daemon.json' --storage-driver overlay2 --cgroup-parent /{namespace} \
             --default-address-pool base=10.212.0.0/16,size=24"
        ))
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
        let registry = registry.display();
        let registry = inside(&format!("'{registry}/usr/bin/docker-registry' serve '{registry}/config.yml'"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let node = Self { folder, namespace, registry, dockerd };
        until("the engine of the cluster answers", || node.try_docker(&["version"]));
        node
    }

    fn endpoint(&self) -> String {
        format!("unix://{}/sock", self.folder.display())
    }

    fn try_docker(&self, args: &[&str]) -> Option<String> {
        let output = Command::new(crate::engine::program())
            .args(["-H", &self.endpoint()])
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What an engine leaves behind that was killed: processes of its namespace and of its containers.
    fn kill_what_is_left(&self) {
        let name = &self.namespace;
        let _ = Command::new("sh")
            .args([
                "-c",
                &format!(
                    "ip netns pids {name} | xargs -r kill -9; \
                     find /sys/fs/cgroup -path '*/{name}/*' -name cgroup.procs -exec cat {{}} + | sort -u | xargs -r kill -9"
                ),
            ])
            .stderr(Stdio::null())
            .status();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let here = self.folder.display().to_string();
        let pid = fs::read_to_string(self.folder.join("pid")).unwrap_or_default();
        if !pid.trim().is_empty() && matches!(self.dockerd.try_wait(), Ok(None)) {
            let _ = self.try_docker(&["swarm", "leave", "--force"]);
            let _ = Command::new("kill").arg(pid.trim()).status();
        }
        let _ = self.dockerd.wait();
        let _ = self.registry.kill();
        let _ = self.registry.wait();
        self.kill_what_is_left();
        let clean = format!(
            "grep -o '{here}[^ ]*' /proc/mounts | sort -r | xargs -r -n1 umount -l; \
             ip netns del {name}; find /sys/fs/cgroup -depth -type d -path '*/{name}*' -exec rmdir {{}} ';'; \
             rm -rf '{here}'",
            name = self.namespace
        );
        let _ = Command::new("sh").args(["-c", &clean]).stderr(Stdio::null()).status();
    }
}

/// A cluster; it ends with the test.
pub(crate) struct Cluster {
    manager: Node,
    worker: Option<Node>,
    pub(crate) address: String,
}

impl Cluster {
    /// Whether this user can make one. Root's run of the suite does, where another user's says that it does not.
    #[expect(clippy::print_stdout, reason = "what a test leaves out is said")]
    pub(crate) fn is_possible() -> bool {
        let is_root = rustix::process::geteuid().is_root();
        if !is_root {
            println!("only root can make a cluster in a network namespace: root's run of this suite does");
        }
        is_root
    }

    /// Starts an engine and makes it a Swarm. `registry` is the folder of the registry.
    pub(crate) fn start(checkout: &Checkout, registry: &Path) -> Self {
        let namespace = format!("dv{}", checkout.project());
        // Each process has a network of its own between the machine and the namespace.
        let number = std::process::id() % 250 + 1;
        let (here, address) = (format!("10.211.{number}.1"), format!("10.211.{number}.2"));
        let link = format!("dv{}", std::process::id());
        shell(&format!(
            "ip netns add {namespace} && ip -n {namespace} link set lo up && \
             ip link add {link} type veth peer name inner netns {namespace} && ip addr add {here}/24 dev {link} && \
             ip link set {link} up && ip -n {namespace} addr add {address}/24 dev inner && \
             ip -n {namespace} link set inner up && ip -n {namespace} route add default via {here}"
        ));
        let manager = Node::start(checkout.beside("cluster"), namespace, "node1", registry);
        let cluster = Self { manager, worker: None, address };
        cluster.docker(&["swarm", "init", "--advertise-addr", &cluster.address.clone()]);
        cluster
    }

    /// Adds a second node, `node2`, which only the first one reaches.
    pub(crate) fn grow(&mut self, checkout: &Checkout, registry: &Path) {
        let (first, second) = (&self.manager.namespace, format!("{}b", self.manager.namespace));
        let number = std::process::id() % 250 + 1;
        let (here, address) = (format!("10.213.{number}.1"), format!("10.213.{number}.2"));
        shell(&format!(
            "ip netns add {second} && ip -n {second} link set lo up && \
             ip link add second netns {first} type veth peer name inner netns {second} && \
             ip -n {first} addr add {here}/24 dev second && ip -n {first} link set second up && \
             ip -n {second} addr add {address}/24 dev inner && ip -n {second} link set inner up && \
             ip -n {second} route add default via {here}"
        ));
        let worker = Node::start(checkout.beside("cluster2"), second, "node2", registry);
        let token = self.docker(&["swarm", "join-token", "--quiet", "worker"]);
        let manager = format!("{}:2377", self.address);
        let join = ["swarm", "join", "--token", token.trim(), "--advertise-addr", &address, &manager];
        worker.try_docker(&join).unwrap_or_else(|| panic!("node2 joins"));
        self.worker = Some(worker);
    }

    /// Ends the engine of the second node at once, and cuts its cable.
    pub(crate) fn lose_second(&self) {
        let worker = self.worker.as_ref().unwrap();
        let pid = fs::read_to_string(worker.folder.join("pid")).unwrap();
        shell(&format!("ip -n {} link set inner down; kill -9 {}", worker.namespace, pid.trim()));
    }

    /// Where the engine listens.
    pub(crate) fn endpoint(&self) -> String {
        self.manager.endpoint()
    }

    /// Runs docker on the cluster.
    pub(crate) fn docker(&self, args: &[&str]) -> String {
        self.manager.try_docker(args).unwrap_or_else(|| panic!("docker {args:?} on the cluster"))
    }

    /// Image and number of containers of each service of an environment, without the digits of digests.
    pub(crate) fn services(&self) -> Vec<String> {
        let all = self.docker(&["service", "ls", "--format", "{{.Name}} {{.Image}} {{.Replicas}}"]);
        let mut all: Vec<String> = all.lines().map(str::to_owned).collect();
        all.sort();
        all
    }
}
