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

impl SeedSource {
    /// By the name of a file.
    #[must_use]
    pub fn of(file: &str) -> Option<Self> {
        match file {
            sql if sql.ends_with(".sql") => Some(Self::Sql),
            gz if gz.ends_with(".sql.gz") => Some(Self::SqlGz),
            script if script.ends_with(".sh") => Some(Self::Script),
            _ => None,
        }
    }
}
