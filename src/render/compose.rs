//! The compose files: base and dev overlay from their templates, labels from what the two say together.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::assets::Assets;
use crate::config::text::yaml;
use crate::labels;
use crate::paths;
use crate::plan::definition::Definition;
use crate::plan::environment::target::{Base, Placement};
use crate::plan::mounts::{Mount, MountSource, VolumeClass};
use crate::plan::observed::EngineInfo;
use crate::plan::parts::deployed::Deployed;
use crate::plan::parts::{Ask, Environment, ImageRef, Part, PartKind, Probe};
use crate::render::{Access, Generated, MARKER, RenderError, render_asset};

/// The generated compose files of an environment, in the order in which they are laid over each other; fragments come
/// before labels.
#[must_use]
pub fn files_of(base: Base, placement: Placement) -> Vec<&'static str> {
    let overlay = match base {
        Base::Dev => "compose/dev.yaml",
        Base::Ci => "compose/ci.yaml",
        Base::Prod => "compose/prod.yaml",
    };
    let here = (base == Base::Prod && placement == Placement::Here).then_some("compose/here.yaml");
    ["compose/base.yaml", overlay].into_iter().chain(here).collect()
}

/// The file that says whose each container is.
pub const LABELS: &str = "compose/labels.yaml";

/// Where a fragment stands when compose reads it: a copy of what was checked, since the team's file may change meanwhile.
#[must_use]
pub fn fragment_path(number: usize) -> String {
    format!("{}/{number}.yaml", paths::FRAGMENTS)
}

/// The copy of a fragment's text.
#[must_use]
pub fn fragment(number: usize, text: &[u8]) -> Generated {
    let text = String::from_utf8_lossy(text);
    let text = format!("# {MARKER}\n{}", text.trim_start_matches('\u{feff}'));
    Generated { path: fragment_path(number), text, access: Access::Private }
}

/// A part in the words of the compose specification.
#[derive(Serialize)]
struct View<'a> {
    name: &'a str,
    image: &'a str,
    command: &'a Option<Vec<String>>,
    dir: &'a Option<String>,
    user: &'a Option<String>,
    env: &'a BTreeMap<String, String>,
    dev_env: &'a BTreeMap<String, String>,
    env_file: Option<String>,
    data: Vec<Value>,
    mounts: Vec<Value>,
    publish: Vec<Value>,
    aliases: Vec<String>,
    healthcheck: Option<Value>,
    depends_on: Option<Value>,
    extra: &'a serde_json::Map<String, serde_json::Value>,
    is_task: bool,
    deployed: Option<Deployment<'a>>,
}

/// What a part has on a platform, in the words of the compose specification.
#[derive(Serialize)]
struct Deployment<'a> {
    secrets: &'a BTreeMap<String, String>,
    ports: &'a [(u16, u16)],
    replicas: u16,
    memory: &'a Option<String>,
    cpus: &'a Option<String>,
    is_read_only: bool,
    /// Folders in memory, where the part has none there itself.
    tmpfs: Option<[&'static str; 1]>,
    /// Whether all capabilities are dropped here: a part that needs some to start says itself which.
    drops: bool,
    capabilities: Vec<&'a str>,
    /// Whether a new container may run beside the old one.
    has_data: bool,
}

/// Renders base and overlay.
pub fn files(environment: &Environment, assets: &Assets, engine: &EngineInfo) -> Result<Vec<Generated>, RenderError> {
    let views: Vec<View<'_>> = environment.parts.values().map(|part| view(part, environment, engine)).collect();
    let data = |data: bool| {
        let volumes = environment.volumes.values();
        volumes
            .filter(move |volume| (volume.class == VolumeClass::Data) == data)
            .map(|volume| volume.name.as_str())
            .collect::<Vec<_>>()
    };
    let mut context = tera::Context::new();
    context.insert("project", &environment.project);
    context.insert("parts", &views);
    context.insert("subnet", &environment.subnet);
    context.insert("data_volumes", &data(true));
    context.insert("dev_volumes", &data(false));
    context.insert("network_labels", &json!({labels::CHECKOUT: environment.id, labels::PATH: environment.root}));
    context.insert("secrets", &environment.secrets);
    files_of(environment.base, environment.placement)
        .into_iter()
        .map(|path| {
            let text = format!("# {MARKER}\n{}", render_asset(path, assets, &context)?);
            Ok(Generated { path: path.to_owned(), text, access: Access::Private })
        })
        .collect()
}

/// Renders the labels of every container, by which it is found again and compared.
pub fn labels(environment: &Environment, definitions: &BTreeMap<String, Definition>) -> Generated {
    let services: BTreeMap<&str, Value> = definitions
        .iter()
        .map(|(name, definition)| {
            let labels = json!({
                labels::CHECKOUT: environment.id,
                labels::PART: name,
                labels::DEFINITION: definition.label(),
            });
            (name.as_str(), json!({ "labels": labels }))
        })
        .collect();
    let body = yaml::document(&json!({"name": environment.project, "services": services}));
    Generated { path: LABELS.to_owned(), text: format!("# {MARKER}\n{body}"), access: Access::Private }
}

