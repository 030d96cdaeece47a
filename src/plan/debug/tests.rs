//! Tool boxes as values: whose namespaces, which variables, and what is said about a container that is not running.

use std::collections::BTreeMap;

use super::{BoxFiles, Net, Target, ToolBoxRequest, is_tool_box};
use crate::config::model::container::Protocol;
use crate::error::Error;
use crate::names::{ImageName, PartName};
use crate::plan::images::samples::hierarchy;
use crate::plan::observed::samples::container;
use crate::plan::observed::{ContainerState, Network, Observed};
use crate::plan::parts::secret_variable::SecretVariable;
use crate::plan::parts::{Environment, ImageRef, Part, PartKind, Publish, samples};

fn name(text: &str) -> PartName {
    PartName::new(text).unwrap()
}

fn service(text: &str, image: &str, port: u16, credentials: &[&str], environment: &mut Environment) {
    let image = ImageRef::Ours(ImageName::new(image).unwrap(), format!("shop/{image}:1"));
    let mut part = Part::new(name(text), PartKind::Service, image);
    part.publish = vec![Publish { host: port + 1, container: port, protocol: Protocol::Tcp }];
    let known = credentials.iter().map(|name| ((*name).to_owned(), None)).collect();
    environment.credentials.insert(name(text), known);
    environment.parts.insert(name(text), part);
}

/// `api` needs `db`; `cache` and `search` are there too.
fn environment() -> Environment {
    let mut api = Part::new(name("api"), PartKind::Module, ImageRef::Theirs("scratch".to_owned()));
    api.needs = vec![name("db")];
    api.env = BTreeMap::from([
        ("DB_HOST".to_owned(), "db".to_owned()),
        ("PATH".to_owned(), "/srv/api/bin".to_owned()),
        ("NO_PROXY".to_owned(), "*".to_owned()),
    ]);
    let url = SecretVariable::of(&name("db"), "postgresql://{user}:{password}@db:5432/{database}");
    api.secret_env = BTreeMap::from([("DB_URL".to_owned(), url)]);
    let mut environment = samples::environment(vec![api]);
    let postgres = ["user", "password", "database"];
    service("db", "postgres", 5432, &postgres, &mut environment);
    service("search", "postgres", 5432, &postgres, &mut environment);
    service("cache", "redis", 6379, &["password"], &mut environment);
    environment
}

fn observed(states: &[(&str, ContainerState)]) -> Observed {
    let network = Network {
        id: "net-id".to_owned(),
        name: "shop-a1b2c3_default".to_owned(),
        checkout: None,
        project: None,
        subnets: Vec::new(),
    };
    let containers = states.iter().map(|(part, state)| container(part, *state)).collect();
    Observed { containers, networks: vec![network], ..Observed::default() }
}

/// The tool box for a part as text, in which each credential is `SERVICE.NAME`.
fn text(part: Option<&str>, observed: &Observed, net: Net) -> String {
    let environment = environment();
    let target = Target::of(part.map(|part| &environment.parts[part]), observed).unwrap();
    let request = ToolBoxRequest {
        target,
        environment: &environment,
        images: &hierarchy(""),
        image: "shop/debug:1",
        command: &[],
        net,
        terminal: true,
        random: "x7",
        team: Some("/home/me/shop/devenv/images/debug/scripts"),
        owner: (1000, 1000),
        files: BoxFiles::Mounted,
        has_bundle: false,
    };
    let made = request.tool_box(|text| text.filled(|one| Some(format!("{{{}.{}}}", one.service, one.name))));
    let folders: Vec<String> =
        made.folders.iter().map(|folder| format!("{}:{}", folder.source, folder.target)).collect();
    let env: Vec<String> = made.env.iter().map(|(name, value)| format!("  {name}={value}\n")).collect();
    format!(
        "{} on {}, processes {}, volumes {}, {}\n{}\n{}note: {}\n{}\n",
        made.name,
        made.network,
        made.processes.unwrap_or_default(),
        made.volumes_from.unwrap_or_default(),
        made.capabilities.join("+"),
        folders.join("\n"),
        env.concat(),
        target.note().unwrap_or_default(),
        request.greeting(),
    )
}

