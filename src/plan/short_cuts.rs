//! Short cuts into containers, for `devenv shell NAME:SHORTCUT`: those that a module names, and the data of services. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::model::module::Module;
use crate::names::PartName;
use crate::plan::mounts::MountSource;
use crate::plan::parts::Part;

/// A shortcut, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShortCut {
    /// The part.
    pub part: PartName,
    /// Its name after the colon; none for the folder that a shell begins in.
    pub name: Option<String>,
    /// The folder in the container.
    pub path: String,
}

/// The shortcuts of a part, by name: data volumes of a service are called as in its preset, such as `data`.
#[must_use]
pub fn of(part: &Part, module: Option<&Module>, project: &str) -> BTreeMap<String, String> {
    let prefix = format!("{project}-{}-", part.name);
    let data = part.data.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume(volume) => Some((volume.strip_prefix(&prefix)?.to_owned(), mount.target.clone())),
        MountSource::Folder(_) | MountSource::Memory => None,
    });
    let own = module.into_iter().flat_map(|module| module.paths.clone());
    data.chain(own.map(|(name, path)| (name, absolute(part, &path)))).collect()
}

/// A path in a container: absolute, or below the folder of the part.
#[must_use]
pub fn absolute(part: &Part, path: &str) -> String {
    match &part.dir {
        Some(dir) if !path.starts_with('/') => format!("{dir}/{path}"),
        _ => path.to_owned(),
    }
}

/// The folder of a part, and its shortcuts.
#[must_use]
pub fn list(part: &Part, module: Option<&Module>, project: &str) -> Vec<ShortCut> {
    let folder = part.dir.clone().map(|path| ShortCut { part: part.name.clone(), name: None, path });
    let named = of(part, module, project).into_iter();
    let named = named.map(|(name, path)| ShortCut { part: part.name.clone(), name: Some(name), path });
    folder.into_iter().chain(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::mounts::{Mount, MountClass};
    use crate::plan::parts::{ImageRef, PartKind};

    #[test]
    fn a_service_has_its_data_and_a_module_what_it_names() {
        let name = PartName::new("db").unwrap();
        let mount = Mount {
            source: MountSource::Volume("shop-db-data".to_owned()),
            target: "/var/lib/data".to_owned(),
            writable: true,
            class: MountClass::Ignore,
        };
        let part = Part { data: vec![mount], ..Part::new(name, PartKind::Service, ImageRef::Theirs(String::new())) };
        assert_eq!(of(&part, None, "shop"), BTreeMap::from([("data".to_owned(), "/var/lib/data".to_owned())]));
        let part = Part { dir: Some("/srv/api".to_owned()), ..part };
        assert_eq!(absolute(&part, "inner"), "/srv/api/inner");
        assert_eq!(list(&part, None, "other").len(), 1);
    }
}
