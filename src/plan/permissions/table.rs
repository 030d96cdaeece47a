//! The allow list: every key of the compose specification, <https://github.com/compose-spec/compose-spec>. A test walks
//! its schema and finds each key here.

use crate::config::model::local::Permission::{HostNamespaces, HostNetwork, OtherProjects, Privileged};
use crate::plan::permissions::rules::Rule::{self, Asked, Both, Each, Harmless, Keys, Needs, Refused};
use crate::plan::permissions::{capabilities, mounts, networks, options};

type Table = &'static [(&'static str, Rule)];

/// The sections whose entries have names, with what an entry is called.
pub(super) static SECTIONS: &[(&str, &str, Rule)] = &[
    ("services", "service", Keys(SERVICE)),
    ("networks", "network", Both(networks::network, &Keys(NETWORK))),
    ("volumes", "volume", Both(mounts::volume, &Keys(VOLUME))),
    ("configs", "config", Both(mounts::file, &Keys(CONFIG))),
    ("secrets", "secret", Both(mounts::file, &Keys(SECRET))),
];

/// The other keys at the top.
pub(super) static TOP: Table = &[
    ("version", Harmless),
    // The project's name is given on the command line, which wins.
    ("name", Harmless),
    ("include", Refused("includes other files")),
    ("models", Refused("runs models outside of containers")),
];

static SERVICE: Table = &[
    ("annotations", Needs(Privileged, "speaks to the engine's runtime by annotations")),
    ("attach", Harmless),
    ("blkio_config", Keys(BLOCK_IO)),
    ("build", Refused("builds an image outside of the hierarchy")),
    ("cap_add", Asked(capabilities::added)),
    ("cap_drop", Harmless),
    ("cgroup", Asked(networks::namespace)),
    ("cgroup_parent", Needs(HostNamespaces, "is in a control group of the host")),
    ("command", Harmless),
    ("configs", Keys(MOUNTED_FILE)),
    ("container_name", Harmless),
    ("cpu_count", Harmless),
    ("cpu_percent", Harmless),
    ("cpu_period", Harmless),
    ("cpu_quota", Harmless),
    ("cpu_rt_period", Needs(Privileged, "runs before the host's programs")),
    ("cpu_rt_runtime", Needs(Privileged, "runs before the host's programs")),
    ("cpu_shares", Harmless),
    ("cpus", Harmless),
    ("cpuset", Harmless),
    ("credential_spec", Refused("has credentials of the host")),
    ("depends_on", Each(&Keys(&[("condition", Harmless), ("restart", Harmless), ("required", Harmless)]))),
    ("deploy", Keys(DEPLOY)),
    // Only `compose watch` reads it, which devenv never calls.
    ("develop", Keys(&[("watch", Keys(WATCH))])),
    ("device_cgroup_rules", Needs(HostNamespaces, "has devices of the host")),
    ("devices", Needs(HostNamespaces, "has devices of the host")),
    ("dns", Harmless),
    ("dns_opt", Harmless),
    ("dns_search", Harmless),
    ("domainname", Harmless),
    ("entrypoint", Harmless),
    ("env_file", Asked(options::variable_files)),
    ("environment", Harmless),
    ("expose", Harmless),
    ("extends", Refused("extends a service that devenv does not see")),
    ("external_links", Needs(OtherProjects, "is linked to containers outside this checkout")),
    ("extra_hosts", Harmless),
    ("gpus", Needs(HostNamespaces, "has devices of the host")),
    ("group_add", Harmless),
    ("healthcheck", Keys(HEALTH)),
    ("hostname", Harmless),
    ("image", Harmless),
    ("init", Harmless),
    ("ipc", Asked(networks::namespace)),
    ("isolation", Refused("is isolated as on Windows")),
    ("label_file", Asked(options::variable_files)),
    ("labels", Asked(options::labels)),
    ("links", Harmless),
    ("logging", Keys(&[("driver", Asked(options::log_driver)), ("options", Asked(options::log_options))])),
    ("mac_address", Harmless),
    ("mem_limit", Harmless),
    ("mem_reservation", Harmless),
    ("mem_swappiness", Harmless),
    ("memswap_limit", Harmless),
    ("models", Refused("runs models outside of containers")),
    ("network_mode", Asked(networks::network_mode)),
    ("networks", Each(&Keys(ATTACHMENT))),
    ("oom_kill_disable", Asked(capabilities::memory_of_others)),
    ("oom_score_adj", Asked(capabilities::memory_of_others)),
    ("pid", Asked(networks::namespace)),
    ("pids_limit", Harmless),
    ("platform", Harmless),
    ("ports", Each(&Both(networks::port, &Keys(PORT)))),
    ("post_start", Keys(HOOK)),
    ("pre_stop", Keys(HOOK)),
    ("privileged", Asked(capabilities::privileged)),
    ("profiles", Harmless),
    ("provider", Refused("runs a program of the host")),
    ("pull_policy", Harmless),
    ("pull_refresh_after", Harmless),
    ("read_only", Harmless),
    ("restart", Harmless),
    ("runtime", Asked(capabilities::runtime)),
    ("scale", Harmless),
    ("secrets", Keys(MOUNTED_FILE)),
    ("security_opt", Asked(capabilities::security)),
    ("shm_size", Harmless),
    ("stdin_open", Harmless),
    ("stop_grace_period", Harmless),
    ("stop_signal", Harmless),
    ("storage_opt", Harmless),
    ("sysctls", Asked(capabilities::sysctls)),
    ("tmpfs", Harmless),
    ("tty", Harmless),
    ("ulimits", Each(&Keys(&[("hard", Harmless), ("soft", Harmless)]))),
    ("use_api_socket", Asked(capabilities::api_socket)),
    ("user", Harmless),
    ("userns_mode", Asked(networks::namespace)),
    ("uts", Asked(networks::namespace)),
    ("volumes", Each(&Both(mounts::mount, &Keys(MOUNT)))),
    ("volumes_from", Asked(mounts::volumes_from)),
    ("working_dir", Harmless),
];

