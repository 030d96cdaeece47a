//! Tasks without an engine: what there is, how it hangs together, and which runs are known.

use snapbox::str;

use crate::test::Test;

const SHOP: &str = "\
project: shop
modules: {api: {path: ., image: base, run: serve, test: pytest -q}}
tasks:
  wheel: {module: api, run: make, needs: [api:test]}
  all: {needs: [wheel]}
ci: [wheel]
";

fn shop() -> Test {
    Test::new().file("devenv.yaml", SHOP)
}

#[test]
fn tasks_are_listed_with_what_they_need_and_what_became_of_them() {
    shop()
        .args(["task", "list"])
        .stdout(str![[r#"
TASK         IN              NEEDS     LAST  USUALLY
all          group           wheel     -     -
api:release  release of api  -         -     -
api:test     module api      -         -     -
wheel        module api      api:test  -     -

"#]])
        .status(0)
        .wrote_nothing();
    let output = shop().command().args(["task", "list", "--json"]).output().unwrap();
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        all[3],
        serde_json::json!({
            "name": "wheel", "place": "module api", "run": "make", "needs": ["api:test"],
            "last": null, "last_run": null, "usual_milliseconds": null,
        })
    );
}

#[test]
fn the_graph_is_text_for_mermaid_or_what_each_task_needs() {
    shop()
        .args(["task", "graph"])
        .stdout(str![[r#"
flowchart LR
  t0(["all"])
  t1["api:release"]
  t2["api:test"]
  t3["wheel"]
  t3 --> t0
  t2 --> t3

"#]])
        .status(0)
        .wrote_nothing();
    let output = shop().command().args(["task", "graph", "--json"]).output().unwrap();
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all["wheel"], serde_json::json!(["api:test"]));
}

#[test]
fn runs_are_what_their_records_say_and_one_of_a_later_version_is_told() {
    shop()
        .args(["runs"])
        .stderr("no run is recorded: `devenv task run NAME` starts the first one\n")
        .status(0)
        .wrote_nothing();
    let record = "\
{\"event\":\"begun\",\"version\":1,\"at\":1000,\"asked\":[\"wheel\"],\"tasks\":{\"wheel\":60}}
{\"event\":\"task\",\"at\":2000,\"task\":\"wheel\",\"attempt\":0,\"is\":{\"state\":\"failed\",\"failure\":{\"code\":2}},\"about\":{\"took\":900}}
{\"event\":\"ended\",\"at\":2500}
";
    let later = record.replace("\"version\":1", "\"version\":9");
    let test = || {
        let test = shop().file(".devenv/runs/19700101-000001-aaaa/events.jsonl", record);
        test.file(".devenv/runs/19700101-000001-aaaa/wheel.log", "no wheel\n")
    };
    test()
        .args(["runs", "show", "aaaa"])
        .stdout(str![[r#"
TASK   STATE                TIME    WHY
wheel  failed: exit code 2  900 ms

"#]])
        .stderr("run 19700101-000001-aaaa: failed\n")
        .status(0)
        .wrote_nothing();
    test().args(["runs", "logs", "last"]).stdout("no wheel\n").status(0);
    test()
        .args(["runs", "logs", "last", "weel"])
        .stderr(str![[r#"
error: run 19700101-000001-aaaa has no task `weel`
hint: did you mean `wheel`?

"#]])
        .status(2);
    test()
        .file(".devenv/runs/19700101-000002-bbbb/events.jsonl", later)
        .args(["runs", "show", "bbbb"])
        .stderr(str![[r#"
error: there is no run `bbbb`
hint: there are: 19700101-000001-aaaa

"#]])
        .status(2);
    let output = test().command().args(["runs", "--json"]).output().unwrap();
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&all[0]["state"], &all[0]["run"]["tasks"]["wheel"]["about"]["took"]), (&"failed".into(), &900.into()));
}

#[test]
fn a_pipeline_needs_no_project() {
    let output = Test::new().command().args(["ci", "--print", "github"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("run: devenv ci --junit devenv-junit.xml"), "{text}");
}
