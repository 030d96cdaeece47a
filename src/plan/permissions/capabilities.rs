//! What a container may ask of the kernel.

use serde_yaml::Value;

use crate::config::model::local::Permission;
use crate::plan::permissions::inspection::Inspection;
use crate::plan::permissions::rules::{is_empty, is_set};

/// Capabilities with which a process stays in its container: those that the engine gives by default, but for MKNOD, and a
/// few that concern its own processes and memory alone. DAC_READ_SEARCH is not one of them: it opens any file of a
/// mounted file system by its handle.
const STAY_INSIDE: [&str; 16] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "KILL",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
    "SYS_NICE",
    "SYS_PTRACE",
];

/// `privileged`.
pub(super) fn privileged(inspection: &mut Inspection<'_>, value: &Value) {
    if is_set(value) {
        inspection.needs(Permission::Privileged, "has all capabilities");
    }
}

/// `use_api_socket`.
pub(super) fn api_socket(inspection: &mut Inspection<'_>, value: &Value) {
    if is_set(value) {
        inspection.needs(Permission::EngineSocket, "has the engine's socket");
    }
}

/// `oom_kill_disable`, and `oom_score_adj` that puts others before it.
pub(super) fn memory_of_others(inspection: &mut Inspection<'_>, value: &Value) {
    let spares_itself = value.as_i64().map_or(is_set(value), |number| number < 0);
    if spares_itself {
        inspection.needs(Permission::Privileged, "lets other programs be killed when memory runs out");
    }
}

/// `cap_add`.
pub(super) fn added(inspection: &mut Inspection<'_>, value: &Value) {
    for item in items(inspection, value) {
        let name = item.to_uppercase();
        let name = name.trim_start_matches("CAP_");
        if !STAY_INSIDE.contains(&name) {
            inspection.needs(Permission::Privileged, format!("has the capability {name}"));
        }
    }
}

/// `security_opt`: what takes protection away.
pub(super) fn security(inspection: &mut Inspection<'_>, value: &Value) {
    for item in items(inspection, value) {
        let is_known = item == "no-new-privileges"
            || item.strip_prefix("no-new-privileges").is_some_and(|rest| matches!(rest, ":true" | "=true"));
        if !is_known {
            inspection.needs(Permission::Privileged, format!("has less protection: `{item}`"));
        }
    }
}

/// `sysctls`: those that each container has for itself, as the engine's documentation lists them.
pub(super) fn sysctls(inspection: &mut Inspection<'_>, value: &Value) {
    let names: Vec<String> = match value {
        Value::Mapping(map) => map.keys().map(|key| key.as_str().unwrap_or_default().to_owned()).collect(),
        other => items(inspection, other),
    };
    for name in names.iter().map(|name| name.split('=').next().unwrap_or_default()) {
        let is_own = name.starts_with("net.")
            || name.starts_with("fs.mqueue.")
            || ["kernel.msg", "kernel.sem", "kernel.shm"].iter().any(|own| name.starts_with(own));
        if !is_own {
            inspection.needs(Permission::Privileged, format!("changes the kernel's setting {name}"));
        }
    }
}

/// `runtime`: what runs the container on the host.
pub(super) fn runtime(inspection: &mut Inspection<'_>, value: &Value) {
    if !is_empty(value) && value.as_str() != Some("runc") {
        let name = value.as_str().unwrap_or_default();
        inspection.needs(Permission::Privileged, format!("is run by the runtime `{name}`"));
    }
}

/// The texts of a list; what is in another form is refused.
fn items(inspection: &mut Inspection<'_>, value: &Value) -> Vec<String> {
    match value {
        Value::Sequence(items) => items.iter().filter_map(|item| inspection.text(item)).collect(),
        other => {
            if !is_empty(other) {
                inspection.refuse("has a list in a form that devenv does not know");
            }
            Vec::new()
        }
    }
}
