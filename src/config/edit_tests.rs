use super::*;

fn changed(text: &str, change: ModeEdit<'_>) -> Result<String, String> {
    let local = InputFile { name: "devenv.local.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
    mode(&local, Section::Modules, &PartName::new("api").unwrap(), change).map_err(|problems| problems.to_string())
}

fn off(text: &str) -> String {
    changed(text, ModeEdit::Set("off")).unwrap()
}

fn back(text: &str) -> String {
    changed(text, ModeEdit::Remove).unwrap()
}

#[test]
fn a_file_that_is_missing_or_has_only_comments_gets_the_setting() {
    assert_eq!(off(""), "modules:\n  api:\n    mode: off\n");
    assert_eq!(off("# mine\n"), "# mine\nmodules:\n  api:\n    mode: off\n");
    assert_eq!(off("# mine"), "# mine\nmodules:\n  api:\n    mode: off\n");
    assert_eq!(off("---\n"), "---\nmodules:\n  api:\n    mode: off\n");
}

#[test]
fn a_value_is_replaced_in_its_place() {
    assert_eq!(off("modules:\n  api: {mode: release} # why\n"), "modules:\n  api: {mode: off} # why\n");
    assert_eq!(off("modules:\n  api:\n    mode: 'dev'   # why\n"), "modules:\n  api:\n    mode: off   # why\n");
    assert_eq!(off("modules:\n  api:\n    mode:\n"), "modules:\n  api:\n    mode: off\n");
    assert_eq!(off("modules:\n  api: {mode: off}\n"), "modules:\n  api: {mode: off}\n");
}

#[test]
fn a_new_setting_stands_beside_the_others() {
    assert_eq!(
        off("start: fresh # x\nmodules:\n  # the api\n  api:\n    env:\n      A: 1 # a\n  web: {mode: off}\n"),
        "start: fresh # x\nmodules:\n  # the api\n  api:\n    env:\n      A: 1 # a\n    mode: off\n  web: {mode: off}\n"
    );
    assert_eq!(
        off("modules:\n    web: {mode: off} # w\n"),
        "modules:\n    web: {mode: off} # w\n    api:\n      mode: off\n"
    );
    assert_eq!(off("modules: {web: {mode: off}}\n"), "modules: {web: {mode: off}, api: {mode: off}}\n");
    assert_eq!(off("modules: {}\n"), "modules: {api: {mode: off}}\n");
    assert_eq!(off("modules:\nstart: ask\n"), "modules:\n  api:\n    mode: off\nstart: ask\n");
    assert_eq!(off("{start: ask}\n"), "{start: ask, modules: {api: {mode: off}}}\n");
    assert_eq!(
        off("modules:\n  api:\n    run: |\n      a\n      b\n"),
        "modules:\n  api:\n    run: |\n      a\n      b\n    mode: off\n"
    );
    assert_eq!(off("start: ask\n..."), "start: ask\nmodules:\n  api:\n    mode: off\n...");
}

#[test]
fn crlf_and_a_byte_order_mark_stay() {
    assert_eq!(off("start: ask\r\n"), "start: ask\r\nmodules:\r\n  api:\r\n    mode: off\r\n");
    assert_eq!(off("\u{feff}start: ask\n"), "\u{feff}start: ask\nmodules:\n  api:\n    mode: off\n");
}

#[test]
fn removing_takes_the_keys_that_would_be_empty() {
    assert_eq!(back("modules:\n  api:\n    mode: off\n"), "");
    assert_eq!(
        back("# a\nmodules:\n  api: {mode: off}\n  web: {mode: off} # w\n"),
        "# a\nmodules:\n  web: {mode: off} # w\n"
    );
    assert_eq!(back("modules: {web: {mode: off}, api: {mode: off}}\n"), "modules: {web: {mode: off}}\n");
    assert_eq!(back("modules: {api: {mode: off, env: {A: 1}}}\n"), "modules: {api: {env: {A: 1}}}\n");
    assert_eq!(back("start: ask\n"), "start: ask\n");
    assert_eq!(back(""), "");
}

#[test]
fn what_cannot_be_edited_is_a_located_problem_and_no_damage() {
    assert_eq!(
        changed("x: &a {mode: dev}\nmodules: {api: *a}\n", ModeEdit::Set("off")).unwrap_err(),
        "devenv.local.yaml:1:1: `modules.api.mode` cannot be changed here without touching more than that (change it by hand)"
    );
    assert_eq!(
        changed("modules: 5\n", ModeEdit::Set("off")).unwrap_err(),
        "devenv.local.yaml:1:10: `modules` must be a map, found a number"
    );
    assert_eq!(
        changed("- a\n", ModeEdit::Set("off")).unwrap_err(),
        "devenv.local.yaml:1:1: this file must have `key: value` entries"
    );
    assert!(changed("modules: {api: [\n", ModeEdit::Set("off")).is_err());
}

#[test]
fn switching_off_and_on_again_leaves_the_file_as_it_was() {
    let files = [
        "",
        "start: ask\n",
        "# c\nstart: ask # d\n",
        "modules:\n  web:\n    mode: off # w\n",
        "modules: {web: {mode: off}}\n",
        "start: ask\r\nports: {web: 80}\r\n",
        "modules:\n  api:\n    env: {A: b}\n    # end\n",
        "{start: ask}\n",
    ];
    for file in files {
        assert_eq!(back(&off(file)), file);
    }
}
