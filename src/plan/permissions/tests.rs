//! Ways out of a checkout, each with its message, and definitions that stay inside.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml::Value;

use crate::config::model::local::Permission;
use crate::error::Error;
use crate::names::PartName;
use crate::plan::mounts::{Mount, MountClass, MountSource, Volume, VolumeClass};
use crate::plan::parts::{Environment, ImageRef, Part, PartKind, samples};
use crate::plan::permissions::grants::Denied;
use crate::plan::permissions::paths::{Destination, Reading, folded};
use crate::plan::permissions::ways::{AllowedBy, WayFacts, WaysOut};
use crate::plan::permissions::{check, check_files, enforce};

const ROOT: &str = "/srv/shop";

/// A checkout with one module, `api`, that has its source and the common folder of git.
fn environment() -> Environment {
    let folder = |source: &str, target: &str, writable| Mount {
        source: MountSource::Folder(source.to_owned()),
        target: target.to_owned(),
        writable,
        class: MountClass::Ignore,
    };
    let name = PartName::new("api").unwrap();
    let api = Part {
        mounts: vec![folder("/srv/shop/a$b", "/srv/api", true), folder("/repo/.git", "/repo/.git", false)],
        ..Part::new(name, PartKind::Module, ImageRef::Theirs("x".to_owned()))
    };
    let volume = Volume { name: "shop-1-db-data".to_owned(), class: VolumeClass::Data, major: None, owner: None };
    Environment {
        project: "shop-1".to_owned(),
        id: "0123".to_owned(),
        root: ROOT.to_owned(),
        subnet: "10.213.7.0/24".to_owned(),
        volumes: BTreeMap::from([(volume.name.clone(), volume)]),
        ..samples::environment(vec![api])
    }
}

/// A file system: `link` leads to /etc, and the checkout has the settings that one has.
fn place(path: &str) -> Destination {
    let path = path.replace("/./", "/").replace("/srv/shop/link", "/etc");
    let real = folded(std::path::Path::new(&path)).display().to_string();
    let reading = match real.as_str() {
        "/run/user/1/docker.sock" => Reading::Socket,
        "/dev/zero" | "/srv/shop/fifo" => Reading::Endless,
        _ => Reading::File,
    };
    let settings = match real.as_str() {
        ROOT => Some(".git".to_owned()),
        real if real.starts_with("/srv/shop/.git") => Some(".git/hooks".to_owned()),
        _ => None,
    };
    Destination { real, reading, settings }
}

