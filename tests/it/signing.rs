//! Keys that sign releases: a pair is made, and one that cannot be used is told in its place.

use crate::test::Test;

#[test]
fn a_pair_of_keys_is_made_and_never_replaced() {
    let test = Test::new();
    let run = |args: &[&str]| test.command().args(args).output().unwrap();
    let file = test.project().join("ci.key");
    let made = run(&["release", "keygen", "ci.key"]);
    let said = String::from_utf8(made.stderr).unwrap();
    assert!(made.status.success() && said.contains("`signers: {ci: ci.key.pub}`"), "{said}");
    let private = std::fs::read_to_string(&file).unwrap();
    assert!(private.starts_with("-----BEGIN PRIVATE KEY-----"), "{private}");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let again = run(&["release", "keygen", "ci.key"]);
    let said = String::from_utf8(again.stderr).unwrap();
    assert_eq!(again.status.code(), Some(2), "{said}");
    assert!(said.contains("ci.key exists, and a key is never replaced"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), private);
}

#[test]
fn a_key_that_cannot_be_used_is_told_with_its_place() {
    let check = |signers: &str, key: Option<&str>| {
        let configuration = format!("project: shop\nsigners: {{ci: {signers}}}\n");
        let test = Test::new().file("devenv.yaml", &configuration);
        let test = if let Some(key) = key { test.file("ci.pub", key) } else { test };
        let output = test.command().arg("check").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("devenv.yaml:2:"), "{said}");
        said
    };
    assert!(check("ci.pub", None).contains("there is no file ci.pub"));
    assert!(check("ci.pub", Some("ssh-rsa AAAA")).contains("it is not a public key in PEM"));
    assert!(check("../ci.pub", None).contains("leaves the checkout"));
    let private = "\"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n\"";
    assert!(check(private, None).contains("a private key, which must not be committed"));
}
