//! What commands share: the checkout and its files, the engine, and the locks.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::apply::session::checkout::Checkout;
use crate::apply::session::credentials;
use crate::apply::session::observe::{self, Description};
use crate::assets::Assets;
use crate::commands::session::Session;
use crate::config;
use crate::config::inputs::{Inputs, Known, Source};
use crate::error::{Error, Kind, Result};
use crate::host::docker::endpoint::{self, Choice};
use crate::host::engine::{Begun, BegunSet, Engine};
use crate::host::locks::{self, ProjectLock};
use crate::host::{checkout, clock, files};
use crate::plan::environment::presets::{self};
use crate::plan::images;
use crate::plan::images::lock::{self, Lock};
use crate::redact;
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
    /// What is left in the engine when the command is interrupted.
    pub begun: BegunSet,
}

/// Whether a command changes anything outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// It only looks: nothing is written.
    Look,
    /// It acts.
    Act,
    /// It only ends what runs, whatever the definition would reach.
    End,
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
        let local = checkout::source(&root, checkout::LOCAL)?;
        self.read(root, local.as_ref())
    }

    /// Reads the checkout's files as the team has committed them: without those of one developer.
    pub fn team_checkout(&self) -> Result<Checkout> {
        self.read(self.root()?, None)
    }

    fn read(&self, root: PathBuf, local: Option<&Source>) -> Result<Checkout> {
        let main = self.source(&root)?;
        let env = checkout::variables();
        let assets = assets(&root, &main)?;
        let known = known(&assets)?;
        let inputs = Inputs { main: &main, local, env: &env, known: &known };
        let draft = config::read(inputs);
        let facts = checkout::facts(&root, &draft.paths());
        let texts = [Some(&main), local].into_iter().flatten().map(|source| String::from_utf8_lossy(&source.bytes));
        let unread = unread_variables(&root, texts, &env);
        let project = draft.finish(&facts).map_err(|problems| {
            let error = Error::from(problems);
            unread.iter().fold(error, Error::hint)
        })?;
        let fragments = project.file.compose.iter();
        let fragments = fragments.filter_map(|path| files::read_text(&path.at(&root)).ok().flatten().map(Cow::Owned));
        let unread = unread.into_iter().chain(unread_variables(&root, fragments, &env)).collect();
        redact::remember(project.local.secrets.values().chain(&credentials::kept_values(&root)));
        let installs = project.file.modules.values().filter_map(|module| module.deps.as_ref());
        redact::remember(installs.flat_map(|deps| &deps.secrets).filter_map(|name| env.get(name)));
        redact::remember(
            env.iter().filter(|(name, _)| name.starts_with(credentials::VARIABLE)).map(|(_, value)| value),
        );
        let presets = presets::read(&assets)?;
        Ok(Checkout { root, project, assets, presets, unread })
    }

    /// What the configuration of a checkout may refer to.
    pub fn known(&self, root: &Path, main: &Source) -> Result<Known> {
        known(&assets(root, main)?)
    }

    /// Connects to the engine that is chosen by the environment.
    pub fn engine(&self) -> Result<Engine> {
        Engine::connect(&endpoint::find(&Choice::of_environment())?.url, self.begun.clone())
    }

    /// Removes what an interrupted command has left in the engine.
    pub async fn clean_up(&self) {
        let left: Vec<Begun> = self.begun.lock().map(|all| all.iter().cloned().collect()).unwrap_or_default();
        if let (Ok(engine), false) = (self.engine(), left.is_empty()) {
            for begun in left {
                // There is nobody left to tell; the next `up` removes what could not be removed here.
                let _ = engine.end_begun(&begun).await;
            }
        }
    }

    /// Reads the checkout and looks at the world while no other command changes it; what it sees stays so until the lock
    /// is dropped.
    pub async fn locked_session(&self, intent: Intent) -> Result<(Session, ProjectLock)> {
        let asked = self.ask();
        let checkout = self.checkout()?;
        // What is wrong with files is said before anything is locked.
        self.read_lock(&checkout.root)?;
        let (mut engine, description) = asked?;
        let screen = self.screen;
        let wait = |holder: &str| screen.say(format!("waiting for {holder}"));
        let lock = locks::take(&checkout.root, &engine.endpoint, &self.command, wait).await?;
        engine.finish_orphaned(lock.journal()).await?;
        Ok((self.session_of(checkout, engine, description, intent).await?, lock))
    }

    /// Reads the checkout and looks at the world, once.
    pub async fn session(&self, intent: Intent) -> Result<Session> {
        let asked = self.ask();
        let checkout = self.checkout()?;
        let (engine, description) = asked?;
        self.session_of(checkout, engine, description, intent).await
    }

    /// Connects to the engine and asks what it is, which it says while files are read; what is wrong with those is told
    /// first.
    fn ask(&self) -> Result<(Engine, Description)> {
        let engine = self.engine()?;
        let description = observe::describe(&engine);
        Ok((engine, description))
    }

    /// The lock; `None` where there is none yet and one may be made.
    pub(super) fn read_lock(&self, root: &Path) -> Result<Option<Lock>> {
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

/// A line about variables that configuration texts use and that only a file `.env` has, which is not read.
fn unread_variables<'t>(
    root: &Path,
    texts: impl Iterator<Item = Cow<'t, str>>,
    env: &BTreeMap<String, String>,
) -> Option<String> {
    let names = checkout::dotenv_names(root).into_iter().filter(|name| !env.contains_key(name));
    let names: BTreeMap<String, String> = names.map(|name| (name, String::new())).collect();
    let used: BTreeMap<String, String> =
        texts.flat_map(|text| config::compose_variables::named(&text, &names)).collect();
    let used: Vec<String> = used.into_keys().map(|name| format!("`{name}`")).collect();
    let line = || format!("`.env` has {}, which devenv does not read: `set -a; . ./.env` exports it", used.join(", "));
    (!used.is_empty()).then(line)
}

/// The beginning of today, in the lock's form.
#[must_use]
pub fn now() -> String {
    lock::archive_at(seconds().unsigned_abs())
}

/// Seconds since 1970.
#[must_use]
pub fn seconds() -> i64 {
    i64::try_from(clock::seconds()).unwrap_or_default()
}

/// The files in force. Which folder they stand in is a setting, read before the whole is checked against them.
fn assets(root: &Path, main: &Source) -> Result<Assets> {
    let nothing = Known { version: version(), ..Known::default() };
    let env = checkout::variables();
    let inputs = Inputs { main, local: None, env: &env, known: &nothing };
    checkout::assets(root, &config::read(inputs).files_folder())
}

/// What a configuration may refer to, with these files in force.
pub fn known(assets: &Assets) -> Result<Known> {
    let images = images::described(assets)?;
    let root = |parent: &crate::names::ImageName| parent.as_str() != "root";
    let presets = presets::read(assets)?;
    Ok(Known {
        images: images.into_iter().map(|(name, file)| (name, file.parent.filter(root))).collect(),
        credentials: presets
            .iter()
            .map(|(name, preset)| (name.clone(), preset.credentials.keys().cloned().collect()))
            .collect(),
        seeded: presets.iter().filter(|(_, preset)| preset.seed.is_some()).map(|(name, _)| name.clone()).collect(),
        presets: presets.into_keys().collect(),
        version: version(),
    })
}
