//! Which tasks run again, as plans.

use crate::names::PartName;
use crate::plan::definition::Definition;
use crate::plan::observed::ContainerState;
use crate::plan::steps::world::{SHOP, World};

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
8 wait migrate: until it completes (after 7)
"
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
    let again = "1 recreate migrate: asked for by --again\n2 start migrate (after 1)\n3 wait migrate: until it completes (after 2)\n";
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

#[test]
fn a_task_whose_last_run_failed_is_not_done_whatever_was_done_before_it() {
    let mut world = World::up_to_date(SHOP, None);
    let label = world.container("migrate").definition.clone();
    world.observed.done.insert(PartName::new("migrate").unwrap(), label);
    world.container("migrate").state = ContainerState::Exited(1);
    assert_eq!(world.plan(), "1 start migrate: it ended with code 1\n2 wait migrate: until it completes (after 1)\n");
}
