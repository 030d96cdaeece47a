//! The services that tools can log in to: which protocol each speaks, where, and with which credentials. Pure.

use crate::names::PartName;
use crate::plan::images::Hierarchy;
use crate::plan::known_images;
use crate::plan::parts::{Environment, ImageRef, Part, PartKind};

/// What a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// PostgreSQL.
    Postgres,
    /// Redis, and what speaks as it does.
    Redis,
    /// MariaDB and MySQL.
    MariaDb,
}

impl Protocol {
    fn of_preset(name: &str) -> Option<Self> {
        match name {
            "postgres" => Some(Self::Postgres),
            "redis" | "valkey" => Some(Self::Redis),
            "mariadb" => Some(Self::MariaDb),
            _ => None,
        }
    }

    /// The port that it has by custom.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Redis => 6379,
            Self::MariaDb => 3306,
        }
    }

    /// The program that speaks it.
    #[must_use]
    pub fn client(self) -> &'static str {
        match self {
            Self::Postgres => "psql",
            Self::Redis => "redis-cli",
            Self::MariaDb => "mariadb",
        }
    }
}

/// How a tool logs in to a service. Texts have holes such as `{password}` where a credential of the service belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The service, which is its host name too.
    pub service: PartName,
    /// What it speaks.
    pub protocol: Protocol,
    /// Port in its container.
    pub port: u16,
    /// User; empty where there is none.
    pub user: String,
    /// Password; empty where there is none.
    pub password: String,
    /// Database; empty where there is none.
    pub database: String,
}

impl Login {
    /// How to log in to a part, where it is a service with a known protocol.
    #[must_use]
    pub fn of(part: &Part, environment: &Environment, images: &Hierarchy) -> Option<Self> {
        let protocol = protocol(part, images)?;
        let port = part.port().map_or(protocol.port(), |publish| publish.container);
        let own = |names: &[&str]| names.iter().find_map(|name| part.env.get(*name)).cloned();
        let known = environment.credentials.get(&part.name);
        let credential = |name: &str, otherwise: Option<String>| match known {
            Some(known) if known.contains_key(name) => format!("{{{name}}}"),
            _ => otherwise.unwrap_or_default(),
        };
        let (user, password, database) = match protocol {
            Protocol::Postgres => {
                let user = own(&["POSTGRES_USER"]).unwrap_or_else(|| "postgres".to_owned());
                let database = own(&["POSTGRES_DB"]).unwrap_or_else(|| user.clone());
                (Some(user), own(&["POSTGRES_PASSWORD"]), Some(database))
            }
            Protocol::Redis => (None, own(&["REDIS_PASSWORD"]), None),
            Protocol::MariaDb => {
                let database = own(&["MARIADB_DATABASE", "MYSQL_DATABASE"]);
                match own(&["MARIADB_USER", "MYSQL_USER"]) {
                    Some(user) => (Some(user), own(&["MARIADB_PASSWORD", "MYSQL_PASSWORD"]), database),
                    None => {
                        let password = own(&["MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD"]);
                        (Some("root".to_owned()), password, database)
                    }
                }
            }
        };
        Some(Self {
            service: part.name.clone(),
            protocol,
            port,
            user: credential("user", user),
            password: credential("password", password),
            database: credential("database", database),
        })
    }

    /// The variables by which the protocol's client logs in without arguments.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let (host, port) = (self.service.to_string(), self.port.to_string());
        let all = match self.protocol {
            Protocol::Postgres => vec![
                ("PGHOST", host),
                ("PGPORT", port),
                ("PGUSER", self.user.clone()),
                ("PGPASSWORD", self.password.clone()),
                ("PGDATABASE", self.database.clone()),
                ("PGCONNECT_TIMEOUT", "10".to_owned()),
            ],
            // redis-cli itself knows only the last one: the script `redis-cli` of the tool box reads the others.
            Protocol::Redis => {
                vec![("REDISCLI_HOST", host), ("REDISCLI_PORT", port), ("REDISCLI_AUTH", self.password.clone())]
            }
            Protocol::MariaDb => {
                vec![("MYSQL_HOST", host), ("MYSQL_TCP_PORT", port), ("MYSQL_PWD", self.password.clone())]
            }
        };
        all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }
}

