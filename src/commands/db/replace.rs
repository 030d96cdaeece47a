//! `devenv db restore`, `seed` and `reset`: what changes data. Each says what it replaces; what fails changes nothing.

use std::fs::File;
use std::path::Path;

use crate::amounts::bytes;
use crate::apply::session::Session;
use crate::commands::context::Context;
use crate::commands::db::target::{Target, call_between, ended, shown, sizes};
use crate::config::model::once::Per;
use crate::error::{Error, Kind, Result};
use crate::host::dump_files;
use crate::plan::databases::request::DatabaseAction;
use crate::plan::databases::{Call, DatabaseKind, RedisSource, Seed, SeedSource, postgres, redis};
use crate::plan::observed::ContainerState;
use crate::plan::parts::Part;
use crate::plan::steps::once;

/// Whether a file is whole gzip, without writing any of it.
const TEST: [&str; 2] = ["gzip", "-t"];

/// Runs one of the three.
pub(super) async fn run(
    cx: &Context,
    session: &Session,
    target: &Target<'_>,
    action: DatabaseAction,
    file: Option<&Path>,
) -> Result<()> {
    let name = &target.part.name;
    match (action, file) {
        (DatabaseAction::Restore, Some(path)) => restore(cx, session, target, path).await,
        (DatabaseAction::Seed, _) => {
            let (seed, source) = seed(session, target)?
                .ok_or_else(|| Error::message(Kind::Usage, format!("`{name}` has no seed")).hint(NO_SEED))?;
            seed_stays(session, target).await?;
            let call = match source {
                Seed::Postgres(source) => postgres::add(&target.database, &target.owner, source),
                Seed::Redis(RedisSource::Commands) => redis::add(),
                Seed::Redis(RedisSource::Dump) => {
                    let message = format!("the seed of `{name}` is a dump, which replaces all data");
                    return Err(Error::message(Kind::Usage, message).hint(format!("`devenv db {name} reset` loads it")));
                }
            };
            let said = call_between(session, target, &call, Some(seed), None).await?;
            ended(said, &format!("the seed of `{name}`"))?;
            cx.screen.say(format!("seeded `{name}`"));
            Ok(())
        }
        _ => reset(cx, session, target).await,
    }
}

const NO_SEED: &str = "`seed: FILE` of the service in devenv.yaml names one";

async fn restore(cx: &Context, session: &Session, target: &Target<'_>, path: &Path) -> Result<()> {
    let (file, size) = dump_files::open(path)?;
    let said = shown(&cx.folder, path);
    let is_plain = path.extension().is_some_and(|end| end == "sql");
    let call = match target.kind {
        DatabaseKind::Redis => redis::replace(RedisSource::Dump),
        DatabaseKind::Postgres => postgres::replace(&target.database, &target.owner, source(is_plain)),
    };
    if !is_plain {
        let test = Call { argv: TEST.map(str::to_owned).to_vec(), user: None };
        if let Err(reason) = call_between(session, target, &test, Some(dump_files::open(path)?.0), None).await? {
            let error = Error::message(Kind::Usage, format!("{said} is not a complete dump: {reason}"));
            return Err(error.hint("`devenv db dump` writes a file that `restore` accepts"));
        }
    }
    if target.kind == DatabaseKind::Postgres {
        stays(session, target, source(is_plain), dump_files::open(path)?.0, &said).await?;
    }
    confirm(cx, session, target, &format!("{said} ({})", bytes(size))).await?;
    let what = format!("the data was not replaced: restoring `{}`", target.part.name);
    ended(call_between(session, target, &call, Some(file), None).await?, &what)?;
    cx.screen.say(format!("`{}` has the data of {said}", target.part.name));
    again(cx, session, target, |part| part.once.is_some_and(|rules| rules.per == Per::Inputs)).await
}

fn source(is_plain: bool) -> SeedSource {
    if is_plain { SeedSource::Sql } else { SeedSource::SqlGz }
}

/// Checks that SQL stays in the database that it is read into. One that creates its own loads into the one that is there.
async fn stays(session: &Session, target: &Target<'_>, source: SeedSource, file: File, said: &str) -> Result<()> {
    let Some(check) = postgres::check(source) else { return Ok(()) };
    call_between(session, target, &check, Some(file), None).await?.map_err(|line| {
        let error = Error::message(Kind::Usage, format!("{said} changes to another database: {line}"));
        error.hint("dump it without `--create`, and remove such lines from a file that was written by hand")
    })
}

