//! What a module says about its own container: data, further ports, and keys of the compose specification. Pure.

use serde_json::{Map, Value, json};

use crate::config::model::container::NamedPort;
use crate::config::model::module::Module;
use crate::names::PartName;
use crate::plan::environment::target::Base;
use crate::plan::environment::{Setup, volume_mount};
use crate::plan::mounts::{Mount, Volume, VolumeClass};
use crate::plan::parts::{Environment, Publish};

impl Setup<'_> {
    /// The ports of a module on this machine, the one that people use first.
    pub(in crate::plan) fn published(&self, name: &PartName, module: &Module) -> Vec<Publish> {
        let main = module.port.and_then(|port| self.publish(name.as_str(), Some(port.get())));
        let further = module.ports.iter().filter_map(|(port, NamedPort { port: number, protocol })| {
            let publish = self.publish(&name.of_port(port.as_str()), Some(number.get()))?;
            Some(Publish { protocol: *protocol, ..publish })
        });
        main.into_iter().chain(further).collect()
    }

    /// Mounts of a module's data. In dev it belongs to whoever runs the module.
    pub(in crate::plan) fn data(&self, name: &PartName, module: &Module, environment: &mut Environment) -> Vec<Mount> {
        let owner = (self.target.base == Base::Dev).then_some((self.machine.uid, self.machine.gid));
        let mut mounts = Vec::new();
        for (volume, target) in &module.volumes {
            let named = format!("{}-{name}-{volume}", environment.project);
            mounts.push(volume_mount(&named, target));
            let volume = Volume { name: named.clone(), class: VolumeClass::Data, major: None, owner };
            environment.volumes.insert(named, volume);
        }
        mounts
    }
}

/// Keys of the compose specification, as the module has them.
pub(in crate::plan) fn keys(module: &Module) -> Map<String, Value> {
    let mut keys = Map::new();
    let mut add = |key: &str, value: Value| {
        let is_empty = match &value {
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            other => other.is_null(),
        };
        if !is_empty {
            keys.insert(key.to_owned(), value);
        }
    };
    add("tmpfs", json!(module.tmpfs));
    add("ulimits", json!(module.ulimits));
    add("cap_add", json!(module.cap_add));
    add("sysctls", json!(module.sysctls));
    add("shm_size", json!(module.shm_size));
    add("stop_signal", json!(module.stop_signal));
    add("stop_grace_period", json!(module.stop_grace_period));
    add("extra_hosts", json!(module.extra_hosts));
    add("labels", json!(module.labels));
    keys
}
