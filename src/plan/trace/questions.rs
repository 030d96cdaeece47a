//! What is asked from inside a part's network: one shell script for the tool box. Pure.

use std::collections::BTreeMap;

use crate::plan::login::Protocol;
use crate::plan::trace::facts::Proxy;

/// Functions of the script. `ask` runs a command and keeps its key, exit code and microseconds in one file, what it prints
/// in two. Programs are few, because each takes its time to start; psql is called itself, what is on PATH is a wrapper.
const ASK: &str = "\
export LC_ALL=C
cd /run
psql=(/usr/lib/postgresql/*/bin/psql)
ask() {
  key=$1; shift
  begin=${EPOCHREALTIME/./}
  timeout \"$limit\" \"$@\" > \"$key.out\" 2> \"$key.err\" < /dev/null
  code=$? end=${EPOCHREALTIME/./}
  echo \"$key $code $((end - begin))\" > \"$key.line\"
}
listen() {
  exec 3< <(exec tcpdump -i any -y LINUX_SLL --immediate-mode -U -s 1024 -c 4000 -Z root -w wire.pcap 'tcp or udp' 2>&1)
  listener=$!
  while read -r -t 3 -u 3 line; do
    case $line in *'listening on'*) break ;; esac
  done
}
hear() {
  kill -INT \"$listener\" && wait \"$listener\"
}
";
/// Prints all that was kept: the lines, the sizes of the files, their contents, and the packets.
const TELL: &str = "\
wait
cat -- *.line
echo
stat -c '%n %s' -- *.out *.err
echo
head -q -c 65536 -- *.out *.err
if [ -e wire.pcap ]; then head -c 1048576 wire.pcap; fi
printf %s \"$end\"
";
/// The most bytes of one output that are printed.
pub const LONGEST: usize = 65536;
/// The line that has the wire watched while the module answers; anything else, or nothing, has it not.
pub const WATCH: &str = "watch";

/// Something that the tool box is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The kernel's tables of sockets.
    Sockets,
    /// The addresses of a name.
    Name(String),
    /// A connection.
    Tcp(String, u16),
    /// A request.
    Http(Request),
    /// A login and the smallest question.
    Login(Login),
}

/// A request over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Method.
    pub method: String,
    /// Address.
    pub url: String,
    /// Headers, as `Name: value`.
    pub headers: Vec<String>,
    /// Body.
    pub body: Option<String>,
    /// The proxy that it goes through; none goes directly.
    pub proxy: Option<Proxy>,
    /// The file with the authorities that count, in the tool box.
    pub authorities: Option<String>,
}

/// A login, filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Protocol.
    pub protocol: Protocol,
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User; empty for none.
    pub user: String,
    /// Password; empty for none.
    pub password: String,
    /// Database; empty for none.
    pub database: String,
}

/// A script, and the variables that it reads: what may be secret stands in those alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The script.
    pub text: String,
    /// Its variables.
    pub env: BTreeMap<String, String>,
}

/// The script that asks all questions at once, each within `limit` seconds. The key of each is its number. The one whose
/// number is `watched` is asked before all others, with the wire watched, where the script reads [`WATCH`]. The last thing
/// that it prints is `end`: the container itself takes a while longer to end.
#[must_use]
pub fn script(questions: &[Question], watched: Option<usize>, limit: u64, end: &str) -> Script {
    let mut text = format!("limit={limit} end={}\n{ASK}", words(&[end]));
    let mut env = BTreeMap::new();
    let mut asked = Vec::new();
    for (number, question) in questions.iter().enumerate() {
        let mut secret = |what: &str, value: &str| {
            let name = format!("TRACE_{number}_{what}");
            env.insert(name.clone(), value.to_owned());
            name
        };
        let line = match question {
            Question::Sockets => "cat /proc/net/tcp /proc/net/tcp6".to_owned(),
            Question::Name(host) => words(&["getent", "ahosts", host]),
            Question::Tcp(host, port) => words(&["nc", "-z", "-v", "-w", &limit.to_string(), host, &port.to_string()]),
            Question::Http(request) => curl(request, limit, &mut secret),
            Question::Login(login) => client(login, &mut secret),
        };
        let (exports, command) = line.rsplit_once('\n').unwrap_or(("", &line));
        let exports = if exports.is_empty() { String::new() } else { format!("{exports}\n") };
        asked.push(format!("( {exports}ask {number} {command} )"));
    }
    if let Some(first) = watched.and_then(|number| asked.get_mut(number)).map(std::mem::take) {
        text.push_str(&format!(
            "read -r how\nif [ \"$how\" = {WATCH} ]; then\n  listen\n  {first}\n  hear\nelse\n  {first} &\nfi\n"
        ));
    }
    for command in asked.iter().filter(|command| !command.is_empty()) {
        text.push_str(&format!("{command} &\n"));
    }
    text.push_str(TELL);
    Script { text, env }
}

fn curl(request: &Request, limit: u64, secret: &mut impl FnMut(&str, &str) -> String) -> String {
    let mut line =
        words(&["curl", "-sS", "-i", "--http1.1", "--globoff", "--path-as-is", "--max-time", &limit.to_string()]);
    // Whatever the tool box itself has been told of proxies.
    let proxy = request.proxy.as_ref().map(|proxy| secret("PROXY", &proxy.value));
    match proxy {
        Some(name) => line.push_str(&format!(" --noproxy '' --proxy \"${name}\"")),
        None => line.push_str(" --noproxy '*'"),
    }
    if let Some(file) = &request.authorities {
        line.push_str(&format!(" {}", words(&["--cacert", file])));
    }
    match request.method.as_str() {
        "HEAD" => line.push_str(" --head"),
        method => line.push_str(&format!(" {}", words(&["-X", method]))),
    }
    for (number, header) in request.headers.iter().enumerate() {
        // curl takes a header without a value for one that is not to be sent, unless it ends with a semicolon.
        let empty = header.split_once(':').filter(|(_, value)| value.trim().is_empty());
        let header = empty.map_or(header.clone(), |(name, _)| format!("{name};"));
        let name = secret(&format!("HEADER_{number}"), &header);
        line.push_str(&format!(" -H \"${name}\""));
    }
    if let Some(body) = &request.body {
        let name = secret("BODY", body);
        line.push_str(&format!(" --data-raw \"${name}\""));
    }
    let url = secret("URL", &request.url);
    line + &format!(" -w '%{{stderr}}%{{time_starttransfer}}' -- \"${url}\"")
}

fn client(login: &Login, secret: &mut impl FnMut(&str, &str) -> String) -> String {
    let Login { host, port, user, database, .. } = login;
    let port = port.to_string();
    let password = secret("PASSWORD", &login.password);
    let export = |name: &str, value: &str| format!("export {name}={}\n", words(&[value]));
    match login.protocol {
        Protocol::Postgres => {
            let all = [("PGHOST", host.as_str()), ("PGPORT", &port), ("PGUSER", user), ("PGDATABASE", database)];
            let all: String = all.iter().map(|(name, value)| export(name, value)).collect();
            format!("{all}export PGPASSWORD=\"${password}\"\n$psql -X -w -Atqc 'select 1'")
        }
        Protocol::Redis => {
            let user = if user.is_empty() { String::new() } else { format!("{} ", words(&["--user", user])) };
            let place = words(&["-h", host, "-p", &port]);
            format!("export REDISCLI_AUTH=\"${password}\"\n/usr/bin/redis-cli {user}{place} PING")
        }
        Protocol::MariaDb => {
            let place = words(&["-h", host, "-P", &port, "-u", user, "-D", database]);
            format!("export MYSQL_PWD=\"${password}\"\nmariadb {place} --protocol=tcp -BNe 'select 1'")
        }
    }
}

/// Words as a shell reads them. What no shell can be given becomes nothing.
fn words(all: &[&str]) -> String {
    shlex::try_join(all.iter().copied()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stand_in_variables_and_nothing_reaches_a_shell() {
        let login = Login {
            protocol: Protocol::Postgres,
            host: "db".to_owned(),
            port: 5432,
            user: "me; rm -rf /".to_owned(),
            password: "secret-word".to_owned(),
            database: "shop".to_owned(),
        };
        let request = Request {
            method: "POST".to_owned(),
            url: "http://me:secret-word@api:8000/[a]{b}'$(id)".to_owned(),
            headers: vec!["Authorization: Bearer secret-word".to_owned(), "X-Empty:".to_owned()],
            proxy: Some(Proxy {
                variable: "HTTP_PROXY".to_owned(),
                address: "http://proxy:3128".to_owned(),
                value: "http://me:secret-word@proxy:3128".to_owned(),
            }),
            body: Some("secret-word".to_owned()),
            ..Request::default()
        };
        let questions = [Question::Name("-x".to_owned()), Question::Login(login), Question::Http(request)];
        let Script { text, env } = script(&questions, Some(2), 3, "the-end");
        assert!(!text.contains("secret-word"), "{text}");
        let asked = text.strip_prefix("limit=3 end=the-end\n").and_then(|text| text.strip_prefix(ASK)).unwrap();
        let request = "( ask 2 curl -sS -i --http1.1 --globoff --path-as-is --max-time 3 --noproxy '' --proxy \"$TRACE_2_PROXY\" \
                       -X POST -H \"$TRACE_2_HEADER_0\" -H \"$TRACE_2_HEADER_1\" --data-raw \"$TRACE_2_BODY\" \
                       -w '%{stderr}%{time_starttransfer}' -- \"$TRACE_2_URL\" )";
        assert_eq!(
            asked.strip_suffix(TELL).unwrap(),
            format!(
                "\
read -r how
if [ \"$how\" = watch ]; then
  listen
  {request}
  hear
else
  {request} &
fi
( ask 0 getent ahosts -x ) &
( export PGHOST=db
export PGPORT=5432
export PGUSER='me; rm -rf /'
export PGDATABASE=shop
export PGPASSWORD=\"$TRACE_1_PASSWORD\"
ask 1 $psql -X -w -Atqc 'select 1' ) &
"
            )
        );
        assert_eq!(env["TRACE_2_PROXY"], "http://me:secret-word@proxy:3128");
        assert_eq!(env["TRACE_2_HEADER_1"], "X-Empty;");
        assert_eq!((env["TRACE_2_URL"].as_str(), env.len()), ("http://me:secret-word@api:8000/[a]{b}'$(id)", 6));
    }
}