/// The same of the seed, where there is one.
async fn seed_stays(session: &Session, target: &Target<'_>) -> Result<()> {
    match seed(session, target)? {
        Some((file, Seed::Postgres(source))) => stays(session, target, source, file, "the seed").await,
        Some((_, Seed::Redis(_))) | None => Ok(()),
    }
}

async fn reset(cx: &Context, session: &Session, target: &Target<'_>) -> Result<()> {
    let name = &target.part.name;
    let seed = seed(session, target)?;
    let with = if seed.is_some() { "the seed" } else { "nothing" };
    seed_stays(session, target).await?;
    confirm(cx, session, target, with).await?;
    let (file, source) = seed.unzip();
    let call = match (target.kind, source) {
        (DatabaseKind::Redis, Some(Seed::Redis(source))) => redis::replace(source),
        (DatabaseKind::Redis, _) => redis::reset(),
        (DatabaseKind::Postgres, source) => {
            let source = if let Some(Seed::Postgres(source)) = source { source } else { SeedSource::Empty };
            postgres::replace(&target.database, &target.owner, source)
        }
    };
    let what = format!("the data was not replaced: resetting `{name}`");
    ended(call_between(session, target, &call, file, None).await?, &what)?;
    cx.screen.say(format!("`{name}` has {with} now"));
    again(cx, session, target, |_| true).await
}

/// The seed of a service, where it has one.
fn seed(session: &Session, target: &Target<'_>) -> Result<Option<(File, Seed)>> {
    let service = session.checkout.project.file.services.get(&target.part.name);
    let Some(seed) = service.and_then(|service| service.seed.as_ref()) else { return Ok(None) };
    let Some(source) = Seed::of(target.kind, seed.as_str()) else {
        let message = format!("the seed {} is not {}", seed.as_str(), Seed::names(target.kind));
        return Err(Error::message(Kind::Usage, message));
    };
    Ok(Some((dump_files::open(&seed.at(&session.checkout.root))?.0, source)))
}

/// Asks whether the data may be replaced, and says by what.
async fn confirm(cx: &Context, session: &Session, target: &Target<'_>, with: &str) -> Result<()> {
    let name = &target.part.name;
    let found = sizes(session, name, target.kind, &target.container).await?;
    let ours: Vec<String> = found
        .iter()
        .filter(|one| target.database.is_empty() || one.database.as_deref() == Some(&target.database))
        .map(|one| {
            let size = one.bytes.map(|size| format!("{}, ", bytes(size))).unwrap_or_default();
            format!("`{}` ({size}{})", one.database.clone().unwrap_or_default(), one.content())
        })
        .collect();
    let what = format!("{} of `{name}` is replaced by {with}", ours.join(" and "));
    if !cx.screen.can_ask() {
        cx.screen.say(&what);
    }
    cx.screen.insist(&format!("{what}. Continue?"), Error::message(Kind::Usage, "not confirmed; nothing was replaced"))
}

/// Lets tasks that work on this data run again at the next `up`: forgets that they are done.
async fn again(cx: &Context, session: &Session, target: &Target<'_>, is_meant: impl Fn(&Part) -> bool) -> Result<()> {
    let mut names = Vec::new();
    for task in session.environment.parts.values().filter(|part| part.once.is_some() && is_meant(part)) {
        let data = once::data_of(&session.environment, task).find(|(owner, _)| **owner == target.part.name);
        let Some((_, folder)) = data else { continue };
        let stamp = format!("{folder}/{}", once::stamp(&task.name));
        let (code, answer) = session.engine.exec(&target.container, &["rm", "-f", &stamp].map(str::to_owned)).await?;
        if code != 0 {
            let message = format!("the data is replaced, but `{}` still counts as done: {}", task.name, answer.trim());
            return Err(Error::message(Kind::Failed, message));
        }
        for container in session.observed.containers_of(&task.name) {
            if !matches!(container.state, ContainerState::Running) {
                session.engine.remove(&container.id).await?;
            }
        }
        names.push(task.name.to_string());
    }
    if !names.is_empty() {
        cx.screen.say(format!("`devenv up` runs {} again on it", names.join(", ")));
    }
    Ok(())
}
