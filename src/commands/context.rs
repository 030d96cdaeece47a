//! What commands share: the checkout is read once, the world is looked at once, and both become one [`Session`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::apply::builds::Builder;
use crate::apply::certs::{self, Make};
use crate::apply::executor::Work;
use crate::apply::fragments::Merge;
use crate::apply::observe;
use crate::apply::secrets::{self, Origin, Origins};
use crate::assets::Assets;
use crate::config::project::Project;
use crate::config::values::RelPath;
use crate::config::{self, Known, Setting, Source};
use crate::error::{Error, Kind, Result};
use crate::host::endpoint::{self, Choice};
use crate::host::engine::{Engine, OneOffs};
use crate::host::locks::{self, ProjectLock};
use crate::host::state::HeldTable;
use crate::host::{checkout, files, network, state};
use crate::labels;
use crate::names::PartName;
use crate::plan::Plan;
use crate::plan::certs as plan_certs;
use crate::plan::definition::Definition;
use crate::plan::environment::{self, Contents, Machine, Setup};
use crate::plan::fragments;
use crate::plan::identity::{self, IdFile, Identity};
use crate::plan::images::{self, Hierarchy};
use crate::plan::lock::{self, Lock, Root};
use crate::plan::observed::{Observed, State};
use crate::plan::parts::{Environment, GATEWAY, Part};
use crate::plan::presets::{self, Preset};
use crate::plan::up::{self, Request, Up};
use crate::render::definition::{definitions, services};
use crate::render::secrets::Secrets;
use crate::render::{self, Access, Generated};
use crate::ui::progress::Progress;
use crate::ui::redact;
use crate::ui::screen::Screen;

/// What every command gets.
pub struct Context {
    /// Where it prints.
    pub screen: Screen,
    /// The folder to begin with.
    pub folder: PathBuf,
    /// The configuration in that very folder that `-f` names, in place of a devenv.yaml there or above.
    pub file: Option<String>,
    /// The lock may not be moved.
    pub locked: bool,
    /// The name of the command, for whoever waits for it.
    pub command: String,
    /// One-off containers that are left when the command is interrupted.
    pub one_offs: OneOffs,
}

/// Whether a command changes anything outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// It only looks: nothing is written.
    Look,
    /// It acts.
    Act,
}

/// A checkout as its files have it.
pub struct Checkout {
    /// Its folder.
    pub root: PathBuf,
    /// The configuration.
    pub project: Project,
    /// The files in force.
    pub assets: Assets,
    /// The presets in force.
    pub presets: BTreeMap<String, Preset>,
}

/// A checkout and the world around it.
pub struct Session {
    /// The checkout.
    pub checkout: Checkout,
    /// The engine.
    pub engine: Engine,
    /// What was resolved.
    pub lock: Lock,
    /// The machine.
    pub machine: Machine,
    /// Who the checkout is.
    pub identity: Identity,
    /// All images.
    pub images: Hierarchy,
    /// What should be.
    pub environment: Environment,
    /// What each container should be made from.
    pub definitions: BTreeMap<String, Definition>,
    /// The files that are generated.
    pub generated: Vec<Generated>,
    /// All credentials.
    pub secrets: Secrets,
    /// Where each comes from.
    pub origins: Origins,
    /// What is.
    pub observed: Observed,
    /// What is worth a line before anything is done.
    pub news: Vec<String>,
    /// The per-user table, until it is written back.
    table: Option<HeldTable>,
    ca_bundle: Option<String>,
}

/// The version of this devenv.
#[must_use]
pub fn version() -> (u64, u64, u64) {
    crate::host::engine::version(env!("CARGO_PKG_VERSION"))
}

impl Context {
    /// Name of the configuration file.
    #[must_use]
    pub fn main(&self) -> &str {
        self.file.as_deref().unwrap_or(checkout::MAIN)
    }

