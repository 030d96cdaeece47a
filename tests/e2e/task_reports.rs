//! What a run tells: the page and the bundle of `devenv ci`, and who joins a run that goes on.

use std::io::{BufRead, BufReader};

use rustix::process::{Pid, Signal, kill_process};

use crate::checkout::{Checkout, end, shell, until};
use crate::engine;
use crate::tasks::{containers, project};

#[test]
fn a_failed_ci_leaves_a_page_and_a_bundle_without_secrets_and_says_how_to_repeat_it() {
    let checkout = Checkout::new(
        "\
project: PROJECT
tasks:
  leak:
    image: base
    secrets: [CI_CANARY]
    run: echo \"<script>alert(1)</script> $$CI_CANARY\"; echo $$CI_CANARY > kept.txt; (printf '\\377'; cat kept.txt) > odd.bin; cp given.xml r.xml; exit $$(cat code)
    artifacts: [kept.txt, odd.bin]
    results: [r.xml]
  good: {image: base, run: echo fine}
ci: [leak, good]
",
    );
    let canary = "canary-of-the-bundle-57";
    let ci = |bundle: &str, code: i32, verdict: &str| {
        checkout.write(
            "given.xml",
            &format!("<testsuite><testcase name='t &lt;b&gt;' time='1.5'>{verdict}</testcase></testsuite>"),
        );
        checkout.write("code", "0");
        let args = ["ci", "--html", "report.html", "--bundle", bundle, "--force"];
        let mut command = checkout.command();
        command.args(args).env("CI_CANARY", canary);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        end(command.spawn().unwrap(), &args).code(code)
    };
    let failed = ci("bundle.tar", 1, "<failure message='boom'/>");
    failed.says("to run it here: devenv task run leak").says("without 1 files that its left-out.txt names");
    let page = checkout.read("report.html");
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script"), "{page}");
    assert!(page.contains("<svg") && page.contains("1.500 s") && page.contains("boom"), "{page}");
    let bundle = checkout.root().join("bundle.tar");
    let listed = shell(&format!("tar -tf '{}' | sort", bundle.display()));
    for name in
        ["summary.txt", "configuration.yaml", "events.jsonl", "logs/leak.log", "artifacts/leak/kept.txt", "report.html"]
    {
        assert!(listed.lines().any(|line| line == name), "{name}\n{listed}");
    }
    assert!(!listed.contains("odd.bin"), "{listed}");
    for all in [std::fs::read(&bundle).unwrap(), page.into_bytes()] {
        assert!(!all.windows(canary.len()).any(|window| window == canary.as_bytes()));
    }
    let summary = shell(&format!("tar -xOf '{}' summary.txt", bundle.display()));
    assert!(
        summary.contains("leak: failed: 1 of 1 tests failed") && summary.contains("devenv task run leak"),
        "{summary}"
    );

    // A run in which all is well leaves no bundle, not even that of an earlier run.
    checkout.replace("devenv.yaml", "results: [r.xml]", "results: []");
    ci("bundle.tar", 0, "");
    assert!(!bundle.exists());
}

#[test]
fn a_run_survives_its_terminal_and_is_joined_again() {
    let checkout = project();
    let run = ["task", "run", "after"];
    let mut child = checkout.begin(&run);
    let running = || (containers(&checkout) == ["long running"]).then_some(());
    until("the task runs", running);
    let joined = checkout.begin(&["runs", "attach", "last"]);
    // Its terminal is gone.
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, Signal::HUP).unwrap();
    // Who has joined and goes away changes nothing either.
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let attach = ["runs", "attach", "last"];
        let mut second = checkout.begin(&attach);
        let mut said = String::new();
        // With room for one byte: what follows is left to `end`.
        BufReader::with_capacity(1, second.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert!(said.starts_with("run "), "{said}");
        kill_process(Pid::from_raw(i32::try_from(second.id()).unwrap()).unwrap(), signal).unwrap();
        end(second, &attach).code(code).says("continues");
    }
    assert!(child.try_wait().unwrap().is_none() && running().is_some());

    let filter = ["ps", "--quiet", "--filter", &checkout.label(), "--filter", "label=devenv.task=long"];
    engine::docker(&["exec", &engine::lines(&filter)[0], "touch", "/tmp/go"]);
    let joined = end(joined, &["runs", "attach", "last"]).code(0).says("▶ long").says("✓ after").says("has completed");
    assert!(joined.stdout.contains("long | begun\n") && joined.stdout.contains("after | ended\n"), "{}", joined.stdout);
    end(child, &run).code(0);
    let last = checkout.ok(&["runs", "find", "long", "--last", "completed"]).stdout;
    assert!(checkout.ok(&["runs"]).stdout.contains(last.trim()), "{last}");
    checkout.devenv(&["runs", "find", "long", "--last", "failed"]).code(1).says("no such run of `long` is recorded");
    checkout.devenv(&["runs", "find", "lonk"]).code(1).says("did you mean `long`?");
    checkout.devenv(&["runs", "attach", "last"]).code(2).says("is not running: it is completed");
}
