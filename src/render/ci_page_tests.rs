use super::*;
use crate::names::TaskName;
use crate::plan::tasks::record::About;
use crate::plan::tasks::state::Failure;

const HOSTILE: &str =
    "</pre><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}\u{1b}[31mred\u{1b}[0m\u{202e}\"'&";

fn report() -> Report {
    let case = |name: &str, seconds, verdict| TestCase {
        class: HOSTILE.to_owned(),
        name: name.to_owned(),
        seconds: Some(seconds),
        verdict,
        message: HOSTILE.to_owned(),
    };
    let failed = TaskReport {
        is: State::Failed { failure: Failure::Results(HOSTILE.to_owned()) },
        about: About { took: Some(1_500), ..About::default() },
        tests: vec![case("slow", 2.0, Verdict::Failed), case("quick", 0.5, Verdict::Passed)],
    };
    let good = TaskReport { is: State::Completed, about: About::default(), tests: Vec::new() };
    let tasks = [("api:test".to_owned(), failed), ("lint".to_owned(), good)].into();
    Report { run: Some("r".to_owned()), check: Some(true), error: Some(HOSTILE.to_owned()), tasks }
}

fn story() -> Story {
    let bar = Bar { task: TaskName::new("api:test").unwrap(), begin: 0, end: 1_500, is: State::Completed };
    let flaky = Flaky {
        task: "api:test".to_owned(),
        test: Some(HOSTILE.to_owned()),
        failed: "1".to_owned(),
        passed: "2".to_owned(),
    };
    let output = |task: &str| TaskOutput { task: task.to_owned(), lines: vec![HOSTILE.to_owned()], left_out: 3 };
    Story {
        project: HOSTILE.to_owned(),
        version: "0".to_owned(),
        bars: vec![bar],
        flaky: vec![flaky],
        outputs: vec![output("api:test"), output("lint")],
        reproduce: Some(HOSTILE.to_owned()),
        ..Story::default()
    }
}

#[test]
fn nothing_that_a_task_prints_becomes_more_than_text() {
    let page = page(&report(), &story()).unwrap();
    for mark in ["<script", "<img", "onerror=alert(1)>", "\u{1b}", "\u{202e}", "</pre><", " style=", "javascript:"] {
        assert!(!page.contains(mark), "{mark}\n{page}");
    }
    // It is not a template either, and colours of a terminal are gone.
    assert!(page.contains("{{ 7 * 7 }}red"), "{page}");
    assert!(page.contains("&lt;script&gt;"), "{page}");
    assert_eq!(page.matches("<pre>").count(), page.matches("</pre>").count());
}

#[test]
fn its_policy_allows_its_own_style_and_nothing_else() {
    let page = page(&report(), &story()).unwrap();
    let (_, style) = page.split_once("<style>").unwrap();
    let (style, _) = style.split_once("</style>").unwrap();
    let digest = BASE64_STANDARD.encode(Sha256::digest(style));
    let policy = format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
    assert!(page.contains(&policy), "{page}");
    for from_elsewhere in ["http://", "https://", "src=", "url("] {
        let found = page.replace("http://www.w3.org/2000/svg", "").replace("src=x", "");
        assert!(!found.contains(from_elsewhere), "{from_elsewhere}");
    }
}

#[test]
fn the_slowest_come_first_and_failed_output_is_open() {
    let page = page(&report(), &story()).unwrap();
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}\n{page}"));
    assert!(at("2.000 s") < at("0.500 s"));
    assert!(page.contains("<details id=\"output-0\" open>") && page.contains("<details id=\"output-1\">"));
    assert!(page.contains("3 lines before these are left out"));
}
