//! Plans as text, without an engine.

use crate::assets::Assets;
use crate::names::{ImageName, PartName};
use crate::plan::definition::Definition;
use crate::plan::observed::{ContainerState, Network, Role};
use crate::plan::steps::up::Up;
use crate::plan::steps::world::{SHOP, World};

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
12 wait migrate: until it completes (after 11)
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
    world.container("api").state = ContainerState::Exited(137);
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
fn a_crashed_part_is_started_and_its_code_is_told() {
    let mut world = World::up_to_date(SHOP, None);
    world.container("api").state = ContainerState::Exited(137);
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
        [(Role::InUse, ""), (Role::Installing, "1 remove api: this command installs its dependencies again\n")]
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
1 remove api: 2 networks are called shop_default
2 remove network:shop_default: 2 networks have this name (after 1)
3 remove network:shop_default: 2 networks have this name (after 1)
4 create api: 2 networks are called shop_default (after 1, 2, 3)
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
    world.container("api").state = ContainerState::Paused;
    world.observed.ready.remove("api");
    assert_eq!(world.plan(), "1 start api: it is paused\n2 wait api: http /healthz (after 1)\n");
    assert!(world.observed.runs());
}

#[test]
fn what_a_killed_command_left_half_done_is_removed_before_anything_is_created() {
    let mut world = World::up_to_date(SHOP, None);
    let mut new = world.container("api").clone();
    (new.id, new.name) = ("id-new".to_owned(), "0123456789ab_shop-api-1".to_owned());
    new.state = ContainerState::Created;
    world.observed.containers.push(new);
    let cause = "a command was killed while replacing it";
    assert_eq!(
        world.plan(),
        format!(
            "1 remove api: {cause}\n2 remove api: {cause}\n3 create api: {cause} (after 1, 2)\n4 start api (after 3)\n\
             5 wait api: http /healthz (after 4)\n"
        )
    );

    let mut world = World::up_to_date(SHOP, None);
    world.container("api").state = ContainerState::Removing;
    let cause = "a command was killed while removing it";
    assert_eq!(
        world.plan(),
        format!(
            "1 remove api: {cause}\n2 create api: {cause} (after 1)\n3 start api (after 2)\n4 wait api: http /healthz (after 3)\n"
        )
    );
}

#[test]
fn modules_of_one_folder_and_image_share_their_dependencies_wherever_that_is() {
    for path in ["api", "."] {
        let module =
            format!("{{path: {path}, image: python, run: serve, deps: {{lock: [a.txt], install: x, into: [.venv]}}}}");
        let world = World::up_to_date(&format!("project: shop\nmodules:\n  one: {module}\n  two: {module}\n"), None);
        let volume = |name: &str| world.environment.parts[name].install.as_ref().unwrap().volume.clone();
        assert_eq!(volume("one"), volume("two"), "{path}");
    }
}
