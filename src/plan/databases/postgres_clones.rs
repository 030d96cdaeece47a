//! Copies of a PostgreSQL database for the splits of a task: a template that is filled once, and a clone of it for each.

use crate::names::TaskName;
use crate::plan::databases::Call;
use crate::plan::databases::postgres::{ask, script};

/// What all these copies begin with. No name of a project can.
const PREFIX: &str = "devenv_split_";
const LIST: &str = "select datname from pg_database where starts_with(datname, 'devenv_split_')";

/// Fills a template with what a database has now. Others may work on that meanwhile, and nobody on the template: it could
/// not be cloned then. `$1` is the database, `$2` its owner, `$3` the template.
const TEMPLATE: &str = r#"
export PGHOST=/run/postgresql PGUSER=postgres PGOPTIONS='-c client_min_messages=warning'
psql -qX -o /dev/null -d postgres -v ON_ERROR_STOP=1 -v owner="$2" -v new="$3" << 'SQL'
drop database if exists :"new" with (force);
create database :"new" owner :"owner" template template0;
SQL
PGDATABASE=$1 pg_dump | PGDATABASE=$3 psql -qX -o /dev/null -v ON_ERROR_STOP=1
psql -qX -o /dev/null -d postgres -v ON_ERROR_STOP=1 -v new="$3" << 'SQL'
alter database :"new" with allow_connections false;
SQL
"#;

/// `$1` is the template, `$2` the owner, `$3` the clone.
const CLONE: &str = r#"
psql -qX -h /run/postgresql -U postgres -o /dev/null -d postgres -v ON_ERROR_STOP=1 -v owner="$2" -v from="$1" -v new="$3" << 'SQL'
set client_min_messages = warning;
drop database if exists :"new" with (force);
create database :"new" owner :"owner" template :"from";
SQL
"#;

/// The arguments are databases.
const DROP: &str = r#"
for name; do
  psql -qX -h /run/postgresql -U postgres -o /dev/null -d postgres -v ON_ERROR_STOP=1 -v name="$name" << 'SQL'
set client_min_messages = warning;
drop database if exists :"name" with (force);
SQL
done
"#;

/// The copies of one task in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clones {
    prefix: String,
}

impl Clones {
    /// Those of a task in a run.
    #[must_use]
    pub fn of(run: &str, task: &TaskName) -> Self {
        // A name has 63 bytes at most.
        let short = crate::digest::hex(task.as_str().as_bytes())[..8].to_owned();
        Self { prefix: format!("{PREFIX}{run}_{short}_") }
    }

    /// The name of the template.
    #[must_use]
    pub fn template(&self) -> String {
        format!("{}template", self.prefix)
    }

    /// The name of the clone of a split.
    #[must_use]
    pub fn of_split(&self, split: u32) -> String {
        format!("{}{split}", self.prefix)
    }

    /// Whether a database is one of them.
    #[must_use]
    pub fn has(&self, database: &str) -> bool {
        database.starts_with(&self.prefix)
    }
}

/// The run that a copy belongs to.
#[must_use]
pub fn run(database: &str) -> Option<&str> {
    database.strip_prefix(PREFIX)?.split_once('_').map(|(run, _)| run)
}

/// Lists all copies, one per line.
#[must_use]
pub fn list() -> Call {
    ask("postgres", LIST)
}

/// Makes the template.
#[must_use]
pub fn template(database: &str, owner: &str, template: &str) -> Call {
    script(TEMPLATE, &[database, owner, template])
}

/// Makes a clone.
#[must_use]
pub fn clone(template: &str, owner: &str, clone: &str) -> Call {
    script(CLONE, &[template, owner, clone])
}

/// Drops copies.
#[must_use]
pub fn drop(databases: &[&str]) -> Call {
    script(DROP, databases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_tells_its_run_and_its_task() {
        let task = TaskName::new("api:test").unwrap();
        let clones = Clones::of("20261130-183445-6cb1", &task);
        assert_eq!(run(&clones.template()), Some("20261130-183445-6cb1"));
        assert!(clones.has(&clones.of_split(12)) && clones.of_split(64).len() <= 63);
        assert!(!Clones::of("20261130-183445-6cb1", &TaskName::new("web:test").unwrap()).has(&clones.template()));
        assert_eq!((run("shop"), run("devenv_split_")), (None, None));
    }

    #[test]
    fn names_are_arguments_and_never_script() {
        let hostile = "x\"; drop database y; $(id)";
        for call in [template(hostile, hostile, "t"), clone("t", hostile, hostile), drop(&[hostile, hostile])] {
            let texts = call.argv.iter().filter(|word| word.contains("$(id)"));
            assert!(texts.clone().all(|word| word == hostile) && texts.count() == 2, "{:?}", call.argv);
        }
    }
}
