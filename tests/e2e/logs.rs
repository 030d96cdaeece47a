//! What `logs` shows: the order of time, levels, patterns, JSON, colours alone, and a quiet end.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::checkout::{Checkout, end, until};
use crate::http;
use crate::terminal::Terminal;

/// A module that prints lines of several kinds, one of them hostile, and one behind the gateway.
fn project() -> Checkout {
    let checkout = Checkout::page("  talks: {path: talks, image: base, run: sh talk.sh}\n");
    checkout.write(
        "talks/talk.sh",
        r#"echo '2026-11-30 10:00:00,000 ERROR shop: no'
echo 'Traceback (most recent call last):'
echo '  File "app.py", line 3'
echo 'ValueError: order 17'
printf '\033[31mred\033[0m \033[2J\033]0;title\007end\r\n'
echo '{"level":"warn","order":18}'
echo 'last of all'
exec sleep infinity
"#,
    );
    checkout.ok(&["up"]);
    until("all is printed", || checkout.ok(&["logs", "talks"]).stdout.contains("last of all").then_some(()));
    checkout
}

#[test]
fn lines_are_found_by_level_and_pattern_and_are_json_on_request() {
    let checkout = project();
    let warnings = checkout.ok(&["logs", "talks", "--level", "warn"]).stdout;
    assert_eq!(warnings.lines().count(), 5, "{warnings}");
    assert!(warnings.contains("ValueError: order 17\n{\"level\":\"warn\""), "{warnings}");
    assert_eq!(checkout.ok(&["logs", "talks", "--grep", "order [0-9]+$"]).stdout, "ValueError: order 17\n");
    checkout.devenv(&["logs", "--grep", "a("]).code(2).says("`--grep` is not a regular expression: unclosed group");
    checkout
        .devenv(&["logs", "--level", "loud"])
        .code(2)
        .says("expected one of trace, debug, info, warn, error, fatal");
    checkout.devenv(&["logs", "tolks"]).code(2).says("did you mean `talks`?");

    let json = checkout.ok(&["logs", "talks", "--json", "--level", "warn"]).stdout;
    let last: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["part"], &last["level"], &last["fields"]["order"]),
        (&"talks".into(), &"warn".into(), &18.into())
    );
    assert!(last["time"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn lines_of_the_gateway_are_readable_and_data_on_request() {
    let checkout = project();
    let url = checkout.url("gateway");
    assert_eq!(http::get(&format!("{url}/nowhere?x=%1b[2J")).0, 404);
    let shown = until("the request is logged", || {
        let shown = checkout.ok(&["logs", "gateway", "--grep", "nowhere"]).stdout;
        shown.contains("nowhere").then_some(shown)
    });
    assert!(shown.starts_with("GET /nowhere?x=%1b[2J 404 ") && shown.ends_with(" ms → web\n"), "{shown}");
    let json = checkout.ok(&["logs", "gateway", "--json", "--grep", "nowhere"]).stdout;
    let line: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&line["level"], &line["fields"]["status"]), (&"warn".into(), &404.into()));
}

#[test]
fn a_terminal_gets_colours_and_nothing_that_steers_it() {
    let checkout = project();
    let terminal = Terminal::new(&checkout, &["logs", "talks", "web", "--grep", "end|last"]);
    terminal.shows("\u{1b}[33mtalks |\u{1b}[0m \u{1b}[31mred\u{1b}[0m \\u{1b}[2J\\u{1b}]0;title\\u{7}end");
    terminal.shows("last of all");
    terminal.ends(0);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let checkout = project();
    for args in [&["logs"][..], &["logs", "-f"], &["logs", "--json"]] {
        let mut child = checkout.begin(args);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty());
        if args.contains(&"-f") {
            http::get(&checkout.url("gateway"));
        }
        let ran = end(child, args);
        assert!(matches!(ran.code, Some(0 | 141)) && ran.stderr.is_empty(), "{args:?}: {:?} {}", ran.code, ran.stderr);
    }
}
