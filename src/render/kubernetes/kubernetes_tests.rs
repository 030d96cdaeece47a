//! Manifests as they are printed, checked by the API's types and by our own rules.

use std::collections::BTreeSet;

use k8s_openapi::api::{apps, batch, core, networking, policy};
use serde_json::{Value, json};

use super::*;
use crate::plan::environment::samples::Team;

const SHOP: &str = "\
project: shop
modules:
  api: {path: api, image: python, run: serve, port: 8000, route: /api, health: {http: /healthz, start_within: 20s},
        needs: [db, migrate], env: {A: \"1 $$(B)\"}}
  migrate: {path: api, image: python, run: migrate, once: true, needs: [db]}
  web: {path: web, image: python, run: serve, port: 3000, route: /, ports: {debug: 5678, dns: {port: 53, protocol: udp}},
        needs: [api], stop_grace_period: 20s, extra_hosts: {old: 10.1.2.3}, ulimits: {nofile: 1024}, shm_size: 64m}
services: {db: {preset: postgres}}
features: {new: {prod: on}}
environments:
  prod:
    host: shop.example
    replicas: {api: 3}
    resources: {api: {memory: 64m, cpus: \"1.5\"}}
    secrets: {db.user: u, db.password: shop_password, db.database: d, gateway.certificate: shop_tls, gateway.key: k}
  staging: {like: prod, host: staging.shop.example, replicas: {api: 1}}
";

/// An environment of a project.
struct Case {
    team: Team,
    target: Target,
    environment: Environment,
}

impl Case {
    fn of(text: &str, name: &str) -> Self {
        let team = Team::of(text);
        let target = Target::of(&team.project, name).unwrap();
        let environment = team.files().environment(&target).unwrap();
        Self { team, target, environment }
    }

    fn manifests(&self) -> Manifests<'_> {
        Manifests { project: &self.team.project, target: &self.target, environment: &self.environment }
    }
}

fn objects(text: &str, name: &str) -> Result<Vec<Value>, KubernetesError> {
    Case::of(text, name).manifests().objects()
}

fn find<'o>(objects: &'o [Value], kind: &str, name: &str) -> &'o Value {
    let is_it = |one: &&Value| one["kind"] == kind && one["metadata"]["name"].as_str().unwrap().starts_with(name);
    objects.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// An object that goes through the API's type and comes back as it was: a key that the type does not know would be lost.
fn round_trip(object: &Value) -> Value {
    fn through<T: serde::de::DeserializeOwned + serde::Serialize>(object: &Value) -> Value {
        let read: T = serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object}"));
        serde_json::to_value(read).unwrap()
    }
    match object["kind"].as_str().unwrap() {
        "ConfigMap" => through::<core::v1::ConfigMap>(object),
        "Service" => through::<core::v1::Service>(object),
        "Deployment" => through::<apps::v1::Deployment>(object),
        "StatefulSet" => through::<apps::v1::StatefulSet>(object),
        "Job" => through::<batch::v1::Job>(object),
        "Ingress" => through::<networking::v1::Ingress>(object),
        "NetworkPolicy" => through::<networking::v1::NetworkPolicy>(object),
        "PodDisruptionBudget" => through::<policy::v1::PodDisruptionBudget>(object),
        kind => panic!("{kind}"),
    }
}

#[test]
fn every_object_is_one_of_the_api_with_nothing_that_it_does_not_know() {
    for environment in ["prod", "staging"] {
        for object in objects(SHOP, environment).unwrap() {
            assert_eq!(round_trip(&object), object);
        }
    }
}

#[test]
fn every_part_has_what_its_kind_needs() {
    let all = objects(SHOP, "prod").unwrap();
    let kinds: Vec<String> = all
        .iter()
        .map(|one| format!("{} {}", one["kind"].as_str().unwrap(), one["metadata"]["name"].as_str().unwrap()))
        .map(|line| line.split('-').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        kinds,
        [
            "ConfigMap features",
            "Service api",
            "Deployment api",
            "PodDisruptionBudget api",
            "NetworkPolicy api",
            "Service db",
            "StatefulSet db",
            "NetworkPolicy db",
            "Job migrate",
            "NetworkPolicy migrate",
            "Service web",
            "Deployment web",
            "NetworkPolicy web",
            "NetworkPolicy shop",
            "Ingress shop",
        ]
    );
    let api = &find(&all, "Deployment", "api")["spec"];
    assert_eq!(api["replicas"], 3);
    let container = &api["template"]["spec"]["containers"][0];
    assert_eq!(container["resources"]["limits"], json!({"memory": "64Mi", "cpu": "1.5"}));
    assert_eq!(container["startupProbe"]["httpGet"], json!({"port": 8000, "path": "/healthz"}));
    assert_eq!(container["startupProbe"]["failureThreshold"], 20);
    assert_eq!(container["securityContext"]["runAsNonRoot"], true);
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    let variable = container["env"].as_array().unwrap().iter().find(|one| one["name"] == "A").unwrap();
    let script = container["args"][2].as_str().unwrap();
    assert!(script.contains("DB_NAME=\"$$(secret db.database)\""), "{script}");
    assert_eq!(variable["value"], "1 $$(B)", "what looks like another variable stays a text");
    let paths = &find(&all, "Ingress", "shop")["spec"]["rules"][0]["http"]["paths"];
    assert_eq!((&paths[0]["path"], &paths[1]["path"]), (&json!("/api"), &json!("/")));
    assert_eq!(find(&all, "Ingress", "shop")["spec"]["tls"][0]["secretName"], "shop-tls");
    let policy = &find(&all, "NetworkPolicy", "db")["spec"]["ingress"][0]["from"];
    assert_eq!(policy.as_array().unwrap().len(), 2, "api and migrate");
}

#[test]
fn further_ports_are_open_to_those_that_need_the_part_and_what_a_pod_cannot_have_is_listed() {
    let all = objects(
        &SHOP.replace("needs: [db, migrate]", "needs: [db, migrate, web]").replace("needs: [api], ", ""),
        "prod",
    );
    let all = all.unwrap();
    let names = |value: &Value, key: &str| {
        let ports = value.as_array().unwrap().iter();
        ports.map(|port| format!("{} {}", port[key], port["protocol"].as_str().unwrap())).collect::<Vec<_>>()
    };
    let pod = &find(&all, "Deployment", "web")["spec"]["template"]["spec"];
    let expected = ["3000 TCP", "5678 TCP", "53 UDP"];
    assert_eq!(names(&pod["containers"][0]["ports"], "containerPort"), expected);
    assert_eq!(names(&find(&all, "Service", "web")["spec"]["ports"], "port"), expected);
    let rules = &find(&all, "NetworkPolicy", "web")["spec"]["ingress"];
    assert_eq!(names(&rules[0]["ports"], "port"), ["\"main\" TCP", "\"debug\" TCP", "\"dns\" UDP"]);
    assert_eq!(names(&rules[1]["ports"], "port"), ["\"main\" TCP"]);
    assert_eq!(rules[1]["from"], json!([{"namespaceSelector": {}}]));
    assert_eq!(pod["terminationGracePeriodSeconds"], 20);
    assert_eq!(pod["hostAliases"], json!([{"ip": "10.1.2.3", "hostnames": ["old"]}]));
    let volumes = pod["volumes"].as_array().unwrap();
    let shm = volumes.iter().find(|volume| volume["name"] == "shm").unwrap();
    assert_eq!(shm["emptyDir"], json!({"medium": "Memory", "sizeLimit": "64Mi"}));
    assert_eq!(Case::of(SHOP, "prod").manifests().left_out(), ["`stop_signal` of `db`", "`ulimits` of `web`"]);
}

#[test]
fn what_is_referred_to_is_there_and_selectors_find_their_pods() {
    let all = objects(SHOP, "prod").unwrap();
    let maps: BTreeSet<&str> = all
        .iter()
        .filter(|one| one["kind"] == "ConfigMap")
        .map(|one| one["metadata"]["name"].as_str().unwrap())
        .collect();
    for object in &all {
        let name = object["metadata"]["name"].as_str().unwrap();
        let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(name.len() <= 63 && name.chars().all(is_label), "{name}");
        let template = &object["spec"]["template"];
        let Some(pod) = template.get("spec") else { continue };
        if let Some(selector) = object["spec"]["selector"].get("matchLabels") {
            for (key, value) in selector.as_object().unwrap() {
                assert_eq!(&template["metadata"]["labels"][key], value, "{name}");
            }
        }
        let volumes = pod["volumes"].as_array().cloned().unwrap_or_default();
        let claims = object["spec"]["volumeClaimTemplates"].as_array().cloned().unwrap_or_default();
        let claims = claims.iter().map(|claim| claim["metadata"]["name"].clone());
        let known: Vec<Value> = volumes.iter().map(|volume| volume["name"].clone()).chain(claims).collect();
        for mount in pod["containers"][0]["volumeMounts"].as_array().into_iter().flatten() {
            assert!(known.contains(&mount["name"]), "{name}: {mount}");
        }
        for volume in &volumes {
            if let Some(map) = volume["configMap"]["name"].as_str() {
                assert!(maps.contains(map));
            }
        }
        if object["kind"] == "Job" {
            assert_eq!(pod["restartPolicy"], "Never");
        }
    }
    // The values of secrets are nowhere, and their names are those that the configuration has.
    let text = text(&all);
    assert!(text.contains("secretName: shop-password") && !text.contains("kind: Secret"), "{text}");
}

#[test]
fn an_overlay_has_exactly_what_its_environment_has_differently() {
    let both = ["prod", "staging"].map(|name| (name.to_owned(), objects(SHOP, name).unwrap()));
    let files = kustomize::files(&both);
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "base/objects.yaml",
            "base/kustomization.yaml",
            "overlays/prod/objects.yaml",
            "overlays/prod/kustomization.yaml",
            "overlays/staging/objects.yaml",
            "overlays/staging/patches.yaml",
            "overlays/staging/kustomization.yaml",
        ]
    );
    let patches = &files[5].text;
    assert!(patches.contains("replicas: 1") && patches.contains("host: staging.shop.example"), "{patches}");
    // What only one of them has is in its overlay: nothing of the base has to be deleted.
    assert!(
        files[2].text.contains("kind: PodDisruptionBudget") && files[2].text.contains("kind: Job"),
        "{}",
        files[2].text
    );
    assert!(!files[0].text.contains("kind: PodDisruptionBudget"), "{}", files[0].text);
    assert!(!patches.contains("kind: StatefulSet"), "{patches}");
    assert!(
        files[6].text.contains("- \"../../base\"") && files[6].text.contains("path: patches.yaml"),
        "{}",
        files[6].text
    );
}

#[test]
fn what_kubernetes_cannot_be_told_is_an_error_with_its_place() {
    let error = objects(&SHOP.replace("A: \"1 $$(B)\"", "A: \"${HOME:-x}\""), "prod").unwrap_err();
    assert_eq!(error.to_string(), "devenv.yaml:4: `A` of `api` has `${…}` in prod, which Kubernetes does not fill in");
    let error = objects(SHOP, "ci").unwrap_err();
    assert_eq!(error.to_string(), "`ci` is not made for a platform, so it has no manifests");
}
