//! Bad input: exit code 2, a place, and nothing changed. The other hundreds are next to the parser.

use std::fs;
use std::os::unix::fs::symlink;

use snapbox::str;

use crate::test::Test;

#[test]
fn no_configuration() {
    Test::new()
        .args(["up"])
        .stderr(str![[r#"
error: there is no devenv.yaml in [PROJECT] or above it
hint: `devenv init` writes one

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn an_unknown_command() {
    Test::new()
        .args(["upp"])
        .stderr(str![[r#"
error: unrecognized subcommand 'upp'

  tip: a similar subcommand exists: 'up'

Usage: devenv [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn an_unknown_key() {
    let text = "project: shop\nmodules:\n  api: {path: ., image: base, run: x, prot: 80}\n";
    Test::new()
        .file("devenv.yaml", text)
        .args(["up"])
        .stderr(str![[r#"
error: unknown key `prot` in `modules.api`
 --> devenv.yaml:3:39
  |
3 |   api: {path: ., image: base, run: x, prot: 80}
  |                                       ^^^^ not known here
  |
  = help: did you mean `port`?

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn all_errors_at_once_and_those_of_the_local_file_too() {
    Test::new()
        .file("devenv.yaml", "project: Shop\nmodules:\n  api: {path: nowhere, image: base, run: x, needs: [dbb]}\n")
        .file("devenv.local.yaml", "start: never\n")
        .args(["up"])
        .stderr(str![[r#"
error: `project`: `Shop` is not a valid name: use lower-case letters, digits and `-`, starting with a letter
 --> devenv.yaml:1:10
  |
1 | project: Shop
  |          ^^^^ expected a name

error: `path` of `api`: there is no folder `nowhere`
 --> devenv.yaml:3:15
  |
3 |   api: {path: nowhere, image: base, run: x, needs: [dbb]}
  |               ^^^^^^^ does not exist
  |
  = help: make it, or correct the path; it starts at the folder of devenv.yaml

error: `api` needs `dbb`, which is not a module or service
 --> devenv.yaml:3:53
  |
3 |   api: {path: nowhere, image: base, run: x, needs: [dbb]}
  |                                                     ^^^ not known
  |
  = help: there is no other module or service

error: `start` must be `resume`, `fresh` or `ask`, found `never`
 --> devenv.local.yaml:1:8
  |
1 | start: never
  |        ^^^^^ not known here

4 problems

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn a_cycle_is_printed_whole() {
    let text = "project: shop\nmodules:\n  a: {path: ., image: base, run: x, needs: [b]}\n  b: {path: ., image: base, run: x, needs: [c]}\n  c: {path: ., image: base, run: x, needs: [a]}\n";
    Test::new()
        .file("devenv.yaml", text)
        .args(["config"])
        .stderr(str![[r#"
error: these parts depend on each other in a cycle: a → b → c → a
 --> devenv.yaml:3:45
  |
3 |   a: {path: ., image: base, run: x, needs: [b]}
  |                                             ^ needed here
  |
 ::: devenv.yaml:4:45
  |
4 |   b: {path: ., image: base, run: x, needs: [c]}
  |                                             - needed here
  |
 ::: devenv.yaml:5:45
  |
5 |   c: {path: ., image: base, run: x, needs: [a]}
  |                                             - needed here
  |
  = help: remove one of these `needs`: no part of a cycle can start first

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn a_path_that_leaves_the_checkout_by_a_link() {
    let test = Test::new().file("devenv.yaml", "project: shop\nmodules:\n  api: {path: out, image: base, run: x}\n");
    fs::create_dir(test.beside("elsewhere")).unwrap();
    symlink("../elsewhere", test.project().join("out")).unwrap();
    test.args(["up"])
        .stderr(str![[r#"
error: `path` of `api` leaves the checkout: `out` leads to `[DIR]/elsewhere`
 --> devenv.yaml:3:15
  |
3 |   api: {path: out, image: base, run: x}
  |               ^^^ leads outside
  |
  = help: devenv reads only what is in the checkout: copy it there, or name the real folder

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn an_undefined_variable() {
    let text = "project: shop\nmodules:\n  api: {path: ., image: base, run: x, env: {A: \"${NOT_SET}\"}}\n";
    Test::new()
        .file("devenv.yaml", text)
        .args(["up"])
        .stderr(str![[r#"
error: the variable `NOT_SET` is not set
 --> devenv.yaml:3:49
  |
3 |   api: {path: ., image: base, run: x, env: {A: "${NOT_SET}"}}
  |                                                 ^^^^^^^^^^ not set
  |
  = help: set it, or give a default: ${NOT_SET:-value}

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn the_file_of_the_nix_tool() {
    let text = "inputs:\n  nixpkgs:\n    url: github:cachix/devenv-nixpkgs/rolling\n";
    Test::new()
        .file("devenv.yaml", text)
        .args(["up"])
        .stderr(str![[r#"
error: this file belongs to another tool, devenv.sh for Nix: it has `inputs`
 --> devenv.yaml:1:1
  |
1 | inputs:
  | ^^^^^^ a key of devenv.sh
  |
  = help: keep that file for devenv.sh, and give this tool's configuration another name: `devenv -f FILE up`

"#]])
        .status(2)
        .wrote_nothing();
    Test::new()
        .file("devenv.nix", "{ pkgs, ... }: {}\n")
        .args(["up"])
        .stderr(str![[r#"
error: [PROJECT]/devenv.nix belongs to another tool, devenv.sh for Nix
hint: `devenv init` writes this tool's configuration, devenv.yaml; the two can stand side by side

"#]])
        .status(2)
        .wrote_nothing();
    let beside = Test::new().file("devenv.yaml", text).file("team.yaml", "project: shop\n");
    beside
        .args(["-f", "team.yaml", "config"])
        .stdout(str!["project: shop\nfiles: devenv\n...\n"])
        .status(0)
        .wrote_nothing();
}

#[test]
fn a_configuration_and_a_checkout_by_name() {
    Test::good()
        .args(["-f", "other.yaml", "status"])
        .stderr(str![[r#"
error: there is no other.yaml in [PROJECT]
hint: `devenv init` writes one

"#]])
        .status(2)
        .wrote_nothing();
    Test::good()
        .args(["-p", "shop", "status"])
        .stderr(str![[r#"
error: none of your checkouts is called `shop`
hint: `devenv up` in a checkout registers it

"#]])
        .status(2)
        .wrote_nothing();
    let table =
        r#"{"checkouts": [{"id": "0a", "path": "PLACE", "project": "shop", "host": "shop.localhost", "subnet": 0}]}"#;
    let test = Test::good();
    let table = table.replace("PLACE", &test.project().display().to_string());
    let test = test.file("../home/state/devenv/checkouts.json", table);
    test.args(["-p", "shop", "config", "files", "--json"]).stdout(str!["[\n...\n"]).status(0).wrote_nothing();
}

#[test]
fn an_empty_and_a_binary_file() {
    Test::new()
        .file("devenv.yaml", "")
        .args(["up"])
        .stderr(str![[r#"
error: `devenv.yaml` is empty
 --> devenv.yaml:1:1
  |
1 |
  | ^
  |
  = help: `devenv init` writes one; at least `project: NAME` must be there

"#]])
        .status(2)
        .wrote_nothing();
    Test::new()
        .file("devenv.yaml", b"\x7fELF\x02\x01\0\0")
        .args(["up"])
        .stderr(str![[r#"
error: byte 0 of devenv.yaml is the control character U+007F
 --> devenv.yaml:1:1
  |
1 | �
  | ^ here
  |
  = help: remove it; in double quotes write an escape such as \e

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn a_name_that_nothing_has() {
    Test::good()
        .args(["disable", "wroker"])
        .stderr(str![[r#"
error: there is no `wroker`
hint: did you mean `worker`?

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn a_lock_that_is_damaged_or_missing_where_it_must_be_there() {
    let engine = |test: &Test| crate::engine::FakeEngine::new(test.beside("engine.sock"), "[]");
    let test = Test::good().file("devenv.lock", "root: !nonsense\n");
    let host = engine(&test).host();
    test.env("DOCKER_HOST", host)
        .args(["status"])
        .stderr(str![[r#"
error: unknown variant `nonsense`, expected `registry` or `packages`
 --> devenv.lock:1:1
  |
1 | root: !nonsense
  | ^^^^
hint: restore it from version control, or recreate it with `devenv update`

"#]])
        .status(2)
        .wrote_nothing();
    let test = Test::good();
    let host = engine(&test).host();
    test.env("DOCKER_HOST", host)
        .args(["status", "--locked"])
        .stderr(str![[r#"
error: there is no devenv.lock, and --locked forbids creating one
hint: run `devenv update` and commit the file

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn a_file_in_force_that_is_no_text_is_named_and_not_taken_for_an_empty_one() {
    let files =
        ["compose/dev.yaml", "compose/services/redis.yaml", "templates/gateway/nginx.conf", "images/base/Dockerfile"];
    for path in files {
        Test::good()
            .file(&format!("devenv/{path}"), b"\xff\xfe\x00")
            .args(["config"])
            .stderr(format!("error: devenv/{path} is not UTF-8 text\nhint: save it as UTF-8\n"))
            .status(2)
            .wrote_nothing();
    }
}
