//! How a [`Session`] comes about: what is there, who the checkout is, what should be, and the files that say so.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::apply::executor::builds::Moving;
use crate::apply::session::checkout::Checkout;
use crate::apply::session::compose_merge::Merge;
use crate::apply::session::credentials;
use crate::apply::session::observe::{self, Description};
use crate::apply::session::permissions::Reach;
use crate::commands::context::{Context, Intent, now};
use crate::commands::gateway_setup::Site;
use crate::commands::permissions;
use crate::commands::session::Session;
use crate::config;
use crate::config::model::local::Permission;
use crate::config::model::module::Module;
use crate::config::model::values::RelPath;
use crate::error::{Error, Kind, Result};
use crate::host::docker::endpoint;
use crate::host::engine::Engine;
use crate::host::files::places;
use crate::host::random;
use crate::host::user::checkout_table;
use crate::host::user::checkout_table::HeldTable;
use crate::host::user::permissions::Kept;
use crate::host::{checkout, child_env, files, git, machine, network};
use crate::names::PartName;
use crate::plan::environment::git::Repository;
use crate::plan::environment::presets::Preset;
use crate::plan::environment::{self, Contents, Machine, Setup};
use crate::plan::environment::{compose_files, proxies};
use crate::plan::identity::{self, IdFile, Identity};
use crate::plan::images::builds;
use crate::plan::images::lock::{self, Lock, Root};
use crate::plan::images::{Hierarchy, Node};
use crate::plan::mirror::{self, Kinship};
use crate::plan::observed::{Observed, World};
use crate::plan::permissions::grants::Grants;
use crate::plan::secrets::is_secret;
use crate::redact;
use crate::render::definition::{definitions, documents, services};
use crate::render::{self, Access, Generated};

