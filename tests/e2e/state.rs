//! Generated files: what is not devenv's is kept, and a full disk damages nothing.

use crate::checkout::Checkout;
use crate::place;

const CONFIGURATION: &str = "project: PROJECT\nmodules:\n  api: {path: ., image: base, run: sleep infinity}\n";

#[test]
fn a_foreign_file_at_a_generated_path_is_reported_and_kept() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write(".devenv/compose/base.yaml", "mine: true\n");
    checkout.devenv(&["up"]).code(1).says("is not a file that devenv made, so it stays as it is");
    assert_eq!(checkout.read(".devenv/compose/base.yaml"), "mine: true\n");
}

#[test]
fn a_full_disk_damages_nothing() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.ok(&["up"]);
    // In a mount namespace of its own, the checkout is on a disk that has no room left for the changed files.
    let script = "\
root=$1; shift
mkdir \"$root-kept\"; cp -a \"$root/.\" \"$root-kept\"
mount -t tmpfs -o size=4m none \"$root\"
cp -a \"$root-kept/.\" \"$root\"
sed -i 's/sleep infinity/sleep 1000000/' \"$root/devenv.yaml\"
cat /dev/zero > \"$root/filler\" 2>/dev/null || true
cd \"$root\"
code=0; \"$@\" || code=$?
echo \"code $code\"
rm filler
diff -r \"$root/.devenv\" \"$root-kept/.devenv\" && echo intact
";
    let mut command = checkout.calling("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(checkout.root()).arg(place::program()).arg("up");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "code 1\nintact\n", "{said}");
    assert!(said.contains("no space left on device") && said.contains("the disk is full"), "{said}");
    checkout.ok(&["up"]).says("nothing to do");
}

#[test]
fn a_second_run_touches_no_file() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.ok(&["up"]);
    let list = || {
        crate::checkout::shell(&format!("cd '{}' && find . -printf '%p %T@ %i\\n' | sort", checkout.root().display()))
    };
    let before = list();
    checkout.ok(&["up"]);
    checkout.ok(&["status"]);
    assert_eq!(list(), before);
}
