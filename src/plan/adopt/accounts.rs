//! Whom a database of a compose file lets in, and where others name it: those values become placeholders, since devenv
//! makes credentials for each checkout.

use std::collections::BTreeSet;

use regex::{Captures, Regex};

use crate::config::text::tree::Node;
use crate::plan::adopt::adoption::Facts;

/// Whom a service lets in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub user: Option<String>,
    pub database: Option<String>,
    /// All passwords: a root's too.
    pub passwords: BTreeSet<String>,
    /// Secrets of compose that hold one.
    pub files: BTreeSet<String>,
}

/// Variables that set the accounts of images.
const USERS: [&str; 6] =
    ["POSTGRES_USER", "POSTGRESQL_USERNAME", "MYSQL_USER", "MARIADB_USER", "RABBITMQ_DEFAULT_USER", "MINIO_ROOT_USER"];
const DATABASES: [&str; 3] = ["POSTGRES_DB", "MYSQL_DATABASE", "MARIADB_DATABASE"];

/// Whether a variable of a preset's image says whom it lets in.
pub(crate) fn is_of_account(name: &str) -> bool {
    let name = name.strip_suffix("_FILE").unwrap_or(name);
    USERS.contains(&name) || DATABASES.contains(&name) || is_password(name)
}

fn is_password(name: &str) -> bool {
    ["PASSWORD", "_PASS"].iter().any(|end| name.ends_with(end))
}

/// The account of a service, from its variables and its command.
pub(crate) fn account(preset: &str, node: &Node, facts: Facts<'_>) -> Account {
    let mut account = Account::default();
    for entry in node.get("environment").map(Node::entries).unwrap_or_default() {
        let (name, Some(value)) = (&*entry.key.text, entry.value.scalar()) else { continue };
        let plain = name.strip_suffix("_FILE").unwrap_or(name);
        match name {
            _ if name.ends_with("_FILE") && is_password(plain) => {
                account.files.extend(value.rsplit('/').next().map(str::to_owned));
            }
            _ if is_password(name) => drop(account.passwords.insert(value.to_owned())),
            _ if value.is_empty() => {}
            _ if USERS.contains(&name) => account.user = Some(value.to_owned()),
            _ if DATABASES.contains(&name) => account.database = Some(value.to_owned()),
            _ => {}
        }
    }
    let command = node.get("command").map(crate::plan::adopt::words::command).unwrap_or_default();
    let pairs = command.windows(2).filter(|pair| pair[0] == "--requirepass");
    account.passwords.extend(pairs.map(|pair| pair[1].clone()));
    account.passwords.remove("");
    let has = |credential: &str| {
        facts.catalogue.presets.get(preset).is_some_and(|preset| preset.credentials.contains_key(credential))
    };
    if !has("user") {
        account.user = None;
    } else if preset == "postgres" {
        account.user.get_or_insert_with(|| "postgres".to_owned());
    }
    if !has("database") {
        account.database = None;
    } else if preset == "postgres" {
        account.database = account.database.or_else(|| account.user.clone());
    }
    account
}

/// A preset that a value may speak of.
#[derive(Debug, Clone)]
pub(crate) struct KnownPreset<'a> {
    /// Its host name in compose.
    pub host: &'a str,
    /// Its name here.
    pub part: &'a str,
    pub port: u16,
    pub account: &'a Account,
    /// What it offers.
    pub offers: BTreeSet<String>,
}

/// A value with placeholders, where it speaks of a preset.
pub(crate) fn recognised(name: &str, value: &str, known: &KnownPreset<'_>) -> Option<String> {
    url(value, known).or_else(|| pairs(value, known)).or_else(|| one(&name.to_uppercase(), value, known))
}

fn hole(known: &KnownPreset<'_>, field: &str) -> Option<String> {
    known.offers.contains(field).then(|| format!("{{{}.{field}}}", known.part))
}

fn url(value: &str, known: &KnownPreset<'_>) -> Option<String> {
    let host = regex::escape(known.host);
    let pattern = format!(r"^([A-Za-z][A-Za-z0-9+.:-]*://)(?:([^@/]*)@)?{host}(?::(\d+))?(/[^?]*)?(\?.*)?$");
    let found: Captures<'_> = Regex::new(&pattern).ok()?.captures(value)?;
    let text = |group: usize| found.get(group).map(|found| found.as_str());
    let has_user = known.offers.contains("user");
    let who = match text(2) {
        None if has_user => String::new(),
        Some(_) if has_user => format!("{}:{}@", hole(known, "user")?, hole(known, "password")?),
        _ => hole(known, "password").map(|password| format!(":{password}@")).unwrap_or_default(),
    };
    let path = match text(4) {
        Some(path) if path.len() > 1 => hole(known, "database").map_or(path.to_owned(), |hole| format!("/{hole}")),
        other => other.unwrap_or_default().to_owned(),
    };
    let (scheme, rest) = (text(1)?, text(5).unwrap_or_default());
    Some(format!("{scheme}{who}{}:{}{path}{rest}", hole(known, "host")?, hole(known, "port")?))
}

