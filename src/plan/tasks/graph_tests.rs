//! The graph of a configuration.

use super::*;

fn file() -> ProjectFile {
    serde_json::from_value(serde_json::json!({
        "project": "shop",
        "modules": {
            "api": {"path": "api", "image": "python", "run": "serve", "lint": "ruff check .", "test": "pytest -q"},
            "web": {"path": "web", "image": "node", "run": "serve", "test": "npm test"},
        },
        "tasks": {
            "wheel": {"module": "api", "run": "python -m build", "needs": ["api:test"], "max_run": "20m"},
            "report": {"image": "base", "run": "./report", "needs": ["wheel", "web:test"], "requires": "resolved"},
            "nightly": {"needs": ["report"], "expires": "2h"},
        },
    }))
    .unwrap()
}

fn names(graph: &TaskGraph) -> Vec<String> {
    graph.in_order().into_iter().map(|node| node.name.to_string()).collect()
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

#[test]
fn steps_of_modules_are_tasks_and_all_come_after_their_needs() {
    let graph = TaskGraph::of(&file());
    assert_eq!(
        names(&graph),
        ["api:lint", "api:release", "api:test", "wheel", "web:release", "web:test", "report", "nightly"]
    );
    let step = graph.get("web:test").unwrap();
    assert_eq!(step.work.as_ref().unwrap().run, "npm test");
    assert_eq!(step.expires, 30 * 86_400);
    assert_eq!(graph.get("nightly").unwrap().expires, 7_200);
    assert_eq!(graph.get("wheel").unwrap().max_run, Some(Duration::from_secs(1_200)));
}

#[test]
fn a_name_brings_what_it_needs_and_from_cuts_that_off() {
    let graph = TaskGraph::of(&file());
    let closure = |names: &[&str], from: &[&str]| graph.closure(&texts(names), &texts(from)).unwrap();
    assert_eq!(names(&closure(&["wheel"], &[])), ["api:test", "wheel"]);
    assert_eq!(names(&closure(&["report"], &["wheel"])), ["web:test", "wheel", "report"]);
    let error = graph.closure(&texts(&["weel"]), &[]).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.hint.as_str()), ("`weel` is not a task", "did you mean `wheel`?"));
    assert!(graph.closure(&texts(&["wheel"]), &texts(&["x"])).is_err());
}

#[test]
fn ci_runs_what_is_listed_and_by_default_lint_and_test_of_each_module() {
    let mut file = file();
    let graph = TaskGraph::of(&file);
    assert_eq!(graph.ci(&file), (texts(&["api:lint", "api:test", "web:test"]), true));
    file.ci = texts(&["*:test", "report"]);
    assert_eq!(graph.ci(&file), (texts(&["api:test", "web:test", "report"]), false));
    file.modules.values_mut().next().unwrap().mode = ModuleMode::Off;
    assert_eq!(graph.ci(&file).0, texts(&["web:test", "report"]));
}

#[test]
fn a_task_to_begin_with_must_be_part_of_the_run() {
    let graph = TaskGraph::of(&file());
    let chosen = graph.closure(&texts(&["report"]), &texts(&["wheel"])).unwrap();
    assert_eq!(chosen.check_from(&texts(&["wheel"])), Ok(()));
    let error = chosen.check_from(&texts(&["wheel", "api:test"])).unwrap_err();
    assert_eq!(error.to_string(), "none of the requested tasks needs `api:test`, so the run cannot start with it");
}
