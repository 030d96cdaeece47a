//! What parts get of those that they need, in each environment, as text.

use std::fmt::Write as _;

use crate::error::Error;
use crate::plan::environment::errors::EnvironmentError;
use crate::plan::environment::samples::Team;
use crate::plan::environment::target::Target;
use crate::plan::parts::Environment;
use crate::plan::parts::secret_variable::Form;

const SHOP: &str = r#"
project: shop
modules:
  api:
    path: .
    image: base
    run: serve
    port: 8000
    route: {path: /api, host: shop-api}
    needs: [db, cache, web, mail, billing]
    env:
      DATABASE_URL: "postgres://{db.user}:{db.password}@{db.host}:{db.port}/{db.database}?sslmode=disable"
      DB_PASSWORD: mine
      CONFIG: '{"a": {"b": 1}, "web": "{web.url}", "format": "{{web.url}}"}'
      PAIR: "{cache.password} {db.password}"
      MAIL: "{mail.host}:{mail.port} {billing.host} {billing.port}"
  web: {path: ., image: base, run: serve, port: 3000, route: /}
  worker: {path: ., image: base, run: work}
services:
  db: {preset: postgres, credentials: {user: shop_app, database: orders}}
  cache: {preset: redis}
  mail: {image: "mail:1", port: 25}
  billing: {external: "https://billing.example.com/v1"}
environments:
  prod:
    host: shop.example
    external: {db: "postgres://db.internal:6432"}
    env: {api: {PAIR: "{db.user}"}}
    secrets:
      db.user: a
      db.password: b
      db.database: c
      cache.password: d
      gateway.certificate: e
      gateway.key: f
"#;

fn environment(text: &str, name: &str) -> Result<Environment, EnvironmentError> {
    let team = Team::of(text);
    team.files().environment(&Target::of(&team.project, name).unwrap())
}

/// The variables of a part, but those of its image.
fn variables(environment: &Environment, name: &str) -> String {
    let part = &environment.parts[name];
    let mut lines: Vec<String> = part.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let secret = part.secret_env.iter().map(|(name, text)| {
        let filled = text.filled(|one| {
            let form = if one.form == Form::Percent { "%" } else { "" };
            Some(format!("<{}.{}{form}>", one.service, one.name))
        });
        format!("{name}={filled}")
    });
    lines.extend(secret);
    lines.sort();
    lines.iter().filter(|line| !line.starts_with("HOME=")).fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "{line}");
        all
    })
}

#[test]
fn what_a_part_needs_fills_its_own_variables_in_dev() {
    let dev = environment(SHOP, "dev").unwrap();
    let expected = r#"BILLING_URL=https://billing.example.com/v1
CACHE_HOST=cache
CACHE_PASSWORD=<cache.password>
CACHE_PORT=6379
CACHE_URL=redis://:<cache.password%>@cache:6379/0
CONFIG={"a": {"b": 1}, "web": "http://web:3000", "format": "{web.url}"}
DATABASE_URL=postgres://<db.user%>:<db.password%>@db:5432/<db.database%>?sslmode=disable
DB_HOST=db
DB_NAME=<db.database>
DB_PASSWORD=mine
DB_PORT=5432
DB_URL=postgresql://<db.user%>:<db.password%>@db:5432/<db.database%>
DB_USER=<db.user>
DEVENV_ENV=dev
DEVENV_GATEWAY_URL=https://shop.localhost:8443
DEVENV_HOST=shop-api.shop.localhost
DEVENV_URL=https://shop-api.shop.localhost:8443/api
MAIL=mail:25 billing.example.com 443
MAIL_HOST=mail
MAIL_PORT=25
PAIR=<cache.password> <db.password>
WEB_HOST=web
WEB_PORT=3000
WEB_URL=http://web:3000
"#;
    assert_eq!(variables(&dev, "api"), expected);
    let expected = "\
DEVENV_ENV=dev
DEVENV_GATEWAY_URL=https://shop.localhost:8443
DEVENV_HOST=shop.localhost
";
    assert_eq!(variables(&dev, "worker"), expected);
    let names = &dev.credentials["db"];
    assert_eq!([&names["user"], &names["database"]].map(|name| name.as_deref()), [Some("shop_app"), Some("orders")]);
}