#[test]
fn a_running_part_is_joined_and_clients_log_in_to_what_it_needs() {
    let observed = observed(&[("api", ContainerState::Running)]);
    assert_eq!(
        text(Some("api"), &observed, Net::Default),
        "\
shop-a1b2c3-api-debug-x7 on container:api-id, processes container:api-id, volumes api-id, SYS_PTRACE
/home/me/shop/.devenv/debug/scripts:/usr/local/lib/devenv/scripts
/home/me/shop/.devenv/debug/captures:/captures
/home/me/shop/.devenv/ca:/usr/local/share/devenv/host
/home/me/shop/devenv/images/debug/scripts:/usr/local/lib/devenv/team
  DB_HOST=db
  DB_URL=postgresql://{db.user}:{db.password}@db:5432/{db.database}
  DEVENV_DOMAIN=shop.test
  DEVENV_OWNER=1000:1000
  DEVENV_PART=api
  DEVENV_PARTS=cache:6379:redis db:5432:postgres search:5432:postgres
  HOME=/root
  NO_PROXY=*
  PGCONNECT_TIMEOUT=10
  PGDATABASE={db.database}
  PGHOST=db
  PGPASSWORD={db.password}
  PGPORT=5432
  PGUSER={db.user}
  debian_chroot=debug api
note: 
in the network and among the processes of `api`, whose files are at /target; psql is on `db`; `devenv debug --list` shows the scripts
"
    );
}

#[test]
fn a_part_that_has_ended_is_looked_at_from_beside_it_and_the_note_says_so() {
    let ended = text(Some("api"), &observed(&[("api", ContainerState::Exited(3))]), Net::Admin);
    let first = "shop-a1b2c3-api-debug-x7 on net-id, processes , volumes api-id, SYS_PTRACE+NET_ADMIN+NET_RAW\n";
    assert!(ended.starts_with(first), "{ended}");
    let note = "note: `api` ended with code 3: /target is a copy of its files, its volumes are at their own paths, and the \
                network is the environment's\nbeside `api`, which is not running; psql is on `db`";
    assert!(ended.contains(note), "{ended}");
}

#[test]
fn without_a_part_it_is_in_the_network_and_each_client_is_on_the_first_of_its_kind() {
    let all = text(None, &observed(&[]), Net::Default);
    assert!(all.starts_with("shop-a1b2c3-debug-x7 on net-id, processes , volumes , SYS_PTRACE\n"), "{all}");
    assert!(all.contains("in the network of the environment; psql is on `db`; redis-cli is on `cache`"), "{all}");
    assert!(all.contains("  REDISCLI_AUTH={cache.password}\n  REDISCLI_HOST=cache\n"), "{all}");
}

#[test]
fn a_part_that_is_a_database_is_logged_in_to_itself() {
    let own = text(Some("search"), &observed(&[("search", ContainerState::Running)]), Net::Default);
    assert!(own.contains("  PGHOST=search\n  PGPASSWORD={search.password}\n"), "{own}");
}

#[test]
fn of_several_containers_one_that_runs_is_joined() {
    let mut observed = observed(&[("api", ContainerState::Exited(0)), ("api", ContainerState::Running)]);
    observed.containers[1].id = "second".to_owned();
    assert!(text(Some("api"), &observed, Net::Default).contains("on container:second"));
}

#[test]
fn what_cannot_be_looked_into_says_what_to_do() {
    let environment = environment();
    let said = |part: Option<&str>, observed: &Observed| {
        let error: Error = Target::of(part.map(|part| &environment.parts[part]), observed).unwrap_err().into();
        format!("{error}; {}", error.hints.join(", "))
    };
    let nothing = Observed::default();
    assert_eq!(
        said(None, &nothing),
        "this environment has no network, so there is nothing to look into; `devenv up` creates it"
    );
    assert_eq!(said(Some("api"), &nothing), "`api` has no container yet; `devenv up api` creates it");
}

#[test]
fn a_tool_box_is_known_by_its_name() {
    assert!(is_tool_box("shop-a1b2c3-debug-x7") && is_tool_box("shop-a1b2c3-api-debug-x7"));
    assert!(!is_tool_box("shop-a1b2c3-debug-1-run-x7") && !is_tool_box("shop-a1b2c3-api-run-x7"));
}
