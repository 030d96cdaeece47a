//! One concurrent round of questions to the engine; then what depends on the environment: stamps, probes, registry.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use tokio::task::JoinHandle;

use crate::apply::session::probe;
use crate::error::{Error, Kind, Result};
use crate::host::docker::registries;
use crate::host::engine::Engine;
use crate::host::engine::images::{Answer, Images, name_and_tag};
use crate::host::random;
use crate::labels;
use crate::names::PartName;
use crate::plan::images::Node;
use crate::plan::mounts::MountSource;
use crate::plan::observed::{self, Container, ContainerState, EngineHealth, Observed, Packages, World};
use crate::plan::parts::{Ask, Environment, GATEWAY, Part};
use crate::plan::release::names;
use crate::plan::release::recipe::Recipe;
use crate::plan::steps::once;

/// How long a running part may take to answer while we look.
const GLANCE: Duration = Duration::from_millis(500);

/// What the engine says of itself, asked before anybody needs it: that answer takes it longer than all lists together.
pub struct Description(Answered);

enum Answered {
    Asked(JoinHandle<Result<observed::EngineInfo>>),
    Known(Box<observed::EngineInfo>),
}

/// Asks the engine what it is; it answers while something else is done.
#[must_use]
pub fn describe(engine: &Engine) -> Description {
    let engine = engine.clone();
    Description(Answered::Asked(tokio::spawn(async move { engine.describe().await })))
}

impl Description {
    /// What it has said before.
    #[must_use]
    pub fn known(engine: observed::EngineInfo) -> Self {
        Self(Answered::Known(Box::new(engine)))
    }

    async fn answer(self) -> Result<observed::EngineInfo> {
        match self.0 {
            Answered::Asked(asked) => asked.await.map_err(|error| Error::message(Kind::Bug, error))?,
            Answered::Known(engine) => Ok(*engine),
        }
    }
}

/// Everything that the engine has of devenv, in one round.
pub async fn world(engine: &Engine, description: Description, project: &str) -> Result<World> {
    let lists = std::pin::pin!(async {
        tokio::try_join!(
            engine.containers(labels::CHECKOUT),
            engine.volumes(),
            engine.networks(),
            engine.images(project),
        )
    });
    // An engine that is away or hangs fails every question: the one that knows what to do about it speaks.
    let (engine, (containers, volumes, networks, images)) =
        match select(std::pin::pin!(description.answer()), lists).await {
            Either::Left((engine, lists)) => (engine?, lists.await?),
            Either::Right((lists, engine)) => (engine.await?, lists?),
        };
    let Images { own, elsewhere, ids } = images;
    let tags = ids.keys().cloned().collect();
    Ok(World { engine, containers, volumes, networks, images: own, elsewhere, tags, image_ids: ids })
}

/// Adds what only an environment can ask: the stamps of dependencies and who answers.
pub async fn details(engine: &Engine, environment: &Environment, observed: &mut Observed) {
    let stamps = environment.parts.values().filter_map(|part| {
        let (install, container) = (part.install.as_ref()?, observed.container(&part.name)?);
        Some(async move {
            let bytes = engine.read_file(&container.id, &install.stamp).await.ok()??;
            Some((part.name.clone(), String::from_utf8_lossy(&bytes).trim().to_owned()))
        })
    });
    let probes = environment.parts.values().filter_map(|part| {
        let containers: Vec<&Container> = observed.containers_of(&part.name).collect();
        let all_run = containers.iter().all(|container| container.state == ContainerState::Running);
        let wanted = part.lifecycle.replicas.max(1);
        (all_run && containers.len() >= wanted).then_some(async move {
            let answers = join_all(containers.into_iter().map(|container| glance(engine, part, container))).await;
            let answers: Option<Vec<String>> = answers.into_iter().collect();
            Some((part.name.clone(), answers?.pop()?))
        })
    });
    let done = environment.parts.values().filter(|part| part.once.is_some()).filter_map(|task| {
        let container = observed.container(&task.name);
        let is_known = container.is_some_and(|container| container.state == ContainerState::Exited(0));
        (!is_known).then_some(async { Some((task.name.clone(), done(engine, environment, observed, task).await?)) })
    });
    let (stamps, probes, done) = tokio::join!(join_all(stamps), join_all(probes), join_all(done));
    let done = done.into_iter().flatten().collect();
    let stamps: BTreeMap<PartName, String> = stamps.into_iter().flatten().collect();
    let answers: BTreeMap<PartName, String> = probes.into_iter().flatten().collect();
    observed.gateway = answers.get(GATEWAY).map(|body| body.trim().to_owned());
    (observed.stamps, observed.done) = (stamps, done);
    observed.ready = answers.into_keys().collect();
}

