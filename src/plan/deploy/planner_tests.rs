//! Plans of deployments as text.

use serde_json::json;

use super::*;
use crate::plan::definition::Definition;
use crate::plan::deploy::cluster::Task;
use crate::plan::deploy::samples::{deployed, empty, name, stack, task, up};

fn text(stack: &Stack, cluster: &Cluster) -> String {
    plan(stack, cluster, &[], Tasks::Run).to_string()
}

/// The stack with a part changed.
fn changed(change: impl Fn(&mut BTreeMap<PartName, Desired>)) -> Stack {
    let mut stack = stack();
    change(&mut stack.parts);
    stack
}

fn redefine(desired: &mut Desired, key: &str) {
    desired.definition = desired.definition.clone().with(key, "new");
}

#[test]
fn an_empty_cluster_gets_what_a_migration_needs_then_the_migration_then_the_rest() {
    let stack = stack();
    let smoke = [Smoke { get: Some("/healthz".to_owned()), task: None }];
    let plan = plan(&stack, &empty(&stack), &smoke, Tasks::Run);
    assert_eq!(
        plan.to_string(),
        "1 create network:shop-prod: not there yet\n\
         2 create config:shop-prod_flags_1a2b: not there yet\n\
         3 create db: not there yet (after 1, 2)\n\
         4 run migrate: not there yet (after 1, 2, 3)\n\
         5 create api: not there yet (after 1, 2, 3, 4)\n\
         6 create gateway: not there yet (after 1, 2, 4)\n\
         7 create web: not there yet (after 1, 2, 4, 5)\n\
         8 smoke GET /healthz (after 3, 4, 5, 6, 7)\n"
    );
    let json = serde_json::to_string(&plan.json()[3]).unwrap();
    assert_eq!(json, r#"{"step":4,"action":"run migrate","cause":"not there yet","after":[1,2,3]}"#);
}

#[test]
fn what_is_as_it_should_be_gives_no_step_and_no_smoke_check() {
    let stack = stack();
    let smoke = [Smoke { get: Some("/".to_owned()), task: None }];
    assert!(plan(&stack, &deployed(&stack), &smoke, Tasks::Run).is_empty());
    assert_eq!(check(&stack, &deployed(&stack)), Ok(()));
}

#[test]
fn a_changed_image_updates_its_service_alone() {
    let new = changed(|parts| {
        let api = parts.get_mut("api").unwrap();
        api.image = "registry.example.com/shop/api@sha256:aaaabbbbccccdddd".to_owned();
        redefine(api, "image");
    });
    assert_eq!(text(&new, &deployed(&stack())), "1 update api: image is sha256:aaaabbbbcccc now\n");
}

#[test]
fn a_changed_migration_runs_before_what_needs_it_is_updated() {
    let new = changed(|parts| {
        redefine(parts.get_mut("migrate").unwrap(), "image");
        redefine(parts.get_mut("web").unwrap(), "environment");
    });
    assert_eq!(
        text(&new, &deployed(&stack())),
        "1 run migrate: image is sha256:111122223333 now\n2 update web: environment changed (after 1)\n"
    );
}

#[test]
fn changed_variables_and_secrets_are_named_and_a_database_is_never_updated_before_a_migration() {
    let new = changed(|parts| {
        redefine(parts.get_mut("db").unwrap(), "secrets");
        redefine(parts.get_mut("migrate").unwrap(), "environment");
    });
    assert_eq!(
        text(&new, &deployed(&stack())),
        "1 run migrate: environment changed\n2 update db: secrets changed (after 1)\n"
    );
}

#[test]
fn another_number_of_containers_is_told_whoever_changed_it() {
    let new = changed(|parts| {
        let web = parts.get_mut("web").unwrap();
        web.replicas = 3;
        redefine(web, "replicas");
    });
    assert_eq!(text(&new, &deployed(&stack())), "1 update web: replicas: 1 there, 3 wanted\n");
    let mut cluster = deployed(&stack());
    cluster.services.get_mut("web").unwrap().replicas = 5;
    assert_eq!(text(&stack(), &cluster), "1 update web: replicas: 5 there, 1 wanted\n");
    cluster = deployed(&stack());
    cluster.services.get_mut("web").unwrap().image = "nginx".to_owned();
    assert_eq!(text(&stack(), &cluster), "1 update web: its image was changed in the cluster\n");
}

#[test]
fn what_is_not_in_the_release_any_more_is_removed_last() {
    let new = changed(|parts| {
        parts.remove("web");
        redefine(parts.get_mut("api").unwrap(), "environment");
    });
    let mut cluster = deployed(&stack());
    cluster.configs.insert("shop-prod_flags_old".to_owned(), "id".to_owned());
    let smoke = [Smoke { get: Some("/".to_owned()), task: None }];
    assert_eq!(
        plan(&new, &cluster, &smoke, Tasks::Run).to_string(),
        "1 update api: environment changed\n\
         2 smoke GET / (after 1)\n\
         3 remove web: not in this release (after 1, 2)\n\
         4 remove config:shop-prod_flags_old: no service uses it (after 1, 2)\n"
    );
    // A file alone is no reason to do anything.
    let mut cluster = deployed(&stack());
    cluster.configs.insert("shop-prod_flags_old".to_owned(), "id".to_owned());
    assert_eq!(text(&stack(), &cluster), "");
}

#[test]
fn a_file_that_a_service_has_which_stays_as_it_is_is_not_removed() {
    let old = "shop-prod_flags_old";
    let has_old = json!({"TaskTemplate": {"ContainerSpec": {"Configs": [{"ConfigName": old}]}}});
    let mut cluster = deployed(&stack());
    cluster.configs.insert(old.to_owned(), "id".to_owned());
    for part in ["api", "migrate"] {
        cluster.services.get_mut(part).unwrap().spec = has_old.clone();
    }
    let new = |role| {
        changed(|parts| {
            redefine(parts.get_mut("api").unwrap(), "features");
            redefine(parts.get_mut("migrate").unwrap(), "features");
            parts.get_mut("migrate").unwrap().role = role;
        })
    };
    let plan_of = |stack: &Stack, tasks| plan(stack, &cluster, &[], tasks).to_string();
    // A migration that a rollback leaves alone, and one that never runs again, keep the file.
    assert_eq!(plan_of(&new(Role::Task), Tasks::Left), "1 update api: features changed\n");
    assert_eq!(plan_of(&new(Role::TaskPerData), Tasks::Run), "1 update api: features changed\n");
    let older = changed(|parts| {
        parts.remove("migrate");
        redefine(parts.get_mut("api").unwrap(), "features");
    });
    assert_eq!(plan_of(&older, Tasks::Left), "1 update api: features changed\n");
    assert_eq!(
        plan_of(&new(Role::Task), Tasks::Run),
        "1 run migrate: features changed\n\
         2 update api: features changed (after 1)\n\
         3 remove config:shop-prod_flags_old: no service uses it (after 1, 2)\n"
    );
    assert_eq!(
        plan_of(&older, Tasks::Run),
        "1 update api: features changed\n\
         2 remove migrate: not in this release (after 1)\n\
         3 remove config:shop-prod_flags_old: no service uses it (after 1)\n"
    );
}

#[test]
fn a_run_that_failed_is_made_again_and_one_that_goes_on_is_waited_for() {
    let stack = stack();
    let cluster = |state: &str| {
        let mut cluster = deployed(&stack);
        let desired = &stack.parts["migrate"];
        cluster.services.get_mut("migrate").unwrap().tasks = vec![task(desired, state, "")];
        cluster
    };
    assert_eq!(text(&stack, &cluster("failed")), "1 run migrate: its last run failed\n");
    assert_eq!(text(&stack, &cluster("running")), "1 run migrate: its run has not ended\n");
}

#[test]
fn a_run_for_new_data_is_made_once_whatever_its_code_does() {
    let new = changed(|parts| {
        let migrate = parts.get_mut("migrate").unwrap();
        migrate.role = Role::TaskPerData;
        redefine(migrate, "image");
    });
    assert_eq!(text(&new, &deployed(&stack())), "");
    let mut cluster = deployed(&stack());
    cluster.services.remove("migrate");
    assert_eq!(text(&new, &cluster), "1 run migrate: not there yet\n");
}

#[test]
fn what_an_earlier_deployment_has_left_is_continued() {
    let stack = stack();
    let mut cluster = deployed(&stack);
    cluster.services.get_mut("api").unwrap().update = Update::UnderWay;
    cluster.services.get_mut("web").unwrap().tasks = Vec::new();
    assert_eq!(text(&stack, &cluster), "1 wait api: its update has not ended\n2 wait web: 0 of 1 run (after 1)\n");
}

#[test]
fn what_the_engine_rolled_back_is_tried_again() {
    let stack = stack();
    let mut cluster = deployed(&stack);
    let api = cluster.services.get_mut("api").unwrap();
    api.definition = Definition::default().label();
    api.update = Update::WentBack("update rolled back".to_owned());
    assert_eq!(text(&stack, &cluster), "1 update api: the engine rolled it back\n");
}

#[test]
fn a_rollback_runs_no_migration_and_removes_none() {
    let old = changed(|parts| {
        redefine(parts.get_mut("migrate").unwrap(), "image");
        redefine(parts.get_mut("api").unwrap(), "image");
    });
    let plan_of = |stack: &Stack| plan(stack, &deployed(&self::stack()), &[], Tasks::Left).to_string();
    assert_eq!(plan_of(&old), "1 update api: image is sha256:111122223333 now\n");
    let older = changed(|parts| drop(parts.remove("migrate")));
    assert_eq!(plan_of(&older), "");
}

#[test]
fn a_task_among_the_smoke_checks_runs_at_the_end_of_each_deployment() {
    let new = changed(|parts| {
        let migrate = parts.get_mut("migrate").unwrap();
        migrate.role = Role::Smoke;
        redefine(parts.get_mut("web").unwrap(), "image");
    });
    let smoke = [Smoke { get: None, task: Some(name("migrate")) }];
    let plan = plan(&new, &deployed(&stack()), &smoke, Tasks::Run);
    assert_eq!(plan.to_string(), "1 update web: image is sha256:111122223333 now\n2 smoke migrate (after 1)\n");
}

#[test]
fn data_has_exactly_one_node() {
    let stack = stack();
    let mut cluster = empty(&stack);
    cluster.nodes[0].labels.clear();
    let error = crate::error::Error::from(check(&stack, &cluster).unwrap_err());
    assert_eq!(error.to_string(), "`db` has data, and no node has the label `shop-prod.db=true`");
    assert_eq!(
        error.hints,
        ["choose the node that keeps its volume: `docker node update --label-add shop-prod.db=true node1`"]
    );
    let mut cluster = empty(&stack);
    let mut second = cluster.nodes[0].clone();
    second.name = "node2".to_owned();
    cluster.nodes.push(second);
    let said = check(&stack, &cluster).unwrap_err().to_string();
    assert_eq!(said, "`db` has data, and more than one node has the label `shop-prod.db=true`: node1, node2");
}

#[test]
fn a_node_that_was_lost_during_a_migration_makes_it_run_again() {
    let stack = stack();
    let mut cluster = deployed(&stack);
    let lost = Task { wanted: "shutdown".to_owned(), ..task(&stack.parts["migrate"], "running", "") };
    cluster.services.insert(name("migrate"), Running { tasks: vec![lost], ..up(&stack, "migrate") });
    assert_eq!(text(&stack, &cluster), "1 run migrate: its last run failed\n");
}
