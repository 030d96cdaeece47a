//! Features: a running container sees a new state without being recreated, and the next `up` brings its variables up to date.

use crate::checkout::Checkout;

#[test]
fn a_feature_is_switched_in_a_running_container() {
    let checkout = Checkout::new(
        "\
project: PROJECT
modules:
  api: {path: api, image: base, run: sleep infinity}
features:
  new-checkout: {owner: payments, dev: off}
",
    );
    checkout.write("api/.keep", "");
    checkout.ok(&["up"]);
    let seen = || {
        let script = "echo $FEATURE_NEW_CHECKOUT; cat $FLAGD_OFFLINE_FLAG_SOURCE_PATH";
        let text = checkout.ok(&["exec", "api", "--", "sh", "-c", script]).stdout;
        let (variable, flags) = text.split_once('\n').unwrap();
        let flags: serde_json::Value = serde_json::from_str(flags).unwrap();
        format!("{variable} {}", flags["flags"]["new-checkout"]["defaultVariant"].as_str().unwrap())
    };
    assert_eq!(seen(), "off off");
    let before = checkout.containers();
    checkout.ok(&["features", "set", "new-checkout", "on"]);
    assert_eq!((seen(), checkout.containers()), ("off on".to_owned(), before));
    checkout.ok(&["up"]).says("recreate api: environment");
    assert_eq!(seen(), "on on");
    checkout.ok(&["up"]).says("nothing to do");
}
