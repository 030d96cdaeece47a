use super::*;
use crate::names::PartName;
use crate::plan::cause::Cause;
use crate::plan::observed::ContainerState;
use crate::plan::observed::samples::container;
use crate::plan::parts::{Ask, ImageRef, Probe, samples};

/// `api` needs `db`, and both have a probe.
fn environment() -> Environment {
    let part = |name: &str, needs: &[&str]| {
        let probe = Probe { ask: Ask::Tcp { port: 80 }, within: std::time::Duration::from_secs(30) };
        let name = PartName::new(name).unwrap();
        Part {
            probe: Some(probe),
            needs: needs.iter().map(|need| PartName::new(*need).unwrap()).collect(),
            ..Part::new(name, PartKind::Module, ImageRef::Theirs("image".to_owned()))
        }
    };
    samples::environment(vec![part("api", &["db"]), part("db", &[])])
}

fn status(observed: &Observed, life: Life, plan: &Plan) -> PartStatus {
    let environment = environment();
    let lives = Lives::from([("api-id".to_owned(), life)]);
    let sources = StatusInputs { environment: &environment, observed, lives: &lives, plan, now: 1_000 };
    sources.status(&environment.parts["api"], None)
}

#[test]
fn a_part_that_is_not_ready_says_what_it_answers_and_what_it_waits_for() {
    let containers = vec![container("api", ContainerState::Running), container("db", ContainerState::Exited(3))];
    let observed = Observed { containers, ..Observed::default() };
    let probe = Some("first line\nhttp /healthz answered 500".to_owned());
    let life = Life { probe, restarts: 2, since: Some(820), ..Life::default() };
    let status = status(&observed, life, &Plan::default());
    assert_eq!(status.text, "not ready");
    assert_eq!(status.age(1_000), "3 min");
    assert_eq!(status.remarks(), "http /healthz answered 500; restarted 2 times; waits for db");
}

#[test]
fn a_healthy_part_says_only_what_is_stale_and_why() {
    let mut observed = Observed { containers: vec![container("api", ContainerState::Running)], ..Observed::default() };
    observed.ready.insert(PartName::new("api").unwrap());
    let mut plan = Plan::default();
    let cause = Cause::Changed(vec!["environment".to_owned()]);
    plan.push(Action::Recreate(PartName::new("api").unwrap()), cause, vec![]);
    let life = Life { probe: Some("fine".to_owned()), ..Life::default() };
    let status = status(&observed, life, &plan);
    assert_eq!((status.state, status.remarks().as_str()), ("healthy", "stale: environment changed"));
}