impl Context {
    /// Looks at the world around a checkout.
    pub(super) async fn session_of(
        &self,
        checkout: Checkout,
        engine: Engine,
        description: Description,
        intent: Intent,
    ) -> Result<Session> {
        let project = &checkout.project;
        let mut kept = Kept::read()?;
        let grants = permissions::granted(self, &checkout, &mut kept, intent)?;
        let world = observe::world(&engine, description, project.file.project.as_str()).await?;
        let mut machine = machine_of(&checkout, &engine, &world)?;
        let mut news = checkout.unread.clone();
        let fragments = checkout.fragments()?;
        let lock = self.lock_of(&checkout, &engine, intent, &mut news).await?;
        let images = Hierarchy::new(project, &checkout.assets, &lock, &world.engine.platform)?;
        let Owner { identity, id_file, mut observed, table } = owner(&checkout, &machine, world, intent, &mut news)?;

        machine.proxy = proxies_of(&machine, &engine, &mut news)?;
        let further: Vec<String> = fragments.iter().flat_map(config::compose_file::services).collect();
        machine.proxy = proxies::variables(&machine.proxy, &proxies::exempt(project, &identity, &further));

        let site = Site::of(&checkout, &identity, machine.uid, intent, &mut news)?;
        let contents = contents(&checkout, &site, &grants)?;
        let presets = &checkout.presets;
        let setup = Setup {
            project,
            identity: &identity,
            images: &images,
            presets,
            lock: &lock,
            machine: &machine,
            contents: &contents,
        };
        let mut environment = setup.environment()?;
        if self.locked {
            refuse_unpinned(&images.needed(&builds::wanted_images(environment.parts.values())))?;
        }
        let by_service = preset_by_service(&checkout);
        let sources = credentials::Sources {
            root: &checkout.root,
            folder: identity.folder,
            environment: &environment,
            presets: &by_service,
            local: &project.local.secrets,
            env: &checkout::variables(),
        };
        let (secrets, origins) = credentials::load(sources, &engine, &observed).await?;
        let hidden = secrets.values().flatten().filter(|(name, _)| is_secret(name));
        redact::remember(hidden.map(|(_, value)| value));
        let unread = credentials::unread_variables(&secrets, &checkout::variables()).into_iter();
        news.extend(unread.map(|name| format!("nothing reads {name}: `devenv secrets` lists the credentials")));
        let key = credentials::key(&checkout.root, identity.folder)?;
        let mut generated = render::compose::files(&environment, &checkout.assets, &observed.engine)?;
        let read = render::secrets::read_by_parts(&environment, &secrets);
        let mut documents = documents(&generated)?;
        let mut services = services(&documents);
        let reach = Reach {
            root: &checkout.root,
            environment: &environment,
            endpoint: &engine.endpoint,
            allowed: &grants.allowed,
            denied: grants.denied,
        };
        let is_checked = intent != Intent::End;
        let is_unresolved = is_checked && reach.of_files(&documents)?;
        if is_unresolved || checkout.has_own_templates() || !project.file.compose.is_empty() {
            let variables: Vec<_> = fragments.iter().flat_map(config::compose_file::variable_files).collect();
            if is_checked {
                reach.of_variables(&variables)?;
            }
            if intent == Intent::Act {
                kept = kept.with_key()?;
            }
            let merge = Merge {
                endpoint: &engine.endpoint,
                root: &checkout.root,
                project: &environment.project,
                generated: &generated,
                fragments: &fragments,
                env: &child_env::for_compose_files(&checkout::variables()),
                key: &kept.key,
            };
            let (merged, kept) = merge.run().await?;
            if is_checked {
                reach.of_merged(&merged)?;
            }
            compose_files::add(&merged, &mut environment)?;
            // What no fragment speaks of is as it was without one.
            let merged_services = render::definition::merged_services(&merged).into_iter();
            services.extend(merged_services.filter(|(name, _)| further.contains(name)));
            documents.push(serde_yaml::to_value(&merged).unwrap_or_default());
            generated.push(kept);
            let copies = fragments.iter().enumerate();
            generated.extend(copies.map(|(number, source)| render::compose::fragment(number, &source.bytes)));
        }
        let texts = generated.iter().map(|file| Cow::Borrowed(file.text.as_str()));
        let texts = texts.chain(fragments.iter().map(|fragment| String::from_utf8_lossy(&fragment.bytes)));
        let env = child_env::for_compose_files(&checkout::variables());
        let variables = texts.flat_map(|text| config::compose_variables::named(&text, &env)).collect();
        let references = render::references::references(&services, &documents, &environment);
        let files = checkout::referenced(&checkout.root, &references)?;
        let definitions = definitions(&services, &environment, &read, &files, key.as_bytes());
        generated.push(render::compose::labels(&environment, &definitions));
        generated.extend(site.configuration.clone());
        generated.extend(render::users::files(machine.uid, machine.gid));
        generated.extend(render::git::files(&environment, &contents.repositories));
        generated.extend(render::secrets::files(&environment, &secrets));
        generated.extend(credentials::made_files(&secrets, &origins));
        generated.push(private(credentials::KEY, key));
        generated.extend(site.certificates(machine.ca.bundle()));
        // With it, all that stands there is this checkout's own.
        generated.push(private("id", id_file));
        let ca_bundle = machine.ca.for_builds().map(str::to_owned);
        let mut missing = images.needed(&builds::wanted_images(environment.parts.values()));
        missing.retain(|node| !observed.tags.contains(&node.tag));
        let registry = project.file.registry.as_deref();
        let shared = async {
            match registry {
                Some(registry) => observe::in_registry(&engine, registry, &missing).await,
                None => BTreeSet::new(),
            }
        };
        let (shared, ()) = tokio::join!(shared, observe::details(&engine, &environment, &mut observed));
        observed.in_registry = shared;
        Ok(Session {
            checkout,
            engine,
            lock,
            machine,
            identity,
            images,
            environment,
            definitions,
            generated,
            secrets,
            origins,
            observed,
            news,
            table,
            ca_bundle,
            variables,
            moving: if self.locked { Moving::Refused } else { Moving::Allowed },
        })
    }

    /// The lock, or the one that is to be made.
    async fn lock_of(
        &self,
        checkout: &Checkout,
        engine: &Engine,
        intent: Intent,
        news: &mut Vec<String>,
    ) -> Result<Lock> {
        Ok(match self.read_lock(&checkout.root)? {
            Some(lock) => lock,
            None if intent == Intent::Act => {
                let lock = first_lock(engine).await;
                news.push(format!("{} is made: the root is {}", checkout::LOCK, lock.root));
                lock
            }
            None => packages_lock(),
        })
    }
}

