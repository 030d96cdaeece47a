//! What commands share: the checkout and its files, the engine, and the locks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::apply::executor::builds::Moving;
use crate::apply::session::assemble::assemble;
use crate::apply::session::checkout::Checkout;
use crate::apply::session::observe::{self, Description};
use crate::apply::session::{Intent, Session, Terms, lock};
use crate::commands::permissions;
use crate::config::inputs::InputFile;
use crate::error::{Error, Kind, Result};
use crate::host::checkout;
use crate::host::docker::endpoint::{self, Choice};
use crate::host::engine::{Begun, BegunSet, Engine};
use crate::host::locks::{self, ProjectLock};
use crate::host::user::permissions::Kept;
use crate::paths;
use crate::ui::screen::Screen;

/// The id of `--env` of the commands that can be about another environment than dev.
pub const ENVIRONMENT: &str = "in_environment";

/// Which environment of the checkout a command is about.
#[derive(clap::Args, Debug, Default)]
pub struct InEnvironment {
    /// Act on another environment of this checkout instead of dev
    #[arg(long = "env", id = ENVIRONMENT, value_name = "ENVIRONMENT", global = true)]
    pub name: Option<String>,
}

/// What every command gets.
pub struct Context {
    /// Where it prints.
    pub screen: Screen,
    /// The folder to begin with.
    pub folder: PathBuf,
    /// The configuration in that very folder that `-f` names, in place of a devenv.yaml there or above.
    pub file: Option<String>,
    /// The environment of the checkout, where it is not dev.
    pub environment: Option<String>,
    /// The lock may not be moved.
    pub locked: bool,
    /// The name of the command, for whoever waits for it.
    pub command: String,
    /// What is left in the engine when the command is interrupted.
    pub begun: BegunSet,
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
    pub fn source(&self, root: &Path) -> Result<InputFile> {
        let empty = || InputFile { name: self.main().to_owned(), bytes: Vec::new() };
        Ok(checkout::source(root, self.main())?.unwrap_or_else(empty))
    }

    /// The folder whose `.devenv` the environment has, of the checkout at `root`.
    #[must_use]
    pub fn home(&self, root: &Path) -> PathBuf {
        paths::home(root, self.environment.as_deref())
    }

    /// Reads the checkout's files, for the environment that is meant.
    pub fn checkout(&self) -> Result<Arc<Checkout>> {
        if let Some(name) = &self.environment {
            let mut checkout = self.team_checkout()?.for_environment(name)?;
            // What this machine allows is not a setting of dev.
            let local = checkout::source(&checkout.root, checkout::LOCAL)?;
            if let Ok(own) = Checkout::read(checkout.root.clone(), &self.source(&checkout.root)?, local.as_ref()) {
                checkout.project.local.allow = own.project.local.allow;
            }
            return Ok(Arc::new(checkout));
        }
        let root = self.root()?;
        let local = checkout::source(&root, checkout::LOCAL)?;
        let main = self.source(&root)?;
        Checkout::read(root, &main, local.as_ref()).map(Arc::new)
    }

    /// Reads the checkout's files as the team has committed them: without those of one developer.
    pub fn team_checkout(&self) -> Result<Checkout> {
        let root = self.root()?;
        let main = self.source(&root)?;
        Checkout::read(root, &main, None)
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

    /// Whether builds may move the lock.
    #[must_use]
    pub fn moving(&self) -> Moving {
        if self.locked { Moving::Refused } else { Moving::Allowed }
    }

    /// Reads the checkout and looks at the world while no other command changes it; what it sees stays so until the lock
    /// is dropped.
    pub async fn locked_session(&self, intent: Intent) -> Result<(Session, ProjectLock)> {
        let asked = self.ask();
        let checkout = self.checkout()?;
        self.locked_session_of(&checkout, asked?, intent).await
    }

    /// The same for a checkout that was read before.
    pub async fn locked_session_of(
        &self,
        checkout: &Arc<Checkout>,
        (mut engine, description): (Engine, Description),
        intent: Intent,
    ) -> Result<(Session, ProjectLock)> {
        // What is wrong with files is said before anything is locked.
        lock::read(&checkout.root, self.moving())?;
        let screen = self.screen;
        let wait = |holder: &str| screen.say(format!("waiting for {holder}"));
        let lock = locks::take(&checkout.root, &engine.endpoint, &self.command, wait).await?;
        engine.finish_orphaned(lock.journal()).await?;
        Ok((self.session_of(checkout, (engine, description), intent).await?, lock))
    }

    /// Reads the checkout and looks at the world, once.
    pub async fn session(&self, intent: Intent) -> Result<Session> {
        let asked = self.ask();
        let checkout = self.checkout()?;
        self.session_of(&checkout, asked?, intent).await
    }

    /// The same for a checkout that was read before.
    pub async fn session_of(
        &self,
        checkout: &Arc<Checkout>,
        (engine, description): (Engine, Description),
        intent: Intent,
    ) -> Result<Session> {
        let mut kept = Kept::read()?;
        let grants = permissions::granted(self.screen, checkout, &mut kept, intent)?;
        let terms = Terms { intent, moving: self.moving(), grants, kept };
        assemble(checkout, engine, description, terms).await
    }

    /// Connects to the engine and asks what it is, which it says while files are read; what is wrong with those is
    /// reported first.
    pub fn ask(&self) -> Result<(Engine, Description)> {
        let engine = self.engine()?;
        let description = observe::describe(&engine);
        Ok((engine, description))
    }
}
