//! A service as a part: its image, its data, its credentials. Pure.

use crate::config::model::file::Service;
use crate::names::PartName;
use crate::paths;
use crate::plan::environment::presets;
use crate::plan::environment::{EnvironmentError, Setup, probe, volume_mount};
use crate::plan::mounts::{Mount, MountClass, MountSource, Volume, VolumeClass};
use crate::plan::parts::{Environment, ImageRef, Kind, Part};

impl Setup<'_> {
    pub(in crate::plan) fn service(
        &self,
        name: &PartName,
        service: &Service,
        environment: &mut Environment,
    ) -> Result<Part, EnvironmentError> {
        let preset = self.preset(name, service)?;
        let port = service.port.or(preset.map(|preset| preset.port)).map(crate::config::model::values::Port::get);
        let image = match (preset, &service.image) {
            (Some(preset), _) => self.image(name, &preset.image)?.1,
            (None, Some(image)) => ImageRef::Theirs(match self.lock.images.get(image) {
                Some(digest) if !image.contains('@') => format!("{image}@{digest}"),
                _ => image.clone(),
            }),
            (None, None) => return Err(EnvironmentError::UnknownPreset(name.clone(), String::new())),
        };
        let mut volumes = preset.map(|preset| preset.volumes.clone()).unwrap_or_default();
        volumes.extend(service.volumes.clone());
        let major = preset.and_then(|preset| preset.major.clone());
        let mut data = Vec::new();
        for (volume, target) in volumes {
            let named = format!("{}-{name}-{volume}", environment.project);
            data.push(volume_mount(&named, &target));
            let volume = Volume { name: named.clone(), class: VolumeClass::Data, major: major.clone(), owner: None };
            environment.volumes.insert(named, volume);
        }
        let mut env = service.env.clone();
        let mut mounts = Vec::new();
        if let (Some(seed), Some(target)) = (&service.seed, preset.and_then(|preset| preset.seed.clone())) {
            let (folder, file) = seed.as_str().rsplit_once('/').unwrap_or((".", seed.as_str()));
            // A seed is read once, by a new database: its change means nothing to the one that is there.
            mounts.push(Mount {
                source: MountSource::Folder(self.below_root(folder)),
                target: target.clone(),
                writable: false,
                class: MountClass::Ignore,
            });
            env.insert("DEVENV_SEED".to_owned(), format!("{target}/{file}"));
        }
        let credentials = preset.map(|preset| preset.credentials.clone()).unwrap_or_default();
        if !credentials.is_empty() {
            let project = self.project.file.project.to_string();
            let filled = credentials
                .into_iter()
                .map(|(key, value)| {
                    let overridden = self.project.local.secrets.get(&format!("{name}.{key}")).cloned();
                    (key, overridden.or_else(|| value.map(|text| text.replace("{project}", &project))))
                })
                .collect();
            environment.credentials.insert(name.clone(), filled);
            mounts.push(self.generated(&paths::secrets_of(name), presets::CREDENTIALS, MountClass::Ignore));
        }
        let health = service.health.clone().or_else(|| preset.map(|preset| preset.health.clone()));
        Ok(Part {
            command: service.command.as_ref().map(crate::config::model::values::Command::argv),
            env,
            dev_env: self.machine.proxy.clone(),
            credentials: preset.is_some_and(|preset| !preset.credentials.is_empty()),
            data,
            mounts,
            publish: self.publish(name.as_str(), port).into_iter().collect(),
            probe: probe(health.as_ref(), port),
            needs: service.needs.clone(),
            extra: preset.map(|preset| preset.service.clone()).unwrap_or_default(),
            ..Part::new(name.clone(), Kind::Service, image)
        })
    }
}