static NETWORK: Table = &[
    // The whole is asked about name, driver and options.
    ("name", Harmless),
    ("driver", Harmless),
    ("driver_opts", Harmless),
    ("external", Keys(&[("name", Needs(OtherProjects, "is not this project's own"))])),
    ("ipam", Keys(ADDRESSES)),
    ("internal", Harmless),
    ("enable_ipv4", Harmless),
    ("enable_ipv6", Harmless),
    ("attachable", Harmless),
    ("labels", Asked(options::labels)),
];

static ADDRESSES: Table = &[
    ("driver", Asked(addresses_driver)),
    (
        "config",
        Keys(&[
            ("subnet", Asked(networks::subnet)),
            ("ip_range", Harmless),
            ("gateway", Harmless),
            ("aux_addresses", Harmless),
        ]),
    ),
    ("options", Needs(HostNetwork, "gives its addresses in a way that devenv does not know")),
];

static VOLUME: Table = &[
    // The whole is asked about name, driver and options.
    ("name", Harmless),
    ("driver", Harmless),
    ("driver_opts", Harmless),
    ("external", Keys(&[("name", Needs(OtherProjects, "is not this project's own"))])),
    ("labels", Asked(options::labels)),
];

static CONFIG: Table = &[
    ("name", Harmless),
    ("content", Harmless),
    // The whole is asked about these three.
    ("file", Harmless),
    ("environment", Harmless),
    ("external", Keys(&[("name", Needs(OtherProjects, "is not this project's own"))])),
    ("labels", Asked(options::labels)),
    ("template_driver", Refused("has a driver, which only a swarm has")),
];

static SECRET: Table = &[
    ("name", Harmless),
    // The whole is asked about these three.
    ("file", Harmless),
    ("environment", Harmless),
    ("external", Keys(&[("name", Needs(OtherProjects, "is not this project's own"))])),
    ("labels", Asked(options::labels)),
    ("driver", Refused("has a driver, which only a swarm has")),
    ("driver_opts", Refused("has a driver, which only a swarm has")),
    ("template_driver", Refused("has a driver, which only a swarm has")),
];

static MOUNTED_FILE: Table =
    &[("source", Harmless), ("target", Harmless), ("uid", Harmless), ("gid", Harmless), ("mode", Harmless)];