    /// The folder of the checkout, where there is one.
    pub fn find(&self) -> Result<Option<PathBuf>> {
        match &self.file {
            Some(file) => checkout::here(&self.folder, file),
            None => checkout::find(&self.folder, checkout::MAIN),
        }
    }

    /// The folder of the checkout.
    pub fn root(&self) -> Result<PathBuf> {
        if let Some(root) = self.find()? {
            return Ok(root);
        }
        let folder = self.folder.display();
        if self.file.is_none()
            && let Some(nix) = checkout::find(&self.folder, checkout::NIX)?
        {
            let found = nix.join(checkout::NIX);
            let message = format!("{} belongs to another tool, devenv.sh for Nix", found.display());
            return Err(Error::message(Kind::Usage, message)
                .hint("`devenv init` writes this tool's configuration, devenv.yaml; the two can stand side by side"));
        }
        let message = match &self.file {
            Some(file) => format!("there is no {file} in {folder}"),
            None => format!("there is no {} in {folder} or above it", checkout::MAIN),
        };
        Err(Error::message(Kind::Usage, message).hint("`devenv init` writes one"))
    }

    /// The configuration file as it is.
    pub fn source(&self, root: &Path) -> Result<Source> {
        let empty = || Source { name: self.main().to_owned(), bytes: Vec::new() };
        Ok(checkout::source(root, self.main())?.unwrap_or_else(empty))
    }

    /// Reads the checkout's files.
    pub fn checkout(&self) -> Result<Checkout> {
        let root = self.root()?;
        let main = self.source(&root)?;
        let local = checkout::source(&root, checkout::LOCAL)?;
        let env = checkout::variables();
        let assets = assets(&root, &main)?;
        let known = known(&assets)?;
        let setting = Setting { main: &main, local: local.as_ref(), env: &env, known: &known };
        let draft = config::read(setting);
        let facts = checkout::facts(&root, &draft.paths());
        let project = draft.finish(&facts)?;
        let presets = presets::read(&assets)?;
        Ok(Checkout { root, project, assets, presets })
    }

    /// What the configuration of a checkout may refer to.
    pub fn known(&self, root: &Path, main: &Source) -> Result<Known> {
        known(&assets(root, main)?)
    }

    /// Connects to the engine that is chosen by the environment.
    pub fn engine(&self) -> Result<Engine> {
        Engine::connect(&endpoint::find(&Choice::of_environment())?.url, self.one_offs.clone())
    }

    /// Removes what an interrupted command has left in the engine.
    pub async fn clean_up(&self) {
        let left: Vec<String> = self.one_offs.lock().map(|all| all.iter().cloned().collect()).unwrap_or_default();
        if let (Ok(engine), false) = (self.engine(), left.is_empty()) {
            for id in left {
                // There is nobody left to tell; the next `up` removes what could not be removed here.
                let _ = engine.remove(&id).await;
            }
        }
    }

    /// Reads the checkout and looks at the world while no other command changes it; what it sees stays so until the lock
    /// is dropped.
    pub async fn locked_session(&self, intent: Intent) -> Result<(Session, ProjectLock)> {
        let checkout = self.checkout()?;
        // What is wrong with files is said before anything is locked.
        self.read_lock(&checkout.root)?;
        let engine = self.engine()?;
        let screen = self.screen;
        let wait = |holder: &str| screen.say(format!("waiting for {holder}"));
        let lock = locks::take(&checkout.root, &engine.endpoint, &self.command, wait).await?;
        Ok((self.session_of(checkout, intent).await?, lock))
    }

    /// Reads the checkout and looks at the world, once.
    pub async fn session(&self, intent: Intent) -> Result<Session> {
        self.session_of(self.checkout()?, intent).await
    }

