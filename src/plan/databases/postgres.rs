//! Commands in the container of a PostgreSQL server, over its local socket, which asks for no password.

use crate::names::PartName;
use crate::plan::databases::{Call, Database, DatabaseKind, SeedSource};

/// Where the socket is.
const SOCKET: &str = "/run/postgresql";
/// The owner of the cluster, and of its files.
const SUPERUSER: &str = "postgres";
/// The databases of people, with size and number of tables. The other cluster-wide ones are the server's own.
const SIZES: &str = "select datname, pg_database_size(datname) from pg_database \
    where not datistemplate and datallowconn and datname <> 'postgres' order by 1";
const TABLES: &str = "select count(*) from pg_stat_user_tables";

/// The name of a database while it is filled.
const NEW: &str = "devenv_new";
/// The name of the old one while it is replaced.
const OLD: &str = "devenv_old";

/// Prints the first line of SQL that would change to another database, drop one or create one. Data of `COPY` is no SQL.
const LEAVES: &str = r#"
copying { if ($0 == "\\.") copying = 0; next }
/^COPY .* FROM stdin;$/ { copying = 1; next }
/^[ \t]*\\c(onnect)?([ \t]|$)/ || tolower($0) ~ /^[ \t]*(drop|create)[ \t]+database([ \t]|$)/ {
  print "line " NR ": " $0 > "/dev/stderr"
  exit 1
}
"#;

/// Fills a database that is made for it, and puts that in the place of the old one when it is complete. Where something
/// fails before, the old one is as it was. SQL runs as a superuser and could drop the old one itself: that one is replaced
/// only where it is still the same. `$1` is the database, `$2` its owner, `$3` the name of the new one until then, `$4` that
/// of the old one from then on.
const REPLACE: &str = r#"
export PGHOST=/run/postgresql PGUSER=postgres PGOPTIONS='-c client_min_messages=warning'
admin() { psql -qX -o /dev/null -d postgres -v ON_ERROR_STOP=1 -v db="$db" -v owner="$owner" -v new="$new" -v old="$old"; }
db=$1 owner=$2 new=$3 old=$4
identity() {
  psql -qXAt -d postgres -v db="$db" << 'SQL'
select oid from pg_database where datname = :'db';
SQL
}
before=$(identity)
undo() {
  code=$?
  trap - EXIT
  [ $code -eq 0 ] || admin << 'SQL' 2> /dev/null || true
alter database :"db" with allow_connections true;
drop database if exists :"new" with (force);
SQL
  exit $code
}
trap undo EXIT
trap 'exit 143' TERM INT HUP
admin << 'SQL'
drop database if exists :"new" with (force);
drop database if exists :"old" with (force);
create database :"new" owner :"owner" template template0;
SQL
export PGDATABASE=$new PGUSER=$owner
FILL
export PGUSER=postgres
[ "$(identity)" = "$before" ] || { echo "the SQL itself has dropped or replaced the database $db" >&2; exit 1; }
admin << 'SQL'
alter database :"db" with allow_connections false;
select pg_terminate_backend(pid) from pg_stat_activity where datname = :'db';
begin;
alter database :"db" rename to :"old";
alter database :"new" rename to :"db";
commit;
drop database :"old" with (force);
SQL
"#;

/// Adds to a database. `$1` is the database, `$2` its owner.
const ADD: &str = "export PGHOST=/run/postgresql PGDATABASE=$1 PGUSER=$2\nFILL\n";

/// What a database is filled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// It takes the place of another.
    Replace,
    /// It gets more, all of it or nothing.
    Add,
}

/// Reads standard input into the database of the environment.
fn fill(source: SeedSource, purpose: Purpose) -> String {
    let psql = match purpose {
        Purpose::Add => "psql -qX -1 -o /dev/null -v ON_ERROR_STOP=1".to_owned(),
        // The session must end where it began.
        Purpose::Replace => format!(
            "psql -qX -o /dev/null -v ON_ERROR_STOP=1 -f - -c \"do \\$\\$ begin if current_database() <> '{NEW}' then \
             raise exception 'the SQL has changed to another database'; end if; end \\$\\$\""
        ),
    };
    match source {
        SeedSource::Sql => psql,
        SeedSource::SqlGz => format!("gunzip -c | {psql}"),
        SeedSource::Script => {
            "script=$(mktemp -p /run/postgresql)\ncat > \"$script\"\ncode=0; sh -eu \"$script\" || code=$?\n\
             rm -f \"$script\"\n[ $code -eq 0 ] || exit $code"
                .to_owned()
        }
        SeedSource::Empty => ":".to_owned(),
    }
}

fn call(argv: impl IntoIterator<Item = impl Into<String>>) -> Call {
    Call { argv: argv.into_iter().map(Into::into).collect(), user: Some(SUPERUSER) }
}

