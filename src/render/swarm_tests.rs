//! Services as the engine gets them.

use serde_json::{Value, json};

use super::*;
use crate::error::Error;
use crate::plan::environment::samples::Team;
use crate::plan::registry::place::RegistryPath;
use crate::plan::release::set::Member;

const SHOP: &str = "\
project: shop
modules:
  api: {path: api, image: python, run: serve, port: 8000, route: /, health: {http: /healthz, start_within: 20s},
        needs: [db, migrate], env: {A: \"1\", T: \"${T:-x}\"}}
  migrate: {path: api, image: python, run: migrate, once: true, needs: [db]}
  demo: {path: api, image: python, run: demo, once: {per: data}, needs: [db]}
  smoke: {path: api, image: python, run: smoke, once: true, needs: [api]}
services: {db: {preset: postgres}}
features: {new: {prod: on}}
environments:
  prod:
    host: shop.example
    replicas: {api: 3}
    resources: {api: {memory: 64m, cpus: \"1.5\"}}
    secrets: {db.user: u, db.password: p, db.database: d, gateway.certificate: c, gateway.key: k}
    deploy: {to: swarm, context: prod}
    smoke: [{task: smoke}]
";

fn stack(text: &str) -> Result<Stack, StackError> {
    let team = Team::of(text);
    let project = &team.project;
    let target = Target::of(project, "prod").unwrap();
    let environment = team.files().environment(&target).unwrap();
    let member = |name: &str| Member {
        repository: format!("shop/{name}"),
        tag: "f00".to_owned(),
        digest: format!("sha256:{}", digest::hex(name.as_bytes())),
    };
    let names = ["api", "migrate", "demo", "smoke", "db", "gateway"];
    let set = ReleaseSet {
        project: "shop".to_owned(),
        commit: "c0ffee".to_owned(),
        time: 7,
        images: names.map(|name| (PartName::new(name).unwrap(), member(name))).into(),
    };
    let deploy = target.settings.deploy.clone().unwrap();
    let registry = &RegistryPath::new("registry.example.com/shop");
    StackOf { project, target: &target, environment: &environment, set: &set, registry, deploy: &deploy }.stack()
}

fn part<'s>(stack: &'s Stack, name: &str) -> &'s Desired {
    &stack.parts[&PartName::new(name).unwrap()]
}

fn container<'s>(stack: &'s Stack, name: &str) -> &'s Value {
    &part(stack, name).spec["TaskTemplate"]["ContainerSpec"]
}

#[test]
fn a_module_has_its_image_by_digest_as_few_rights_as_possible_and_is_rolled_back_by_the_engine() {
    let stack = stack(SHOP).unwrap();
    let api = part(&stack, "api");
    let digest = digest::hex(b"api");
    assert_eq!(api.image, format!("registry.example.com/shop/api@sha256:{digest}"));
    assert_eq!((api.role, api.replicas, api.within), (Role::Service, 3, 20));
    let container = container(&stack, "api");
    assert_eq!(container["ReadOnly"], true);
    assert_eq!((&container["CapabilityDrop"], &container["CapabilityAdd"]), (&json!(["ALL"]), &json!([])));
    assert_eq!(container["HealthCheck"]["StartPeriod"], 20_000_000_000_i64);
    assert_eq!(container["Mounts"][0]["Target"], "/tmp");
    let spec = &api.spec;
    assert_eq!(spec["Name"], "shop-prod_api");
    let update = (&spec["UpdateConfig"]["Order"], &spec["UpdateConfig"]["FailureAction"]);
    assert_eq!(update, (&json!("start-first"), &json!("rollback")));
    let limits = &spec["TaskTemplate"]["Resources"]["Limits"];
    assert_eq!(limits, &json!({"MemoryBytes": 67_108_864, "NanoCPUs": 1_500_000_000_i64}));
    assert_eq!(spec["TaskTemplate"]["Networks"], json!([{"Target": "shop-prod", "Aliases": ["api"]}]));
    assert_eq!(spec["EndpointSpec"]["Mode"], "dnsrr");
}