    /// Looks at the world around a checkout.
    pub async fn session_of(&self, checkout: Checkout, intent: Intent) -> Result<Session> {
        let engine = self.engine()?;
        let project = &checkout.project;
        let world = observe::world(&engine, project.file.project.as_str()).await?;
        let machine = checkout::machine(&checkout.root)?;
        let mut news = Vec::new();
        let lock = match self.read_lock(&checkout.root)? {
            Some(lock) => lock,
            None if intent == Intent::Act => {
                let lock = first_lock(&engine).await;
                news.push(format!("{} is made: the root is {}", checkout::LOCK, lock.root));
                lock
            }
            None => packages_lock(),
        };
        let images = Hierarchy::new(project, &checkout.assets, &lock, &world.engine.platform)?;

        let mut known = known_identity(&checkout, &machine, &world)?;
        let mut table = if intent == Intent::Act { state::table()? } else { state::look()? };
        if table.table.is_long() {
            let paths = table.table.checkouts.iter().map(|held| held.path.clone());
            known.gone = paths.filter(|path| !Path::new(path).exists()).collect();
        }
        let mut identity = identity::identify(&known, project, &mut table.table)?;
        let mut observed = world.of(&identity.held.id);
        let holding = observed.containers.iter().filter(|container| container.state == State::Running);
        let ours: BTreeSet<PartName> = holding.filter_map(|one| PartName::new(one.part.as_str()).ok()).collect();
        let wishes = environment::wishes(project, &checkout.presets, &ours);
        if !identity::has_ports(&wishes, &identity) {
            known.taken = network::listening();
        }
        news.extend(identity.news.clone());
        news.extend(identity::reserve_ports(&wishes, &known, &mut table.table, &mut identity));

        let names = environment::certificate_names(project, &identity.held.host);
        let wish = certs::Wish {
            root: &checkout.root,
            assets: &checkout.assets,
            host: &identity.held.host,
            names: &names,
            now: seconds(),
        };
        let certs = certs::load(wish, if intent == Intent::Act { Make::Yes } else { Make::No })?;
        news.extend(certs.news.clone());
        let routes = environment::routes(project, &identity.held.host);
        let site = render::gateway::Site {
            host: &identity.held.host,
            domain: &plan_certs::inner(project.file.project.as_str()),
            port: identity.held.ports.get(GATEWAY).copied().unwrap_or_default(),
            uid: machine.uid,
            routes: &routes,
            certificate: &certs.digest(),
        };
        let (gateway, fingerprint) = render::gateway::file(&site, &checkout.assets)?;
        let contents = contents(&checkout, fingerprint)?;
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
        let by_service = preset_by_service(&checkout);
        let sources = secrets::Sources {
            root: &checkout.root,
            environment: &environment,
            presets: &by_service,
            local: &project.local.secrets,
            env: &checkout::variables(),
        };
        let (secrets, origins) = secrets::load(sources, &engine, &observed).await?;
        redact::remember(
            secrets
                .values()
                .flat_map(|values| values.iter())
                .filter(|(name, _)| is_secret(name))
                .map(|(_, value)| value),
        );
        let key = secrets::key(&checkout.root)?;
        let mut generated = render::compose::files(&environment, &checkout.assets, &observed.engine)?;
        let env_files = environment
            .parts
            .values()
            .filter(|part| !part.secret_env.is_empty())
            .map(|part| (part.name.to_string(), render::secrets::env_file(part, &secrets)))
            .collect();
        let mut services = services(&generated)?;
        if !project.file.compose.is_empty() {
            let fragments = checkout.fragments()?;
            let merge = Merge {
                endpoint: &engine.endpoint,
                root: &checkout.root,
                project: &environment.project,
                generated: &generated,
                fragments: &fragments,
                env: &checkout::variables(),
            };
            let (merged, kept) = merge.run().await?;
            fragments::check(&merged, &machine.root, &project.local.allow)?;
            fragments::add(&merged, &mut environment)?;
            services = render::definition::merged_services(&merged);
            generated.push(kept);
        }
        let definitions = definitions(&services, &environment, &env_files, key.as_bytes());
        generated.push(render::compose::labels(&environment, &definitions));
        if !routes.is_empty() {
            generated.push(gateway);
        }
        generated.extend(render::users::files(machine.uid, machine.gid));
        generated.extend(render::secrets::files(&environment, &secrets));
        generated.push(private("secrets/key", key));
        generated.push(private("id", id_text(&identity, &known)));
        generated.extend(render::certs::files(
            certs.leaf.as_ref().map(|pair| (pair.certificate.as_str(), pair.key.as_str())),
            certs.authority.as_deref(),
            machine.ca.bundle(),
        ));
        let ca_bundle = machine.ca.for_builds().map(str::to_owned);
        observe::details(&engine, &environment, &mut observed).await;
        if let Some(registry) = &project.file.registry {
            let needed = images.needed(&up::wanted_images(environment.parts.values()));
            observed.in_registry = observe::in_registry(&engine, registry, &needed, &observed.tags).await;
        }
        let table = (intent == Intent::Act).then_some(table);
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
        })
    }

    /// The lock; `None` where there is none yet and one may be made.
    fn read_lock(&self, root: &Path) -> Result<Option<Lock>> {
        match files::read_text(&root.join(checkout::LOCK))? {
            Some(text) => Ok(Some(Lock::parse(&text)?)),
            None if self.locked => {
                let message = format!("there is no {}, and --locked forbids to make one", checkout::LOCK);
                Err(Error::message(Kind::Usage, message).hint("run `devenv update` and commit the file"))
            }
            None => Ok(None),
        }
    }
}

