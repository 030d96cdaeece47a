//! The databases of splits: each has a clone of every PostgreSQL database that the task's module needs, on the server that
//! runs already.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use crate::apply::session::Session;
use crate::apply::tasks::run_context::RunContext;
use crate::apply::tasks::sources::with_credentials;
use crate::error::{Error, Kind, Result};
use crate::host::engine::tasks::SeenTask;
use crate::host::tasks::records;
use crate::names::{PartName, TaskName};
use crate::plan::databases::postgres_clones::{self, Clones};
use crate::plan::databases::{self, Call, DatabaseKind};
use crate::plan::observed::ContainerState;
use crate::plan::parts::Part;
use crate::plan::tasks::graph::Place;
use crate::plan::tasks::spec::TaskSpec;

/// A server that runs.
struct Server {
    part: PartName,
    container: String,
    database: String,
    owner: String,
}

/// The databases of the splits of a task.
pub(super) struct Databases {
    clones: Clones,
    servers: Vec<Server>,
    module: Option<PartName>,
    /// Variables that the task sets itself.
    own: BTreeSet<String>,
}

/// The PostgreSQL servers that run.
fn running(session: &Session) -> impl Iterator<Item = (&Part, &str)> {
    let parts = session.environment.parts.values();
    let postgres = parts.filter(|part| databases::kind(part, &session.images) == Some(DatabaseKind::Postgres));
    postgres.filter_map(|part| {
        let container = session.observed.container(&part.name).filter(|seen| seen.state == ContainerState::Running)?;
        Some((part, container.id.as_str()))
    })
}

impl Databases {
    pub(super) fn of(context: &RunContext, spec: &TaskSpec, (task, run): (&TaskName, &str)) -> Self {
        let session = &context.session;
        let server = |(part, container): (&Part, &str)| {
            let credentials = session.secrets.get(&part.name)?;
            Some(Server {
                part: part.name.clone(),
                container: container.to_owned(),
                database: credentials.get("database")?.clone(),
                owner: credentials.get("user")?.clone(),
            })
        };
        let needed = running(session).filter(|(part, _)| spec.parts.contains(&part.name));
        let module = match &spec.work.place {
            Place::Module(name) => Some(name.clone()),
            Place::Image(_) => None,
        };
        let own = spec.work.env.keys().chain(&spec.work.secrets).cloned().collect();
        Self { clones: Clones::of(run, task), servers: needed.filter_map(server).collect(), module, own }
    }

    /// Fills a template of each, once for all splits.
    pub(super) async fn make_templates(&self, context: &RunContext, left: &[SeenTask]) -> Result<()> {
        if !self.servers.is_empty() {
            sweep(context, left).await;
        }
        for server in &self.servers {
            let call = postgres_clones::template(&server.database, &server.owner, &self.clones.template());
            ask(&context.session, &server.container, &call).await.map_err(|error| {
                Error::message(error.kind, format!("the database of `{}` cannot be copied: {error}", server.part))
            })?;
        }
        Ok(())
    }

    /// Makes the clones of a split, and returns the variables that lead to them.
    pub(super) async fn clone_for(&self, context: &RunContext, split: u32) -> Result<BTreeMap<String, String>> {
        let Some(module) = self.module.as_ref().filter(|_| !self.servers.is_empty()) else {
            return Ok(BTreeMap::new());
        };
        let mut secrets = context.session.secrets.clone();
        for server in &self.servers {
            let clone = self.clones.of_split(split);
            let call = postgres_clones::clone(&self.clones.template(), &server.owner, &clone);
            ask(&context.session, &server.container, &call).await?;
            secrets.entry(server.part.clone()).or_default().insert("database".to_owned(), clone);
        }
        let mut env = with_credentials(context.session.part(module.as_str())?, &secrets);
        env.retain(|name, _| !self.own.contains(name));
        Ok(env)
    }

    /// Drops the clones and their templates. What cannot be dropped now, a later run drops.
    pub(super) async fn remove(&self, context: &RunContext) {
        let all = self
            .servers
            .iter()
            .map(|server| drop_all(&context.session, &server.container, |name| self.clones.has(name)));
        join_all(all).await;
    }
}

/// Drops what killed runs have left on servers that run. Those of the containers in `left` seem alive, since this process
/// holds their records.
pub(in crate::apply) async fn sweep(context: &RunContext, left: &[SeenTask]) {
    let root = &context.session.checkout.root;
    let is_dead = |run: &str| left.iter().any(|seen| seen.run == run) || !records::is_alive(root, run);
    let is_left = |name: &str| postgres_clones::run(name).is_some_and(is_dead);
    let all = running(&context.session).map(|(_, container)| drop_all(&context.session, container, is_left));
    join_all(all).await;
}

/// Drops copies of databases. A server that does not answer is asked by a later run.
async fn drop_all(session: &Session, container: &str, which: impl Fn(&str) -> bool) {
    let Ok(listed) = ask(session, container, &postgres_clones::list()).await else { return };
    let names: Vec<&str> = listed.lines().filter(|name| which(name)).collect();
    if !names.is_empty() {
        let _ = ask(session, container, &postgres_clones::drop(&names)).await;
    }
}

/// What a call answers.
async fn ask(session: &Session, container: &str, call: &Call) -> Result<String> {
    let (code, answer) = session.engine.exec(container, &call.argv).await?;
    match code {
        0 => Ok(answer),
        _ => Err(Error::message(Kind::Failed, answer.trim().to_owned())),
    }
}