#[test]
fn on_a_platform_the_same_text_is_filled_from_its_secrets() {
    let prod = environment(SHOP, "prod").unwrap();
    let variables = variables(&prod, "api");
    for line in [
        "DEVENV_ENV=prod",
        "DEVENV_GATEWAY_URL=https://shop.example",
        "DEVENV_URL=https://shop-api.shop.example/api",
        "DEVENV_HOST=shop-api.shop.example",
        "DB_HOST=db.internal",
        "DB_PORT=6432",
    ] {
        assert!(variables.lines().any(|one| one == line), "{line}:\n{variables}");
    }
    let script = &prod.parts["api"].command.as_ref().unwrap()[2];
    let url = r#"DATABASE_URL='postgres://'"$(encoded db.user)"':'"$(encoded db.password)"'@db.internal:6432/'"$(encoded db.database)"'?sslmode=disable'"#;
    for line in [url, r#"PAIR="$(secret db.user)""#] {
        assert!(script.lines().any(|one| one == line), "{line}:\n{script}");
    }
    // What the module sets itself is no credential there either.
    assert!(!script.contains("\nDB_PASSWORD="), "{script}");
}

#[test]
fn what_cannot_be_filled_in_somewhere_is_told() {
    let says = |text: &str, name: &str| Error::from(environment(text, name).unwrap_err()).to_string();
    let far = SHOP.replace("  prod:\n", "  test: {like: ci, external: {db: \"postgres://db.internal\"}}\n  prod:\n");
    assert_eq!(says(&far, "test"), "`api` has `{db.user}` in a variable, which is not known in test");
    let service = SHOP.replace("port: 25}", "port: 25, needs: [cache], env: {X: \"{cache.password}\"}}");
    assert!(variables(&environment(&service, "dev").unwrap(), "mail").contains("X=<cache.password>"));
    assert_eq!(
        says(&service, "prod"),
        "devenv.yaml:22: `X` of the service `mail` has a credential in it, which prod cannot fill in"
    );
    let dotted = SHOP.replace("DB_PASSWORD: mine", "spring.datasource.password: \"{db.password}\"");
    for name in ["dev", "ci", "prod"] {
        let says = says(&dotted, name);
        let expected = "devenv.yaml:13: `spring.datasource.password` of `api` has a credential in it, and no shell can set a variable of this name";
        assert_eq!(says, expected);
    }
    let mixed = SHOP.replace("PAIR: \"{db.user}\"", "PAIR: \"{db.user}${HOST:-x}\"");
    let expected = "devenv.yaml:28: prod cannot fill in `PAIR` of `api`: it has both a credential and `${…}`";
    assert_eq!(says(&mixed, "prod"), expected);
}

#[test]
fn a_module_s_own_secrets_have_a_default_in_dev_alone_and_one_path_everywhere() {
    let text = SHOP.replace(
        "    needs: [db, cache,",
        "    secrets: {STRIPE: {default: sk_test}, HMAC: {generate: 32}, KEY: {ask: the key}}\n    needs: [db, cache,",
    );
    let dev = environment(&text, "dev").unwrap();
    let own = &dev.credentials["api"];
    let values = ["STRIPE", "HMAC", "KEY"].map(|name| own[name].as_deref());
    assert_eq!(values, [Some("sk_test"), None, None]);
    let api = variables(&dev, "api");
    for line in ["STRIPE=<api.STRIPE>", "STRIPE_FILE=/run/devenv/credentials/STRIPE", "KEY=<api.KEY>"] {
        assert!(api.lines().any(|one| one == line), "{line}:\n{api}");
    }
    assert!(dev.parts["api"].mounts.iter().any(|mount| mount.target == "/run/devenv/credentials"));
    assert_eq!(environment(&text, "ci").unwrap().credentials["api"]["STRIPE"], None);

    // On a platform each has a name, and none has a value.
    let says = Error::from(environment(&text, "prod").unwrap_err()).to_string();
    assert!(says.ends_with("prod has no secret for `api.HMAC`, `api.KEY`, `api.STRIPE`"), "{says}");
    let named =
        text.replace("    secrets:\n", "    secrets:\n      api.HMAC: g\n      api.KEY: h\n      api.STRIPE: i\n");
    let prod = environment(&named, "prod").unwrap();
    assert!(prod.credentials.is_empty());
    let part = &prod.parts["api"];
    let deployed = part.deployed.as_ref().unwrap();
    assert_eq!(deployed.secrets["api.STRIPE"], "/run/devenv/credentials/STRIPE");
    assert_eq!(part.env["STRIPE_FILE"], "/run/devenv/credentials/STRIPE");
    let script = &part.command.as_ref().unwrap()[2];
    assert!(script.contains("STRIPE=\"$(cat /run/devenv/credentials/STRIPE)\"\nexport STRIPE\n"), "{script}");
    assert!(!format!("{prod:?}").contains("sk_test"));
}
