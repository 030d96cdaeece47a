//! Dependencies of tasks: installed once into the volumes of their module, before the first of its tasks starts.

use std::collections::BTreeSet;

use crate::apply::executor::module_steps;
use crate::apply::tasks::run_context::RunContext;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Begun;
use crate::host::random;
use crate::names::TaskName;
use crate::plan::mounts::MountSource;
use crate::plan::tasks::spec::TaskSpec;

/// Makes the volumes of these tasks, and installs what is missing in them. The project must be locked.
pub async fn install(context: &RunContext, tasks: &[TaskName], mut each: impl FnMut(&TaskName, &str)) -> Result<()> {
    let mut installed: BTreeSet<&str> = BTreeSet::new();
    for (task, spec) in tasks.iter().filter_map(|task| Some((task, context.specs.get(task)?))) {
        let session = &context.session;
        for volume in volumes(spec).filter_map(|name| session.environment.volumes.get(name)) {
            session.engine.make_volume(volume, &session.identity.held.id, &session.machine.root).await?;
        }
        let Some(install) = &spec.install else { continue };
        if installed.insert(&install.volume) {
            let code = one(context, task, spec, |line| each(task, line)).await?;
            if code != 0 {
                let message = format!("the dependencies of `{task}` could not be installed (code {code})");
                return Err(Error::message(Kind::Failed, message));
            }
        }
    }
    Ok(())
}

fn volumes(spec: &TaskSpec) -> impl Iterator<Item = &str> {
    spec.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume(name) => Some(name.as_str()),
        MountSource::Folder(_) | MountSource::Memory => None,
    })
}

/// Installs in a container that is gone with this process.
async fn one(context: &RunContext, task: &TaskName, spec: &TaskSpec, each: impl FnMut(&str)) -> Result<i64> {
    let (Some(install), Some(source)) = (&spec.install, context.sources.get(task)) else { return Ok(0) };
    let session = &context.session;
    let mut container = context.container(&spec.for_install())?;
    container.name = format!("{}-{}-deps-{}", session.environment.project, task.file(), random::text(3)?);
    container.task = task.to_string();
    container.argv = module_steps::install_argv(install);
    let secret = |name: &String| std::env::var(name).ok().map(|value| format!("{name}={value}"));
    container.env.extend(install.secrets.iter().filter_map(secret));
    let engine = &session.engine;
    let id = engine.create_task(container).await?;
    engine.keep(Begun::OneOff(id.clone()));
    let ended = async {
        for mount in spec.mounts.iter().filter(|mount| matches!(mount.source, MountSource::Volume(_))) {
            engine.own(&id, &mount.target, (session.machine.uid, session.machine.gid)).await?;
        }
        engine.unpack(&id, source.open()?).await?;
        engine.run_to_end(&id, each).await
    };
    let ended = ended.await;
    engine.remove_one_off(&id).await?;
    ended
}
