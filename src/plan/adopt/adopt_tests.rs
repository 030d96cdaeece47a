//! Conversions as texts: a compose file in, devenv.yaml and the list of what is not carried out.

use std::collections::BTreeMap;

use crate::assets::Assets;
use crate::config;
use crate::config::compose_project;
use crate::config::compose_project::project::ComposeInputs;
use crate::config::inputs::{InputFile, Inputs};
use crate::names::ProjectName;
use crate::plan::adopt::adopt;
use crate::plan::adopt::adoption::{Adoption, Facts, lines};
use crate::plan::catalogue::Catalogue;
use crate::plan::source_tree::{SourceFile, sample};
use crate::render::adopt::{configuration, fragment, local};

fn converted(files: &[(&str, &str)]) -> Result<Adoption, String> {
    let mut tree = sample(files);
    let private = tree.text("secret/.env").map(crate::plan::adopt::origin::dotenv).unwrap_or_default();
    if !private.is_empty() {
        tree.add(".env", SourceFile { text: None, is_private: true });
    }
    let content = |path: &str| tree.text(path).map(|text| text.as_bytes().to_vec());
    let inputs = ComposeInputs { content: &content, variables: &private };
    let compose =
        compose_project::read(&["compose.yaml".to_owned()], inputs).map_err(|problems| problems.to_string())?;
    let catalogue = Catalogue::of(&Assets::embedded()).unwrap();
    adopt(Facts { compose: &compose, tree: &tree, catalogue: &catalogue, private: &private })
        .map_err(|problems| problems.to_string())
}

/// What devenv.yaml says below its head, what is laid over, and what is not carried. It loads.
fn shown(files: &[(&str, &str)]) -> String {
    let done = converted(files).unwrap();
    let text = configuration(&ProjectName::new("shop").unwrap(), &done, "compose.yaml");
    let main = InputFile { name: "devenv.yaml".to_owned(), bytes: text.clone().into_bytes() };
    let known = Catalogue::of(&Assets::embedded()).unwrap().known((0, 1, 0));
    let read = config::read(Inputs { main: &main, local: None, env: &BTreeMap::new() });
    let problems = read.checked_against(&known).finish(&config::paths::PathFacts::new());
    assert!(problems.is_ok(), "{text}\n{}", problems.unwrap_err());
    let body = text.split_once("\n\n").map_or("", |(_, body)| body);
    let over =
        fragment(&done).map(|text| format!("--- over\n{}", text.split_once('\n').unwrap().1)).unwrap_or_default();
    let own = local(&done).map(|text| format!("--- local\n{}", text.split_once('\n').unwrap().1)).unwrap_or_default();
    let notes: Vec<String> = lines(&done.notes).into_iter().map(|line| format!("- {line}\n")).collect();
    format!("{body}{over}{own}{}", notes.concat())
}

const PYTHON: &str = "FROM python:3.12-slim\nWORKDIR /code\nCOPY . .\nEXPOSE 8000\nCMD [\"python3\", \"app.py\"]\n";