/// What this machine adds, and whether the engine shares its files.
fn machine_of(checkout: &Checkout, engine: &Engine, world: &World) -> Result<Machine> {
    let mut machine = checkout::machine(&checkout.root)?;
    let here = machine::name_and_kernel();
    machine.engine_apart = mirror::are_apart(&Kinship {
        endpoint: &engine.endpoint,
        engine: world.engine.machine.each_ref().map(String::as_str),
        here: here.each_ref().map(String::as_str),
    });
    Ok(machine)
}

/// The machine's proxies: those of the environment, else those that the docker client gives to containers.
fn proxies_of(machine: &Machine, engine: &Engine, news: &mut Vec<String>) -> Result<BTreeMap<String, String>> {
    if machine.proxy.keys().any(|name| !name.eq_ignore_ascii_case(proxies::EXEMPT)) {
        return Ok(machine.proxy.clone());
    }
    let found = endpoint::client_proxies(&endpoint::config_dir(), &engine.endpoint)?.variables();
    if !found.is_empty() {
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        news.push(format!("proxies of the docker client's configuration are used: {}", names.join(", ")));
    }
    Ok(machine.proxy.clone().into_iter().chain(found).collect())
}

/// Who the checkout is, and what it has.
struct Owner {
    identity: Identity,
    /// The text of `.devenv/id`.
    id_file: String,
    observed: Observed,
    /// The per-user table, where it is to be written back.
    table: Option<HeldTable>,
}

/// Stands for the id of a checkout that has none yet, where nothing is kept: `up` makes a random one.
const NOT_MADE: &str = "new";

/// Finds out who the checkout is, with host, subnet and ports.
fn owner(
    checkout: &Checkout,
    machine: &Machine,
    world: World,
    intent: Intent,
    news: &mut Vec<String>,
) -> Result<Owner> {
    let mut known = known_identity(checkout, machine, &world)?;
    if intent == Intent::Look {
        known.fresh = NOT_MADE.to_owned();
    }
    let mut table = if intent == Intent::Act { checkout_table::table()? } else { checkout_table::look()? };
    if table.table.is_long() {
        let paths = table.table.checkouts.iter().map(|held| held.path.clone());
        known.gone = paths.filter(|path| !Path::new(path).exists()).collect();
    }
    let mut identity = identity::identify(&known, &checkout.project, &mut table.table)?;
    let observed = world.of(&identity.held.id);
    let holding = observed.containers.iter().filter(|container| container.state.is_alive());
    let ours: BTreeSet<PartName> = holding.filter_map(|one| PartName::new(one.part.as_str()).ok()).collect();
    let wishes = environment::wishes(&checkout.project, &checkout.presets, &ours);
    if !identity::has_ports(&wishes, &identity) {
        known.taken = network::listening();
    }
    if identity.held.id == NOT_MADE {
        news.push("this checkout has no id yet; `new` stands for it in names until `devenv up` makes one".to_owned());
    }
    if intent == Intent::Act {
        news.extend(identity.news.clone());
    }
    news.extend(identity::reserve_ports(&wishes, &known, &mut table.table, &mut identity));
    let table = (intent == Intent::Act).then_some(table);
    Ok(Owner { id_file: id_text(&identity, &known), identity, observed, table })
}

/// The lock that a project begins with: the root of a registry where one answers, else Debian's packages of today.
async fn first_lock(engine: &Engine) -> Lock {
    match engine.registry_digest(lock::FROM).await {
        Some(digest) => {
            let root = Root::Registry { from: lock::FROM.to_owned(), digest, archive: Some(now()) };
            Lock { root, images: BTreeMap::new(), packages: BTreeMap::new() }
        }
        None => packages_lock(),
    }
}

/// A lock on Debian's packages of today.
fn packages_lock() -> Lock {
    let root = Root::Packages { suite: lock::SUITE.to_owned(), archive: now() };
    Lock { root, images: BTreeMap::new(), packages: BTreeMap::new() }
}

