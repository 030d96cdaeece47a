//! What tasks are made from on this machine: their containers, their source, and the records of earlier runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::apply::session::Session;
use crate::config::model::values::RelPath;
use crate::error::{Error, Kind, Result};
use crate::host::ignore::source::SourceFolder;
use crate::host::tasks::records;
use crate::host::tasks::source::{self, PackedSource};
use crate::names::TaskName;
use crate::plan::mirror::copy::Selection;
use crate::plan::parts::Part;
use crate::plan::source_folder::directory;
use crate::plan::tasks::graph::{Place, TaskGraph, TaskNode, Work};
use crate::plan::tasks::history::History;
use crate::plan::tasks::record::{RecordError, Run};
use crate::plan::tasks::spec::TaskSpec;
use crate::redact;
use crate::render::secrets::{Secrets, fill};

/// The containers of tasks.
pub type Specs = BTreeMap<TaskName, TaskSpec>;
/// The source of each task.
pub type Sources = BTreeMap<TaskName, Arc<PackedSource>>;

/// The containers of all tasks of a graph that run something.
pub fn specs(session: &Session, graph: &TaskGraph) -> Result<Specs> {
    let work = graph.0.values().filter_map(|node| Some((node, node.work.as_ref()?)));
    work.map(|(node, work)| Ok((node.name.clone(), spec(session, node, work)?))).collect()
}

fn spec(session: &Session, node: &TaskNode, work: &Work) -> Result<TaskSpec> {
    let mut spec = match &work.place {
        Place::Module(name) => {
            if session.environment.releases.contains_key(name) {
                let message = format!("`{name}` runs in its released image here, which has no source");
                return Err(Error::message(Kind::Usage, message)
                    .hint(format!("`mode: release` of {name} is set in devenv.local.yaml")));
            }
            let part = session.part(name.as_str())?;
            TaskSpec::in_module(work, part, with_credentials(part, &session.secrets))
        }
        Place::Image(name) => {
            let image = session.images.get(name);
            let image = image.ok_or_else(|| Error::message(Kind::Usage, format!("there is no image `{name}`")))?;
            let dir = directory(&RelPath::default(), session.checkout.project.file.project.as_str());
            TaskSpec::in_image(work, image, &session.machine, &dir)
        }
    };
    for name in &work.secrets {
        let Ok(value) = std::env::var(name) else {
            let message = format!("the task `{}` needs the variable {name}, which is not set", node.name);
            return Err(Error::message(Kind::Usage, message).hint(format!("`export {name}=…` before the command")));
        };
        redact::remember([&value]);
        spec.env.insert(name.clone(), value);
    }
    Ok(spec)
}

/// The variables of a part that hold credentials.
pub(super) fn with_credentials(part: &Part, secrets: &Secrets) -> BTreeMap<String, String> {
    part.secret_env.iter().map(|(name, text)| (name.clone(), fill(text, secrets))).collect()
}

/// The source of each of these tasks; those of one folder share one archive.
pub async fn sources(session: &Session, specs: &Specs) -> Result<Sources> {
    let mut packed: Vec<((RelPath, Selection), Arc<PackedSource>)> = Vec::new();
    let mut all = Sources::new();
    for (task, spec) in specs {
        let key = folder(session, spec);
        let known = packed.iter().find(|(other, _)| *other == key).map(|(_, source)| Arc::clone(source));
        let source = match known {
            Some(source) => source,
            None => {
                let source = Arc::new(pack(session, &key, &spec.dir).await?);
                packed.push((key, Arc::clone(&source)));
                source
            }
        };
        all.insert(task.clone(), source);
    }
    Ok(all)
}

/// The folder of a task, and what counts in it.
fn folder(session: &Session, spec: &TaskSpec) -> (RelPath, Selection) {
    let Place::Module(name) = &spec.work.place else { return (RelPath::default(), Selection::default()) };
    let Some(module) = session.checkout.project.file.modules.get(name) else { return Default::default() };
    let wish = module.mirror.clone().unwrap_or_default();
    let below = |target: &str| target.strip_prefix(&spec.dir)?.strip_prefix('/').map(str::to_owned);
    let mounted: Vec<String> = spec.mounts.iter().filter_map(|mount| below(&mount.target)).collect();
    let selection = Selection { also: wish.also, ..Selection::new(&wish.not, &mounted) };
    (module.path.clone(), selection)
}

/// The whole checkout, as it is in containers below `dir`.
pub(super) async fn pack_checkout(session: &Session, dir: &str) -> Result<PackedSource> {
    pack(session, &Default::default(), dir).await
}

async fn pack(session: &Session, (path, selection): &(RelPath, Selection), dir: &str) -> Result<PackedSource> {
    let folder = SourceFolder::open(&session.checkout.root, path, selection)?;
    let (dir, owner) = (dir.to_owned(), (session.machine.uid, session.machine.gid));
    let packing = tokio::task::spawn_blocking(move || source::pack(&folder, &dir, owner));
    packing.await.map_err(|error| Error::message(Kind::Bug, error))?
}

/// Earlier runs, which of them somebody carries out now, and a line about each that cannot be read.
pub struct Known {
    /// The runs.
    pub history: History,
    /// Ids of those that somebody carries out.
    pub alive: Vec<String>,
    /// What is worth a line.
    pub news: Vec<String>,
}

impl Known {
    /// The run that somebody carries out now and that goes on with a task of a dead one.
    #[must_use]
    pub fn heir(&self, dead: &str) -> Option<&str> {
        let has_adopted = |run: &&Run| {
            let mut adopted = run.tasks.values().filter_map(|task| task.about.adopted.as_deref());
            run.ended.is_none() && self.alive.contains(&run.id) && adopted.any(|run| run == dead)
        };
        self.history.runs().iter().find(has_adopted).map(|run| run.id.as_str())
    }
}

/// Reads the records of all runs.
pub fn known(root: &Path) -> Result<Known> {
    let (mut runs, mut alive, mut news) = (Vec::new(), Vec::new(), Vec::new());
    for record in records::all(root)? {
        if record.is_alive {
            alive.push(record.id.clone());
        }
        match Run::read(&record.id, &record.text) {
            Ok(run) => runs.push(run),
            // Its writer has just begun, or was killed at once.
            Err(RecordError::Damaged(_)) if record.text.is_empty() => {}
            Err(error) => news.push(error.to_string()),
        }
    }
    Ok(Known { history: History::new(runs), alive, news })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heir_of_a_dead_run_is_the_one_that_lives_and_has_adopted_a_task_of_it() {
        let record = |adopted: &str| {
            let begun = r#"{"event":"begun","version":1,"at":1,"asked":["a"],"tasks":{"a":60}}"#;
            let task = r#"{"event":"task","at":2,"task":"a","attempt":0,"is":{"state":"running"},"about":"#;
            format!("{begun}\n{task}{adopted}}}\n")
        };
        let runs = [("1", "{}"), ("2", r#"{"adopted":"1"}"#)];
        let runs = runs.map(|(id, adopted)| Run::read(id, &record(adopted)).unwrap());
        let mut known = Known { history: History::new(runs.into()), alive: Vec::new(), news: Vec::new() };
        assert_eq!(known.heir("1"), None);
        known.alive = vec!["1".to_owned(), "2".to_owned()];
        assert_eq!((known.heir("1"), known.heir("2")), (Some("2"), None));
    }
}
