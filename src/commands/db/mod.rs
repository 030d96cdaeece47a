//! `devenv db`

mod replace;
mod target;

use std::path::PathBuf;

use crate::amounts::bytes;
use crate::apply::session::Intent;
use crate::apply::session::Session;
use crate::commands::context::{Context, InEnvironment};
use crate::commands::db::target::{Target, call_between, ended, known, named, shown, sizes};
use crate::commands::in_container::{self, RunningContainer};
use crate::error::{Error, Kind, Result};
use crate::host::process::{self};
use crate::host::{clock, dump_files};
use crate::plan::databases::request::{self, DatabaseAction};
use crate::plan::databases::{self, Database, DatabaseKind, postgres, redis};
use crate::plan::images::lock::archive_at;
use crate::plan::observed::ContainerState;

/// List databases, open a console, dump and restore data
///
/// Without an action it lists the databases with their sizes. `console` opens psql or redis-cli, logged in, or what the
/// preset of another service says (`mariadb`, `rabbitmqctl`, …); what follows `--` are its arguments. `dump` writes all
/// data into a compressed file, `-` for standard output. `restore` replaces all data with that of a dump, `reset` with
/// that of the seed; both ask first, and if they fail halfway, the old data stays. `seed` adds what the seed has, all
/// of it or nothing (SQL seeds only). NAME may be omitted if there is only one database.
#[derive(clap::Args, Debug)]
#[command(override_usage = "devenv db [NAME] [console|dump|restore|seed|reset] [FILE] [-- ARGS]")]
#[command(after_help = "Examples:
  devenv db
  devenv db db console -- -c 'select count(*) from orders'
  devenv db db dump before.sql.gz
  devenv db db restore before.sql.gz")]
pub struct DbArgs {
    /// Service, what to do with it, and the file that `dump` writes or `restore` reads
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// Arguments for the program that `console` opens
    #[arg(last = true)]
    pub args: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &DbArgs) -> Result<()> {
    let request = request::parse(&args.words).map_err(|error| {
        let actions = request::ACTIONS.map(|(name, _)| format!("`{name}`")).join(", ");
        Error::new(Kind::Usage, error).hint(format!("there are {actions}"))
    })?;
    match request.action {
        DatabaseAction::List => list(cx, request.name, args.json).await,
        DatabaseAction::Console => {
            let session = cx.session(Intent::Look).await?;
            let (part, call) = target::console(&session, request.name, &args.args)?;
            let place = RunningContainer::of(&session, part)?;
            let user = call.user.map(str::to_owned);
            in_container::run(cx, &place, &in_container::Call { user, ..in_container::Call::new(call.argv) }).await
        }
        DatabaseAction::Dump => {
            let session = cx.session(Intent::Look).await?;
            dump(cx, &session, &target::find(&session, request.name)?, request.file).await
        }
        action => {
            // Nobody starts, stops or recreates the part meanwhile.
            let (session, _lock) = cx.locked_session(Intent::Look).await?;
            let target = target::find(&session, request.name)?;
            let file = request.file.map(|file| cx.folder.join(file));
            replace::run(cx, &session, &target, action, file.as_deref()).await
        }
    }
}

async fn list(cx: &Context, name: Option<&str>, json: bool) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    if let Some(name) = name {
        // One that is not a database gets an error.
        let part = named(&session, Some(name))?;
        if databases::kind(part, &session.images).is_none() {
            return target::find(&session, Some(name)).map(drop);
        }
    }
    let mut all = Vec::new();
    for (part, kind) in known(&session).filter(|(part, _)| name.is_none_or(|name| part.name.as_str() == name)) {
        let container = session.observed.container(&part.name).filter(|one| one.state == ContainerState::Running);
        all.extend(match container {
            Some(container) => sizes(&session, &part.name, kind, &container.id).await?,
            None => vec![Database { service: part.name.clone(), kind, database: None, bytes: None, entries: None }],
        });
    }
    if json {
        cx.screen.json(&all);
        return Ok(());
    }
    let row = |one: &Database| {
        let size = one.bytes.map(bytes).unwrap_or_default();
        let name = one.database.clone().unwrap_or_else(|| "is not running".to_owned());
        vec![one.service.to_string(), one.kind.to_string(), name, size, one.content()]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    cx.screen.table(&["NAME", "KIND", "DATABASE", "SIZE", "CONTENT"], &rows);
    Ok(())
}

async fn dump(cx: &Context, session: &Session, target: &Target<'_>, file: Option<&str>) -> Result<()> {
    let (call, ending) = match target.kind {
        DatabaseKind::Postgres => (postgres::dump(&target.database), "sql.gz"),
        DatabaseKind::Redis => (redis::dump(), "rdb.gz"),
    };
    let what = format!("the dump of `{}`", target.part.name);
    if file == Some("-") {
        if crate::ui::screen::has_terminal() {
            return Err(Error::message(Kind::Usage, "a dump cannot be written to a terminal")
                .hint("redirect it, or name a file"));
        }
        let out = process::standard_output()?;
        return call_between(session, target, &call, None, Some(out)).await.and_then(|said| ended(said, &what));
    }
    let path = file.map_or_else(
        || PathBuf::from(format!("{}-{}.{ending}", target.part.name, archive_at(clock::seconds()))),
        PathBuf::from,
    );
    let path = cx.folder.join(path);
    if path.exists() {
        let error = Error::message(Kind::Usage, format!("{} already exists", path.display()));
        return Err(error.hint("name another file, or remove it first"));
    }
    let made = dump_files::create(&path)?;
    let out = made.reopen().map_err(|error| Error::message(Kind::Failed, error))?;
    ended(call_between(session, target, &call, None, Some(out)).await?, &what)?;
    let size = dump_files::keep(made, &path)?;
    cx.screen.say(format!("{} ({})", shown(&cx.folder, &path), bytes(size)));
    Ok(())
}