#[test]
fn source_is_a_module_and_a_known_image_a_preset_whose_credentials_are_placeholders() {
    let compose = "services:\n  web:\n    build: ./app\n    restart: always\n    ports: ['80:8000']\n    depends_on: [db]\n    \
                   environment:\n      DATABASE_URL: postgres://shop:pw@db:5432/orders\n      PRICE: 5$$\n    volumes: ['./app:/code', '/code/node_modules']\n  \
                   db:\n    image: postgres:17\n    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: pw, POSTGRES_DB: orders}\n    \
                   volumes: ['data:/var/lib/postgresql/data', './seed.sql:/docker-entrypoint-initdb.d/seed.sql']\nvolumes: {data: {}}\n";
    let files = [
        ("compose.yaml", compose),
        ("app/Dockerfile", PYTHON),
        ("app/requirements.txt", "flask\n"),
        ("app/app.py", ""),
        ("seed.sql", ""),
    ];
    assert_eq!(
        shown(&files),
        "modules:\n  web:\n    path: app\n    image: python\n    deps: {lock: [requirements.txt], install: pip install -r requirements.txt}\n    \
         run: python3 app.py\n    port: 8000\n    route: /\n    needs: [db]\n    env:\n      \
         DATABASE_URL: \"postgres://{db.user}:{db.password}@{db.host}:{db.port}/{db.database}\"\n      PRICE: \"5$$\"\n\n\
         services:\n  db:\n    preset: postgres\n    credentials: {user: shop, database: orders}\n    seed: seed.sql\n\
         - compose.yaml:4 web.restart: in dev, devenv restarts after a change, and shows what exited; on a platform parts are restarted\n\
         - compose.yaml:5 web.ports: 80 on this machine is the developer's choice: `ports: {web: 80}` in devenv.local.yaml\n\
         - compose.yaml:10 web.volumes: what is installed or built has volumes of its own\n\
         - compose.yaml:13 db.environment.POSTGRES_PASSWORD: devenv generates a password for each checkout: programs read DB_PASSWORD or DB_URL\n"
    );
}

#[test]
fn an_image_is_a_service_and_what_has_no_word_is_laid_over() {
    let compose = "services:\n  search_1:\n    image: opensearch:2\n    ports: ['9200:9200', '9600:9600']\n    cap_add: [IPC_LOCK]\n    \
                   command: serve --config /c\n    volumes: ['./conf:/c:ro', 'data:/data', '/var/run/docker.sock:/var/run/docker.sock']\n    \
                   healthcheck: {test: [CMD-SHELL, 'curl -f http://localhost:9200/_health || exit 1'], interval: 10s, retries: 10}\nvolumes: {data: {}}\n";
    assert_eq!(
        shown(&[("compose.yaml", compose), ("conf/x.conf", "")]),
        "services:\n  search-1:\n    image: opensearch:2\n    port: 9200\n    command: [serve, \"--config\", /c]\n    \
         health: {http: /_health, start_within: \"100s\"}\n    volumes: {data: /data}\n\
         --- over\nservices:\n  search-1:\n    cap_add:\n    - IPC_LOCK\n    volumes:\n    - \"./conf:/c:ro\"\n    - /var/run/docker.sock:/var/run/docker.sock\n\
         - compose.yaml:2 search_1: a part's name is a host name: it is `search-1` now; write it so where code names the host\n\
         - compose.yaml:4 search_1.ports: 9600 is open to other parts, but not to this machine: a service publishes one port\n\
         - compose.yaml:7 search_1.volumes: it is outside the checkout: `up` says what devenv.local.yaml must allow for it\n"
    );
}