pub(super) fn script(text: &str, args: &[&str]) -> Call {
    let head = ["bash", "-e", "-o", "pipefail", "-c", text, "devenv-db"];
    call(head.iter().chain(args).copied())
}

/// Names the database to a program. As an argument, a name with `=` in it would be read as a connection string.
fn on(database: &str) -> [String; 2] {
    ["env".to_owned(), format!("PGDATABASE={database}")]
}

pub(super) fn ask(database: &str, query: &str) -> Call {
    let psql = ["psql", "-h", SOCKET, "-U", SUPERUSER, "-qXAt", "-F", "\t", "-c", query].map(str::to_owned);
    call(on(database).into_iter().chain(psql))
}

/// Lists the databases.
#[must_use]
pub fn sizes() -> Call {
    ask(SUPERUSER, SIZES)
}

/// Counts the tables of one.
#[must_use]
pub fn tables(database: &str) -> Call {
    ask(database, TABLES)
}

/// The databases by the answer to [`sizes`].
pub fn read(service: &PartName, answer: &str) -> Vec<Database> {
    let database = |row: Vec<&str>| {
        Some(Database {
            service: service.clone(),
            kind: DatabaseKind::Postgres,
            database: Some((*row.first()?).to_owned()),
            bytes: row.get(1)?.parse().ok(),
            entries: None,
        })
    };
    let rows = answer.lines().filter(|line| !line.is_empty()).map(|line| line.split('\t').collect());
    rows.filter_map(database).collect()
}

/// A session on a database as its owner; `args` are for `psql`.
#[must_use]
pub fn console(database: &str, owner: &str, args: &[String]) -> Call {
    let psql = ["psql", "-h", SOCKET, "-U", owner].map(str::to_owned);
    call(on(database).into_iter().chain(psql).chain(args.iter().cloned()))
}

/// Prints all data as compressed SQL, without owners, so that it fits into any checkout.
#[must_use]
pub fn dump(database: &str) -> Call {
    let options = ["--no-owner", "--no-privileges", "--compress=gzip:6"];
    let dump = ["pg_dump", "-h", SOCKET, "-U", SUPERUSER].into_iter().chain(options).map(str::to_owned);
    call(on(database).into_iter().chain(dump))
}

/// Checks that what comes on standard input stays in the database that it is read into; none where it is no SQL.
#[must_use]
pub fn check(source: SeedSource) -> Option<Call> {
    let awk = "awk \"$1\"";
    let text = match source {
        SeedSource::Sql => awk.to_owned(),
        SeedSource::SqlGz => format!("gunzip -c | {awk}"),
        SeedSource::Script | SeedSource::Empty => return None,
    };
    Some(script(&text, &[LEAVES]))
}

/// Replaces a database by what comes on standard input.
#[must_use]
pub fn replace(database: &str, owner: &str, source: SeedSource) -> Call {
    // Two checkouts have two clusters, so that these names are free.
    script(&REPLACE.replace("FILL", &fill(source, Purpose::Replace)), &[database, owner, NEW, OLD])
}

/// Adds what comes on standard input, all of it or nothing where it is SQL.
#[must_use]
pub fn add(database: &str, owner: &str, source: SeedSource) -> Call {
    script(&ADD.replace("FILL", &fill(source, Purpose::Add)), &[database, owner])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_arguments_and_never_script() {
        let hostile = "x\"; drop database y; $(id)";
        for call in [replace(hostile, hostile, SeedSource::SqlGz), add(hostile, hostile, SeedSource::Sql)] {
            let texts = call.argv.iter().filter(|word| word.contains("$(id)"));
            assert!(texts.clone().all(|word| word == hostile) && texts.count() == 2, "{:?}", call.argv);
        }
    }

    #[test]
    fn what_fills_a_database_depends_on_its_file() {
        let replace = fill(SeedSource::SqlGz, Purpose::Replace);
        assert!(replace.starts_with("gunzip -c | psql -qX -o /dev/null -v ON_ERROR_STOP=1 -f - -c "), "{replace}");
        assert_eq!(fill(SeedSource::Sql, Purpose::Add), "psql -qX -1 -o /dev/null -v ON_ERROR_STOP=1");
    }

    #[test]
    fn a_name_is_never_read_as_a_connection_string() {
        for call in [tables("host=x"), dump("host=x"), console("host=x", "me", &[])] {
            assert_eq!(call.argv[..2], ["env", "PGDATABASE=host=x"]);
            assert!(!call.argv.contains(&"-d".to_owned()));
        }
    }

    #[test]
    fn the_answer_is_a_line_for_each_database() {
        let read = read(&PartName::new("db").unwrap(), "shop\t7900000\nother\t12\n");
        let all: Vec<_> = read.iter().map(|one| (one.database.as_deref(), one.bytes)).collect();
        assert_eq!(all, [(Some("shop"), Some(7_900_000)), (Some("other"), Some(12))]);
    }
}