static MOUNT: Table = &[
    // The whole is asked about these four.
    ("type", Harmless),
    ("source", Harmless),
    ("target", Harmless),
    ("read_only", Harmless),
    ("consistency", Harmless),
    (
        "bind",
        Keys(&[
            ("propagation", Asked(mounts::propagation)),
            ("create_host_path", Harmless),
            ("recursive", Harmless),
            ("selinux", Harmless),
        ]),
    ),
    ("volume", Keys(&[("labels", Asked(options::labels)), ("nocopy", Harmless), ("subpath", Harmless)])),
    ("tmpfs", Keys(&[("size", Harmless), ("mode", Harmless)])),
    ("image", Keys(&[("subpath", Harmless)])),
];

static PORT: Table = &[
    ("name", Harmless),
    ("mode", Harmless),
    // The whole is asked about these three.
    ("host_ip", Harmless),
    ("target", Harmless),
    ("published", Harmless),
    ("protocol", Harmless),
    ("app_protocol", Harmless),
];

static ATTACHMENT: Table = &[
    ("aliases", Harmless),
    ("interface_name", Harmless),
    ("ipv4_address", Harmless),
    ("ipv6_address", Harmless),
    ("link_local_ips", Harmless),
    ("mac_address", Harmless),
    ("driver_opts", Needs(Privileged, "changes how the engine attaches it to a network")),
    ("priority", Harmless),
    ("gw_priority", Harmless),
];

static HEALTH: Table = &[
    ("disable", Harmless),
    ("interval", Harmless),
    ("retries", Harmless),
    ("test", Harmless),
    ("timeout", Harmless),
    ("start_period", Harmless),
    ("start_interval", Harmless),
];

static HOOK: Table = &[
    ("command", Harmless),
    ("user", Harmless),
    ("privileged", Asked(capabilities::privileged)),
    ("working_dir", Harmless),
    ("environment", Harmless),
];

static WATCH: Table = &[
    ("action", Harmless),
    ("path", Harmless),
    ("target", Harmless),
    ("ignore", Harmless),
    ("include", Harmless),
    ("initial_sync", Harmless),
    ("exec", Keys(HOOK)),
];

static BLOCK_IO: Table = &[
    ("weight", Harmless),
    ("weight_device", Keys(&[("path", Harmless), ("weight", Harmless)])),
    ("device_read_bps", Keys(RATE)),
    ("device_read_iops", Keys(RATE)),
    ("device_write_bps", Keys(RATE)),
    ("device_write_iops", Keys(RATE)),
];

static RATE: Table = &[("path", Harmless), ("rate", Harmless)];

static DEPLOY: Table = &[
    ("mode", Harmless),
    ("endpoint_mode", Harmless),
    ("replicas", Harmless),
    ("labels", Asked(options::labels)),
    ("rollback_config", Keys(ROLL)),
    ("update_config", Keys(ROLL)),
    (
        "restart_policy",
        Keys(&[("condition", Harmless), ("delay", Harmless), ("max_attempts", Harmless), ("window", Harmless)]),
    ),
    (
        "placement",
        Keys(&[
            ("constraints", Harmless),
            ("preferences", Keys(&[("spread", Harmless)])),
            ("max_replicas_per_node", Harmless),
        ]),
    ),
    ("resources", Keys(&[("limits", Keys(LIMITS)), ("reservations", Keys(RESERVATIONS))])),
];

static ROLL: Table = &[
    ("parallelism", Harmless),
    ("delay", Harmless),
    ("failure_action", Harmless),
    ("monitor", Harmless),
    ("max_failure_ratio", Harmless),
    ("order", Harmless),
];

static LIMITS: Table = &[("cpus", Harmless), ("memory", Harmless), ("pids", Harmless)];

static RESERVATIONS: Table = &[
    ("cpus", Harmless),
    ("memory", Harmless),
    ("generic_resources", Keys(&[("discrete_resource_spec", Keys(&[("kind", Harmless), ("value", Harmless)]))])),
    ("devices", Needs(HostNamespaces, "has devices of the host")),
];

/// `driver` of `ipam`.
fn addresses_driver(inspection: &mut crate::plan::permissions::inspection::Inspection<'_>, value: &serde_yaml::Value) {
    if !matches!(value.as_str().unwrap_or_default(), "" | "default") {
        inspection.needs(HostNetwork, "gives its addresses in a way that devenv does not know");
    }
}
