//! A service as a part: its image, its data, its credentials. Pure.

use std::collections::BTreeMap;

use crate::config::model::file::Service;
use crate::names::{PAGE, PartName};
use crate::paths;
use crate::plan::environment::errors::EnvironmentError;
use crate::plan::environment::needs::Variables;
use crate::plan::environment::ports::service_port;
use crate::plan::environment::presets;
use crate::plan::environment::target::{Base, Placement};
use crate::plan::environment::{Setup, probe, volume_mount};
use crate::plan::mounts::{Mount, MountClass, MountSource, Volume, VolumeClass};
use crate::plan::parts::{Environment, ImageRef, Part, PartKind};

impl Setup<'_> {
    pub(in crate::plan) fn service(
        &self,
        name: &PartName,
        service: &Service,
        environment: &mut Environment,
    ) -> Result<Part, EnvironmentError> {
        let preset = self.preset(name, service)?;
        let port = service_port(service, self.presets);
        let named = || self.project.file.image_named(service.image.as_ref()?);
        let image = match (preset.map(|preset| &preset.image).or_else(named), &service.image) {
            (Some(node), _) => {
                let (node, image) = self.image(name, node)?;
                let is_here = self.target.base == Base::Dev || self.placement == Placement::Here;
                if is_here { image } else { self.deployed_image(node) }
            }
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
        let mut variables = Variables::default();
        self.set_written(name, &service.env, &mut variables)?;
        if let Some(env) = self.target.settings.env.get(name) {
            self.set_written(name, env, &mut variables)?;
        }
        let Variables { plain: mut env, secret: secret_env } = variables;
        let is_local = self.target.base != Base::Prod;
        let mut mounts = Vec::new();
        if let (Some(seed), Some(target), true) =
            (&service.seed, preset.and_then(|preset| preset.seed.clone()), is_local)
        {
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
                    let named = service.credentials.get(&key).cloned();
                    let value = named.or_else(|| value.map(|text| text.replace("{project}", &project)));
                    (key, overridden.or(value))
                })
                .collect();
            environment.credentials.insert(name.clone(), filled);
            if is_local {
                mounts.push(self.generated(&paths::secrets_of(name), presets::CREDENTIALS, MountClass::Ignore));
            }
        }
        let page = preset.and_then(|preset| preset.page).map(crate::config::model::values::Port::get);
        let publish = [self.publish(name.as_str(), port), self.publish(&name.of_port(PAGE), page)];
        let health = service.health.clone().or_else(|| preset.map(|preset| preset.health.clone()));
        Ok(Part {
            command: service.command.as_ref().map(crate::config::model::values::Command::argv),
            env,
            secret_env,
            dev_env: if is_local { self.machine.proxy.clone() } else { BTreeMap::new() },
            credentials: preset.is_some_and(|preset| !preset.credentials.is_empty()),
            data,
            mounts,
            publish: if is_local { publish.into_iter().flatten().collect() } else { Vec::new() },
            probe: probe(health.as_ref(), port),
            needs: service.needs.clone(),
            extra: preset.map(|preset| preset.service.clone()).unwrap_or_default(),
            ..Part::new(name.clone(), PartKind::Service, image)
        })
    }
}