/// What a service speaks: by the images that its own descends from, or by the name of a third-party image's repository.
#[must_use]
pub fn protocol(part: &Part, images: &Hierarchy) -> Option<Protocol> {
    if part.kind != PartKind::Service {
        return None;
    }
    match &part.image {
        ImageRef::Ours(image, _) | ImageRef::Released(image, _) => {
            images.ancestry(image).iter().find_map(|node| Protocol::of_preset(node.name.as_str()))
        }
        ImageRef::Theirs(reference) => known_images::kind(reference).and_then(Protocol::of_preset),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::names::ImageName;
    use crate::plan::images::samples::hierarchy;
    use crate::plan::parts::samples;

    fn service(image: &str, env: &[(&str, &str)]) -> Part {
        let mut part =
            Part::new(PartName::new("store").unwrap(), PartKind::Service, ImageRef::Theirs(image.to_owned()));
        part.env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        part
    }

    fn variables(part: &Part, environment: &Environment) -> String {
        let login = Login::of(part, environment, &hierarchy("")).unwrap();
        let all: Vec<String> = login.variables().iter().map(|(name, value)| format!("{name}={value}")).collect();
        all.join(" ")
    }

    #[test]
    fn a_third_party_database_is_logged_in_to_as_its_own_variables_say() {
        let none = samples::environment(vec![]);
        let postgres = service("registry.example:5000/library/postgres:16@sha256:00", &[("POSTGRES_PASSWORD", "pw")]);
        assert_eq!(
            variables(&postgres, &none),
            "PGHOST=store PGPORT=5432 PGUSER=postgres PGPASSWORD=pw PGDATABASE=postgres PGCONNECT_TIMEOUT=10"
        );
        assert_eq!(variables(&service("valkey/valkey:8", &[]), &none), "REDISCLI_HOST=store REDISCLI_PORT=6379");
        let mysql = service("mysql:9", &[("MYSQL_ROOT_PASSWORD", "pw")]);
        assert_eq!(variables(&mysql, &none), "MYSQL_HOST=store MYSQL_TCP_PORT=3306 MYSQL_PWD=pw");
        assert_eq!(Login::of(&service("axllent/mailpit", &[]), &none, &hierarchy("")), None);
    }

    #[test]
    fn a_protocol_is_that_of_an_ancestor_or_of_an_exact_repository_name() {
        let images = hierarchy("images: {search: {parent: postgres}, redis-exporter: {parent: base}}\n");
        let ours = |name: &str| {
            let image = ImageRef::Ours(ImageName::new(name).unwrap(), format!("shop/{name}:1"));
            protocol(&Part::new(PartName::new("store").unwrap(), PartKind::Service, image), &images)
        };
        assert_eq!(ours("search"), Some(Protocol::Postgres));
        assert_eq!(ours("redis"), Some(Protocol::Redis));
        assert_eq!(ours("redis-exporter"), None);
        let theirs = |image: &str| protocol(&service(image, &[]), &images);
        assert_eq!(theirs("bitnami/postgresql:17"), Some(Protocol::Postgres));
        assert_eq!(theirs("postgrest/postgrest:v12"), None);
        assert_eq!(theirs("oliver006/redis_exporter"), None);
        assert_eq!(theirs("prom/mysqld-exporter:v1"), None);
    }

    #[test]
    fn a_service_of_ours_has_its_credentials_as_holes() {
        let mut environment = samples::environment(vec![]);
        let mut part = service("postgres", &[]);
        part.publish = vec![crate::plan::parts::Publish {
            host: 5433,
            container: 5432,
            protocol: crate::config::model::container::Protocol::Tcp,
        }];
        let known = ["user", "password", "database"].map(|name| (name.to_owned(), None));
        environment.credentials = BTreeMap::from([(part.name.clone(), known.into())]);
        assert_eq!(
            variables(&part, &environment),
            "PGHOST=store PGPORT=5432 PGUSER={user} PGPASSWORD={password} PGDATABASE={database} PGCONNECT_TIMEOUT=10"
        );
    }
}