/// With which definition a task was done on the data that it works on: read beside that, in the container of its owner, or
/// in one that is made for the question. Where no image is there to make one of, the answer is [`once::UNREADABLE`].
async fn done(engine: &Engine, environment: &Environment, observed: &Observed, task: &Part) -> Option<String> {
    for (owner, folder) in once::data_of(environment, task) {
        let part = environment.parts.get(owner)?;
        let path = format!("{folder}/{}", once::stamp(&task.name));
        // Of a container whose mounted folders are gone, the engine finds no file in any volume.
        let direct = match observed.container(owner) {
            Some(container) => engine.read_file(&container.id, &path).await.ok().flatten(),
            None => None,
        };
        let stamp = match direct {
            Some(stamp) => Some(stamp),
            None => {
                let mount = part.data.iter().find(|mount| mount.target == folder)?;
                let MountSource::Volume(volume) = &mount.source else { continue };
                if !observed.volumes.contains_key(volume) {
                    continue;
                }
                let any = observed.images.iter().find_map(|image| image.tags.first().map(String::as_str));
                let image = Some(part.image.reference()).filter(|image| observed.tags.contains(*image)).or(any);
                let read = match image {
                    Some(image) => read_from_volume(engine, environment, task, image, (volume, folder), &path).await,
                    None => return Some(once::UNREADABLE.to_owned()),
                };
                read.unwrap_or_else(|_| Some(once::UNREADABLE.into()))
            }
        };
        if let Some(stamp) = stamp {
            let text = String::from_utf8_lossy(&stamp).trim().to_owned();
            return (text != once::UNFINISHED).then_some(text);
        }
    }
    None
}

/// A file of a volume, read through a container that is made for it.
async fn read_from_volume(
    engine: &Engine,
    environment: &Environment,
    task: &Part,
    image: &str,
    volume: (&str, &str),
    path: &str,
) -> Result<Option<Vec<u8>>> {
    // The watcher may ask at the same moment, for the same task.
    let name = format!("{}-{}-stamp-{}", environment.project, task.name, random::text(4)?);
    let idle = engine.create_idle(image, &name, &environment.id, Some(volume)).await?;
    let read = engine.read_file(&idle, path).await;
    engine.remove_one_off(&idle).await?;
    read
}

/// What a running part answers to its probe, now.
async fn glance(engine: &Engine, part: &Part, container: &Container) -> Option<String> {
    let address = container.address.as_deref().unwrap_or_default();
    let Some(probe) = &part.probe else {
        return (container.health == EngineHealth::Healthy).then(String::new);
    };
    match &probe.ask {
        Ask::Http { port, path } => {
            let (status, body) = probe::http(part, address, (*port, path), GLANCE).await.ok()?;
            (status < 400).then_some(body)
        }
        Ask::Tcp { port } => probe::tcp(part, address, *port, GLANCE).await.ok().map(|()| String::new()),
        Ask::Exec(_) if container.health == EngineHealth::Healthy => Some(String::new()),
        Ask::Exec(argv) => {
            let (code, _) = tokio::time::timeout(GLANCE * 10, engine.exec(&container.id, argv)).await.ok()?.ok()?;
            (code == 0).then(String::new)
        }
    }
}

/// An image that is missing here, and what the registry would call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its tag here.
    pub tag: String,
    /// Its name there.
    pub shared: String,
    /// The only digest under that name that counts, where there is one.
    pub digest: Option<String>,
}

/// Those of the missing images that the registry has, by tag, with the digest of each. One that does not answer is not asked again for a minute.
pub async fn in_registry(engine: &Engine, registry: &str, missing: Vec<Missing>) -> BTreeMap<String, String> {
    if missing.is_empty() || registries::is_silent(registry) {
        return BTreeMap::new();
    }
    let asked = missing.into_iter().map(async |one| {
        let answer = engine.ask_registry(&one.shared).await;
        (one, answer)
    });
    let answers = join_all(asked).await;
    if answers.iter().any(|(_, answer)| *answer == Answer::Silence) {
        registries::remember_silence(registry);
    }
    let has = |(one, answer): (Missing, Answer)| match answer {
        Answer::Digest(digest) if one.digest.as_ref().is_none_or(|only| *only == digest) => Some((one.tag, digest)),
        _ => None,
    };
    answers.into_iter().filter_map(has).collect()
}

/// The released images that are missing here.
#[must_use]
pub fn unreleased<'a>(registry: &str, recipes: impl Iterator<Item = &'a Recipe>, observed: &Observed) -> Vec<Missing> {
    let missing = recipes.filter(|recipe| !observed.tags.contains(&recipe.reference));
    let missing = missing.map(|recipe| Missing {
        tag: recipe.reference.clone(),
        shared: shared_release(registry, recipe),
        digest: None,
    });
    missing.collect()
}

/// The name of a released image in the team's registry.
#[must_use]
pub fn shared_release(registry: &str, recipe: &Recipe) -> String {
    names::reference(registry.trim_end_matches('/'), recipe.part.as_str(), name_and_tag(&recipe.reference).1)
}

/// The packages of those images that the registry has with other bytes under the same name: by tag, the registry's name
/// and its packages.
pub async fn registry_packages(
    engine: &Engine,
    registry: &str,
    needed: &[&Node],
    observed: &Observed,
) -> Result<BTreeMap<String, (String, Packages)>> {
    let mut found = BTreeMap::new();
    let asked = needed.iter().filter(|node| observed.tags.contains(&node.tag)).map(|node| async move {
        let shared = shared_name(registry, node);
        let digest = engine.registry_digest(&shared).await;
        (node, shared, digest)
    });
    for (node, shared, digest) in join_all(asked).await {
        let Some(digest) = digest else { continue };
        let theirs = format!("{registry}/{}@{digest}", node.name);
        if observed.tags.contains(&theirs) {
            continue;
        }
        engine.pull(&theirs, |_| {}).await?;
        let packages = engine.packages(&theirs).await;
        engine.remove_image(&theirs).await?;
        found.insert(node.tag.clone(), (shared, packages?));
    }
    Ok(found)
}

/// The name of an image in the team's registry.
#[must_use]
pub fn shared_name(registry: &str, node: &Node) -> String {
    format!("{registry}/{}:{}", node.name, node.fingerprint)
}