fn view<'a>(part: &'a Part, environment: &'a Environment, engine: &EngineInfo) -> View<'a> {
    let bare = serde_json::Map::new();
    let depends_on = part.needs.iter().filter_map(|need| environment.parts.get(need)).fold(bare, |mut map, need| {
        let condition = match (&need.probe, need.kind) {
            (_, PartKind::Task) => "service_completed_successfully",
            (Some(_), _) => "service_healthy",
            (None, _) => "service_started",
        };
        map.insert(need.name.to_string(), json!({ "condition": condition }));
        map
    });
    View {
        name: part.name.as_str(),
        image: part.image.reference(),
        command: &part.command,
        dir: &part.dir,
        user: &part.user,
        env: &part.env,
        dev_env: &part.dev_env,
        env_file: (!part.secret_env.is_empty()).then(|| paths::below(&environment.root, paths::env_file(&part.name))),
        data: part.data.iter().map(|one| mount(one, environment)).collect(),
        mounts: part.mounts.iter().map(|one| mount(one, environment)).collect(),
        publish: part
            .publish
            .iter()
            .map(|publish| {
                json!({
                    "mode": "host", "host_ip": "127.0.0.1", "protocol": publish.protocol.as_str(),
                    "target": publish.container, "published": publish.host.to_string(),
                })
            })
            .collect(),
        aliases: aliases(part, environment),
        healthcheck: part.probe.as_ref().map(|probe| healthcheck(probe, part, engine)),
        depends_on: (!depends_on.is_empty()).then_some(Value::Object(depends_on)),
        extra: &part.extra,
        is_task: part.kind == PartKind::Task,
        deployed: part.deployed.as_ref().map(|deployed| deployment(part, deployed)),
    }
}

fn deployment<'a>(part: &'a Part, deployed: &'a Deployed) -> Deployment<'a> {
    Deployment {
        secrets: &deployed.secrets,
        ports: &deployed.ports,
        replicas: deployed.replicas,
        memory: &deployed.resources.memory,
        cpus: &deployed.resources.cpus,
        is_read_only: part.is_read_only(),
        tmpfs: part.lacks_tmp().then_some(["/tmp"]),
        drops: !part.extra.contains_key("cap_drop"),
        capabilities: part.capabilities(),
        has_data: !part.data.is_empty(),
    }
}

/// The names of a part inside containers, beside its own: those that the certificate is for.
fn aliases(part: &Part, environment: &Environment) -> Vec<String> {
    let own = format!("{}.{}", part.name, environment.domain);
    if part.kind != PartKind::Gateway {
        return vec![own];
    }
    [own, environment.domain.clone()].into_iter().chain(environment.aliases.iter().cloned()).collect()
}

fn mount(mount: &Mount, environment: &Environment) -> Value {
    let read_only = !mount.writable;
    let has_owner = |name: &String| environment.volumes.get(name).is_some_and(|volume| volume.owner.is_some());
    match &mount.source {
        MountSource::Folder(source) => json!({
            "type": "bind", "source": source, "target": mount.target, "read_only": read_only,
            "bind": {"create_host_path": false},
        }),
        // An engine gives an empty volume the content, and with it the owner, of the image's folder, for each container that
        // is created with it: a volume whose owner we choose must not get another one.
        MountSource::Volume(source) if has_owner(source) => json!({
            "type": "volume", "source": source, "target": mount.target, "read_only": read_only,
            "volume": {"nocopy": true},
        }),
        MountSource::Volume(source) => json!({
            "type": "volume", "source": source, "target": mount.target, "read_only": read_only,
        }),
        MountSource::Memory => json!({"type": "tmpfs", "target": mount.target}),
    }
}

/// The engine's own check, for people who run the files by hand and for `docker ps`. Old engines know no quick checks
/// at the start, so the interval is a compromise there: each check is a process in the container.
fn healthcheck(probe: &Probe, part: &Part, engine: &EngineInfo) -> Value {
    // What a third-party image has in it is not known.
    let Some(test) = check_command(probe, part) else { return json!({"disable": true}) };
    let seconds = probe.within.as_secs().max(1);
    if engine.has_start_interval() {
        json!({
            "test": test, "interval": "60s", "timeout": "5s", "retries": 3,
            "start_period": format!("{seconds}s"), "start_interval": "1s",
        })
    } else {
        json!({"test": test, "interval": "10s", "timeout": "5s", "retries": 3, "start_period": format!("{seconds}s")})
    }
}

/// The command by which an engine checks a part; none in an image of which it is not known what it has.
pub(in crate::render) fn check_command(probe: &Probe, part: &Part) -> Option<Vec<String>> {
    let bash = |script: String| Some(["CMD", "bash", "-c", &script].map(str::to_owned).into());
    match (&probe.ask, &part.image) {
        (Ask::Exec(argv), _) => Some(["CMD".to_owned()].into_iter().chain(argv.iter().cloned()).collect()),
        (_, ImageRef::Theirs(_)) => None,
        (Ask::Tcp { port }, _) => bash(format!("exec 3<>/dev/tcp/127.0.0.1/{port}")),
        (Ask::Http { port, path }, _) => bash(format!(
            "exec 3<>/dev/tcp/127.0.0.1/{port} && printf 'GET {path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && \
             read -r _ code _ <&3 && test \"$code\" -lt 400"
        )),
    }
}
