//! Machines to judge and to repair in tests.

use super::*;

/// What is known of a machine, and what could be used to repair it.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) facts: MachineFacts,
    pub(crate) means: Means,
}

fn found(names: &str) -> Option<PathBuf> {
    Some(PathBuf::from(names))
}

fn endpoint() -> Endpoint {
    Endpoint {
        url: "unix:///var/run/docker.sock".to_owned(),
        origin: EndpointOrigin::Default,
        transport: Transport::Plain,
    }
}

/// A version that works.
pub(crate) fn works(version: &str) -> Tool {
    Tool::Works(Version::new(version).unwrap())
}

fn release(id: &str, version: &str, codename: &str, name: &str) -> Release {
    let own = str::to_owned;
    Release { id: own(id), like: Vec::new(), version: own(version), codename: own(codename), name: own(name) }
}

fn debian_12() -> Release {
    release("debian", "12", "bookworm", "Debian GNU/Linux 12 (bookworm)")
}

fn candidates(packages: &[(&str, &str)]) -> BTreeMap<String, String> {
    packages.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect()
}

/// Debian 13 with all that devenv uses, root, without systemd.
pub(crate) fn ready() -> Sample {
    let facts = MachineFacts {
        system: System::Linux(release("debian", "13", "trixie", "Debian GNU/Linux 13 (trixie)")),
        user: User { name: "root".to_owned(), rank: Rank::Root, in_docker_group: false },
        programs: Programs {
            apt_get: found("/usr/bin/apt-get"),
            dockerd: found("/usr/sbin/dockerd"),
            compose_1: None,
            fuse_overlayfs: None,
            git: found("/usr/bin/git"),
            mmdebstrap: found("/usr/bin/mmdebstrap"),
            newuidmap: found("/usr/bin/newuidmap"),
            tmux: found("/usr/bin/tmux"),
        },
        docker: works("26.1.5+dfsg1"),
        compose: works("2.26.1-4"),
        buildx: works("0.13.1+ds1"),
        engine: EngineState::Answers {
            endpoint: endpoint(),
            version: Version::new("26.1.5+dfsg1").unwrap(),
            api: "1.45".to_owned(),
            driver: "overlay2".to_owned(),
        },
        disk_free: Some(80 << 30),
        inotify: Some(Inotify { watches: 192_536, instances: 128 }),
    };
    let debian_13 = [
        ("docker-buildx", "0.13.1+ds1-3"),
        ("docker-cli", "26.1.5+dfsg1-9"),
        ("docker-compose", "2.26.1-4"),
        ("docker.io", "26.1.5+dfsg1-9"),
        ("fuse-overlayfs", "1.14-1"),
        ("git", "1:2.47.3-0"),
        ("mmdebstrap", "1.5.7-1"),
        ("tmux", "3.5a-3"),
        ("uidmap", "1:4.17.4-2"),
    ];
    let means = Means {
        sudo: Sudo::Absent,
        apt: Some(Apt {
            candidates: candidates(&debian_13),
            mirror: Some("http://mirror.example.org/debian".to_owned()),
            keyring: found("/usr/share/keyrings/debian-archive-keyring.gpg"),
        }),
        init: Init::Scripts,
        daemon: Daemon::Runs,
        overlay: Overlay::Mountable,
        apparmor: AppArmor::Fine,
        daemon_config: DaemonConfig::Absent,
        plugins: PathBuf::from("/home/ann/.docker/cli-plugins"),
        scratch: PathBuf::from("/home/ann/.docker/devenv-scratch"),
    };
    Sample { facts, means }
}

impl Sample {
    /// Without anything of Docker, and without what is only recommended.
    pub(crate) fn bare(mut self) -> Self {
        self.facts.programs = Programs { apt_get: self.facts.programs.apt_get, ..Programs::default() };
        self.facts.docker = Tool::Absent;
        self.silent(Silence::NoSocket).without_plugins()
    }

    /// Without compose and buildx.
    pub(crate) fn without_plugins(mut self) -> Self {
        self.facts.compose = Tool::Absent;
        self.facts.buildx = Tool::Absent;
        self
    }

    /// With an engine that does not answer, and no process of one.
    pub(crate) fn silent(mut self, silence: Silence) -> Self {
        self.facts.engine = EngineState::Silent { endpoint: endpoint(), silence };
        self.facts.disk_free = None;
        self.means.daemon = Daemon::Absent;
        self
    }

    /// Used by ann, who can become root in this way.
    pub(crate) fn by_ann(mut self, sudo: Sudo) -> Self {
        self.facts.user = User { name: "ann".to_owned(), rank: Rank::Normal, in_docker_group: false };
        self.means.sudo = sudo;
        self
    }

    /// With systemd.
    pub(crate) fn with_systemd(mut self) -> Self {
        self.means.init = Init::Systemd;
        self
    }

    /// Debian 12: an older engine, and only compose 1 in its suite.
    pub(crate) fn debian_12(mut self) -> Self {
        self.facts.system = System::Linux(debian_12());
        if let Some(apt) = &mut self.means.apt {
            apt.candidates = candidates(&[
                ("docker-compose", "1.29.2-3"),
                ("docker.io", "20.10.24+dfsg1-1+deb12u1+b6"),
                ("fuse-overlayfs", "1.10-1"),
                ("git", "1:2.39.5-0+deb12u2"),
                ("mmdebstrap", "1.3.5-7"),
                ("uidmap", "1:4.13+dfsg1-1"),
                ("tmux", "3.3a-3"),
            ]);
        }
        self
    }

    /// Ubuntu 24.04, on which apt has no lists yet.
    pub(crate) fn ubuntu(mut self) -> Self {
        let like = vec!["debian".to_owned()];
        self.facts.system =
            System::Linux(Release { like, ..release("ubuntu", "24.04", "noble", "Ubuntu 24.04.3 LTS") });
        self.means.apt = Some(Apt::default());
        self
    }

    /// Debian 12 in Windows.
    pub(crate) fn wsl(mut self) -> Self {
        self = self.debian_12();
        self.facts.system = System::Wsl(debian_12());
        self
    }

    /// A system without apt.
    pub(crate) fn without_apt(mut self, system: System) -> Self {
        self.facts.system = system;
        self.facts.programs.apt_get = None;
        self.means.apt = None;
        self
    }
}

/// Fedora.
pub(crate) fn fedora() -> System {
    System::Linux(release("fedora", "42", "", "Fedora Linux 42 (Workstation Edition)"))
}