fn ask(check: impl Fn(&WayFacts<'_>) -> WaysOut) -> WaysOut {
    let environment = environment();
    let sockets = ["/opt/engine/api.sock".to_owned()];
    let mut places = BTreeMap::new();
    loop {
        let facts = WayFacts { environment: &environment, home: Some("/home/ann"), sockets: &sockets, places: &places };
        let outcome = check(&facts);
        if outcome.unknown.is_empty() {
            return outcome;
        }
        places.extend(outcome.unknown.into_iter().map(|path| (path.clone(), place(&path))));
    }
}

fn outcome(text: &str) -> WaysOut {
    let mut definition: Value = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    definition.apply_merge().unwrap();
    ask(|facts| check(&definition, facts))
}

/// What is said about a definition, a line for each way out, with its permission.
fn said(text: &str) -> String {
    let lines: Vec<String> = outcome(text)
        .ways
        .into_iter()
        .map(|way| match way.verdict {
            AllowedBy::Needs(permission) => format!("{}: {} {}", permission.name(), way.who, way.what),
            AllowedBy::Refused => format!("refused: {} {}", way.who, way.what),
        })
        .collect();
    lines.join("\n")
}

fn service(keys: &str) -> String {
    said(&format!("services: {{tool: {{{keys}}}}}"))
}

#[test]
fn each_way_out_of_a_service_has_its_permission() {
    let bind = |source: &str| format!("volumes: [{{type: bind, source: '{source}', target: /x}}]");
    for (keys, expected) in [
        (bind("/etc"), "outside-mounts: service `tool` mounts /etc"),
        (bind("/srv/shop-2"), "outside-mounts: service `tool` mounts /srv/shop-2"),
        (bind("/srv/shop/../x"), "outside-mounts: service `tool` mounts /srv/shop/../x, which is /srv/x"),
        (bind("./link"), "outside-mounts: service `tool` mounts ./link, which is /etc"),
        (bind("link/ssh"), "outside-mounts: service `tool` mounts link/ssh, which is /etc/ssh"),
        (bind("~/.ssh"), "outside-mounts: service `tool` mounts ~/.ssh, which is /home/ann/.ssh"),
        (bind("~ann/.ssh"), "outside-mounts: service `tool` mounts ~ann/.ssh, which is /home/ann/ann/.ssh"),
        (bind("/"), "engine-socket: service `tool` mounts /, and with it the engine"),
        (bind("/var/run"), "engine-socket: service `tool` mounts /var/run, and with it the engine"),
        (bind("/run/docker.sock"), "engine-socket: service `tool` mounts /run/docker.sock, and with it the engine"),
        (bind("/run/user/1/docker.sock"), "engine-socket: service `tool` mounts /run/user/1/docker.sock, and with it"),
        (bind("/opt/engine"), "engine-socket: service `tool` mounts /opt/engine, and with it the engine"),
        (bind("."), "project-settings: service `tool` may write .git, which decides what runs on this machine"),
        (bind(".git/hooks"), "project-settings: service `tool` may write .git/hooks"),
        // Devenv's own mounts are its own only for their part, at their place and with their mode.
        (bind("/repo/.git"), "outside-mounts: service `tool` mounts /repo/.git"),
        (
            "volumes: [{type: npipe, source: x, target: /x}]".into(),
            "refused: service `tool` has a mount of type `npipe`",
        ),
        ("volumes: [{source: /etc, target: /x}]".into(), "refused: service `tool` has a mount of type ``"),
        (
            "volumes: [{type: volume, source: x, target: /x, bind: {propagation: shared}}]".into(),
            "privileged: service `tool` propagates mounts to the host: propagation `shared`",
        ),
        ("volumes: [{type: volume, target: /x, new: 1}]".into(), "refused: service `tool` has the key `new`"),
        (
            "volumes_from: ['container:other']".into(),
            "other-projects: service `tool` has the volumes of container:other",
        ),
        ("privileged: true".into(), "privileged: service `tool` has all capabilities"),
        ("privileged: 'yes'".into(), "privileged: service `tool` has all capabilities"),
        ("privileged: 1".into(), "privileged: service `tool` has all capabilities"),
        ("cap_add: [CHOWN, ALL]".into(), "privileged: service `tool` has the capability ALL"),
        ("cap_add: [CAP_SYS_ADMIN]".into(), "privileged: service `tool` has the capability SYS_ADMIN"),
        ("cap_add: [sys_module]".into(), "privileged: service `tool` has the capability SYS_MODULE"),
        ("cap_add: [DAC_READ_SEARCH]".into(), "privileged: service `tool` has the capability DAC_READ_SEARCH"),
        ("cap_add: ALL".into(), "refused: service `tool` has a list in a form that devenv does not know"),
        ("cap_add: !override [ALL]".into(), "refused: service `tool` has the tag `!override`"),
        ("security_opt: ['seccomp:unconfined']".into(), "privileged: service `tool` has less protection: `seccomp:unc"),
        ("security_opt: [apparmor=unconfined]".into(), "privileged: service `tool` has less protection"),
        ("security_opt: [label=disable]".into(), "privileged: service `tool` has less protection"),
        ("security_opt: [systempaths=unconfined]".into(), "privileged: service `tool` has less protection"),
        (
            "sysctls: {kernel.core_pattern: x}".into(),
            "privileged: service `tool` changes the kernel's setting kernel.core",
        ),
        (
            "sysctls: [kernel.shm_rmid_forced=1, vm.x=1]".into(),
            "privileged: service `tool` changes the kernel's setting vm.x",
        ),
        ("runtime: /tmp/evil".into(), "privileged: service `tool` is run by the runtime `/tmp/evil`"),
        ("annotations: {a: b}".into(), "privileged: service `tool` speaks to the engine's runtime by annotations"),
        ("oom_score_adj: -1000".into(), "privileged: service `tool` lets other programs be killed"),
        ("oom_kill_disable: true".into(), "privileged: service `tool` lets other programs be killed"),
        ("cpu_rt_runtime: 1ms".into(), "privileged: service `tool` runs before the host's programs"),
        ("post_start: [{command: x, privileged: true}]".into(), "privileged: service `tool` has all capabilities"),
        ("pre_stop: [{command: x, privileged: true}]".into(), "privileged: service `tool` has all capabilities"),
        (
            "networks: {default: {driver_opts: {a: b}}}".into(),
            "privileged: service `tool` changes how the engine attaches",
        ),
        ("network_mode: host".into(), "host-network: service `tool` uses the host's network"),
        (
            "network_mode: bridge".into(),
            "other-projects: service `tool` is in a network outside this checkout: `bridge`",
        ),
        (
            "network_mode: 'container:x'".into(),
            "other-projects: service `tool` is in a network outside this checkout: `container:x`",
        ),
        (
            "logging: {driver: syslog}".into(),
            "host-network: service `tool` lets the host send its log: driver `syslog`",
        ),
        (
            "logging: {options: {syslog-address: 'tcp://x'}}".into(),
            "host-network: service `tool` lets the host send its log",
        ),
        ("pid: host".into(), "host-namespaces: service `tool` is in a namespace of the host: `host`"),
        ("ipc: host".into(), "host-namespaces: service `tool` is in a namespace of the host"),
        ("uts: host".into(), "host-namespaces: service `tool` is in a namespace of the host"),
        ("userns_mode: host".into(), "host-namespaces: service `tool` is in a namespace of the host"),
        ("cgroup: host".into(), "host-namespaces: service `tool` is in a namespace of the host"),
        ("pid: 'container:x'".into(), "other-projects: service `tool` is in a namespace of container:x"),
        ("ipc: 'container:x'".into(), "other-projects: service `tool` is in a namespace of container:x"),
        ("cgroup_parent: /".into(), "host-namespaces: service `tool` is in a control group of the host"),
        ("devices: [/dev/sda]".into(), "host-namespaces: service `tool` has devices of the host"),
        ("device_cgroup_rules: ['a *:* rwm']".into(), "host-namespaces: service `tool` has devices of the host"),
        ("gpus: all".into(), "host-namespaces: service `tool` has devices of the host"),
        (
            "deploy: {resources: {reservations: {devices: [{driver: cdi}]}}}".into(),
            "host-namespaces: service `tool` has devices of the host",
        ),
        ("external_links: [x]".into(), "other-projects: service `tool` is linked to containers outside this checkout"),
        ("use_api_socket: true".into(), "engine-socket: service `tool` has the engine's socket"),
        (
            "ports: [{target: 80, published: '80'}]".into(),
            "public-ports: service `tool` publishes port 80 on all addresses",
        ),
        ("ports: [{target: 80}]".into(), "public-ports: service `tool` publishes port 80 on all addresses"),
        ("ports: [{target: 80, host_ip: 0.0.0.0}]".into(), "public-ports: service `tool` publishes port 80 on 0.0.0.0"),
        ("ports: [{target: 80, host_ip: '::'}]".into(), "public-ports: service `tool` publishes port 80 on ::"),
        (
            "ports: [{target: 80, host_ip: 192.168.1.7}]".into(),
            "public-ports: service `tool` publishes port 80 on 192.",
        ),
        ("env_file: [/etc/passwd]".into(), "outside-mounts: service `tool` reads /etc/passwd"),
        ("env_file: ~/.netrc".into(), "outside-mounts: service `tool` reads ~/.netrc, which is /home/ann/.netrc"),
        ("env_file: [{path: link/x}]".into(), "outside-mounts: service `tool` reads link/x, which is /etc/x"),
        (
            "env_file: ['${HOME}/x']".into(),
            "outside-mounts: service `tool` reads ${HOME}/x, whose name has a variable in it",
        ),
        ("env_file: fifo".into(), "refused: service `tool` reads fifo, which is not a file of ordinary size"),
        ("label_file: /etc/passwd".into(), "outside-mounts: service `tool` reads /etc/passwd"),
        ("labels: {devenv.checkout: other}".into(), "refused: service `tool` has the label `devenv.checkout`"),
        (
            "labels: ['com.docker.compose.project=x']".into(),
            "refused: service `tool` has the label `com.docker.compose.pr",
        ),
        ("build: .".into(), "refused: service `tool` builds an image outside of the hierarchy"),
        (
            "extends: {file: /x, service: y}".into(),
            "refused: service `tool` extends a service that devenv does not see",
        ),
        ("provider: {type: model}".into(), "refused: service `tool` runs a program of the host"),
        ("credential_spec: {file: x}".into(), "refused: service `tool` has credentials of the host"),
        ("models: [x]".into(), "refused: service `tool` runs models outside of containers"),
        ("isolation: process".into(), "refused: service `tool` is isolated as on Windows"),
        (
            "brand_new: 1".into(),
            "refused: service `tool` has the key `brand_new` that is not in the compose specification",
        ),
        ("healthcheck: {brand_new: 1}".into(), "refused: service `tool` has the key `brand_new`"),
    ] {
        let told = service(&keys);
        assert!(told.starts_with(expected) && !told.contains('\n'), "{keys}\n  is: {told}\nnot: {expected}");
    }
}

#[test]
fn each_way_out_of_a_section_has_its_permission() {
    for (text, expected) in [
        // Entries have any names; only keys that begin with `x-` mean nothing.
        ("services: {x-y: {privileged: true}}", "privileged: service `x-y` has all capabilities"),
        ("volumes: {x-y: {driver: z}}", "outside-mounts: volume `x-y` is made by the driver z"),
        (
            "volumes: {x: {external: true}}",
            "other-projects: volume `x` is the volume x, which is not this project's own",
        ),
        ("volumes: {x: {name: shop_data}}", "other-projects: volume `x` is the volume shop_data"),
        ("volumes: {x: {external: {name: y}}}", "other-projects: volume `x` is the volume x"),
        ("volumes: {x: {driver: rclone}}", "outside-mounts: volume `x` is made by the driver rclone"),
        (
            "volumes: {x: {driver_opts: {type: overlay, o: 'lowerdir=/root:/etc', device: overlay}}}",
            "outside-mounts: volume `x` mounts type=overlay o=lowerdir=/root:/etc device=overlay",
        ),
        (
            "volumes: {x: {driver_opts: {type: nfs, o: 'addr=1.2.3.4', device: ':/x'}}}",
            "outside-mounts: volume `x` mounts",
        ),
        ("volumes: {x: {driver_opts: {type: cifs, device: '//h/x'}}}", "outside-mounts: volume `x` mounts type=cifs"),
        ("volumes: {x: {driver_opts: {type: none, o: bind, device: /etc}}}", "outside-mounts: volume `x` is /etc"),
        (
            "volumes: {x: {driver_opts: {o: bind, device: ./link}}}",
            "outside-mounts: volume `x` is ./link, which is /etc",
        ),
        ("volumes: {x: {driver_opts: {type: ext4, device: /dev/sda1}}}", "outside-mounts: volume `x` mounts type=ext4"),
        (
            "volumes: {x: {driver_opts: {type: none, o: bind, device: .}}}",
            "project-settings: volume `x` lets containers",
        ),
        (
            "volumes: {x: {driver_opts: {type: tmpfs, o: 'mpol=x'}}}",
            "outside-mounts: volume `x` mounts type=tmpfs o=mpol",
        ),
        ("volumes: {x: {driver_opts: {mountpoint: /etc}}}", "outside-mounts: volume `x` has the option `mountpoint`"),
        ("volumes: {x: {labels: {devenv.path: /other}}}", "refused: volume `x` has the label `devenv.path`"),
        ("volumes: {x: {brand_new: 1}}", "refused: volume `x` has the key `brand_new`"),
        ("networks: {x: {external: true}}", "other-projects: network `x` is the network shop-1, which is not"),
        ("networks: {x: {name: shop-2}}", "other-projects: network `x` is the network shop-2"),
        ("networks: {x: {driver: macvlan}}", "host-network: network `x` is made by the driver macvlan"),
        ("networks: {x: {driver: host}}", "host-network: network `x` is made by the driver host"),
        (
            "networks: {x: {driver_opts: {com.docker.network.bridge.name: docker0}}}",
            "host-network: network `x` changes the host's network by `com.docker.network.bridge.name`",
        ),
        (
            "networks: {x: {ipam: {config: [{subnet: 1.1.1.0/24}]}}}",
            "host-network: network `x` takes the addresses 1.1.1.0/24",
        ),
        (
            "networks: {x: {ipam: {config: [{subnet: 0.0.0.0/0}]}}}",
            "host-network: network `x` takes the addresses 0.0.0.0/0",
        ),
        ("networks: {x: {ipam: {driver: dhcp}}}", "host-network: network `x` gives its addresses"),
        ("configs: {x: {file: /etc/passwd}}", "outside-mounts: config `x` is /etc/passwd"),
        ("secrets: {x: {file: ~/.ssh/id}}", "outside-mounts: secret `x` is ~/.ssh/id, which is /home/ann/.ssh/id"),
        ("secrets: {x: {file: ./link/shadow}}", "outside-mounts: secret `x` is ./link/shadow, which is /etc/shadow"),
        ("secrets: {x: {environment: AWS_KEY}}", "host-variables: secret `x` is the host's variable AWS_KEY"),
        ("configs: {x: {environment: AWS_KEY}}", "host-variables: config `x` is the host's variable AWS_KEY"),
        ("secrets: {x: {external: true}}", "other-projects: secret `x` is not this project's own"),
        ("secrets: {x: {driver: x}}", "refused: secret `x` has a driver"),
        ("include: [x.yaml]", "refused: the definition includes other files"),
        ("models: {x: {model: y}}", "refused: the definition runs models outside of containers"),
        ("brand_new: 1", "refused: the definition has the key `brand_new`"),
        ("services: [a]", "refused: the definition has `services` in a form that devenv does not know"),
    ] {
        let told = said(text);
        assert!(told.starts_with(expected), "{text}\n  is: {told}\nnot: {expected}");
    }
}

#[test]
fn what_stays_inside_needs_nothing() {
    let own = "services:\n  api:\n    volumes:\n      - {type: bind, source: '/srv/shop/a$$b', target: /srv/api, read_only: false, bind: {create_host_path: false}}\n      - {type: bind, source: /repo/.git, target: /repo/.git, read_only: true}\n      - {type: volume, source: shop-1-db-data, target: /x}\n      - {type: tmpfs, target: /tmp}\n    env_file: [/srv/shop/.devenv/secrets/api.env]\n    ports: [{mode: host, host_ip: 127.0.0.1, target: 80, published: '8000'}, {target: 1, host_ip: '::1'}]\n    security_opt: ['no-new-privileges:true']\n    cap_drop: [ALL]\n    cap_add: [CHOWN, DAC_OVERRIDE, SETUID, SETGID, SYS_PTRACE]\n    sysctls: {net.ipv4.tcp_tw_reuse: '1'}\n    logging: {driver: json-file, options: {max-size: 10m, max-file: '3'}}\nnetworks: {default: {name: shop-1, ipam: {config: [{subnet: 10.213.7.0/24}]}, labels: {devenv.checkout: '0123', devenv.path: /srv/shop}}}\nvolumes: {shop-1-db-data: {external: true}}\n";
    assert_eq!(outcome(own), WaysOut::default());
    let bind = |source: &str, more: &str| format!("volumes: [{{type: bind, source: {source}, target: /x{more}}}]");
    for keys in [
        bind("/srv/shop/data", ""),
        bind("./data/../x", ""),
        bind(".", ", read_only: true"),
        "x-note: {privileged: true}, privileged: false, devices: [], pid: ''".to_owned(),
        "network_mode: 'service:api', pid: 'service:api', ipc: shareable, cgroup: private".to_owned(),
        "volumes_from: ['api:ro']".to_owned(),
        "labels: {a: b}, env_file: [.env], develop: {watch: [{path: /x, action: sync}]}".to_owned(),
        "networks: [default], depends_on: [api], ulimits: {nofile: 1}, oom_score_adj: 500".to_owned(),
    ] {
        assert_eq!(service(&keys), "", "{keys}");
    }
    for text in [
        "volumes: {x: {}, y: null, z: {driver: local, driver_opts: {type: tmpfs, device: tmpfs, o: 'size=1m,uid=1000'}}}",
        "volumes: {x: {name: shop-1_x}, y: {driver_opts: {type: none, o: bind, device: ./data}}}",
        "volumes: {x: {driver_opts: {type: none, o: 'bind,ro', device: .}}}",
        "networks: {x: {name: shop-1_x, internal: true}, y: {ipam: {config: [{subnet: 172.30.0.0/16}]}}, z: null}",
        "configs: {x: {content: a}, y: {file: ./y}}",
    ] {
        assert_eq!(said(text), "", "{text}");
    }
}

#[test]
fn short_forms_and_variables_are_for_compose_to_resolve() {
    for keys in ["ports: ['9999:9999']", "ports: [80]", "volumes: ['./x:/y']", "pid: '${MODE}'", "cap_add: ['$CAP']"] {
        let outcome = outcome(&format!("services: {{tool: {{{keys}}}}}"));
        assert!(outcome.is_unresolved && outcome.ways.is_empty(), "{keys}: {outcome:?}");
        assert_eq!(outcome.of_merged().ways.len(), 1, "{keys}");
    }
}

#[test]
fn files_that_a_fragment_reads_variables_from_are_asked_before_compose_reads_them() {
    let asked = ask(|facts| check_files([("api", "link/x"), ("api", "a.env"), ("db", "/dev/zero")], facts));
    let told: Vec<String> = asked.ways.into_iter().map(|way| format!("{} {}", way.who, way.what)).collect();
    assert_eq!(
        told,
        [
            "service `api` reads link/x, which is /etc/x",
            "service `db` reads /dev/zero",
            "service `db` reads /dev/zero, which is not a file of ordinary size"
        ]
    );
}

#[test]
fn all_ways_are_told_at_once_with_what_allows_them() {
    let text = "services: {a: {privileged: true, provider: {type: x}}, b: {pid: host}}";
    let told = |allowed: &[Permission], denied| {
        let error = enforce(outcome(text).ways, &allowed.iter().copied().collect::<BTreeSet<_>>(), denied).unwrap_err();
        let error = Error::from(error);
        format!("{error}\n{}", error.hints.join("\n"))
    };
    assert_eq!(
        told(&[], Denied::NotGiven),
        "\
the definition reaches out of the checkout:
  service `a` has all capabilities (privileged)
  service `a` runs a program of the host (refused)
  service `b` is in a namespace of the host: `host` (host-namespaces)
allow it on this machine in devenv.local.yaml: `allow: [privileged, host-namespaces]`"
    );
    let all = Permission::ALL;
    assert_eq!(told(&all, Denied::NotGiven), "service `a` runs a program of the host, which devenv refuses\n");
    let but_one = [Permission::Privileged];
    assert!(told(&but_one, Denied::NotConfirmed).ends_with("without one, set DEVENV_ALLOW=host-namespaces"));
    assert!(told(&but_one, Denied::Tracked).contains("`git rm --cached devenv.local.yaml` makes it private to you"));
}