#[test]
fn a_web_server_in_front_is_the_gateway_and_secrets_of_a_database_stay_where_they_were() {
    let compose = "services:\n  proxy: {image: nginx, volumes: ['./nginx.conf:/etc/nginx/conf.d/default.conf'], depends_on: [backend]}\n  \
                   backend: {build: {context: backend, target: builder}, secrets: [pw], depends_on: {db: {condition: service_healthy}}, stop_signal: sigint, stop_grace_period: soon, shm_size: 64MB, tmpfs: /cache, ulimits: {}}\n  \
                   db: {image: 'postgres:17', secrets: [pw], environment: [POSTGRES_DB=example, POSTGRES_PASSWORD_FILE=/run/secrets/pw]}\n\
                   secrets: {pw: {file: pw.txt}}\n";
    let dockerfile = "FROM golang:1.22 AS builder\nWORKDIR /code\nRUN go build -o bin/backend\nCMD [\"/code/bin/backend\"]\nFROM scratch\n";
    let files = [
        ("compose.yaml", compose),
        ("nginx.conf", "server { location / { proxy_pass http://backend:8000; } }"),
        ("backend/Dockerfile", dockerfile),
        ("backend/go.mod", "module x\n"),
        ("backend/main.go", ""),
        ("pw.txt", "x"),
    ];
    let said = shown(&files);
    assert!(said.starts_with("modules:\n  backend:\n    path: backend\n    image: go\n"), "{said}");
    for part in [
        "    port: 8000\n    route: /\n    needs: [db]\n    stop_signal: SIGINT\n    shm_size: \"64m\"\n    tmpfs: [/cache, /run/secrets]\n",
        "printf %s \\\"$$DB_PASSWORD\\\" >/run/secrets/pw; ",
        "credentials: {user: postgres, database: example}",
        "- compose.yaml:3 backend.stop_grace_period: devenv does not know this form\n",
        "- compose.yaml:2 proxy: devenv's gateway is in its place, with its routes (/ → backend)",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(!said.contains("--- over"), "{said}");
}

#[test]
fn what_is_built_into_a_smaller_image_runs_where_it_is_built() {
    let node = "FROM node:20 AS dev\nENV PORT=3000\nCMD npm start\nFROM nginx:alpine\nCOPY --from=dev /x /y\n";
    let site = "services: {site: {build: ., ports: ['80:80']}}\n";
    let said = shown(&[("compose.yaml", site), ("Dockerfile", node), ("package.json", "{}"), ("server.js", "")]);
    assert!(said.contains("    image: node\n") && said.contains("    run: npm start\n    port: 3000\n"), "{said}");
    let java = "FROM maven:3 AS build\nRUN mvn package\nFROM eclipse-temurin:17\nCMD java -jar /app.jar\n";
    let said = shown(&[("compose.yaml", site), ("Dockerfile", java), ("pom.xml", "<spring-boot>")]);
    assert!(said.contains("  java:\n    parent: base\n    packages: [default-jdk-headless, maven]\n"), "{said}");
    assert!(said.contains("    run: mvn -B -q spring-boot:run\n"), "{said}");
}

#[test]
fn what_git_ignores_is_not_written_for_everybody() {
    let compose = "services:\n  web:\n    build: .\n    environment: [API_TOKEN=$TOKEN, 'LEVEL=${LEVEL:-info}', HOME_URL=$MISSING]\n    env_file: .env\n    profiles: [extra]\n";
    let files = [
        ("compose.yaml", compose),
        ("Dockerfile", PYTHON),
        ("app.py", ""),
        ("requirements.txt", ""),
        ("secret/.env", "TOKEN=s3cret\nLEVEL=debug\n"),
    ];
    let said = shown(&files);
    assert!(!said.split("--- local").next().unwrap().contains("s3cret") && !said.contains("debug"), "{said}");
    for part in [
        "    env:\n      LEVEL: \"${LEVEL:-info}\"\n      HOME_URL: \"\"\n    secrets: {API_TOKEN: {ask: \"API_TOKEN, which stood in `.env`\"}}\n    mode: \"off\"\n",
        "    env_file:\n    - path: \"./.env\"\n      required: false\n",
        "--- local\nsecrets:\n  web.API_TOKEN: s3cret\n",
        "${MISSING}: it is not set and has no default",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn what_cannot_be_a_service_has_its_place() {
    for (compose, expected) in [
        ("services: {a: {build: ../x}}\n", "compose.yaml:1:23: `build` leaves this folder: `../x`"),
        ("services: {a: {build: x}}\n", "compose.yaml:1:23: there is no folder `x`"),
        ("services: {a: {restart: always}}\n", "compose.yaml:1:12: this service has neither `image` nor `build`"),
    ] {
        let said = converted(&[("compose.yaml", compose)]).unwrap_err();
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    let left = converted(&[
        ("compose.yaml", "services: {a: {build: .}}\n"),
        ("Dockerfile", "FROM mcr.microsoft.com/dotnet/sdk:8.0\n"),
    ])
    .unwrap();
    assert!(
        left.notes[0]
            .why
            .starts_with("it is built from mcr.microsoft.com/dotnet/sdk:8.0, which devenv has no image for")
    );
}
