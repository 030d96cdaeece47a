use super::changes::{RunningPane, TmuxChange, changes};
use super::*;
use crate::plan::parts::{ImageRef, samples};

fn name(name: &str) -> PartName {
    PartName::new(name).unwrap()
}

/// Parts with their kinds and needs.
fn environment(parts: &[(&str, PartKind, &[&str])]) -> Environment {
    let parts = parts.iter().map(|(part, kind, needs)| {
        let image = ImageRef::Theirs(String::new());
        let needs = needs.iter().map(|need| name(need)).collect();
        Part { needs, ..Part::new(name(part), *kind, image) }
    });
    samples::environment(parts.collect())
}

fn shop() -> Environment {
    environment(&[
        ("api", PartKind::Module, &["db", "migrate"]),
        ("db", PartKind::Service, &[]),
        ("gateway", PartKind::Gateway, &[]),
        ("mail", PartKind::Service, &[]),
        ("migrate", PartKind::Task, &["db"]),
        ("web", PartKind::Module, &["api"]),
    ])
}

fn known() -> KnownParts {
    KnownParts { databases: [name("db"), name("mail")].into(), watched: [name("api")].into() }
}

fn text(screens: &[Screen]) -> String {
    let line = |screen: &Screen| {
        let panes: Vec<String> = screen.panes.iter().map(Pane::to_string).collect();
        format!("{}: {}\n", screen.name, panes.join(", "))
    };
    screens.iter().map(line).collect()
}

#[test]
fn there_is_a_screen_around_each_module_and_the_gateway_is_first() {
    assert_eq!(
        text(&screens(&shop(), &known(), &BTreeMap::new())),
        "\
gateway: status, logs, console mail
api: logs api db migrate, shell api, loop api, console db
web: logs web api, shell web
"
    );
    let one = environment(&[("api", PartKind::Module, &[])]);
    assert_eq!(
        text(&screens(&one, &KnownParts::default(), &BTreeMap::new())),
        "overview: status, logs\napi: logs api, shell api\n"
    );
    let same = environment(&[("overview", PartKind::Module, &[])]);
    assert_eq!(
        text(&screens(&same, &KnownParts::default(), &BTreeMap::new())),
        "overview_of_all: status, logs\noverview: logs overview, shell overview\n"
    );
}

#[test]
fn the_configuration_says_which_parts_stand_together() {
    let configured = BTreeMap::from([(name("orders"), vec![name("api"), name("web"), name("db")])]);
    assert_eq!(
        text(&screens(&shop(), &known(), &configured)),
        "gateway: status, logs\norders: logs api web db, shell api, shell web, loop api, console db\n"
    );
}

fn seen(screen: &str, id: &str, pane: &str, is_dead: bool) -> RunningPane {
    RunningPane { screen: screen.to_owned(), id: id.to_owned(), pane: pane.to_owned(), is_dead }
}

#[test]
fn a_new_session_starts_programs_only_on_the_screen_that_is_looked_at() {
    let screens = screens(&shop(), &known(), &BTreeMap::new());
    let made = changes(&screens, &[], "web");
    let web = || "web".to_owned();
    assert_eq!(
        made,
        [
            TmuxChange::Session("gateway".to_owned()),
            TmuxChange::Window("api".to_owned()),
            TmuxChange::Window(web()),
            TmuxChange::First(web(), Pane::Logs(vec![name("web"), name("api")])),
            TmuxChange::Add(web(), Pane::Shell(name("web"))),
            TmuxChange::Arrange(web(), 2),
            TmuxChange::Show(web()),
        ]
    );
}

#[test]
fn parts_that_come_or_go_disturb_no_other_pane() {
    let screens = screens(&shop(), &known(), &BTreeMap::new());
    let there = [
        seen("gateway", "%0", "", false),
        seen("api", "%1", "logs api db migrate", false),
        seen("api", "%2", "shell api", true),
        seen("api", "%3", "console cache", false),
        seen("api", "%4", "", false),
        seen("old", "%5", "shell old", false),
    ];
    let api = || "api".to_owned();
    assert_eq!(
        changes(&screens, &there, "api"),
        [
            TmuxChange::Window("web".to_owned()),
            TmuxChange::Close("old".to_owned()),
            TmuxChange::Again("%2".to_owned(), Pane::Shell(name("api"))),
            TmuxChange::Add(api(), Pane::Loop(name("api"))),
            TmuxChange::Arrange(api(), 5),
            TmuxChange::Add(api(), Pane::Console(name("db"))),
            TmuxChange::Arrange(api(), 6),
            TmuxChange::Remove("%3".to_owned()),
            TmuxChange::Arrange(api(), 5),
            TmuxChange::Show(api()),
        ]
    );
}

#[test]
fn a_session_that_is_as_it_should_be_is_only_shown() {
    let screens = screens(&environment(&[("api", PartKind::Module, &[])]), &KnownParts::default(), &BTreeMap::new());
    let there =
        [seen("overview", "%0", "status", false), seen("overview", "%1", "logs", false), seen("api", "%2", "", false)];
    assert_eq!(changes(&screens, &there, "overview"), [TmuxChange::Show("overview".to_owned())]);
}
