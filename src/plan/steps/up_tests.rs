//! Plans as text, without an engine.

use std::collections::{BTreeMap, BTreeSet};

use crate::assets::Assets;
use crate::config;
use crate::config::inputs::{Inputs, Known, Source};
use crate::config::project::Project;
use crate::names::{ImageName, PartName};
use crate::plan::definition::Definition;
use crate::plan::environment::compose_files;
use crate::plan::environment::presets;
use crate::plan::environment::{self, Contents, Machine, Setup};
use crate::plan::identity::{self, Table};
use crate::plan::images::lock::{Lock, Root};
use crate::plan::images::{self, Hierarchy};
use crate::plan::observed::{Container, EngineHealth, Image, Network, Observed, Packages, Role, State, Volume};
use crate::plan::parts::{Environment, ImageRef, Kind, MountSource};
use crate::plan::steps::up::{Request, Up};
use crate::plan::{Action, Plan};

const SHOP: &str = "
project: shop
modules:
  api: {path: api, image: python, run: serve, port: 8000, health: {http: /healthz}, needs: [db, migrate]}
  migrate: {path: api, image: python, run: migrate, once: true, needs: [db]}
services:
  db: {preset: postgres}
";

/// A project, what should be of it, and what is.
struct World {
    project: Project,
    images: Hierarchy,
    lock: Lock,
    environment: Environment,
    definitions: BTreeMap<String, Definition>,
    observed: Observed,
    request: Request,
}

impl World {
    /// Everything as it should be and running.
    fn up_to_date(main: &str, local: Option<&str>) -> Self {
        let assets = Assets::embedded();
        let mut world = Self::of(main, local, &assets);
        for node in world.images.nodes() {
            world.observed.tags.insert(node.tag.clone());
            world.observed.tags.insert(node.parent_tag.clone());
            world.observed.images.push(Image {
                id: node.tag.clone(),
                name: Some(node.name.clone()),
                tags: vec![node.tag.clone()],
                inputs: node.inputs.clone(),
                fingerprint: node.fingerprint.to_string(),
                packages: Packages::default(),
                created: 1,
                size: 1,
            });
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
            let ended = part.kind == Kind::Task;
            let mounts = part.data.iter().chain(&part.mounts);
            world.observed.containers.push(Container {
                id: format!("id-{}", part.name),
                name: format!("shop-{}-1", part.name),
                checkout: "0a1b2c3d4e5f".to_owned(),
                part: part.name.to_string(),
                definition: world.definitions[part.name.as_str()].label(),
                state: if ended { State::Exited(0) } else { State::Running },
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
    fn with_fragments(main: &str, merged: &serde_json::Value) -> Self {
        let mut world = Self::up_to_date(main, None);
        compose_files::add(merged, &mut world.environment).unwrap();
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
                    part: name.to_string(),
                    definition: String::new(),
                    state: State::Running,
                    health: EngineHealth::Unknown,
                    status: String::new(),
                    role: Role::Part,
                    address: None,
                    networks: BTreeMap::new(),
                    volumes: Vec::new(),
                    image: part.image.reference().to_owned(),
                    image_id: String::new(),
                });
            }
        }
        world
    }

    /// What should be, in an empty world.
    fn of(main: &str, local: Option<&str>, assets: &Assets) -> Self {
        let source = |name: &str, text: &str| Source { name: name.to_owned(), bytes: text.as_bytes().to_vec() };
        let described = images::described(assets).unwrap();
        let presets = presets::read(assets).unwrap();
        let known = Known {
            images: described.into_keys().map(|name| (name, None)).collect(),
            seeded: BTreeSet::new(),
            credentials: BTreeMap::new(),
            presets: presets.keys().cloned().collect(),
            version: (0, 1, 0),
        };
        let (main, local) = (source("devenv.yaml", main), local.map(|text| source("devenv.local.yaml", text)));
        let env = BTreeMap::new();
        let draft = config::read(Inputs { main: &main, local: local.as_ref(), env: &env, known: &known });
        let project = draft.finish(&BTreeMap::new()).unwrap();
        let root = Root::Packages { suite: "trixie".to_owned(), archive: "20261121T000000Z".to_owned() };
        let lock = Lock { root, images: BTreeMap::new(), packages: BTreeMap::new() };
        let images = Hierarchy::new(&project, assets, &lock, "linux/amd64").unwrap();
        let known = identity::Known {
            path: "/srv/shop".to_owned(),
            fresh: "0a1b2c3d4e5f".to_owned(),
            ..identity::Known::default()
        };
        let mut table = Table::default();
        let mut identity = identity::identify(&known, &project, &mut table).unwrap();
        let wishes = environment::wishes(&project, &presets, &BTreeSet::new());
        identity::reserve_ports(&wishes, &known, &mut table, &mut identity);
        let (machine, contents) = (Machine::default(), Contents::default());
        let setup = Setup {
            project: &project,
            identity: &identity,
            images: &images,
            presets: &presets,
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
            request: Request::default(),
        }
    }

