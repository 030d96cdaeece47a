//! Help: every command has an example, and none of them forgets what it is for.

use crate::test::Test;

fn help(command: &[&str]) -> String {
    let test = Test::new();
    let output = test.command().args(command).arg("--help").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_help_of_each_command_has_an_example() {
    let all = help(&[]);
    let (commands, _) = all.split_once("\nOptions:\n").unwrap();
    let lines = commands.lines().filter_map(|line| line.strip_prefix("  "));
    let names: Vec<&str> =
        lines.filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(' ').next()).collect();
    assert!(names.len() > 20, "{names:?}");
    let plain = ["version", "help"];
    let bare: Vec<&&str> = names
        .iter()
        .filter(|name| !plain.contains(name))
        .filter(|name| {
            let text = help(&[**name]);
            !text.contains("\nExample:\n  devenv ") && !text.contains("\nExamples:\n  devenv ")
        })
        .collect();
    // An example may also be a line in which devenv is called by a shell.
    assert_eq!(bare, Vec::<&&str>::new());
}

#[test]
fn no_line_of_help_is_wider_than_a_terminal_or_ends_with_a_full_stop() {
    let text = help(&[]);
    for line in text.lines() {
        assert!(line.chars().count() <= 100 && !line.ends_with('.'), "{line}");
    }
}
