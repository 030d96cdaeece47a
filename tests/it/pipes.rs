//! Who reads the output: nobody any more, a program, a person who wants no colours.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::test::Test;

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for args in [&["config", "schema"][..], &["config", "files"], &["--help"], &["completions", "bash"]] {
        let test = Test::good();
        let mut child = test.command().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(!first.is_empty());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        assert!(matches!(output.status.code(), Some(0 | 141)), "{args:?}: {}", output.status);
    }
}

/// A device that is always full.
fn full() -> Stdio {
    Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap())
}

#[test]
fn data_that_cannot_be_written_is_an_error_of_every_command_that_prints_some() {
    for args in [
        &["config"][..],
        &["config", "schema"],
        &["config", "files"],
        &["config", "--json"],
        &["completions", "bash"],
        &["version"],
        &["--version"],
        &["--help"],
        &["config", "--help"],
    ] {
        let output = Test::good().command().args(args).stdout(full()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("cannot write to standard output: No space left on device"), "{args:?}: {said}");
        assert_eq!(output.status.code(), Some(1), "{args:?}");
    }
}

#[test]
fn errors_and_notices_that_nobody_can_read_change_no_exit_code() {
    let wrong = Test::new().file("devenv.yaml", "projct: shop\n");
    let ended = |test: &Test, args: &[&str]| {
        test.command().args(args).stdout(Stdio::null()).stderr(full()).status().unwrap().code()
    };
    assert_eq!(ended(&wrong, &["config"]), Some(2));
    assert_eq!(ended(&Test::good(), &["disable", "worker"]), Some(0));
    assert_eq!(ended(&Test::good(), &["no-such-command"]), Some(2));
}

/// What a run prints to a terminal, with this environment.
fn in_terminal(test: &Test, args: &str) -> String {
    let command = test.command();
    let line = format!("{} {args}", command.get_program().to_string_lossy());
    let mut script = std::process::Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_clear();
    script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm-256color");
    let output = script.current_dir(test.project()).stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn colours_are_for_terminals_and_no_color_is_honoured() {
    let wrong = || Test::new().file("devenv.yaml", "projct: shop\n");
    let shown = in_terminal(&wrong(), "config");
    assert!(shown.contains("projct") && shown.contains('\x1b'), "{shown:?}");
    let shown = in_terminal(&wrong().env("NO_COLOR", "1"), "config");
    assert!(shown.contains("projct") && !shown.contains('\x1b'), "{shown:?}");
    let piped = wrong().args(["config"]).command().output().unwrap();
    assert!(!piped.stderr.contains(&0x1b));
}

#[test]
fn quiet_leaves_only_data_and_errors() {
    let output = Test::good().args(["disable", "worker", "--quiet"]).command().output().unwrap();
    assert_eq!((output.stdout, output.stderr, output.status.code()), (vec![], vec![], Some(0)));
}
