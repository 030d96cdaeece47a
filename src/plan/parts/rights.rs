//! What a part may do on a platform, and where it is reached there: one answer for compose files, Swarm and Kubernetes.

use serde_json::Value;

use crate::config::model::memory_folder::MemoryFolder;
use crate::plan::parts::Part;
use crate::plan::parts::deployed::FileSystem;

impl Part {
    /// Capabilities that it keeps where all others are dropped: those that its image needs to start, then those that the
    /// environment gives it.
    #[must_use]
    pub fn capabilities(&self) -> Vec<&str> {
        let given = self.deployed.iter().flat_map(|deployed| &deployed.capabilities).map(String::as_str);
        self.texts("cap_add").chain(given).collect()
    }

    /// Whether it cannot write to its root file system: the environment or its own definition says so.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        let by_environment = |file_system| file_system == FileSystem::ReadOnly;
        self.deployed.as_ref().is_some_and(|deployed| by_environment(deployed.file_system))
            || self.extra.get("read_only").and_then(Value::as_bool).unwrap_or_default()
    }

    /// Folders in memory that its definition names.
    pub fn memory_folders(&self) -> impl Iterator<Item = MemoryFolder<'_>> {
        self.texts("tmpfs").map(MemoryFolder::of)
    }

    /// Whether its definition leaves open what `/tmp` is: in a container whose files are read-only it is in memory then.
    #[must_use]
    pub fn lacks_tmp(&self) -> bool {
        let mounts = self.data.iter().map(|mount| mount.target.as_str());
        let mut all = self.memory_folders().map(|folder| folder.path).chain(mounts);
        !all.any(|path| path.trim_end_matches('/') == "/tmp")
    }

    /// The port in its container on which other parts reach it, where it is on a platform.
    #[must_use]
    pub fn inner_port(&self) -> Option<u16> {
        self.deployed.as_ref()?.port
    }

    fn texts(&self, key: &str) -> impl Iterator<Item = &str> {
        self.extra.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::names::PartName;
    use crate::plan::parts::deployed::Deployed;
    use crate::plan::parts::{ImageRef, PartKind};

    #[test]
    fn what_a_part_may_do_is_what_its_definition_and_the_environment_say() {
        let image = ImageRef::Theirs("redis:7".to_owned());
        let mut part = Part::new(PartName::new("cache").unwrap(), PartKind::Service, image);
        let deployed = Deployed {
            capabilities: vec!["CHOWN".to_owned()],
            file_system: FileSystem::Writable,
            ..Deployed::default()
        };
        part.deployed = Some(deployed);
        assert_eq!((part.capabilities(), part.is_read_only(), part.lacks_tmp()), (vec!["CHOWN"], false, true));
        let keys = json!({"cap_add": ["SETGID"], "read_only": true, "tmpfs": ["/tmp/:size=64m"]});
        part.extra = keys.as_object().unwrap().clone();
        assert_eq!(
            (part.capabilities(), part.is_read_only(), part.lacks_tmp()),
            (vec!["SETGID", "CHOWN"], true, false)
        );
    }
}