    fn plan(&self) -> String {
        self.decided().to_string()
    }

    fn decided(&self) -> Plan {
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

    fn container(&mut self, part: &str) -> &mut Container {
        self.observed.containers.iter_mut().find(|container| container.part == part).unwrap()
    }
}

#[test]
fn nothing_is_done_where_everything_is_right() {
    assert_eq!(World::up_to_date(SHOP, None).plan(), "");
}

#[test]
fn from_nothing_each_part_waits_only_for_what_it_needs() {
    assert_eq!(
        World::of(SHOP, None, &Assets::embedded()).plan(),
        "\
1 get image:root: Debian trixie from its packages, 20261121T000000Z
2 build image:base: not there yet (after 1)
3 build image:postgres: not there yet (after 2)
4 build image:python: not there yet (after 2)
5 create volume:shop-0a1b2c-db-data: not there yet
6 create api: not there yet (after 4)
7 create db: not there yet (after 3, 5)
8 create migrate: not there yet (after 4)
9 start db (after 7)
10 wait db: devenv-health (after 9)
11 start migrate (after 8, 10)
12 wait migrate: until it has ended (after 11)
13 start api (after 6, 10, 12)
14 wait api: http /healthz (after 13)
"
    );
}

#[test]
fn a_copy_is_filled_before_its_part_starts_and_compared_while_it_runs() {
    let copied = format!("{SHOP}mirror: sync\n");
    let first = World::of(&copied, None, &Assets::embedded()).plan();
    let about_api: String = first.lines().filter(|line| line.contains("api")).map(|line| format!("{line}\n")).collect();
    assert_eq!(
        about_api,
        "\
6 create volume:shop-0a1b2c-mirror-api: not there yet
8 create api: not there yet (after 4, 6)
16 mirror api: before it starts (after 8)
17 start api (after 16, 12, 15)
18 wait api: http /healthz (after 17)
"
    );
    assert_eq!(World::up_to_date(&copied, None).plan(), "1 mirror api: it runs on a copy\n");
    let mut world = World::up_to_date(&copied, None);
    world.container("api").state = State::Exited(137);
    world.observed.ready.remove("api");
    let expected = "\
1 mirror api: before it starts
2 start api: it ended with code 137 (after 1)
3 wait api: http /healthz (after 2)
";
    assert_eq!(world.plan(), expected);
}

#[test]
fn a_changed_image_rebuilds_its_children_and_restarts_only_their_parts() {
    let mut world = World::up_to_date(SHOP, None);
    let python = ImageName::new("python").unwrap();
    let tag = world.images.get(&python).unwrap().tag.clone();
    world.observed.tags.remove(&tag);
    let earlier = world.observed.images.iter_mut().find(|image| image.name.as_ref() == Some(&python)).unwrap();
    earlier.inputs.insert("images/python/Dockerfile".to_owned(), "other".to_owned());
    let old =
        Definition::new([("image", "old"), ("environment", "e")].map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    world.container("api").definition = old.label();
    world.container("migrate").definition = old.label();
    assert_eq!(
        world.plan(),
        "\
1 build image:python: images/python/Dockerfile changed
2 recreate api: image python is rebuilt (after 1)
3 start api (after 2)
4 wait api: http /healthz (after 3)
"
    );
}

#[test]
fn a_part_that_is_switched_off_is_removed_and_the_place_is_named() {
    let mut world = World::up_to_date(SHOP, None);
    let running = world.observed.containers.clone();
    world = World::up_to_date(SHOP, Some("modules:\n  api: {mode: off}\n"));
    world.observed.containers = running;
    assert_eq!(world.plan(), "1 remove api: switched off in devenv.local.yaml:2\n");
}

#[test]
fn a_changed_key_is_named_and_only_its_part_is_recreated() {
    let mut world = World::up_to_date(SHOP, None);
    let tag = world.environment.parts["api"].image.reference().to_owned();
    let keys = [("image", tag.as_str()), ("environment", "other")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    world.container("api").definition = Definition::new(keys.into()).label();
    assert_eq!(
        world.plan(),
        "1 recreate api: environment changed\n2 start api (after 1)\n3 wait api: http /healthz (after 2)\n"
    );
}

#[test]
fn new_data_makes_a_task_run_again() {
    let mut world = World::up_to_date(SHOP, None);
    world.request.fresh = true;
    assert_eq!(
        world.plan(),
        "\
1 remove db: its data is recreated
2 delete volume:shop-0a1b2c-db-data: start fresh (after 1)
3 create volume:shop-0a1b2c-db-data: start fresh (after 2)
4 create db: its data is recreated (after 3)
5 start db (after 4)
6 wait db: devenv-health (after 5)
7 start migrate: the data of db is new (after 6)
8 wait migrate: until it has ended (after 7)
"
    );
}

#[test]
fn a_crashed_part_is_started_and_its_code_is_told() {
    let mut world = World::up_to_date(SHOP, None);
    world.container("api").state = State::Exited(137);
    world.observed.ready.remove(&PartName::new("api").unwrap());
    assert_eq!(world.plan(), "1 start api: it ended with code 137\n2 wait api: http /healthz (after 1)\n");
}

#[test]
fn what_a_killed_command_left_is_removed() {
    let mut world = World::up_to_date(SHOP, None);
    let mut left = world.observed.containers[0].clone();
    left.role = Role::LeftOver;
    left.id = "left".to_owned();
    world.observed.containers.push(left);
    assert_eq!(world.plan(), "1 remove api: left over by a command that was killed\n");
}

#[test]
fn what_another_command_uses_is_left_alone_unless_it_installs() {
    for (role, plan) in
        [(Role::InUse, ""), (Role::Installing, "1 remove api: what it installs is installed by this command\n")]
    {
        let mut world = World::up_to_date(SHOP, None);
        let mut used = world.observed.containers[0].clone();
        (used.role, used.id) = (role, "used".to_owned());
        world.observed.containers.push(used);
        assert_eq!(world.plan(), plan, "{role:?}");
    }
}

#[test]
fn two_networks_of_one_name_are_replaced_with_all_that_is_in_them() {
    let mut world = World::up_to_date("project: shop\nmodules:\n  api: {path: ., image: base, run: serve}\n", None);
    for id in ["one", "other"] {
        let (id, name) = (id.to_owned(), "shop_default".to_owned());
        world.observed.networks.push(Network { id, name, checkout: None, project: None, subnets: vec![] });
    }
    let plan = "\
1 remove api: there are 2 networks called shop_default
2 remove network:shop_default: there are 2 of this name (after 1)
3 remove network:shop_default: there are 2 of this name (after 1)
4 create api: there are 2 networks called shop_default (after 1, 2, 3)
5 start api (after 4)
6 wait api: until it runs steadily (after 5)
";
    assert_eq!(world.plan(), plan);
    world.observed.networks.pop();
    assert_eq!(world.plan(), "");
}

#[test]
fn data_of_another_major_version_stops_everything() {
    let mut world = World::up_to_date(SHOP, None);
    world.observed.volumes.values_mut().for_each(|volume| volume.major = Some("15".to_owned()));
    let up = Up {
        project: &world.project,
        environment: &world.environment,
        images: &world.images,
        lock: &world.lock,
        definitions: &world.definitions,
        observed: &world.observed,
        request: &world.request,
    };
    assert_eq!(
        up.check_majors().unwrap_err().to_string(),
        "the volume shop-0a1b2c-db-data was written by version 15 of its service, and version 17 would run on it"
    );
}

#[test]
fn a_container_whose_network_image_or_volume_is_gone_is_recreated() {
    let mut world = World::up_to_date(SHOP, None);
    world.container("api").networks.insert("shop-0a1b2c".to_owned(), "network-0".to_owned());
    let tail = "2 start api (after 1)\n3 wait api: http /healthz (after 2)\n";
    assert_eq!(world.plan(), format!("1 recreate api: its network shop-0a1b2c was removed\n{tail}"));

    let mut world = World::up_to_date(SHOP, None);
    let tag = world.environment.parts["api"].image.reference().to_owned();
    world.container("api").image_id = "image-0".to_owned();
    assert_eq!(world.plan(), format!("1 recreate api: image {tag} was replaced\n{tail}"));

    let mut world = World::up_to_date(SHOP, None);
    world.observed.volumes.remove("shop-0a1b2c-db-data");
    assert!(world.plan().contains("recreate db: its volume shop-0a1b2c-db-data was removed"), "{}", world.plan());
}

#[test]
fn a_paused_part_is_ours_and_goes_on() {
    let mut world = World::up_to_date(SHOP, None);
    world.container("api").state = State::Paused;
    world.observed.ready.remove("api");
    assert_eq!(world.plan(), "1 start api: it is paused\n2 wait api: http /healthz (after 1)\n");
    assert!(world.observed.runs());
}

#[test]
fn what_a_killed_command_left_half_done_is_removed_before_anything_is_created() {
    let mut world = World::up_to_date(SHOP, None);
    let mut new = world.container("api").clone();
    (new.id, new.name) = ("id-new".to_owned(), "0123456789ab_shop-api-1".to_owned());
    new.state = State::Created;
    world.observed.containers.push(new);
    let cause = "a command was killed while it replaced it";
    assert_eq!(
        world.plan(),
        format!(
            "1 remove api: {cause}\n2 remove api: {cause}\n3 create api: {cause} (after 1, 2)\n4 start api (after 3)\n\
             5 wait api: http /healthz (after 4)\n"
        )
    );

    let mut world = World::up_to_date(SHOP, None);
    world.container("api").state = State::Removing;
    let cause = "a command was killed while it removed it";
    assert_eq!(
        world.plan(),
        format!(
            "1 remove api: {cause}\n2 create api: {cause} (after 1)\n3 start api (after 2)\n4 wait api: http /healthz (after 3)\n"
        )
    );
}

/// `migrate` was done with another source than today's.
fn with_changed_source(main: &str) -> World {
    let mut world = World::up_to_date(main, None);
    let keys = |source: &str| {
        let keys = [("image", "i"), ("environment", "e"), ("source", source)];
        Definition::new(keys.map(|(key, digest)| (key.to_owned(), digest.to_owned())).into())
    };
    world.container("migrate").definition = keys("old").label();
    world.definitions.insert("migrate".to_owned(), keys("new"));
    world
}

#[test]
fn a_task_that_may_overwrite_data_runs_again_only_when_a_person_says_so() {
    let mut world = with_changed_source(SHOP);
    assert_eq!(world.plan(), "");
    world.request.again.push(PartName::new("migrate").unwrap());
    let again = "1 recreate migrate: asked for by --again\n2 start migrate (after 1)\n3 wait migrate: until it has ended (after 2)\n";
    assert_eq!(world.plan(), again);
    let narrowed = SHOP.replace("once: true,", "once: true, inputs: [migrations],");
    assert!(with_changed_source(&narrowed).plan().starts_with("1 recreate migrate: source changed\n"));
    let per_data = SHOP.replace("once: true,", "once: {per: data},");
    let mut world = with_changed_source(&per_data);
    assert_eq!(world.plan(), "");
    world.request.recreate = true;
    assert!(!world.plan().contains("migrate"), "{}", world.plan());
    world.request.fresh = true;
    assert!(world.plan().contains("recreate migrate: "), "{}", world.plan());
}

#[test]
fn a_task_that_was_done_on_the_data_needs_no_container() {
    let mut world = World::up_to_date(SHOP, None);
    let done = world.container("migrate").definition.clone();
    world.observed.containers.retain(|container| container.part != "migrate");
    assert!(world.plan().contains("create migrate: not there yet"), "{}", world.plan());
    world.observed.done.insert(PartName::new("migrate").unwrap(), done);
    assert_eq!(world.plan(), "");
}

/// A product without parts of its own, and two services of a fragment.
const ALONE: &str = "project: shop\n";

fn merged(services: &serde_json::Value) -> serde_json::Value {
    serde_json::json!({ "services": services })
}

#[test]
fn conditions_of_fragments_are_the_order_of_the_start() {
    let services = serde_json::json!({
        "app": {"image": "app", "depends_on": {
            "db": {"condition": "service_healthy"},
            "init": {"condition": "service_completed_successfully"},
            "log": {"condition": "service_started"},
        }},
        "db": {"image": "db", "healthcheck": {"test": ["CMD", "true"]}},
        "init": {"image": "init", "depends_on": {"db": {"condition": "service_started"}}},
        "log": {"image": "log"},
    });
    let mut world = World::with_fragments(ALONE, &merged(&services));
    world.observed.containers.clear();
    assert_eq!(
        world.plan(),
        "\
1 create app: not there yet
2 create db: not there yet
3 create init: not there yet
4 create log: not there yet
5 start db (after 2)
6 wait db: its health check (after 5)
7 start init (after 3, 5)
8 wait init: until it has ended (after 7)
9 start log (after 4)
10 wait log: until it runs steadily (after 9)
11 start app (after 1, 6, 8, 9)
12 wait app: until it runs steadily (after 11)
"
    );
}

#[test]
fn a_part_of_ours_waits_for_what_a_fragment_says() {
    let services = serde_json::json!({
        "api": {"depends_on": {"stub": {"condition": "service_started"}, "db": {"condition": "service_started"}}},
        "db": {}, "migrate": {}, "stub": {"image": "stub"},
    });
    let mut world = World::with_fragments(SHOP, &merged(&services));
    for container in &mut world.observed.containers {
        container.state = if container.part == "migrate" { State::Exited(0) } else { State::Exited(143) };
    }
    assert_eq!(
        world.plan(),
        "\
1 start db: it is stopped
2 wait db: bash -c 'x' (after 1)
3 start stub: it is stopped
4 wait stub: until it runs steadily (after 3)
5 start api: it is stopped (after 1, 3)
6 wait api: http /healthz (after 5)
"
        .replace("bash -c 'x'", &world.environment.parts["db"].probe.as_ref().unwrap().ask.to_string())
    );
}

#[test]
fn who_waits_for_the_end_of_what_runs_on_is_told() {
    let services = serde_json::json!({
        "api": {}, "db": {}, "migrate": {},
        "tool": {"image": "tool", "depends_on": {"api": {"condition": "service_completed_successfully"}}},
    });
    let mut world = World::up_to_date(SHOP, None);
    let error = compose_files::add(&merged(&services), &mut world.environment).unwrap_err();
    assert_eq!(error.to_string(), "`tool` waits in a fragment until `api` has ended, which runs on");
}

#[test]
fn a_one_shot_that_has_done_its_work_is_not_started_again() {
    let one = |service: serde_json::Value| {
        let mut world = World::with_fragments(ALONE, &merged(&serde_json::json!({ "job": service })));
        world.observed.containers[0].state = State::Exited(0);
        world.plan()
    };
    assert_eq!(one(serde_json::json!({"image": "job", "restart": "no"})), "");
    assert_eq!(one(serde_json::json!({"image": "job", "restart": "on-failure:3"})), "");
    let again = "1 start job: it is stopped\n2 wait job: until it runs steadily (after 1)\n";
    assert_eq!(one(serde_json::json!({"image": "job"})), again);
    let ports = serde_json::json!([{"target": 80, "published": "80"}]);
    assert_eq!(one(serde_json::json!({"image": "job", "restart": "no", "ports": ports})), again);
}

#[test]
fn replicas_are_kept_and_the_last_numbers_go_first() {
    let services = |count: u64| merged(&serde_json::json!({"web": {"image": "web", "deploy": {"replicas": count}}}));
    let mut world = World::with_fragments(ALONE, &services(3));
    assert_eq!(world.plan(), "");
    world.observed.containers.swap(0, 2);
    world.environment.parts.clear();
    compose_files::add(&services(2), &mut world.environment).unwrap();
    assert_eq!(world.plan(), "1 remove web: there are more than 2 of it\n");
    let removed = world.decided().steps.remove(0).action;
    assert_eq!(removed, Action::Remove { id: "id-web-3".to_owned(), name: "web".to_owned() });
    world.environment.parts.clear();
    compose_files::add(&services(5), &mut world.environment).unwrap();
    assert_eq!(
        world.plan(),
        "1 create web: 3 of 5 are there\n2 start web (after 1)\n3 wait web: until it runs steadily (after 2)\n"
    );
    world.environment.parts.clear();
    compose_files::add(&services(0), &mut world.environment).unwrap();
    assert_eq!(world.plan().matches("remove web").count(), 3);
}

#[test]
fn an_unhealthy_service_is_waited_for_though_it_runs() {
    let services = serde_json::json!({"web": {"image": "web", "healthcheck": {"test": ["CMD", "false"]}}});
    let mut world = World::with_fragments(ALONE, &merged(&services));
    world.observed.containers[0].health = EngineHealth::Unhealthy;
    assert_eq!(world.plan(), "1 wait web: its health check\n");
    world.observed.ready.insert(PartName::new("web").unwrap());
    assert_eq!(world.plan(), "");
}
