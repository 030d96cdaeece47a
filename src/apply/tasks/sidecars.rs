//! What runs beside tasks: their containers' definitions, and the source that they get.

use std::sync::Arc;

use crate::apply::session::Session;
use crate::apply::tasks::sources::{Sources, Specs, pack_checkout};
use crate::config::model::values::RelPath;
use crate::error::{Error, Kind, Result};
use crate::host::tasks::source::PackedSource;
use crate::names::TaskName;
use crate::plan::source_folder::directory;
use crate::plan::tasks::graph::{Place, TaskGraph};
use crate::plan::tasks::sidecar::{SidecarSpec, SidecarSpecs};

/// What runs beside tasks, and the source that it gets.
#[derive(Default)]
pub struct Sidecars {
    /// The containers.
    pub specs: SidecarSpecs,
    /// The whole checkout.
    pub source: Option<Arc<PackedSource>>,
}

impl Sidecars {
    /// What runs beside the tasks of a graph. The source is shared with a task that has the same.
    pub async fn of(session: &Session, graph: &TaskGraph, specs: &Specs, sources: &Sources) -> Result<Self> {
        let dir = directory(&RelPath::default(), session.checkout.project.file.project.as_str());
        let mut all = SidecarSpecs::new();
        for (task, beside) in graph.0.values().filter_map(|node| Some((&node.name, &node.work.as_ref()?.beside))) {
            for (name, one) in beside {
                let image = session.images.get(&one.image);
                let image =
                    image.ok_or_else(|| Error::message(Kind::Usage, format!("there is no image `{}`", one.image)))?;
                let spec = SidecarSpec::new(name, one, image, &session.machine, &dir);
                all.entry(task.clone()).or_default().push(spec);
            }
        }
        let source = match all.values().flatten().any(SidecarSpec::has_command) {
            true => {
                let is_same =
                    |task: &TaskName| specs.get(task).is_some_and(|spec| matches!(spec.work.place, Place::Image(_)));
                match sources.iter().find(|(task, _)| is_same(task)) {
                    Some((_, source)) => Some(Arc::clone(source)),
                    None => Some(Arc::new(pack_checkout(session, &dir).await?)),
                }
            }
            false => None,
        };
        Ok(Self { specs: all, source })
    }

    /// Those beside a task.
    #[must_use]
    pub fn of_task(&self, task: &TaskName) -> &[SidecarSpec] {
        self.specs.get(task).map(Vec::as_slice).unwrap_or_default()
    }

    /// What each beside a task is made from: its name, and a digest.
    pub fn inputs(&self, task: &TaskName) -> impl Iterator<Item = (String, String)> {
        let source = self.source.as_ref().map(|source| source.digest.as_str());
        let input =
            move |one: &SidecarSpec| (format!("{} beside it", one.part.name), one.fingerprint(source).to_string());
        self.of_task(task).iter().map(input)
    }
}