/// The lock that a project begins with: the root of a registry where one answers, else Debian's packages of today.
async fn first_lock(engine: &Engine) -> Lock {
    match engine.registry_digest(lock::FROM).await {
        Some(digest) => Lock { root: Root::Registry { from: lock::FROM.to_owned(), digest }, images: BTreeMap::new() },
        None => packages_lock(),
    }
}

/// A lock on Debian's packages of today.
fn packages_lock() -> Lock {
    let root = Root::Packages { suite: lock::SUITE.to_owned(), archive: now() };
    Lock { root, images: BTreeMap::new() }
}

/// The beginning of today, in the lock's form.
#[must_use]
pub fn now() -> String {
    lock::archive_at(seconds().unsigned_abs())
}

/// Seconds since 1970.
#[must_use]
pub fn seconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or_default()
}

/// The files in force. Which folder they stand in is a setting, read before the whole is checked against them.
fn assets(root: &Path, main: &Source) -> Result<Assets> {
    let nothing = Known { version: version(), ..Known::default() };
    let env = checkout::variables();
    let setting = Setting { main, local: None, env: &env, known: &nothing };
    checkout::assets(root, &config::read(setting).files_folder())
}

/// What a configuration may refer to, with these files in force.
pub fn known(assets: &Assets) -> Result<Known> {
    let images = images::described(assets)?;
    let root = |parent: &crate::names::ImageName| parent.as_str() != "root";
    let presets = presets::read(assets)?;
    Ok(Known {
        images: images.into_iter().map(|(name, file)| (name, file.parent.filter(root))).collect(),
        seeded: presets.iter().filter(|(_, preset)| preset.seed.is_some()).map(|(name, _)| name.clone()).collect(),
        presets: presets.into_keys().collect(),
        version: version(),
    })
}

/// A user's or a database's name is a credential that everybody may see.
fn is_secret(credential: &str) -> bool {
    !matches!(credential, "user" | "database")
}

fn private(path: &str, text: String) -> Generated {
    Generated { path: path.to_owned(), text, access: Access::Private }
}

fn id_text(identity: &Identity, known: &identity::Known) -> String {
    let file = IdFile { id: identity.held.id.clone(), path: known.path.clone(), machine: known.machine.clone() };
    format!("# {}\n{}\n", render::MARKER, serde_json::to_string(&file).unwrap_or_default())
}

