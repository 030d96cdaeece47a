//! A session on an engine without containers: what is observed, and what carrying out a plan orders and tells.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::apply::StepEvent;
use crate::apply::fake_engine::{FakeContainer, FakeEngine};
use crate::apply::session::assemble::assemble;
use crate::config::inputs::InputFile;
use crate::host::user::checkout_table;
use crate::paths;
use crate::plan::Action;
use crate::plan::cause::Cause;
use crate::plan::identity::IdFile;
use crate::plan::observed::ContainerState;
use crate::plan::permissions::grants::{self, Confirmation};
use crate::plan::steps::down::{self, Volumes};

const ID: &str = "0a1b2c3d4e5f";

/// `api` needs `db`; `job` is a task.
const PARTS: &str = "
project: t
modules:
  api: {path: api, image: base, run: serve, needs: [db], health: {command: check, start_within: 3s}}
  db: {path: api, image: base, run: serve}
  job: {path: api, image: base, run: work, once: true}
";

/// A checkout and an engine, kept until the test ends.
struct Place {
    folder: tempfile::TempDir,
    engine: FakeEngine,
}

impl Place {
    /// With a container for each of these parts, called as its part, in this state.
    fn new(parts: &[(&str, &'static str)]) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), engine: FakeEngine::new() };
        let root = place.folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("api")).unwrap();
        std::fs::create_dir_all(paths::devenv(&root)).unwrap();
        let id = IdFile { id: ID.to_owned(), path: root.display().to_string(), machine: checkout_table::machine() };
        std::fs::write(paths::devenv(&root).join(paths::ID), serde_json::to_string(&id).unwrap()).unwrap();
        place.engine.with(|state| {
            state.checkout = ID.to_owned();
            state.networks.insert("t_default".to_owned());
            state.volumes.insert("t_data".to_owned());
            let containers = parts.iter().map(|(part, doing)| ((*part).to_owned(), FakeContainer::new(part, doing)));
            state.containers.extend(containers);
        });
        place
    }

    async fn session(&self) -> Result<Session> {
        let root = self.folder.path().canonicalize().unwrap();
        let main = InputFile { name: "devenv.yaml".to_owned(), bytes: PARTS.as_bytes().to_vec() };
        let checkout = Arc::new(Checkout::read(root, &main, None).unwrap());
        let engine = self.engine.connect();
        let description = observe::describe(&engine);
        let grants = grants::grants(BTreeSet::new(), &BTreeSet::new(), Confirmation::New);
        let terms = Terms { intent: Intent::Look, moving: Moving::Allowed, grants, kept: Kept::default() };
        assemble(&checkout, engine, description, terms).await
    }
}

/// Carries out a plan, and returns how it ended with a line for each event that ends a step.
async fn carried_out(session: &Session, plan: &Plan) -> (Result<(), StepFailure>, Vec<String>) {
    let said = Mutex::new(Vec::new());
    let report = |event: StepEvent| match event {
        StepEvent::Done(at, _) => said.lock().unwrap().push(format!("done {}", plan.steps[at].action)),
        StepEvent::Failed(at) => said.lock().unwrap().push(format!("failed {}", plan.steps[at].action)),
        _ => {}
    };
    let options = Options { wait_timeout: Some(Duration::from_millis(1_500)), ..Options::default() };
    let (ended, moved) = session.carry_out(plan, options, &report).await;
    assert_eq!(moved.unwrap(), Vec::<String>::new());
    (ended, said.into_inner().unwrap())
}

fn name(part: &str) -> PartName {
    PartName::new(part).unwrap()
}

#[tokio::test]
async fn what_the_engine_has_is_observed_and_only_asked_for() {
    let place = Place::new(&[("api", "running"), ("db", "created"), ("job", "exited")]);
    let session = place.session().await.unwrap();
    let state = |part: &str| session.observed.container(&name(part)).map(|container| container.state);
    assert_eq!(state("api"), Some(ContainerState::Running));
    assert_eq!((state("db"), state("job")), (Some(ContainerState::Created), Some(ContainerState::Exited(0))));
    assert!(session.observed.ready.contains(&name("api")), "its check ended with 0");
    assert_eq!(session.observed.networks.len(), 1);
    assert_eq!(place.engine.orders(), Vec::<String>::new());
}

#[tokio::test]
async fn an_engine_that_cannot_list_is_an_error_and_no_empty_world() {
    let place = Place::new(&[("api", "running")]);
    place.engine.with(|state| state.faults.insert("GET /containers/json".to_owned(), (500, "broken")));
    let error = place.session().await.err().unwrap();
    assert!(error.to_string().contains("broken"), "{error}");
}

#[tokio::test]
async fn down_removes_whoever_needs_another_first_then_the_network_and_the_data() {
    let place = Place::new(&[("api", "running"), ("db", "running")]);
    let session = place.session().await.unwrap();
    let plan = down::down(Some(&session.environment), &session.observed, Volumes::Delete);
    let (ended, _) = carried_out(&session, &plan).await;
    ended.unwrap();
    let orders = place.engine.orders();
    let at = |order: &str| orders.iter().position(|one| one == order).unwrap_or_else(|| panic!("{order}: {orders:?}"));
    assert!(at("POST /containers/api/stop") < at("DELETE /containers/api"));
    assert!(at("DELETE /containers/api") < at("POST /containers/db/stop"));
    assert!(at("DELETE /containers/db") < at("DELETE /networks/t_default").min(at("DELETE /volumes/t_data")));
    place.engine.with(|state| assert!(state.containers.is_empty() && state.networks.is_empty()));
}

#[tokio::test]
async fn a_step_that_fails_holds_up_only_those_after_it_and_every_failure_is_told() {
    let place = Place::new(&[("api", "running"), ("db", "running"), ("job", "exited")]);
    for part in ["api", "job"] {
        place.engine.with(|state| state.faults.insert(format!("DELETE /containers/{part}"), (500, "stuck")));
    }
    let session = place.session().await.unwrap();
    let plan = down::down(Some(&session.environment), &session.observed, Volumes::Keep);
    let (ended, said) = carried_out(&session, &plan).await;
    let error = Error::from(ended.unwrap_err());
    assert_eq!(error.also.len(), 1, "{error}");
    assert!(error.to_string().contains("stuck"), "{error}");
    assert_eq!(said.len(), 2, "{said:?}");
    let left = place.engine.with(|state| state.containers.keys().cloned().collect::<Vec<_>>());
    assert_eq!(left, ["api", "db", "job"]);
}

#[tokio::test]
async fn what_is_gone_or_stopped_by_somebody_else_is_no_failure() {
    let place = Place::new(&[("api", "running"), ("db", "exited")]);
    let session = place.session().await.unwrap();
    let plan = down::down(Some(&session.environment), &session.observed, Volumes::Keep);
    place.engine.with(|state| {
        state.containers.remove("api");
        state.networks.clear();
    });
    let (ended, said) = carried_out(&session, &plan).await;
    ended.unwrap();
    assert_eq!(said, ["done remove api", "done remove db", "done remove network:t_default"]);
}

#[tokio::test]
async fn a_port_in_use_is_told_as_one_with_its_holder() {
    let place = Place::new(&[("db", "exited")]);
    let fault =
        "driver failed programming external connectivity: Bind for 127.0.0.1:1 failed: port is already allocated";
    place.engine.with(|state| state.faults.insert("POST /containers/db/start".to_owned(), (500, fault)));
    let session = place.session().await.unwrap();
    let mut plan = Plan::default();
    plan.push(Action::Start(name("db")), Cause::Stopped, vec![]);
    let (ended, said) = carried_out(&session, &plan).await;
    let Err(StepFailure::PortTaken { taken, .. }) = ended else { panic!("{ended:?}") };
    assert_eq!((taken.part.as_str(), taken.port), ("db", 1));
    assert_eq!(said, ["failed start db"]);
}

/// Waits for `api`, whose check gives these answers; the error's text.
async fn waited(place: &Place, answers: &[(i64, &'static str)]) -> Result<(), String> {
    place.engine.with(|state| state.answers = answers.iter().copied().collect());
    waited_for(place, "api").await
}

async fn waited_for(place: &Place, part: &str) -> Result<(), String> {
    let session = place.session().await.unwrap();
    let mut plan = Plan::default();
    plan.push(Action::Wait(name(part)), None, vec![]);
    let (ended, _) = carried_out(&session, &plan).await;
    ended.map_err(|failure| Error::from(failure).to_string())
}

#[tokio::test]
async fn a_part_is_waited_for_until_it_answers_and_its_last_answer_is_told() {
    let place = Place::new(&[("api", "running")]);
    assert_eq!(waited(&place, &[(1, "no database"), (0, "")]).await, Ok(()));
    place.engine.with(|state| state.containers.get_mut("api").unwrap().log = "one\ntwo\n".to_owned());
    let error = waited(&place, &[(1, "no database"); 9]).await.unwrap_err();
    assert!(error.contains("no database"), "{error}");
    assert!(error.ends_with("last lines of `api`:\n    one\n    two"), "{error}");
}

#[tokio::test]
async fn a_part_that_ends_is_told_at_once_with_what_ended_it() {
    let place = Place::new(&[("api", "exited")]);
    place.engine.with(|state| state.containers.get_mut("api").unwrap().code = 3);
    let error = waited(&place, &[]).await.unwrap_err();
    assert!(error.starts_with("`api` ended with code 3 right after its start"), "{error}");
    place.engine.with(|state| state.containers.get_mut("api").unwrap().out_of_memory = true);
    let error = waited(&place, &[]).await.unwrap_err();
    assert!(error.starts_with("`api` ran out of memory: its limit is 64 MB"), "{error}");
}

#[tokio::test]
async fn a_part_without_a_check_is_not_steady_once_its_processes_are_gone() {
    let place = Place::new(&[("db", "running")]);
    assert_eq!(waited_for(&place, "db").await, Ok(()));
    let ending = |db: &mut FakeContainer| (db.is_ending, db.code) = (true, 3);
    place.engine.with(|state| ending(state.containers.get_mut("db").unwrap()));
    let error = waited_for(&place, "db").await.unwrap_err();
    assert!(error.starts_with("`db` ended with code 3 right after its start"), "{error}");
}

#[tokio::test]
async fn looking_again_sees_what_became_of_the_same_environment() {
    let place = Place::new(&[("api", "running"), ("db", "running")]);
    let mut session = place.session().await.unwrap();
    let before = session.definitions.clone();
    place.engine.with(|state| state.containers.get_mut("db").unwrap().state = "exited");
    session.look_again().await.unwrap();
    assert_eq!(session.observed.container(&name("db")).unwrap().state, ContainerState::Exited(0));
    assert_eq!(session.definitions, before);
}