/// `host=db user=app password=x`, as libpq has it.
fn pairs(value: &str, known: &KnownPreset<'_>) -> Option<String> {
    let words: Vec<(&str, &str)> = value.split_whitespace().map(|word| word.split_once('=')).collect::<Option<_>>()?;
    if !words.iter().any(|(key, value)| *key == "host" && *value == known.host) {
        return None;
    }
    let word = |(key, value): (&str, &str)| {
        let field = match key {
            "dbname" => "database",
            key => key,
        };
        let is_one = matches!(field, "host" | "port" | "user" | "password" | "database");
        let value = is_one.then(|| hole(known, field)).flatten().unwrap_or_else(|| value.to_owned());
        format!("{key}={value}")
    };
    Some(words.into_iter().map(word).collect::<Vec<_>>().join(" "))
}

fn one(name: &str, value: &str, known: &KnownPreset<'_>) -> Option<String> {
    let named = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let account = known.account;
    if value == format!("{}:{}", known.host, known.port) {
        return Some(format!("{}:{}", hole(known, "host")?, hole(known, "port")?));
    }
    if value == known.host && named(&["HOST", "SERVER", "ADDR", "ENDPOINT"]) {
        return hole(known, "host");
    }
    if account.passwords.contains(value) && named(&["PASS", "PWD", "PW", "SECRET"]) {
        return hole(known, "password");
    }
    if account.user.as_deref() == Some(value) && named(&["USER", "LOGIN", "ROLE"]) {
        return hole(known, "user");
    }
    if account.database.as_deref() == Some(value) && named(&["DB", "DATABASE", "DBNAME", "SCHEMA"]) {
        return hole(known, "database");
    }
    (value == known.port.to_string() && name.contains("PORT") && is_port_of(name, known))
        .then(|| hole(known, "port"))?
}

/// Whether a variable with a port's number is this one's: its name speaks of a database, or of the part.
fn is_port_of(name: &str, known: &KnownPreset<'_>) -> bool {
    let words = ["DB", "DATABASE", "PG", "POSTGRES", "MYSQL", "REDIS", "MARIADB", "RABBIT", "SQL"];
    words.iter().any(|word| name.contains(word)) || name.contains(&known.host.to_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_speak_of_a_database_become_placeholders() {
        let account = Account {
            user: Some("app".to_owned()),
            database: Some("shop".to_owned()),
            passwords: BTreeSet::from(["pw".to_owned()]),
            files: BTreeSet::new(),
        };
        let offers = ["url", "host", "port", "user", "password", "database"].map(str::to_owned).into();
        let known = KnownPreset { host: "db", part: "db", port: 5432, account: &account, offers };
        for (name, value, expected) in [
            (
                "DATABASE_URL",
                "postgres://app:pw@db:5432/shop?sslmode=disable",
                "postgres://{db.user}:{db.password}@{db.host}:{db.port}/{db.database}?sslmode=disable",
            ),
            (
                "U",
                "postgresql+asyncpg://app:pw@db/shop",
                "postgresql+asyncpg://{db.user}:{db.password}@{db.host}:{db.port}/{db.database}",
            ),
            (
                "SPRING_DATASOURCE_URL",
                "jdbc:postgresql://db:5432/shop",
                "jdbc:postgresql://{db.host}:{db.port}/{db.database}",
            ),
            (
                "DSN",
                "host=db user=app password=pw dbname=shop sslmode=disable",
                "host={db.host} user={db.user} password={db.password} dbname={db.database} sslmode=disable",
            ),
            ("DB_HOST", "db", "{db.host}"),
            ("ADDR", "db:5432", "{db.host}:{db.port}"),
            ("DB_PASSWD", "pw", "{db.password}"),
            ("PGUSER", "app", "{db.user}"),
            ("POSTGRES_DB", "shop", "{db.database}"),
            ("DB_PORT", "5432", "{db.port}"),
            ("PORT", "5432", ""),
            ("ENGINE", "db", ""),
            ("API_URL", "http://other:80/db", ""),
            ("TITLE", "shop", ""),
        ] {
            assert_eq!(recognised(name, value, &known).unwrap_or_default(), expected, "{name}");
        }
        let offers = ["url", "host", "port", "password"].map(str::to_owned).into();
        let redis = KnownPreset { host: "cache", part: "cache", port: 6379, account: &Account::default(), offers };
        let url = recognised("REDIS_URL", "redis://cache:6379/1", &redis).unwrap();
        assert_eq!(url, "redis://:{cache.password}@{cache.host}:{cache.port}/1");
    }
}
