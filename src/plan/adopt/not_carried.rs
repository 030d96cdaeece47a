//! Which keys of a service are carried where, and why one is not.

use crate::config::text::tree::Node;
use crate::plan::adopt::adopting::Adopting;
use crate::plan::adopt::adoption::Note;
use crate::plan::adopt::kinds::Kind;
use crate::plan::adopt::{fragment, values};

/// What becomes of a key.
enum Fate {
    /// It is carried, or means what devenv does anyway.
    Carried,
    /// The compose file that is laid over devenv's carries it.
    Over,
    /// It is not carried.
    Dropped(&'static str),
}

/// Keys of a container that a module of devenv has too.
pub(crate) const OF_MODULES: [&str; 9] =
    ["tmpfs", "ulimits", "cap_add", "sysctls", "shm_size", "stop_signal", "stop_grace_period", "extra_hosts", "labels"];

const OVER: [&str; 40] = [
    "annotations",
    "blkio_config",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "configs",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_shares",
    "cpus",
    "cpuset",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "gpus",
    "group_add",
    "ipc",
    "logging",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "privileged",
    "read_only",
    "runtime",
    "security_opt",
    "storage_opt",
    "userns_mode",
    "uts",
    "entrypoint",
];

fn fate(key: &str, kind: &Kind) -> Fate {
    let is_module = matches!(kind, Kind::Module(_));
    let is_preset = matches!(kind, Kind::Preset(..));
    match key {
        "build" | "image" | "environment" | "ports" | "volumes" | "depends_on" | "links" | "healthcheck"
        | "command" | "env_file" | "secrets" | "expose" | "init" | "profiles" => Fate::Carried,
        "working_dir" | "entrypoint" if is_module => Fate::Carried,
        "user" | "working_dir" | "entrypoint" if is_preset => Fate::Dropped("the preset has its own"),
        "runtime" if is_module => Fate::Dropped("devenv's images run as the engine runs them"),
        "user" if is_module => {
            Fate::Dropped("in dev a module runs as the owner of the checkout, on a platform as `app`")
        }
        "hostname" if is_module || is_preset => Fate::Dropped("a part's name is its host name"),
        "user" | "working_dir" | "hostname" => Fate::Over,
        "container_name" => {
            Fate::Dropped("devenv names containers: `devenv exec NAME`, `devenv logs NAME` take the part's name")
        }
        "restart" => Fate::Dropped(
            "in dev, devenv restarts after a change, and shows what exited; on a platform parts are restarted",
        ),
        "networks" => Fate::Dropped("all parts are on one network"),
        "network_mode" => {
            Fate::Dropped("all parts are on one network, not on this machine's or on another container's")
        }
        "stdin_open" | "tty" => Fate::Dropped("`devenv shell` and `devenv exec` have a terminal"),
        "develop" => Fate::Dropped("devenv mirrors and watches the source itself"),
        "deploy" | "scale" => Fate::Dropped("replicas and resources belong in `environments`"),
        "platform" | "pull_policy" | "attach" | "isolation" | "credential_spec" => {
            Fate::Dropped("devenv decides this itself")
        }
        "volumes_from" | "external_links" => Fate::Dropped("a part has its own volumes and names"),
        "label_file" => Fate::Dropped("write the labels into `labels`"),
        key if is_module && OF_MODULES.contains(&key) => Fate::Carried,
        key if OF_MODULES.contains(&key) || OVER.contains(&key) => Fate::Over,
        key if key.starts_with("x-") => Fate::Carried,
        _ => Fate::Dropped("devenv does not know this key"),
    }
}

/// Lists the keys of a service that are not carried, and hands on those that the compose file carries.
pub(crate) fn note(adopting: &mut Adopting<'_>, at: usize) {
    let (node, written) = (adopting.parts[at].node, adopting.parts[at].written);
    if matches!(adopting.parts[at].kind, Kind::Left(_) | Kind::Gateway(_) | Kind::Site(_)) {
        return;
    }
    for entry in node.entries() {
        let key = &*entry.key.text;
        match fate(key, &adopting.parts[at].kind) {
            Fate::Carried => {}
            Fate::Over => fragment::add(adopting, at, key, values::compose(&entry.value)),
            Fate::Dropped(why) => {
                adopting.note(entry.key.span, format!("{written}.{key}"), why);
            }
        }
    }
    for (network, alias) in aliases(node) {
        adopting.note(
            network.span,
            format!("{written}.networks"),
            format!("the alias {alias} is not known: use the part's name"),
        );
    }
    let name = adopting.parts[at].name.clone();
    if let Some(profiles) = node.get("profiles").filter(|profiles| !profiles.items().is_empty()) {
        adopting.note(
            profiles.span,
            format!("{written}.profiles"),
            format!("it is switched off: `devenv enable {name}` starts it"),
        );
    }
}

fn aliases(node: &Node) -> Vec<(&Node, String)> {
    let networks = node.get("networks").map(Node::entries).unwrap_or_default().iter();
    let aliases = networks.flat_map(|network| network.value.get("aliases").map(Node::items).unwrap_or_default());
    aliases.filter_map(|alias| Some((alias, alias.scalar()?.to_owned()))).collect()
}

/// What is said of the whole: variables without a value, and sections that have no place.
pub(crate) fn of_the_whole(adopting: &mut Adopting<'_>) {
    for (name, place) in &adopting.facts.compose.unset {
        let why = "it is not set and has no default: empty, as compose has it; set it in `.env` before `devenv init`"
            .to_owned();
        adopting.done.notes.push(Note { place: Some(place.clone()), subject: format!("${{{name}}}"), why });
    }
    adopting
        .done
        .notes
        .sort_by_key(|note| note.place.as_ref().map(|place| (place.file.clone(), place.line, place.column)));
}