fn known_identity(
    checkout: &Checkout,
    machine: &Machine,
    world: &crate::plan::observed::World,
) -> Result<identity::Known> {
    let file = checkout::id_file(&checkout.root);
    let original = file.as_ref().and_then(|file| checkout::id_file(Path::new(&file.path)));
    let volumes = world.volumes.iter().filter(|volume| volume.path == machine.root);
    let octet = |subnet: &String| subnet.strip_prefix("10.213.")?.split('.').next()?.parse().ok();
    let networks = world.networks.iter().flat_map(|network| {
        let octets = network.subnets.iter().filter_map(octet);
        octets.map(|octet| (octet, network.checkout.clone()))
    });
    Ok(identity::Known {
        path: machine.root.clone(),
        machine: state::machine(),
        original_exists: original.is_some()
            && original.map(|file| file.id) == file.as_ref().map(|file| file.id.clone()),
        file,
        owners: volumes.filter_map(|volume| volume.checkout.clone()).collect(),
        fresh: state::random(6)?,
        taken: BTreeSet::new(),
        engine: world.engine.id.clone(),
        // The route of a network is that network's: what is known about it comes last.
        subnets: network::routed_octets().into_iter().map(|octet| (octet, None)).chain(networks).collect(),
        gone: BTreeSet::new(),
    })
}

/// Digests of the files that the environment depends on.
fn contents(checkout: &Checkout, gateway: String) -> Result<Contents> {
    let modules = || environment::enabled_modules(&checkout.project);
    let locks = modules().flat_map(|(_, module)| {
        let deps = module.deps.iter().flat_map(|deps| &deps.lock);
        deps.map(|file| module.path.join(file)).collect::<Vec<RelPath>>()
    });
    let mut sources = BTreeMap::new();
    for (name, module) in modules().filter(|(_, module)| module.once) {
        let tree = files::tree(&checkout.root.join(module.path.as_str()))?;
        let digests = tree.into_iter().map(|(path, file)| (path, file.digest)).collect();
        sources.insert(name.clone(), environment::tree_digest(&digests));
    }
    let folders = modules()
        .filter_map(|(name, module)| Some((name.clone(), files::identity(&checkout.root.join(module.path.as_str()))?)));
    Ok(Contents { files: checkout::digests(&checkout.root, locks)?, sources, folders: folders.collect(), gateway })
}

fn preset_by_service(checkout: &Checkout) -> BTreeMap<PartName, &Preset> {
    let services = checkout.project.file.services.iter();
    services
        .filter_map(|(name, service)| Some((name.clone(), checkout.presets.get(service.preset.as_ref()?)?)))
        .collect()
}

impl Checkout {
    /// The team's compose files, checked.
    fn fragments(&self) -> Result<Vec<Source>> {
        let files = self.project.file.compose.iter();
        files
            .map(|path| {
                let source = checkout::source(&self.root, path.as_str())?;
                let source = source.unwrap_or(Source { name: path.to_string(), bytes: Vec::new() });
                config::fragment::check(&source)?;
                Ok(source)
            })
            .collect()
    }
}