#[test]
fn a_module_with_folders_in_memory_keeps_tmp_and_its_labels_are_part_of_what_it_is_made_from() {
    let with = |keys: &str| stack(&SHOP.replace("route: /,", &format!("route: /, {keys},"))).unwrap();
    let folders = |stack: &Stack| {
        let mounts = container(stack, "api")["Mounts"].as_array().unwrap().clone();
        mounts.iter().map(|mount| mount["Target"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let cache = with("tmpfs: [\"/cache:size=64m\"], ulimits: {nofile: 1024}, extra_hosts: {old: 10.1.2.3}");
    assert_eq!(folders(&cache), ["/tmp", "/cache"]);
    assert_eq!(container(&cache, "api")["Hosts"], json!(["10.1.2.3 old"]));
    assert_eq!(folders(&with("tmpfs: [\"/tmp:size=64m\"]")), ["/tmp"]);
    let (before, labelled) = (stack(SHOP).unwrap(), with("labels: {team: shop}"));
    assert_eq!(container(&labelled, "api")["Labels"]["team"], "shop");
    let label = part(&before, "api").definition.label();
    assert_eq!(part(&labelled, "api").definition.difference(&label), Some(vec!["settings".to_owned()]));
    assert_ne!(part(&labelled, "api").template, part(&before, "api").template);
}

#[test]
fn a_variable_of_the_deployer_stands_as_it_was_written_and_features_are_a_file() {
    let stack = stack(SHOP).unwrap();
    let api = part(&stack, "api");
    assert_eq!(api.variables, ["T"]);
    let env = container(&stack, "api")["Env"].to_string();
    assert!(env.contains("\"T=${T:-x}\"") && env.contains("\"FEATURE_NEW=on\""), "{env}");
    assert!(env.contains("FLAGD_OFFLINE_FLAG_SOURCE_PATH=/run/devenv/features/flags.json"), "{env}");
    let (name, text) = stack.configs.iter().next().unwrap();
    assert_eq!(*name, format!("shop-prod_flags_{}", &digest::hex(text.as_bytes())[..12]));
    assert_eq!(container(&stack, "api")["Configs"][0]["ConfigName"], name.as_str());
    assert_eq!(container(&stack, "db")["Configs"], json!([]));
}

#[test]
fn data_stays_on_its_node_and_is_never_written_by_two_containers() {
    let stack = stack(SHOP).unwrap();
    let db = part(&stack, "db");
    assert_eq!(db.node_label.as_deref(), Some("shop-prod.db"));
    assert_eq!(db.spec["TaskTemplate"]["Placement"], json!({"Constraints": ["node.labels.shop-prod.db == true"]}));
    assert_eq!(db.spec["UpdateConfig"]["Order"], "stop-first");
    assert_eq!(db.secrets, ["d", "p", "u"]);
    let container = container(&stack, "db");
    let mounts = container["Mounts"].as_array().unwrap();
    let of = |target: &str| mounts.iter().find(|mount| mount["Target"] == target).unwrap();
    assert_eq!(of("/var/lib/postgresql/data")["Source"], "shop-prod-db-data");
    assert_eq!(of("/dev/shm")["TmpfsOptions"]["SizeBytes"], 128 << 20);
    assert_eq!(container["StopGracePeriod"], 30_000_000_000_i64);
    assert_eq!(container["CapabilityAdd"], json!(["CHOWN", "DAC_OVERRIDE", "SETUID", "SETGID"]));
    assert_eq!(container["Secrets"][0]["File"]["Name"], "/run/devenv/credentials/database");
}

#[test]
fn what_runs_to_its_end_is_one_service_that_never_restarts() {
    let stack = stack(SHOP).unwrap();
    let roles = ["migrate", "demo", "smoke"].map(|name| part(&stack, name).role);
    assert_eq!(roles, [Role::Task, Role::TaskPerData, Role::Smoke]);
    let spec = &part(&stack, "migrate").spec;
    assert_eq!(spec["Mode"], json!({"Replicated": {"Replicas": 1}}));
    assert_eq!(spec["TaskTemplate"]["RestartPolicy"], json!({"Condition": "none"}));
    assert_eq!(spec.get("UpdateConfig"), None);
}

#[test]
fn the_ports_of_the_gateway_are_open_on_every_node_or_on_its_own() {
    let ingress = stack(SHOP).unwrap();
    let endpoint = |stack: &Stack| part(stack, "gateway").spec["EndpointSpec"].clone();
    assert_eq!(
        (&endpoint(&ingress)["Mode"], &endpoint(&ingress)["Ports"][0]["PublishMode"]),
        (&json!("vip"), &json!("ingress"))
    );
    assert_eq!(part(&ingress, "gateway").spec["UpdateConfig"]["Order"], "start-first");
    let host = stack(&SHOP.replace("context: prod}", "context: prod, ports: host}")).unwrap();
    assert_eq!(endpoint(&host)["Mode"], "dnsrr");
    assert_eq!(
        endpoint(&host)["Ports"][0],
        json!({"Protocol": "tcp", "TargetPort": 8443, "PublishedPort": 443, "PublishMode": "host"})
    );
    assert_eq!(part(&host, "gateway").spec["UpdateConfig"]["Order"], "stop-first");
}

#[test]
fn a_definition_names_what_differs_and_more_of_the_same_replaces_no_container() {
    let before = stack(SHOP).unwrap();
    let differ = |text: &str| {
        let now = stack(text).unwrap();
        let label = part(&before, "api").definition.label();
        let same = part(&now, "api").template == part(&before, "api").template;
        (part(&now, "api").definition.difference(&label).unwrap_or_default().join(" "), same)
    };
    assert_eq!(differ(SHOP), (String::new(), true));
    assert_eq!(differ(&SHOP.replace("api: 3", "api: 4")), ("replicas".to_owned(), true));
    assert_eq!(differ(&SHOP.replace("A: \"1\"", "A: \"2\"")), ("environment".to_owned(), false));
    assert_eq!(differ(&SHOP.replace("64m", "65m")), ("resources".to_owned(), false));
    assert_eq!(differ(&SHOP.replace("/healthz", "/health")), ("health".to_owned(), false));
    assert_eq!(differ(&SHOP.replace("db.password: p", "db.password: q")), ("secrets".to_owned(), false));
}

#[test]
fn what_no_set_has_and_what_no_digest_names_is_refused() {
    let other = SHOP.replace("services:", "  other: {path: api, image: python, run: x}\nservices:");
    let error = stack(&other).unwrap_err();
    assert_eq!(error.to_string(), "the release set of c0ffee has no image of `other`");
    let mail = SHOP.replace("{db:", "{mail: {image: \"axllent/mailpit:v1\", port: 8025}, db:");
    let error = Error::from(stack(&mail).unwrap_err());
    assert_eq!(error.to_string(), "`mail` runs in axllent/mailpit:v1, which is not named by digest");
    assert_eq!(error.kind.exit_code(), 2);
}
