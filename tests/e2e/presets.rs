//! Presets: each takes the credentials of its checkout and nobody else's, and keeps its data.

use crate::checkout::Checkout;
use crate::http;

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api: {path: api, image: python, run: sleep infinity, needs: [bus, mq]}
services:
  bus: {preset: nats}
  mq: {preset: mosquitto}
";

const LOGIN: &str = r#"import os, socket
def nats(user, password):
    s = socket.create_connection(('bus', 4222))
    f = s.makefile('rwb')
    f.readline()
    f.write(('CONNECT {"user":"%s","pass":"%s","verbose":true}\r\n' % (user, password)).encode())
    f.flush()
    return f.readline().decode().split()[0]
def mqtt(user, password):
    s = socket.create_connection(('mq', 1883))
    text = lambda t: len(t).to_bytes(2, 'big') + t.encode()
    body = text('MQTT') + bytes([4, 0xC2, 0, 30]) + text('c1') + text(user) + text(password)
    s.sendall(bytes([0x10, len(body)]) + body)
    return s.recv(4).hex()
for login, name in [(nats, 'BUS'), (mqtt, 'MQ')]:
    print(login(os.environ[name + '_USER'], os.environ[name + '_PASSWORD']), login('x', 'y'))
"#;

#[test]
fn brokers_take_the_credentials_of_their_checkout_and_keep_their_data() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/login.py", LOGIN);
    checkout.ok(&["up"]);
    let login = || checkout.ok(&["exec", "api", "python3", "login.py"]).stdout;
    assert_eq!(login(), "+OK -ERR\n20020000 20020005\n");
    let own = "-u $(cat /run/devenv/credentials/user) -P $(cat /run/devenv/credentials/password)";
    checkout.ok(&["exec", "mq", "sh", "-c", &format!("mosquitto_pub {own} -r -t a/b -m kept")]);

    // Other passwords, with the same data.
    checkout.ok(&["secrets", "reset"]);
    assert_eq!(login(), "+OK -ERR\n20020000 20020005\n");
    let read = format!("mosquitto_sub {own} -W 10 -C 1 -t a/b");
    assert_eq!(checkout.ok(&["exec", "mq", "sh", "-c", &read]).stdout, "kept\n");
    checkout.ok(&["up"]).says("nothing to do");
}

const STORES: &str = "\
project: PROJECT
modules:
  app:
    path: app
    image: python
    deps: {lock: [requirements.txt], install: pip install --quiet -r requirements.txt}
    run: sleep infinity
    needs: [db, mq, kv, mc, mail, files]
services:
  db: {preset: mariadb, seed: db/seed.sql}
  mq: {preset: rabbitmq}
  kv: {preset: valkey}
  mc: {preset: memcached}
  mail: {preset: mail}
  files: {preset: s3}
";

#[test]
fn stores_speak_their_protocols_and_new_secrets_keep_their_data() {
    let checkout = Checkout::new(STORES);
    checkout.write("db/seed.sql", "create table item (name text);\ninsert into item values ('seeded');\n");
    checkout.write("app/requirements.txt", "pymysql==1.1.2\npika==1.3.2\n");
    checkout.write("app/stores.py", include_str!("presets/stores.py"));
    checkout.ok(&["up"]);
    let used = |what: &str| checkout.ok(&["exec", "app", "python3", "stores.py", what]).stdout;
    let memcached = "mc STORED VALUE one 0 4 kept END\n";
    let written = "db kept,seeded | refused\nmq sent | refused\nkv +OK | refused\nmail Kept ü text | refused\n";
    assert_eq!(used("write"), format!("{written}s3 stored | refused\n{memcached}"));

    // Other passwords, with the same data.
    let before = checkout.ok(&["url", "db"]).stdout;
    checkout.ok(&["secrets", "reset"]);
    assert_ne!(checkout.ok(&["url", "db"]).stdout, before);
    let read = "db kept,seeded | refused\nmq kept | refused\nkv kept | refused\nmail Kept ü text | refused\n";
    assert_eq!(used("read"), format!("{read}s3 kept | refused\n{memcached}"));
    checkout.ok(&["up"]).says("nothing to do");

    // A console of each, and the pages that people look at.
    let console = |name: &str, args: &[&str]| checkout.ok(&[&["db", name, "console", "--"], args].concat()).stdout;
    assert_eq!(console("db", &["-Be", "select count(*) from item"]), "count(*)\n2\n");
    assert_eq!(console("mq", &["--quiet", "list_queues"]), "name\tmessages\njobs\t1\n");
    assert_eq!(console("kv", &["get", "one"]), "kept\n");
    assert!(console("mail", &["list"]).contains("shop@example.com -> ann@example.com: Kept ü\n"));
    assert!(console("files", &["ls", "s3:"]).ends_with(&format!(" {}/a/b.txt\n", checkout.project())));
    checkout.devenv(&["db", "mail", "dump"]).code(2).says("only `devenv db mail console` works for it");
    let urls = checkout.ok(&["url"]).stdout;
    let page = |name: &str| {
        let lines = urls.lines().filter_map(|line| line.strip_prefix(name)).map(str::trim);
        lines.filter(|url| url.starts_with("http://")).map(str::to_owned).next().unwrap()
    };
    assert!(http::get(&page("mail")).1.contains("Kept ü"));
    assert!(http::get(&page("mq")).1.contains("RabbitMQ"));
}
