//! What of the host a container sees as files: bind mounts, volumes and their devices, configs and secrets.

use serde_yaml::{Mapping, Value};

use crate::config::model::local::Permission;
use crate::plan::mounts::{Mount, MountSource};
use crate::plan::permissions::inspection::Inspection;
use crate::plan::permissions::rules::{is_empty, is_set};

/// One of a service's `volumes`.
pub(super) fn mount(inspection: &mut Inspection<'_>, value: &Value) {
    let Value::Mapping(mount) = value else {
        inspection.outcome.is_unresolved = true;
        return;
    };
    let kind = mount.get("type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "volume" | "tmpfs" | "image" => {}
        "bind" => bind(inspection, mount),
        other => inspection.refuse(format!("has a mount of type `{other}`")),
    }
}

fn bind(inspection: &mut Inspection<'_>, mount: &Mapping) {
    let source = mount.get("source").cloned().unwrap_or_default();
    let target = mount.get("target").cloned().unwrap_or_default();
    let (Some(source), Some(target)) = (inspection.text(&source), inspection.text(&target)) else { return };
    let writable = !mount.get("read_only").is_some_and(is_set);
    if is_ours(inspection, &source, &target, writable) {
        return;
    }
    inspection.inside(&source, "mounts");
    if let (true, Some(place)) = (writable, inspection.place(&source))
        && let Some(settings) = &place.settings
    {
        let what = format!("may write {settings}, which decides what runs on this machine");
        inspection.needs(Permission::ProjectSettings, what);
    }
}

/// Whether devenv itself has decided on this very mount.
fn is_ours(inspection: &Inspection<'_>, source: &str, target: &str, writable: bool) -> bool {
    let Some(part) = inspection.facts.environment.parts.get(inspection.name.as_str()) else { return false };
    let is_it = |mount: &Mount| match &mount.source {
        MountSource::Folder(folder) => folder == source && mount.target == target && mount.writable == writable,
        _ => false,
    };
    part.data.iter().chain(&part.mounts).any(is_it)
}

/// `propagation` of a bind mount: what is mounted in a container may not appear on the host.
pub(super) fn propagation(inspection: &mut Inspection<'_>, value: &Value) {
    match value.as_str().unwrap_or_default() {
        "" | "private" | "rprivate" | "slave" | "rslave" => {}
        other => {
            inspection.needs(Permission::Privileged, format!("propagates mounts to the host: propagation `{other}`"));
        }
    }
}

/// `volumes_from`: a service of the project, or any container of the engine.
pub(super) fn volumes_from(inspection: &mut Inspection<'_>, value: &Value) {
    for from in value.as_sequence().into_iter().flatten() {
        let Some(from) = inspection.text(from) else { continue };
        if from.starts_with("container:") {
            inspection.needs(Permission::OtherProjects, format!("has the volumes of {from}"));
        }
    }
}

/// A config or secret: a file of the checkout.
pub(super) fn file(inspection: &mut Inspection<'_>, value: &Value) {
    let Value::Mapping(object) = value else { return };
    if let Some(file) = object.get("file").filter(|file| !is_empty(file)).and_then(|file| inspection.text(file)) {
        inspection.inside(&file, "is");
    }
    if object.get("external").is_some_and(is_set) {
        inspection.needs(Permission::OtherProjects, "is not this project's own");
    }
    if let Some(variable) = object.get("environment").filter(|variable| !is_empty(variable)) {
        let name = variable.as_str().unwrap_or_default();
        inspection.needs(Permission::HostVariables, format!("is the host's variable {name}"));
    }
}

/// A volume of the definition.
pub(super) fn volume(inspection: &mut Inspection<'_>, value: &Value) {
    let Value::Mapping(volume) = value else { return };
    let name = match volume.get("name").filter(|name| !is_empty(name)) {
        Some(name) => inspection.text(name),
        None => Some(inspection.name.clone()),
    };
    let Some(name) = name else { return };
    let environment = inspection.facts.environment;
    let is_made_here = environment.volumes.contains_key(&name);
    let by_compose = format!("{}_{}", environment.project, inspection.name);
    let is_own_name = is_made_here || name == by_compose || !volume.contains_key("name");
    if (volume.get("external").is_some_and(is_set) && !is_made_here) || !is_own_name {
        inspection.needs(Permission::OtherProjects, format!("is the volume {name}, which is not this project's own"));
    }
    let driver = volume.get("driver").and_then(Value::as_str).unwrap_or_default();
    if !matches!(driver, "" | "local") {
        inspection.needs(Permission::OutsideMounts, format!("is made by the driver {driver}"));
    }
    if let Some(Value::Mapping(options)) = volume.get("driver_opts") {
        device(inspection, options);
    }
}

/// Options of the driver `local` are those of mount(8): only what lives in memory stays inside, and folders of the
/// checkout that are bound.
fn device(inspection: &mut Inspection<'_>, options: &Mapping) {
    let mut text = |key: &str| options.get(key).map_or(Some(String::new()), |value| inspection.text(value));
    let (Some(kind), Some(how), Some(device)) = (text("type"), text("o"), text("device")) else { return };
    let known = |key: &Value| matches!(key.as_str(), Some("type" | "o" | "device"));
    if let Some(key) = options.keys().find(|key| !known(key)) {
        let key = key.as_str().unwrap_or_default();
        inspection.needs(Permission::OutsideMounts, format!("has the option `{key}`, which devenv does not know"));
    }
    let words = || how.split(',').filter(|word| !word.is_empty());
    match kind.as_str() {
        "tmpfs" if words().all(is_of_memory) => {}
        "" if how.is_empty() && device.is_empty() => {}
        "" | "none" if words().all(|word| matches!(word, "bind" | "rbind" | "rw" | "ro")) && !how.is_empty() => {
            inspection.inside(&device, "is");
            let settings = inspection.place(&device).and_then(|place| place.settings.clone());
            if let Some(settings) = settings.filter(|_| !words().any(|word| word == "ro")) {
                inspection.needs(Permission::ProjectSettings, format!("lets containers write {settings}"));
            }
        }
        kind => {
            let said = [("type", kind), ("o", how.as_str()), ("device", device.as_str())];
            let said = said.iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| format!("{key}={value}"));
            inspection.needs(Permission::OutsideMounts, format!("mounts {}", said.collect::<Vec<_>>().join(" ")));
        }
    }
}

/// Options of tmpfs(5) that name no path.
fn is_of_memory(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    matches!(
        name,
        "size" | "mode" | "uid" | "gid" | "nr_inodes" | "nr_blocks" | "noexec" | "nosuid" | "nodev" | "ro" | "rw"
    )
}
