//! A product that is run by compose, as `devenv init` carries it over.

use crate::checkout::Checkout;
use crate::http;

const COMPOSE: &str = "\
services:
  proxy:
    image: nginx
    ports: ['80:80']
    volumes: ['./nginx.conf:/etc/nginx/conf.d/default.conf:ro']
    depends_on: [web]
  web:
    build: {context: web, target: dev}
    restart: always
    depends_on: {db: {condition: service_healthy}}
    environment: {DATABASE_URL: 'postgres://shop:secret@db:5432/orders'}
  db:
    image: postgres:17
    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: secret, POSTGRES_DB: orders}
    volumes: ['data:/var/lib/postgresql/data', './db/init.sql:/docker-entrypoint-initdb.d/init.sql']
volumes: {data: {}}
";

const APP: &str = "\
import http.server, os, sys, urllib.parse
import pg8000.native
url = urllib.parse.urlsplit(os.environ['DATABASE_URL'])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        db = pg8000.native.Connection(url.username, host=url.hostname, port=url.port, database=url.path[1:], password=url.password)
        answer = f\"{url.username} {url.path[1:]} {db.run('select name from item')[0][0]} {sys.argv[1]}\"
        db.close()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer.encode())
http.server.ThreadingHTTPServer(('', 8000), Handler).serve_forever()
";

#[test]
fn a_compose_file_with_a_database_and_a_web_server_runs_as_init_writes_it() {
    let checkout = Checkout::new("");
    std::fs::remove_file(checkout.root().join("devenv.yaml")).unwrap();
    checkout.write("compose.yaml", COMPOSE);
    checkout.write("nginx.conf", "server { location / { proxy_pass http://web:8000; } }\n");
    checkout.write("web/Dockerfile", "FROM python:3.12-slim AS dev\nWORKDIR /code\nCOPY . .\nENTRYPOINT [\"python3\"]\nCMD [\"/code/app.py\", \"up\"]\n");
    checkout.write("web/requirements.txt", "pg8000==1.31.2\n");
    checkout.write("web/app.py", APP);
    checkout.write("db/init.sql", "create table item (name text); insert into item values ('seeded');\n");
    let init = checkout.ok(&["init", "--name", checkout.project()]);
    init.says("web: a module from web, image python").says("proxy: devenv's gateway is in its place");
    checkout.ok(&["config"]);
    checkout.ok(&["up"]);
    assert_eq!(http::get(&checkout.url("gateway")), (200, "shop orders seeded up".to_owned()));
    checkout.ok(&["up"]).says("nothing to do");
}
