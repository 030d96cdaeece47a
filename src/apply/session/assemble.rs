//! How a [`Session`] comes about: the stages of every verb but the last, one function each.
//!
//! ```text
//! Checkout::read → surroundings → Setup::environment → composed → files
//!     config          observe            plan           render: compose, then all other files
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::apply::executor::builds::Moving;
use crate::apply::session::checkout::Checkout;
use crate::apply::session::composition::{Composition, composed};
use crate::apply::session::contents::contents;
use crate::apply::session::credentials::{self, Origins};
use crate::apply::session::gateway::Site;
use crate::apply::session::identify::{Owner, owner};
use crate::apply::session::observe::{self, Description, Missing, shared_name};
use crate::apply::session::released::{Released, released};
use crate::apply::session::signed::signed;
use crate::apply::session::{Session, Terms, lock};
use crate::config;
use crate::error::{Error, Kind, Result};
use crate::host::docker::endpoint;
use crate::host::engine::Engine;
use crate::host::user::checkout_table::HeldTable;
use crate::host::{checkout, child_env, machine};
use crate::names::{PartName, is_secret};
use crate::paths;
use crate::plan::definition::Definition;
use crate::plan::environment::contents::Contents;
use crate::plan::environment::machine::Machine;
use crate::plan::environment::target::Placement;
use crate::plan::environment::{Setup, proxies};
use crate::plan::identity::Identity;
use crate::plan::images::lock::Lock;
use crate::plan::images::{Hierarchy, Node, builds};
use crate::plan::mirror::{self, Kinship};
use crate::plan::observed::{Observed, World};
use crate::plan::parts::Environment;
use crate::plan::presets::Preset;
use crate::redact;
use crate::render::definition::definitions;
use crate::render::secrets::Secrets;
use crate::render::{self, Access, Generated};

/// Looks at the world around a checkout once, and decides what should be.
pub async fn assemble(
    checkout: &Arc<Checkout>,
    engine: Engine,
    description: Description,
    terms: Terms,
) -> Result<Session> {
    let project = checkout.project.file.project.as_str();
    let world = observe::world(&engine, description, project).await?;
    let around = surroundings(checkout, &engine, world, &terms).await?;
    let setup = Setup {
        project: &checkout.project,
        target: &checkout.target,
        placement: Placement::Here,
        identity: &around.identity,
        images: &around.images,
        presets: &checkout.catalogue.presets,
        lock: &around.lock,
        machine: &around.machine,
        contents: &around.contents,
    };
    let own = setup.environment()?;
    if terms.moving == Moving::Refused {
        refuse_unpinned(&around.images.needed(&builds::wanted_images(own.parts.values())))?;
    }
    let composition = composed(checkout, &engine, own, &around.observed.engine, &terms).await?;
    let credentials = credentials_of(checkout, &engine, &around, &composition.environment).await?;
    let Written { definitions, generated, variables } = files(checkout, &around, &composition, &credentials)?;
    let environment = composition.environment;
    let Surroundings { mut observed, identity, images, lock, machine, news, table, .. } = around;
    let mut missing = images.needed(&builds::wanted_images(environment.parts.values()));
    missing.retain(|node| !observed.tags.contains(&node.tag));
    let registry = checkout.project.file.registry.as_deref().unwrap_or_default();
    let mut unsigned = None;
    let asked = if registry.is_empty() {
        Vec::new()
    } else {
        let nodes = missing.into_iter();
        let nodes =
            nodes.map(|node| Missing { tag: node.tag.clone(), shared: shared_name(registry, node), digest: None });
        let released = observe::unreleased(registry, environment.releases.values(), &observed);
        let (released, why) = signed(checkout, released).await?;
        unsigned = why;
        nodes.chain(released).collect()
    };
    let shared = observe::in_registry(&engine, registry, asked);
    let (shared, ()) = tokio::join!(shared, observe::details(&engine, &environment, &mut observed));
    observed.in_registry = shared;
    Ok(Session {
        checkout: Arc::clone(checkout),
        engine,
        lock,
        machine,
        identity,
        images,
        environment,
        definitions,
        generated,
        secrets: credentials.values,
        origins: credentials.origins,
        observed,
        news: news.into_iter().chain(credentials.news).chain(unsigned).collect(),
        table,
        variables,
        moving: terms.moving,
    })
}

