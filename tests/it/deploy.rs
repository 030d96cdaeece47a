//! What is refused before a cluster is asked: each with its place and the next step.

use snapbox::str;

use crate::test::Test;

const SHOP: &str = "\
project: shop
modules:
  api: {path: ., image: base, run: serve}
environments:
  staging: {like: prod}
  prod: {deploy: {to: swarm, context: prod}}
";

#[test]
fn an_environment_says_where_it_is_deployed() {
    Test::new()
        .file("devenv.yaml", SHOP.replace("  prod:", "  production: {like: prod}\n  prod:"))
        .args(["deploy", "production"])
        .stderr(str![[r#"
error: devenv.yaml has no `registry:` to keep releases in
hint: such as `registry: registry.example.com/shop`

"#]])
        .status(2)
        .wrote_nothing();
    Test::new()
        .file("devenv.yaml", SHOP.replace("  prod: {deploy: {to: swarm, context: prod}}\n", ""))
        .args(["deploy", "staging"])
        .stderr(str![[r#"
error: devenv.yaml:5: staging does not say where it is deployed
hint: such as `deploy: {to: swarm, context: NAME}`; `docker context ls` lists contexts

"#]])
        .status(2)
        .wrote_nothing();
    Test::new()
        .file("devenv.yaml", SHOP)
        .args(["deploy", "stagin"])
        .stderr(str![[r#"
error: `stagin` is not an environment
hint: did you mean `staging`?

"#]])
        .status(2)
        .wrote_nothing();
}
