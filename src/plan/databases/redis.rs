//! Commands in the container of a Redis server. Its password is read there and is on no command line.

use crate::names::PartName;
use crate::plan::databases::{Call, Database, DatabaseKind, RedisSource};

/// Reads the password for `redis-cli`.
const LOGIN: &str = "REDISCLI_AUTH=$(cat /run/devenv/credentials/password); export REDISCLI_AUTH\n";

/// Prints all data, compressed.
const DUMP: &str = "redis-cli -e --rdb - | gzip";

/// Replaces all data by that of standard input: a second server takes it, and the real one takes it over from there as a
/// replica does, all at once. Where something fails before that, it keeps what it has. However this ends, the real server
/// is a master again: one that loads cannot be told so, and this process has two seconds after a TERM, so that one
/// without its mark goes on trying.
const REPLACE: &str = r#"
folder=$(mktemp -d)
second=
replica=
promote='for _ in $(seq 600); do redis-cli -e replicaof no one > /dev/null 2>&1 && exit; sleep 0.1; done; exit 1'
leave() {
  code=$?
  trap - EXIT
  trap '' TERM INT HUP
  if [ -n "$replica" ]; then
    env -u DEVENV_COMMAND sh -c "$promote" || { echo 'the server is still a replica: redis-cli replicaof no one' >&2; code=1; }
  fi
  [ -z "$second" ] || { kill "$second" && wait "$second"; } 2> /dev/null || true
  rm -rf "$folder"
  exit $code
}
trap leave EXIT
trap 'exit 143' TERM INT HUP
FILE
redis-server --bind 127.0.0.1 --port 6390 --dir "$folder" --dbfilename dump.rdb --save '' > "$folder/log" 2>&1 &
second=$!
wait_for() {
  for _ in $(seq 600); do
    if "$@"; then return; fi
    kill -0 "$second" 2> /dev/null || break
    sleep 0.1
  done
  tail -n 3 "$folder/log" >&2
  return 1
}
has_loaded() { env -u REDISCLI_AUTH redis-cli -e -p 6390 info persistence 2> /dev/null | grep -q '^loading:0'; }
has_taken() { redis-cli -e info replication | grep -q '^master_link_status:up'; }
wait_for has_loaded
FEED
replica=yes
redis-cli -e replicaof 127.0.0.1 6390 > "$folder/said"
wait_for has_taken
sh -c "$promote"
replica=
redis-cli -e save > "$folder/said"
"#;

/// The file that the second server loads.
const FILE: &str = r#"gunzip -c > "$folder/dump.rdb"
redis-check-rdb "$folder/dump.rdb" > "$folder/check" || { tail -n 3 "$folder/check" >&2; exit 1; }"#;

/// The commands that it is given. It answers each by itself, and an error does not end the client.
const FEED: &str = r#"env -u REDISCLI_AUTH redis-cli --no-raw -p 6390 > "$folder/fed"
if grep -E -m 3 '^(\(error\)|Invalid argument)' "$folder/fed" >&2; then exit 1; fi"#;

/// Gives commands to the real server, which runs all of them at once, or none where there is one that it does not know.
const ADD: &str = r#"said=$(mktemp)
trap 'rm -f "$said"' EXIT
{ echo multi; cat; echo; echo exec; } | redis-cli --no-raw > "$said"
if grep -E -m 3 '^([0-9 ]+\) )?(\(error\)|Invalid argument)' "$said" >&2; then exit 1; fi
"#;

fn script(text: &str, args: &[String]) -> Call {
    let head = ["bash", "-e", "-o", "pipefail", "-c"].map(str::to_owned).into_iter();
    let text = [format!("{LOGIN}{text}"), "devenv-db".to_owned()];
    Call { argv: head.chain(text).chain(args.iter().cloned()).collect(), user: None }
}

/// Asks for size and number of keys.
#[must_use]
pub fn sizes() -> Call {
    script("redis-cli -e info memory; redis-cli -e info keyspace", &[])
}

/// The databases by the answer to [`sizes`]; one that has no keys is not in it, but the first is there all the same.
#[must_use]
pub fn read(service: &PartName, answer: &str) -> Vec<Database> {
    let value = |key: &str| {
        let line = answer.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        line.map(str::trim)
    };
    let keys = |text: &str| text.strip_prefix("keys=")?.split(',').next()?.parse().ok();
    let databases = (0..16).filter_map(|number| {
        let name = format!("db{number}");
        let count = value(&name).and_then(keys);
        (count.is_some() || number == 0).then(|| Database {
            service: service.clone(),
            kind: DatabaseKind::Redis,
            database: Some(name),
            bytes: value("used_memory_dataset").and_then(|bytes| bytes.parse().ok()).filter(|_| number == 0),
            entries: Some(count.unwrap_or(0)),
        })
    });
    databases.collect()
}

/// A session; `args` are for `redis-cli`.
#[must_use]
pub fn console(args: &[String]) -> Call {
    script("exec redis-cli -e \"$@\"", args)
}

/// Prints all data, compressed.
#[must_use]
pub fn dump() -> Call {
    script(DUMP, &[])
}

/// Replaces all data by what comes on standard input.
#[must_use]
pub fn replace(source: RedisSource) -> Call {
    let (file, feed) = match source {
        RedisSource::Dump => (FILE, ""),
        RedisSource::Commands => ("", FEED),
    };
    script(&REPLACE.replace("FILE", file).replace("FEED", feed), &[])
}

/// Adds what the commands on standard input do.
#[must_use]
pub fn add() -> Call {
    script(ADD, &[])
}

/// Forgets everything.
#[must_use]
pub fn reset() -> Call {
    script("redis-cli -e flushall > /dev/null", &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_keys_are_read_from_what_the_server_says_of_itself() {
        let answer = "# Memory\r\nused_memory:1000\r\nused_memory_dataset:70\r\n# Keyspace\r\ndb0:keys=5,expires=0,avg_ttl=0\r\ndb3:keys=1,expires=0\r\n";
        let read = read(&PartName::new("cache").unwrap(), answer);
        let all: Vec<String> =
            read.iter().map(|one| format!("{:?} {:?} {}", one.database, one.bytes, one.content())).collect();
        assert_eq!(all, ["Some(\"db0\") Some(70) 5 keys", "Some(\"db3\") None 1 key"]);
    }

    #[test]
    fn every_call_fails_when_the_server_answers_with_an_error() {
        let replace = [RedisSource::Dump, RedisSource::Commands].map(replace);
        for call in [sizes(), console(&[]), dump(), reset(), add()].into_iter().chain(replace) {
            let text = call.argv.join(" ").replace(": redis-cli replicaof no one'", "");
            // Of many commands, what each has answered is looked at.
            let checked = text.matches("redis-cli -e ").count() + text.matches("redis-cli --no-raw ").count();
            assert_eq!(text.matches("redis-cli ").count(), checked, "{text}");
            assert_eq!(text.contains("--no-raw"), text.contains("(error"), "{text}");
        }
    }

    #[test]
    fn no_password_is_on_a_command_line() {
        assert!(
            console(&["ping".to_owned()]).argv.iter().all(|word| !word.contains("--pass") && !word.contains("-a "))
        );
    }
}
