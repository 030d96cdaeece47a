//! Plans for what the team's own compose files add.

use crate::names::PartName;
use crate::plan::Action;
use crate::plan::environment::compose_files;
use crate::plan::observed::{ContainerState, EngineHealth};
use crate::plan::steps::world::{SHOP, World};

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
8 wait init: until it completes (after 7)
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
        container.state =
            if container.part == "migrate" { ContainerState::Exited(0) } else { ContainerState::Exited(143) };
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
    let world = World::up_to_date(SHOP, None);
    let error = compose_files::merged(world.environment.clone(), &merged(&services)).unwrap_err();
    assert_eq!(error.to_string(), "`tool` waits in a fragment for the end of `api`, which keeps running");
}

#[test]
fn a_one_shot_that_has_done_its_work_is_not_started_again() {
    let one = |service: serde_json::Value| {
        let mut world = World::with_fragments(ALONE, &merged(&serde_json::json!({ "job": service })));
        world.observed.containers[0].state = ContainerState::Exited(0);
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
    world.environment = compose_files::merged(world.environment, &services(2)).unwrap();
    assert_eq!(world.plan(), "1 remove web: more than 2 exist\n");
    let removed = world.decided().steps.remove(0).action;
    assert_eq!(removed, Action::Remove { id: "id-web-3".to_owned(), name: "web".to_owned() });
    world.environment.parts.clear();
    world.environment = compose_files::merged(world.environment, &services(5)).unwrap();
    assert_eq!(
        world.plan(),
        "1 create web: 3 of 5 exist\n2 start web (after 1)\n3 wait web: until it runs steadily (after 2)\n"
    );
    world.environment.parts.clear();
    world.environment = compose_files::merged(world.environment, &services(0)).unwrap();
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