impl Session {
    /// The part called `name`, running here or not.
    pub fn part(&self, name: &str) -> Result<&Part> {
        self.environment.parts.get(name).ok_or_else(|| {
            let all: Vec<&str> = self.environment.parts.keys().map(PartName::as_str).collect();
            let off = self.checkout.project.file.modules.contains_key(name)
                || self.checkout.project.file.services.contains_key(name);
            if off {
                let error = Error::message(Kind::Usage, format!("`{name}` is switched off here"));
                return error.hint(format!("`devenv enable {name}` switches it on"));
            }
            let nearest = all
                .iter()
                .max_by(|one, other| strsim::jaro_winkler(name, one).total_cmp(&strsim::jaro_winkler(name, other)));
            let error = Error::message(Kind::Usage, format!("there is no `{}`", crate::ui::screen::visible(name)));
            match nearest.filter(|nearest| strsim::jaro_winkler(name, nearest) > 0.75) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
                None => error.hint(format!("there are: {}", all.join(", "))),
            }
        })
    }

    /// Where a credential comes from.
    #[must_use]
    pub fn origin(&self, service: &PartName, name: &str) -> Origin {
        self.origins.get(service).and_then(|origins| origins.get(name)).copied().unwrap_or(Origin::NotMade)
    }

    /// What `up` would decide on.
    #[must_use]
    pub fn up<'a>(&'a self, request: &'a Request) -> Up<'a> {
        Up {
            project: &self.checkout.project,
            environment: &self.environment,
            images: &self.images,
            lock: &self.lock,
            definitions: &self.definitions,
            observed: &self.observed,
            request,
        }
    }

    /// Names of parts that a command was given.
    pub fn names(&self, names: &[String]) -> Result<Vec<PartName>> {
        names.iter().map(|name| self.part(name).map(|part| part.name.clone())).collect()
    }

    /// Writes what is generated, and keeps the identity.
    pub fn write(&mut self) -> Result<()> {
        let root = &self.checkout.root;
        files::write_generated(root, &self.generated)?;
        if let Some(bundle) = self.generated.iter().find(|file| file.path == render::certs::BUNDLE) {
            let path = root.join(".devenv").join(render::certs::TRUSTSTORE);
            files::write(&path, &render::truststore::jks(&bundle.text), Access::Public)?;
        }
        if !root.join(checkout::LOCK).exists() {
            files::write(&root.join(checkout::LOCK), self.lock.text().as_bytes(), Access::Public)?;
        }
        match self.table.take() {
            Some(table) => table.save(),
            None => Ok(()),
        }
    }

    /// The compose files, in the order in which they are laid over each other.
    #[must_use]
    pub fn compose_files(&self) -> Vec<String> {
        let ours = |path: &str| format!("{}/.devenv/{path}", self.machine.root);
        let fragments = self.checkout.project.file.compose.iter().map(|path| format!("{}/{path}", self.machine.root));
        let generated = render::compose::FILES.into_iter().map(ours);
        generated.chain(fragments).chain([ours(render::compose::LABELS)]).collect()
    }

    /// Carries out a plan and shows it.
    pub async fn carry_out(&self, screen: Screen, plan: &Plan, options: Options) -> Result<Duration> {
        let progress = Progress::new(screen, plan);
        let report = |event| progress.show(event);
        let containers = self.observed.containers.iter().filter(|container| !container.one_off);
        let work = Work {
            engine: &self.engine,
            builder: Builder {
                engine: &self.engine,
                assets: &self.checkout.assets,
                project: self.checkout.project.file.project.as_str(),
                checkout: &self.identity.held.id,
                platform: &self.observed.engine.platform,
                ca_bundle: self.ca_bundle.as_deref().map(str::as_bytes),
                proxy: &self.machine.proxy,
            },
            images: &self.images,
            lock: &self.lock,
            registry: self.checkout.project.file.registry.as_deref(),
            environment: &self.environment,
            root: &self.checkout.root,
            owner: (self.machine.uid, self.machine.gid),
            compose_files: self.compose_files(),
            containers: containers.map(|one| (one.part.clone(), one.id.clone())).collect::<BTreeMap<_, _>>().into(),
            creation: tokio::sync::Mutex::default(),
            wait_timeout: options.wait_timeout,
            cache: options.cache,
            report: &report,
        };
        let ended = work.carry_out(plan).await;
        let took = progress.finish();
        ended.map(|()| took)
    }

    /// The label filter of everything that belongs to this checkout.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}={}", labels::CHECKOUT, self.identity.held.id)
    }
}

/// How a plan is carried out.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Time limit for every wait.
    pub wait_timeout: Option<Duration>,
    /// Whether builds may use earlier results.
    pub cache: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { wait_timeout: None, cache: true }
    }
}
