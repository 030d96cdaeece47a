//! What is asked from inside a part's network: one shell script for the tool box. Pure.

use std::collections::BTreeMap;

use crate::plan::login::Protocol;
use crate::plan::trace::facts::Proxy;

/// psql itself: what is on PATH is a wrapper that takes its time. Then what runs one command in the background; its line has its key, exit code, microseconds, and both outputs in base64.
const ASK: &str = "\
folder=$(mktemp -d)
psql=$(echo /usr/lib/postgresql/*/bin/psql)
ask() {
  key=$1; shift
  begin=$(date +%s%N)
  timeout \"$limit\" \"$@\" > \"$folder/$key.out\" 2> \"$folder/$key.err\" < /dev/null
  code=$? end=$(date +%s%N)
  printf '%s %s %s %s %s\\n' \"$key\" \"$code\" \"$(((end - begin) / 1000))\" \\
    \"$(head -c 65536 \"$folder/$key.out\" | base64 -w 0)\" \"$(head -c 4096 \"$folder/$key.err\" | base64 -w 0)\" \\
    > \"$folder/$key.line\"
}
";

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

/// The script that asks all questions at once, each within `limit` seconds. The key of each is its number.
#[must_use]
pub fn script(questions: &[Question], limit: u64) -> Script {
    let mut text = format!("limit={limit}\n{ASK}");
    let mut env = BTreeMap::new();
    for (number, question) in questions.iter().enumerate() {
        let mut secret = |what: &str, value: &str| {
            let name = format!("TRACE_{number}_{what}");
            env.insert(name.clone(), value.to_owned());
            name
        };
        let line = match question {
            Question::Sockets => "cat /proc/net/tcp /proc/net/tcp6".to_owned(),
            Question::Name(host) => words(&["getent", "ahostsv4", host]),
            Question::Tcp(host, port) => words(&["nc", "-z", "-v", "-w", &limit.to_string(), host, &port.to_string()]),
            Question::Http(request) => curl(request, limit, &mut secret),
            Question::Login(login) => client(login, &mut secret),
        };
        let (exports, command) = line.rsplit_once('\n').unwrap_or(("", &line));
        text.push_str(&format!("( {exports}\n  ask {number} {command} ) &\n"));
    }
    text.push_str("wait\ncat \"$folder\"/*.line\n");
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
        let Script { text, env } = script(&questions, 3);
        assert!(!text.contains("secret-word"), "{text}");
        let asked = text.split_once("}\n").unwrap().1;
        assert_eq!(
            asked,
            "\
( 
  ask 0 getent ahostsv4 -x ) &
( export PGHOST=db
export PGPORT=5432
export PGUSER='me; rm -rf /'
export PGDATABASE=shop
export PGPASSWORD=\"$TRACE_1_PASSWORD\"
  ask 1 $psql -X -w -Atqc 'select 1' ) &
( 
  ask 2 curl -sS -i --http1.1 --globoff --path-as-is --max-time 3 --noproxy '' --proxy \"$TRACE_2_PROXY\" -X POST \
             -H \"$TRACE_2_HEADER_0\" -H \"$TRACE_2_HEADER_1\" --data-raw \"$TRACE_2_BODY\" \
             -w '%{stderr}%{time_starttransfer}' -- \"$TRACE_2_URL\" ) &
wait
cat \"$folder\"/*.line
"
        );
        assert_eq!(env["TRACE_2_PROXY"], "http://me:secret-word@proxy:3128");
        assert_eq!(env["TRACE_2_HEADER_1"], "X-Empty;");
        assert_eq!((env["TRACE_2_URL"].as_str(), env.len()), ("http://me:secret-word@api:8000/[a]{b}'$(id)", 6));
    }
}