/// Everything around a checkout that is found out, and not decided.
struct Surroundings {
    lock: Lock,
    machine: Machine,
    identity: Identity,
    /// The text of `.devenv/id`.
    id_file: String,
    /// The per-user table, where it is to be written back.
    table: Option<HeldTable>,
    observed: Observed,
    images: Hierarchy,
    site: Site,
    contents: Contents,
    news: Vec<String>,
}

/// Finds out what there is around a checkout.
async fn surroundings(checkout: &Checkout, engine: &Engine, world: World, terms: &Terms) -> Result<Surroundings> {
    let project = &checkout.project;
    let intent = terms.intent;
    let mut machine = machine_of(checkout, engine, &world)?;
    let fragments = checkout.fragments()?;
    let (lock, first) = lock::read_or_first(&checkout.root, engine, intent, terms.moving).await?;
    let images = Hierarchy::new(project, &checkout.assets, &checkout.catalogue.images, &lock, &world.engine.platform)?;
    let Owner { identity, id_file, observed, table, news } = owner(checkout, &machine, world, intent)?;
    let further: Vec<String> = fragments.iter().flat_map(config::compose_file::services).collect();
    let (found, of_proxies) = proxies_of(&machine, engine)?;
    machine.proxy = proxies::variables(&found, &proxies::exempt(project, &identity, &further));
    let site = Site::of(checkout, &identity, machine.uid, intent)?;
    let Released { releases, inputs, left_out } = released(checkout, &images).await?;
    let mut contents = contents(checkout, &site, &terms.grants)?;
    contents.releases = releases;
    contents.sources.extend(inputs);
    let news = checkout
        .unread
        .iter()
        .cloned()
        .chain(left_out)
        .chain(first)
        .chain(news)
        .chain(of_proxies)
        .chain(site.news.clone());
    let news = news.collect();
    Ok(Surroundings { lock, machine, identity, id_file, table, observed, images, site, contents, news })
}

/// What this machine adds, and whether the engine shares its files.
fn machine_of(checkout: &Checkout, engine: &Engine, world: &World) -> Result<Machine> {
    let mut machine =
        Machine { home: checkout.home.to_string_lossy().into_owned(), ..checkout::machine(&checkout.root)? };
    let here = machine::name_and_kernel();
    machine.engine_apart = mirror::are_apart(&Kinship {
        endpoint: &engine.endpoint,
        engine: world.engine.machine.each_ref().map(String::as_str),
        here: here.each_ref().map(String::as_str),
    });
    Ok(machine)
}

/// The machine's proxies, and a line about those that the docker client gives to containers, which are used where the
/// environment names none.
fn proxies_of(machine: &Machine, engine: &Engine) -> Result<(BTreeMap<String, String>, Option<String>)> {
    let own = machine.proxy.clone();
    if own.keys().any(|name| !name.eq_ignore_ascii_case(proxies::EXEMPT)) {
        return Ok((own, None));
    }
    let found = endpoint::client_proxies(&endpoint::config_dir(), &engine.endpoint)?.variables();
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    let line = format!("proxies of the docker client's configuration are used: {}", names.join(", "));
    let line = (!found.is_empty()).then_some(line);
    Ok((own.into_iter().chain(found).collect(), line))
}

/// Refuses images that take something from outside which no lock pins.
fn refuse_unpinned(needed: &[&Node]) -> Result<()> {
    let Some(node) = needed.iter().find(|node| !node.outside.is_empty()) else { return Ok(()) };
    let lines: String = node.outside.iter().map(|line| format!("\n  {line}")).collect();
    let path = node.dockerfile_path();
    let message = format!("{path} uses external content without a digest:{lines}");
    Err(Error::message(Kind::Usage, message)
        .hint("name it by digest, such as `FROM golang@sha256:…`: --locked allows nothing else"))
}

