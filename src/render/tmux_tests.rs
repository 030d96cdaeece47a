use super::*;
use crate::names::PartName;

fn commands(changes: &[TmuxChange], size: (usize, usize)) -> String {
    let (assets, devenv) = (Assets::embedded(), ["/opt/my tools/devenv", "-C", "/srv/it's"].map(str::to_owned));
    let session = TmuxSession { assets: &assets, host: "shop.localhost", devenv: &devenv, size };
    let all = session.commands(changes).unwrap();
    all.into_iter().map(|command| quoted(command) + "\n").collect()
}

fn name(name: &str) -> PartName {
    PartName::new(name).unwrap()
}

#[test]
fn a_pane_runs_devenv_for_this_checkout_and_keeps_its_name() {
    assert_eq!(
        commands(&[TmuxChange::Add("api".to_owned(), Pane::Shell(name("api")))], (80, 24)),
        "\
split-window -t '=devenv:=api' 'exec '\\''/opt/my tools/devenv'\\'' -C '\\''/srv/it'\\'\\\"'\\\"'\\'s shell api'
set-option -p -t '=devenv:=api' @devenv_pane 'shell api'
"
        .replace(
            "'exec '\\''/opt/my tools/devenv'\\'' -C '\\''/srv/it'\\'\\\"'\\\"'\\'s shell api'",
            &quoted([format!(
                "exec {}",
                quoted(["/opt/my tools/devenv", "-C", "/srv/it's", "shell", "api"].map(str::to_owned))
            )])
        )
    );
}

#[test]
fn the_layout_depends_on_the_room_that_there_is() {
    let arranged = |panes, size| commands(&[TmuxChange::Arrange("api".to_owned(), panes)], size);
    let last = |text: String| text.trim_end().rsplit(' ').next().unwrap_or_default().to_owned();
    assert_eq!(last(arranged(3, (80, 24))), "even-vertical");
    assert_eq!(last(arranged(6, (80, 24))), "tiled");
    assert_eq!(last(arranged(4, (200, 50))), "main-vertical");
    assert_eq!(last(arranged(2, (200, 50))), "even-horizontal");
}

#[test]
fn a_session_is_made_with_its_options_and_fills_windows_when_they_are_looked_at() {
    let made = commands(&[TmuxChange::Session("gateway".to_owned()), TmuxChange::Show("gateway".to_owned())], (80, 24));
    assert!(made.starts_with("new-session -d -s devenv -n gateway -x 80 -y 24 'exec sleep 2147483647'\n"), "{made}");
    assert!(made.contains("set-hook -g session-window-changed ") && made.contains("attach --fill"), "{made}");
    assert!(made.contains("set-option -g status-left 'shop.localhost '\n"), "{made}");
    assert!(
        made.ends_with("select-window -t '=devenv:=gateway'\nselect-pane -t '=devenv:=gateway.{top-left}'\n"),
        "{made}"
    );
}
