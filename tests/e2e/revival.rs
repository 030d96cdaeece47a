//! Programs that die while they are watched: `up` tells the truth about them, and the next save brings them back.

use crate::checkout::{Checkout, until};
use crate::engine;
use crate::watcher::{log, logged, watcher};

#[test]
fn up_says_at_once_that_a_program_has_died_after_a_save() {
    let checkout = Checkout::new(
        "project: PROJECT\nmodules:\n  api: {path: api, image: python, run: python3 main.py, port: 8000, watch: {}}\n",
    );
    let good = "import http.server\nhttp.server.HTTPServer(('', 8000), http.server.SimpleHTTPRequestHandler).serve_forever()\n";
    checkout.write("api/main.py", good);
    checkout.ok(&["up"]);
    logged(&checkout, "api restart FAILED", || checkout.write("api/main.py", "raise SystemExit(3)\n"));
    let up = checkout.devenv(&["up"]).code(1);
    up.says("`api` ended with code 3 after a file was saved").says("`devenv restart api` starts it again");
    logged(&checkout, "api restarted, healthy", || checkout.write("api/main.py", good));
    checkout.ok(&["up"]).says("nothing to do");
}

#[test]
fn a_module_that_failed_at_its_start_comes_up_when_the_file_is_mended_and_stays_down_when_it_was_stopped() {
    let checkout = Checkout::new(
        "project: PROJECT
modules:
  api: {path: api, image: base, build: sh -n main.sh, run: sh main.sh, watch: {}, health: {command: [test, -e, /tmp/up]}}
  after: {path: ., image: base, run: sleep infinity, needs: [api]}
",
    );
    let good = "touch /tmp/up\nexec sleep infinity\n";
    checkout.write("api/main.sh", "if broken\n");
    let up = checkout.devenv(&["up"]).code(1).says("watching api in the background").says("`api` ended with code");
    up.says("fix it and save: a watched module starts again by itself");
    logged(&checkout, "starting api again: it had failed, and a file was saved", || {
        checkout.write("api/main.sh", good);
    });
    let runs = |part: &str| engine::inspect(&checkout.container(part))["State"]["Running"] == true;
    until("the fixed module runs", || runs("api").then_some(()));
    // What stands behind it comes by the next `up`.
    checkout.ok(&["up"]);
    assert!(runs("after"));
    // What was stopped on purpose is not started by a file.
    let pid = watcher(&checkout);
    checkout.ok(&["stop", "api"]);
    // Whether it is started is decided and said before it is said that it waits.
    let waits = "api waits for its container";
    logged(&checkout, waits, || checkout.write("api/main.sh", &format!("# more\n{good}")));
    assert!(!runs("api"));
    assert_eq!(log(&checkout).matches("starting api again").count(), 1);
    assert_eq!(watcher(&checkout), pid);
}