/// The credentials of the services.
struct Credentials {
    values: Secrets,
    origins: Origins,
    /// The checkout's key, under which they are compared.
    key: String,
    news: Vec<String>,
}

/// Finds the credentials or makes them; no output shows them from here on.
async fn credentials_of(
    checkout: &Checkout,
    engine: &Engine,
    around: &Surroundings,
    environment: &Environment,
) -> Result<Credentials> {
    let env = checkout::variables();
    let sources = credentials::CredentialInputs {
        root: &checkout.home,
        folder: around.identity.folder,
        environment,
        presets: &preset_by_service(checkout),
        file: &checkout.project.file,
        local: &checkout.project.local.secrets,
        env: &env,
    };
    let (values, origins) = credentials::load(sources, engine, &around.observed).await?;
    let hidden = values.values().flatten().filter(|(name, _)| is_secret(name));
    redact::remember(hidden.map(|(_, value)| value));
    let unread = credentials::unread_variables(&values, &env).into_iter();
    let news = unread.map(|name| format!("nothing reads {name}: `devenv secrets` lists the credentials")).collect();
    let key = credentials::key(&checkout.home, around.identity.folder)?;
    Ok(Credentials { values, origins, key, news })
}

fn preset_by_service(checkout: &Checkout) -> BTreeMap<PartName, &Preset> {
    let presets = &checkout.catalogue.presets;
    let services = checkout.project.file.services.iter();
    services.filter_map(|(name, service)| Some((name.clone(), presets.get(service.preset.as_ref()?)?))).collect()
}

/// Everything that is generated.
struct Written {
    definitions: BTreeMap<String, Definition>,
    generated: Vec<Generated>,
    /// Variables that the compose files name.
    variables: BTreeMap<String, String>,
}

/// Renders all files, and with them what each container should be made from.
fn files(
    checkout: &Checkout,
    around: &Surroundings,
    composition: &Composition,
    credentials: &Credentials,
) -> Result<Written> {
    let Composition { environment, files, services, documents } = composition;
    let (machine, site) = (&around.machine, &around.site);
    let texts = files.iter().map(|file| Cow::Borrowed(file.text.as_str()));
    let texts = texts.chain(checkout.sources.iter().map(|source| String::from_utf8_lossy(&source.bytes)));
    let env = child_env::for_compose_files(&checkout::variables());
    let variables = texts.flat_map(|text| config::compose_variables::named(&text, &env)).collect();
    let read = render::secrets::read_by_parts(environment, &credentials.values);
    let references = render::references::references(services, documents, environment);
    let referenced = checkout::referenced(&checkout.root, &references)?;
    let definitions = definitions(services, environment, &read, &referenced, credentials.key.as_bytes());
    let private =
        |path: &str, text: &str| Generated { path: path.to_owned(), text: text.to_owned(), access: Access::Private };
    let mut generated = files.clone();
    generated.push(render::compose::labels(environment, &definitions));
    generated.extend(site.configuration.clone());
    generated.extend(render::features::file(&checkout.project, &checkout.target));
    generated.extend(render::users::files(machine.uid, machine.gid));
    generated.extend(render::runner::file(&around.images));
    generated.extend(render::git::files(environment, &around.contents.repositories));
    generated.extend(render::secrets::files(environment, &credentials.values));
    generated.extend(credentials::made_files(&credentials.values, &credentials.origins));
    generated.push(private(paths::SECRETS_KEY, &credentials.key));
    generated.extend(site.certificates(machine.ca.bundle()));
    generated.extend(site.gateway_secrets(environment));
    // With it, all that stands there is this checkout's own.
    generated.push(private(paths::ID, &around.id_file));
    Ok(Written { definitions, generated, variables })
}
