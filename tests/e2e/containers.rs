//! What a container gets and what it leaves: the developer as user, values unchanged.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::checkout::{Checkout, shell};
use crate::engine;

#[test]
fn what_a_module_writes_belongs_to_the_owner_of_the_checkout() {
    let checkout = Checkout::new(
        "\
project: PROJECT
modules:
  tool:
    path: tool
    image: base
    deps: {lock: [lock.txt], install: id -un > .libs/installed, into: [.libs], cache: [~/.cache/tool]}
    run: id -un > made && touch $$HOME/one ~/.cache/tool/two .libs/three && sleep infinity
",
    );
    checkout.write("tool/lock.txt", "1\n");
    let mut uid = fs::metadata(checkout.root()).unwrap().uid();
    if uid == 0 {
        uid = 1234;
        shell(&format!("chown -R {uid}:{uid} '{}'", checkout.root().display()));
    }
    checkout.ok(&["up"]);
    let owner = |path: &str| fs::metadata(checkout.root().join(path)).unwrap().uid();
    assert_eq!(checkout.read("tool/made"), "app\n");
    assert_eq!((owner("tool/made"), owner("tool/.libs")), (uid, uid));
    assert_eq!(checkout.ok(&["exec", "tool", "cat", ".libs/installed"]).stdout, "app\n");
    assert_eq!(checkout.ok(&["exec", "tool", "id", "-u"]).stdout, format!("{uid}\n"));
    assert_eq!(checkout.ok(&["run", "tool", "sh", "-c", "id -un; pwd"]).stdout, "app\n/srv/tool\n");
    checkout.ok(&["up"]).says("nothing to do");
    // A cache belongs to no checkout: nobody else removes it.
    checkout.ok(&["down"]);
    engine::docker(&["volume", "rm", "--force", &format!("devenv-cache-{uid}-base-cache-tool")]);
}

#[test]
fn a_folder_that_is_made_anew_is_seen_by_its_module() {
    let checkout =
        Checkout::new("project: PROJECT\nmodules:\n  tool: {path: tool, image: base, run: sleep infinity}\n");
    checkout.write("tool/word", "old\n");
    checkout.ok(&["up"]);
    // As a switch of branches does it, where one branch has no such folder.
    fs::rename(checkout.root().join("tool"), checkout.root().join("away")).unwrap();
    checkout.write("tool/word", "new\n");
    assert_eq!(checkout.ok(&["up", "--dry-run"]).stdout.lines().next(), Some("1 recreate tool: folder changed"));
    checkout.ok(&["up"]);
    assert_eq!(checkout.ok(&["exec", "tool", "cat", "word"]).stdout, "new\n");
    checkout.ok(&["up"]).says("nothing to do");
}

/// Values that break whoever quotes by hand.
const NASTY: [&str; 14] = [
    "plain",
    "",
    " leading and trailing ",
    "pa$s $HOME ${HOME} $$ $",
    "it's",
    "say \"hi\"",
    "back\\slash \\n \\$ \\'",
    "# no comment #",
    "a: b, [c], {d}, - e, & * ! | > % @ `",
    "one\ntwo\n",
    "tab\there",
    "ünïcödé → 日本 🦀",
    "'single' and \"double\" and $both # at once \\",
    "yes",
];

#[test]
fn values_arrive_unchanged() {
    let mut env = String::new();
    for (at, value) in NASTY.iter().enumerate() {
        // JSON is YAML, and only `$` means something to devenv.
        let text = serde_json::to_string(value).unwrap().replace('$', "$$");
        env.push_str(&format!("      V{at}: {text}\n"));
    }
    let checkout = Checkout::new(&format!(
        "project: PROJECT\nmodules:\n  tool:\n    path: .\n    image: base\n    run: sleep infinity\n    needs: [cache, db]\n    env:\n{env}services:\n  cache: {{preset: redis}}\n  db: {{preset: postgres}}\n"
    ));
    let secret = "pa$s ${HOME} 'w\"o\\d#%&ü/{user}:@=";
    let local = serde_json::json!({"secrets": {"cache.password": secret, "db.password": secret}});
    checkout.write("devenv.local.yaml", &local.to_string().replace('$', "$$"));
    checkout.ok(&["up"]);
    let printed = engine::docker(&["exec", &checkout.container("tool"), "env", "-0"]);
    let env: BTreeMap<&str, &str> = printed.split('\0').filter_map(|pair| pair.split_once('=')).collect();
    for (at, value) in NASTY.iter().enumerate() {
        assert_eq!(env[format!("V{at}").as_str()], *value);
    }
    assert_eq!((env["CACHE_PASSWORD"], env["DB_PASSWORD"]), (secret, secret));

    // The services know the same password, and no other.
    let psql = |password: &str| {
        let password = format!("PGPASSWORD={password}");
        let name = checkout.project();
        let ask = ["psql", "-h", "127.0.0.1", "-U", name, "-d", name, "-qtAc", "select 40+2"];
        engine::output(&[&["exec", "--env", &password, &checkout.container("db")], &ask[..]].concat())
    };
    assert_eq!(String::from_utf8_lossy(&psql(secret).stdout), "42\n");
    assert!(!psql("wrong").status.success());
    checkout.ok(&["up"]).says("nothing to do");

    // Nothing that everybody can read has it: files, labels, what docker's command was called with.
    let canary = "'w\"o\\d#";
    assert!(!checkout.docker_calls().join("\n").contains(canary));
    for container in checkout.containers().values() {
        assert!(!engine::inspect(container)["Config"]["Labels"].to_string().contains("w\\\"o"));
    }
    for name in ["base.yaml", "dev.yaml", "labels.yaml"] {
        assert!(!checkout.read(&format!(".devenv/compose/{name}")).contains("o\\\\d#"), "{name}");
    }
    let mode = |path: &str| fs::metadata(checkout.root().join(path)).unwrap().mode() & 0o777;
    assert_eq!((mode(".devenv/secrets/cache/password"), mode(".devenv/secrets/tool.env")), (0o600, 0o600));
}