/// Refuses images that take something from outside which no lock pins.
fn refuse_unpinned(needed: &[&Node]) -> Result<()> {
    let Some(node) = needed.iter().find(|node| !node.outside.is_empty()) else { return Ok(()) };
    let lines: String = node.outside.iter().map(|line| format!("\n  {line}")).collect();
    let message = format!("images/{}/Dockerfile takes something from outside without a digest:{lines}", node.name);
    Err(Error::message(Kind::Usage, message)
        .hint("name it by digest, such as `FROM golang@sha256:…`: --locked allows nothing else"))
}

fn private(path: &str, text: String) -> Generated {
    Generated { path: path.to_owned(), text, access: Access::Private }
}

fn id_text(identity: &Identity, known: &identity::Known) -> String {
    let file = IdFile { id: identity.held.id.clone(), path: known.path.clone(), machine: known.machine.clone() };
    format!("# {}\n{}\n", render::MARKER, serde_json::to_string(&file).unwrap_or_default())
}

fn known_identity(checkout: &Checkout, machine: &Machine, world: &World) -> Result<identity::Known> {
    let file = checkout::id_file(&checkout.root);
    let volumes = world.volumes.iter().filter(|volume| volume.path == machine.root);
    let octet = |subnet: &String| subnet.strip_prefix("10.213.")?.split('.').next()?.parse().ok();
    let networks = world.networks.iter().flat_map(|network| {
        let octets = network.subnets.iter().filter_map(octet);
        octets.map(|octet| (octet, network.checkout.clone()))
    });
    Ok(identity::Known {
        path: machine.root.clone(),
        machine: checkout_table::machine(),
        original_exists: file.as_ref().is_some_and(checkout::original_exists),
        file,
        owners: volumes.filter_map(|volume| volume.checkout.clone()).collect(),
        fresh: random::text(6)?,
        taken: BTreeSet::new(),
        engine: world.engine.id.clone(),
        // The route of a network is that network's: what is known about it comes last.
        subnets: network::routed_octets().into_iter().map(|octet| (octet, None)).chain(networks).collect(),
        gone: BTreeSet::new(),
    })
}

/// Digests of the files that the environment depends on.
fn contents(checkout: &Checkout, site: &Site, grants: &Grants) -> Result<Contents> {
    let modules = || environment::enabled_modules(&checkout.project);
    let locks = modules().flat_map(|(_, module)| {
        let deps = module.deps.iter().flat_map(|deps| &deps.lock);
        deps.map(|file| module.path.join(file)).collect::<Vec<RelPath>>()
    });
    let mut sources = BTreeMap::new();
    for (name, module) in modules().filter(|(_, module)| module.is_task()) {
        let tree = files::tree(&checkout.root.join(module.path.as_str()))?;
        let digests = tree.into_iter().map(|(path, file)| (path, file.digest)).collect();
        sources.insert(name.clone(), environment::tree_digest(&digests, &module.inputs));
    }
    let folders = modules()
        .filter_map(|(name, module)| Some((name.clone(), files::identity(&checkout.root.join(module.path.as_str()))?)));
    let may_write = grants.allowed.contains(&Permission::ProjectSettings);
    let settings = modules()
        .filter(|_| !may_write)
        .map(|(name, module)| (name.clone(), places::settings_in(&module.path.at(&checkout.root))));
    Ok(Contents {
        settings: settings.collect(),
        files: checkout::digests(&checkout.root, locks)?,
        sources,
        folders: folders.collect(),
        repositories: modules().filter_map(|(name, module)| repository(checkout, name, module)).collect(),
        gateway: site.fingerprint.clone(),
        authorities: site.authorities_digest(),
    })
}

/// The repository that a module's folder lies in.
fn repository(checkout: &Checkout, name: &PartName, module: &Module) -> Option<(PartName, Repository)> {
    Some((name.clone(), git::repository(&checkout.root, &module.path.at(&checkout.root))?))
}

fn preset_by_service(checkout: &Checkout) -> BTreeMap<PartName, &Preset> {
    let services = checkout.project.file.services.iter();
    services
        .filter_map(|(name, service)| Some((name.clone(), checkout.presets.get(service.preset.as_ref()?)?)))
        .collect()
}
