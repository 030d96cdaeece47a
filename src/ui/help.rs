//! The commands as `--help` lists them: under headings, by what they are for.

use crate::ui::table;

/// Each command stands in one of these.
pub const GROUPS: [(&str, &[&str]); 7] = [
    ("Environment", &["up", "down", "stop", "start", "restart"]),
    ("Inner loop", &["build", "lint", "test", "watch", "mirror", "deps", "ide"]),
    ("Tasks", &["task", "runs", "ci"]),
    (
        "Looking",
        &[
            "status", "logs", "shell", "exec", "run", "debug", "trace", "why", "graph", "env", "db", "attach", "open",
            "url", "list",
        ],
    ),
    (
        "Configuration",
        &[
            "init", "config", "check", "features", "enable", "disable", "eject", "secrets", "images", "update",
            "outdated",
        ],
    ),
    ("Release", &["release", "push", "promote", "deploy", "deployments"]),
    ("Machine", &["doctor", "certs", "hosts", "completions", "version", "help"]),
];
/// Room for a name, so that all groups have the same columns.
const NAME: usize = 14;

/// The command with a help that is at most `room` columns wide.
#[must_use]
pub fn grouped(mut command: clap::Command, room: usize) -> clap::Command {
    // Makes clap's own `help` one of them.
    command.build();
    let groups = GROUPS.map(|(heading, names)| {
        let rows: Vec<Vec<String>> = names.iter().filter_map(|name| row(&command, name)).collect();
        table::text(&[&format!("{:NAME$}", format!("{heading}:")), ""], &rows, Some(room))
    });
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}\nOptions:\n{{options}}{{after-help}}",
        groups.join("\n").replace('{', "{{")
    );
    command.help_template(template)
}

fn row(command: &clap::Command, name: &str) -> Option<Vec<String>> {
    let found = command.find_subcommand(name)?;
    let about = found.get_about().map(ToString::to_string).unwrap_or_default();
    let aliases: Vec<&str> = found.get_visible_aliases().collect();
    let aliases = if aliases.is_empty() { String::new() } else { format!(" [also: {}]", aliases.join(", ")) };
    Some(vec![format!("  {name}"), about + &aliases])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_lines_have_the_room_that_there_is() {
        let command = grouped(crate::cli::command(), 80);
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let shown = command.get_subcommands().filter(|one| !one.is_hide_set());
        let mut shown: Vec<&str> = shown.map(clap::Command::get_name).collect();
        grouped.sort_unstable();
        shown.sort_unstable();
        assert_eq!(grouped, shown);
        let text = command.term_width(80).render_help().to_string();
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert_eq!(wide, Vec::<&str>::new());
        assert!(text.contains("\nInner loop:\n  build"), "{text}");
    }
}
