//! A project, what should be of it and what is, without an engine: plans in tests are decided from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::assets::Assets;
use crate::config;
use crate::config::inputs::{InputFile, Inputs};
use crate::config::project::Project;
use crate::plan::Plan;
use crate::plan::catalogue::Catalogue;
use crate::plan::definition::Definition;
use crate::plan::environment::compose_files;
use crate::plan::environment::contents::Contents;
use crate::plan::environment::machine::Machine;
use crate::plan::environment::target::{Base, Placement, Target};
use crate::plan::environment::{self, Setup};
use crate::plan::identity::{self, Table};
use crate::plan::images::Hierarchy;
use crate::plan::images::lock::{Lock, Root};
use crate::plan::mounts::MountSource;
use crate::plan::observed::{Container, ContainerState, EngineHealth, Observed, Role, Volume, samples};
use crate::plan::parts::{Environment, ImageRef, PartKind};
use crate::plan::steps::up::{Up, UpRequest};

pub(super) const SHOP: &str = "
project: shop
modules:
  api: {path: api, image: python, run: serve, port: 8000, health: {http: /healthz}, needs: [db, migrate]}
  migrate: {path: api, image: python, run: migrate, once: true, needs: [db]}
services:
  db: {preset: postgres}
";

/// A project, what should be of it, and what is.
pub(super) struct World {
    pub(super) project: Project,
    pub(super) images: Hierarchy,
    pub(super) lock: Lock,
    pub(super) environment: Environment,
    pub(super) definitions: BTreeMap<String, Definition>,
    pub(super) observed: Observed,
    pub(super) request: UpRequest,
}

impl World {
    /// Everything as it should be and running.
    pub(super) fn up_to_date(main: &str, local: Option<&str>) -> Self {
        let assets = Assets::embedded();
        let mut world = Self::of(main, local, &assets);
        world.observed.images = samples::images(&world.images);
        for node in world.images.nodes() {
            world.observed.tags.insert(node.tag.clone());
            world.observed.tags.insert(node.parent_tag.clone());
        }
        for volume in world.environment.volumes.values() {
            let seen = Volume {
                name: volume.name.clone(),
                checkout: Some("0a1b2c3d4e5f".to_owned()),
                path: String::new(),
                class: volume.class.as_str().to_owned(),
                major: volume.major.clone(),
                project: None,
            };
            world.observed.volumes.insert(volume.name.clone(), seen);
        }
        for part in world.environment.parts.values() {
            let ended = part.kind == PartKind::Task;
            let mounts = part.data.iter().chain(&part.mounts);
            world.observed.containers.push(Container {
                id: format!("id-{}", part.name),
                name: format!("shop-{}-1", part.name),
                checkout: "0a1b2c3d4e5f".to_owned(),
                part: part.name.to_string(),
                definition: world.definitions[part.name.as_str()].label(),
                state: if ended { ContainerState::Exited(0) } else { ContainerState::Running },
                health: EngineHealth::Healthy,
                status: String::new(),
                role: Role::Part,
                address: None,
                volumes: mounts
                    .filter_map(|mount| match &mount.source {
                        MountSource::Volume(name) => Some(name.clone()),
                        MountSource::Folder(_) | MountSource::Memory => None,
                    })
                    .collect(),
                networks: BTreeMap::from([(world.environment.project.clone(), "network-1".to_owned())]),
                image: part.image.reference().to_owned(),
                image_id: "image-1".to_owned(),
            });
            world.observed.image_ids.insert(part.image.reference().to_owned(), "image-1".to_owned());
            world.observed.ready.insert(part.name.clone());
        }
        world.observed.network_ids.insert("network-1".to_owned());
        world
    }

    /// The same with what compose makes of fragments, which run too.
    pub(super) fn with_fragments(main: &str, merged: &serde_json::Value) -> Self {
        let mut world = Self::up_to_date(main, None);
        world.environment = compose_files::merged(world.environment, merged).unwrap();
        for part in world.environment.parts.values() {
            if let ImageRef::Theirs(image) = &part.image {
                world.observed.tags.insert(image.clone());
            }
            let known = world.observed.containers_of(&part.name).count();
            for number in known + 1..=part.lifecycle.replicas {
                let name = &part.name;
                world.observed.containers.push(Container {
                    id: format!("id-{name}-{number}"),
                    name: format!("shop-{name}-{number}"),
                    checkout: "0a1b2c3d4e5f".to_owned(),
                    image: part.image.reference().to_owned(),
                    ..samples::container(name.as_str(), ContainerState::Running)
                });
            }
        }
        world
    }

    /// What should be, in an empty world.
    pub(super) fn of(main: &str, local: Option<&str>, assets: &Assets) -> Self {
        let source = |name: &str, text: &str| InputFile { name: name.to_owned(), bytes: text.as_bytes().to_vec() };
        let catalogue = Catalogue::of(assets).unwrap();
        let presets = &catalogue.presets;
        let (main, local) = (source("devenv.yaml", main), local.map(|text| source("devenv.local.yaml", text)));
        let env = BTreeMap::new();
        let draft = config::read(Inputs { main: &main, local: local.as_ref(), env: &env })
            .checked_against(&catalogue.known((0, 1, 0)));
        let project = draft.finish(&BTreeMap::new()).unwrap();
        let root = Root::Packages { suite: "trixie".to_owned(), archive: "20261121T000000Z".to_owned() };
        let lock = Lock { root, images: BTreeMap::new(), packages: BTreeMap::new() };
        let images = Hierarchy::new(&project, assets, &catalogue.images, &lock, "linux/amd64").unwrap();
        let known = identity::KnownCheckout {
            path: "/srv/shop".to_owned(),
            fresh: "0a1b2c3d4e5f".to_owned(),
            ..identity::KnownCheckout::default()
        };
        let mut table = Table::default();
        let mut identity = identity::identify(&known, &project, &mut table).unwrap();
        let wishes = environment::ports::wishes(&project, Base::Dev, presets, &BTreeSet::new());
        identity::reserve_ports(&wishes, &known, &mut table, &mut identity);
        let (machine, contents) = (Machine::default(), Contents::default());
        let target = Target::dev(&project);
        let setup = Setup {
            project: &project,
            target: &target,
            placement: Placement::Here,
            identity: &identity,
            images: &images,
            presets,
            lock: &lock,
            machine: &machine,
            contents: &contents,
        };
        let environment = setup.environment().unwrap();
        let definitions = environment.parts.values().map(|part| {
            let keys = [("image", part.image.reference()), ("environment", "e")];
            let keys = keys.map(|(key, digest)| (key.to_owned(), digest.to_owned()));
            (part.name.to_string(), Definition::new(keys.into_iter().collect()))
        });
        let definitions = definitions.collect();
        Self {
            project,
            images,
            lock,
            environment,
            definitions,
            observed: Observed::default(),
            request: UpRequest::default(),
        }
    }

    pub(super) fn plan(&self) -> String {
        self.decided().to_string()
    }

    pub(super) fn decided(&self) -> Plan {
        let up = Up {
            project: &self.project,
            environment: &self.environment,
            images: &self.images,
            lock: &self.lock,
            definitions: &self.definitions,
            observed: &self.observed,
            request: &self.request,
        };
        up.plan()
    }

    pub(super) fn container(&mut self, part: &str) -> &mut Container {
        self.observed.containers.iter_mut().find(|container| container.part == part).unwrap()
    }
}
