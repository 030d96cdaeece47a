//! A service as a part: its image, its data, its credentials. Pure.

use std::collections::BTreeMap;

use crate::config::model::file::Service;
use crate::names::{PAGE, PartName};
use crate::paths;
use crate::plan::environment::errors::EnvironmentError;
use crate::plan::environment::needs::Variables;
use crate::plan::environment::ports::service_port;
use crate::plan::environment::target::{Base, Placement};
use crate::plan::environment::{Setup, probe, volume_mount};
use crate::plan::mounts::{Mount, MountClass, MountSource, Volume, VolumeClass};
use crate::plan::parts::{Environment, ImageRef, Part, PartKind};
use crate::plan::presets::{self, Preset};

impl Setup<'_> {
    pub(in crate::plan) fn service(
        &self,
        name: &PartName,
        service: &Service,
        environment: &mut Environment,
    ) -> Result<Part, EnvironmentError> {
        let preset = self.preset(name, service)?;
        let port = service_port(service, self.presets);
        let image = self.service_image(name, service, preset)?;
        let data = service_data(name, service, preset, environment);
        let mut variables = Variables::default();
        self.set_written(name, &service.env, &mut variables)?;
        if let Some(env) = self.target.settings.env.get(name) {
            self.set_written(name, env, &mut variables)?;
        }
        let Variables { plain: mut env, secret: secret_env } = variables;
        let is_local = self.target.base != Base::Prod;
        let mut mounts = Vec::new();
        if let (Some(seed), Some(target), true) =
            (&service.seed, preset.and_then(|preset| preset.seed.as_ref()), is_local)
        {
            let (mount, value) = self.seed(seed.as_str(), target);
            mounts.push(mount);
            env.insert("DEVENV_SEED".to_owned(), value);
        }
        if let Some(preset) = preset.filter(|preset| !preset.credentials.is_empty()) {
            environment.credentials.insert(name.clone(), self.declared_credentials(name, service, preset));
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

    fn service_image(
        &self,
        name: &PartName,
        service: &Service,
        preset: Option<&Preset>,
    ) -> Result<ImageRef, EnvironmentError> {
        let named = || self.project.file.image_named(service.image.as_ref()?);
        match (preset.map(|preset| &preset.image).or_else(named), &service.image) {
            (Some(node), _) => {
                let (node, image) = self.image(name, node)?;
                let is_here = self.target.base == Base::Dev || self.placement == Placement::Here;
                Ok(if is_here { image } else { self.deployed_image(node) })
            }
            (None, Some(image)) => Ok(ImageRef::Theirs(match self.lock.images.get(image) {
                Some(digest) if !image.contains('@') => format!("{image}@{digest}"),
                _ => image.clone(),
            })),
            (None, None) => Err(EnvironmentError::UnknownPreset(name.clone(), String::new())),
        }
    }

    /// The folder of a seed at `target`, and where the file is in it. A seed is read once, by a new database: its change
    /// means nothing to the one that is there.
    fn seed(&self, seed: &str, target: &str) -> (Mount, String) {
        let (folder, file) = seed.rsplit_once('/').unwrap_or((".", seed));
        let source = MountSource::Folder(self.below_root(folder));
        let mount = Mount { source, target: target.to_owned(), writable: false, class: MountClass::Ignore };
        (mount, format!("{target}/{file}"))
    }

    /// Its credentials: one developer's settings win over the team's, and these over the preset's. Those without a value
    /// are made.
    fn declared_credentials(
        &self,
        name: &PartName,
        service: &Service,
        preset: &Preset,
    ) -> BTreeMap<String, Option<String>> {
        let project = self.project.file.project.as_str();
        let value = |key: &String, usual: &Option<String>| {
            let overridden = self.project.local.secrets.get(&format!("{name}.{key}")).cloned();
            let named = || service.credentials.get(key).cloned();
            overridden.or_else(named).or_else(|| usual.as_ref().map(|text| text.replace("{project}", project)))
        };
        preset.credentials.iter().map(|(key, usual)| (key.clone(), value(key, usual))).collect()
    }
}

/// The volumes of a service's data, which the environment gets too.
fn service_data(
    name: &PartName,
    service: &Service,
    preset: Option<&Preset>,
    environment: &mut Environment,
) -> Vec<Mount> {
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
    data
}
