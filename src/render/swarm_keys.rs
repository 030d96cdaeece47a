//! Keys of the compose specification, as modules and presets have them, in the words of the engine's API for services.

use serde_json::{Map, Value, json};

use crate::amounts::Memory;
use crate::config::model::memory_folder::MemoryFolder;
use crate::render::swarm_values::duration;

/// Adds to a list of the container, where it has that list.
pub(in crate::render) fn push(keys: &mut Map<String, Value>, key: &str, value: Value) {
    if let Some(list) = keys.get_mut(key).and_then(Value::as_array_mut) {
        list.push(value);
    }
}

/// A folder in memory.
pub(in crate::render) fn memory_at(path: &str) -> Value {
    json!({"Type": "tmpfs", "Target": path, "TmpfsOptions": {"Mode": 0o1777}})
}

/// Writes a key into a container; none where the engine does not support it.
pub(in crate::render) fn extra(keys: &mut Map<String, Value>, key: &str, value: &Value) -> Option<()> {
    let text = || value.as_str().map(str::to_owned);
    match key {
        "init" => drop(keys.insert("Init".to_owned(), value.as_bool()?.into())),
        "user" => drop(keys.insert("User".to_owned(), text()?.into())),
        // Decided with the part's rights.
        "read_only" | "cap_add" => {}
        "cap_drop" => drop(keys.insert("CapabilityDrop".to_owned(), value.as_array()?.clone().into())),
        "sysctls" => drop(keys.insert("Sysctls".to_owned(), value.as_object()?.clone().into())),
        "stop_signal" => drop(keys.insert("StopSignal".to_owned(), text()?.into())),
        "stop_grace_period" => drop(keys.insert("StopGracePeriod".to_owned(), duration(&text()?)?.into())),
        "shm_size" => {
            let size = Memory::of(&text()?)?.bytes();
            let options = json!({"SizeBytes": size, "Mode": 0o1777});
            push(keys, "Mounts", json!({"Type": "tmpfs", "Target": "/dev/shm", "TmpfsOptions": options}));
        }
        "tmpfs" => {
            for folder in value.as_array()? {
                push(keys, "Mounts", folder_in_memory(folder.as_str()?)?);
            }
        }
        "ulimits" => {
            let limits: Option<Vec<Value>> = value.as_object()?.iter().map(limit).collect();
            keys.insert("Ulimits".to_owned(), limits?.into());
        }
        "extra_hosts" => {
            let host = |(name, address): (&String, &Value)| Some(format!("{} {name}", address.as_str()?));
            let hosts: Option<Vec<String>> = value.as_object()?.iter().map(host).collect();
            keys.insert("Hosts".to_owned(), hosts?.into());
        }
        "labels" => {
            let labels = keys.get_mut("Labels").and_then(Value::as_object_mut)?;
            for (name, value) in value.as_object()? {
                labels.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        _ => return None,
    }
    Some(())
}

/// `/cache:size=64m,mode=0700`; none for options that the API of services does not have.
fn folder_in_memory(text: &str) -> Option<Value> {
    let folder = MemoryFolder::of(text);
    let mut mount = memory_at(folder.path);
    let own = mount.get_mut("TmpfsOptions")?.as_object_mut()?;
    for option in folder.options() {
        match option.split_once('=') {
            Some(("size", size)) => drop(own.insert("SizeBytes".to_owned(), Memory::of(size)?.bytes().into())),
            Some(("mode", mode)) => {
                drop(own.insert("Mode".to_owned(), u32::from_str_radix(mode, 8).ok()?.into()));
            }
            // Each such folder has these.
            None if ["rw", "noexec", "nosuid", "nodev"].contains(&option) => {}
            _ => return None,
        }
    }
    Some(mount)
}

/// `nofile: 1024`, or `nofile: {soft: 1024, hard: 65536}`.
fn limit((name, value): (&String, &Value)) -> Option<Value> {
    let of = |key: &str| value.get(key).unwrap_or(value).as_i64();
    Some(json!({"Name": name, "Soft": of("soft")?, "Hard": of("hard")?}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(key: &str, value: &Value) -> Option<Value> {
        let mut keys = json!({"Mounts": [], "Labels": {"devenv.part": "api"}, "ReadOnly": false});
        extra(keys.as_object_mut().unwrap(), key, value)?;
        Some(keys)
    }

    #[test]
    fn what_a_module_says_of_its_container_has_words_of_the_engine() {
        let limits = json!({"nofile": {"soft": 1024, "hard": 65536}, "nproc": 64});
        assert_eq!(
            container("ulimits", &limits).unwrap()["Ulimits"],
            json!([{"Name": "nofile", "Soft": 1024, "Hard": 65536}, {"Name": "nproc", "Soft": 64, "Hard": 64}])
        );
        let hosts = json!({"legacy.internal": "10.1.2.3", "machine": "host-gateway"});
        assert_eq!(
            container("extra_hosts", &hosts).unwrap()["Hosts"],
            json!(["10.1.2.3 legacy.internal", "host-gateway machine"])
        );
        let labels = json!({"team": "shop", "devenv.part": "other"});
        assert_eq!(container("labels", &labels).unwrap()["Labels"], json!({"devenv.part": "api", "team": "shop"}));
    }

    #[test]
    fn a_folder_in_memory_has_a_size_and_a_mode_and_nothing_that_would_be_lost() {
        let mounts = |text: &str| container("tmpfs", &json!([text])).map(|keys| keys["Mounts"][0].clone());
        assert_eq!(
            mounts("/cache:size=64m,mode=0700,noexec"),
            Some(json!({"Type": "tmpfs", "Target": "/cache", "TmpfsOptions": {"SizeBytes": 64 << 20, "Mode": 0o700}}))
        );
        assert_eq!(mounts("/cache"), Some(memory_at("/cache")));
        assert_eq!(["/cache:exec", "/cache:uid=7", "/cache:size=half"].map(mounts), [None, None, None]);
        assert_eq!(container("privileged", &json!(true)), None);
    }
}
