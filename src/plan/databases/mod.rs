//! Databases that devenv knows, what can be done with them, and the commands in their containers that do it. Pure.

pub mod postgres;
pub mod postgres_clones;
pub mod redis;
pub mod request;

use serde::Serialize;

use crate::names::PartName;
use crate::plan::images::Hierarchy;
use crate::plan::login::{Protocol, protocol};
use crate::plan::parts::{ImageRef, Part};

/// What kind of database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseKind {
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
}

/// The word that `--json` has, too.
impl std::fmt::Display for DatabaseKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        })
    }
}

/// A command in the container of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Program and arguments: no text of others is script.
    pub argv: Vec<String>,
    /// Who runs it, where that is not the user of the container.
    pub user: Option<&'static str>,
}

/// A database of a service, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Database {
    /// The service.
    pub service: PartName,
    /// What kind it is.
    pub kind: DatabaseKind,
    /// Its name; none where the service does not run.
    pub database: Option<String>,
    /// What it takes up: on disk, or in memory where that is where it lives.
    pub bytes: Option<u64>,
    /// Tables, or keys.
    pub entries: Option<u64>,
}

impl Database {
    /// Tables or keys, in words.
    #[must_use]
    pub fn content(&self) -> String {
        let (one, many) = match self.kind {
            DatabaseKind::Postgres => ("table", "tables"),
            DatabaseKind::Redis => ("key", "keys"),
        };
        self.entries.map(|count| format!("{count} {}", if count == 1 { one } else { many })).unwrap_or_default()
    }
}

/// The kind of database that a service is whose image descends from one of devenv's.
#[must_use]
pub fn kind(part: &Part, images: &Hierarchy) -> Option<DatabaseKind> {
    let ImageRef::Ours(..) = &part.image else { return None };
    match protocol(part, images)? {
        Protocol::Postgres => Some(DatabaseKind::Postgres),
        Protocol::Redis => Some(DatabaseKind::Redis),
        Protocol::MariaDb => None,
    }
}

/// What fills a database: a file that comes in on standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedSource {
    /// Text of SQL.
    Sql,
    /// The same, compressed.
    SqlGz,
    /// A shell script.
    Script,
    /// Nothing.
    Empty,
}

/// What fills a Redis server: a file that comes in on standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedisSource {
    /// A command a line.
    Commands,
    /// A dump, compressed.
    Dump,
}

/// The file of a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seed {
    /// It fills Postgres.
    Postgres(SeedSource),
    /// It fills Redis.
    Redis(RedisSource),
}

impl Seed {
    /// By the name of a file.
    #[must_use]
    pub fn of(kind: DatabaseKind, file: &str) -> Option<Self> {
        match (kind, file) {
            (DatabaseKind::Postgres, sql) if sql.ends_with(".sql") => Some(Self::Postgres(SeedSource::Sql)),
            (DatabaseKind::Postgres, gz) if gz.ends_with(".sql.gz") => Some(Self::Postgres(SeedSource::SqlGz)),
            (DatabaseKind::Postgres, script) if script.ends_with(".sh") => Some(Self::Postgres(SeedSource::Script)),
            (DatabaseKind::Redis, text) if text.ends_with(".redis") => Some(Self::Redis(RedisSource::Commands)),
            (DatabaseKind::Redis, dump) if dump.ends_with(".rdb.gz") => Some(Self::Redis(RedisSource::Dump)),
            (DatabaseKind::Postgres | DatabaseKind::Redis, _) => None,
        }
    }

    /// The ends of the names that such files have.
    #[must_use]
    pub fn names(kind: DatabaseKind) -> &'static str {
        match kind {
            DatabaseKind::Postgres => ".sql, .sql.gz or .sh",
            DatabaseKind::Redis => ".redis or .rdb.gz",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_known_by_the_name_of_its_file_where_the_service_can_read_it() {
        let (postgres, redis) = (DatabaseKind::Postgres, DatabaseKind::Redis);
        assert_eq!(Seed::of(postgres, "db/seed.sql.gz"), Some(Seed::Postgres(SeedSource::SqlGz)));
        assert_eq!(Seed::of(postgres, "db/seed.sh"), Some(Seed::Postgres(SeedSource::Script)));
        assert_eq!(Seed::of(redis, "seed.redis"), Some(Seed::Redis(RedisSource::Commands)));
        assert_eq!(Seed::of(redis, "seed.rdb.gz"), Some(Seed::Redis(RedisSource::Dump)));
        for (kind, file) in [(postgres, "seed.txt"), (postgres, "seed.redis"), (redis, "seed.sql"), (redis, "seed.rdb")]
        {
            assert_eq!(Seed::of(kind, file), None, "{file}");
        }
    }
}
