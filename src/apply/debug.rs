//! A tool box: made, with the files of a container that is not running; and its result when it has ended.

use std::time::{Duration, Instant};

use crate::apply::session::Session;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::engine::exec_stream::ExecStream;
use crate::names::ImageName;
use crate::plan::debug::{FILES, LIFELINE, Target, ToolBox, is_tool_box};
use crate::plan::images::DEBUG;
use crate::plan::observed::{ContainerState, Observed, Role};

/// How long a container may take to start, and between two attempts to run something in it.
const STARTED: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// The tag of the tool box's image.
pub fn image(session: &Session) -> Result<String> {
    let node = ImageName::new(DEBUG).ok().and_then(|name| session.images.get(&name));
    let missing = || Error::message(Kind::Bug, "the hierarchy has no image for the tool box");
    node.map(|node| node.tag.clone()).ok_or_else(missing)
}

/// Creates a tool box.
pub async fn create(engine: &Engine, tool_box: &ToolBox, target: &Target<'_>) -> Result<String> {
    let id = engine.create_tool_box(tool_box).await?;
    if let Target::Ended(_, container, _) = target {
        engine.copy_files(&container.id, &id, FILES).await?;
    }
    for folder in &tool_box.copied {
        engine.copy_in(&id, folder).await?;
    }
    Ok(id)
}

/// Ties a tool box that is about to start to this process: it ends when what is returned is dropped, however that comes.
pub async fn lifeline(engine: &Engine, id: &str) -> Result<ExecStream> {
    let begin = Instant::now();
    loop {
        let argv = ["sh", "-c", LIFELINE].map(str::to_owned).to_vec();
        match engine.talk(id, argv).await {
            Err(_) if begin.elapsed() < STARTED => tokio::time::sleep(PAUSE).await,
            begun => return begun,
        }
    }
}

/// Removes the tool boxes of commands that were killed.
pub async fn remove_left_over(engine: &Engine, observed: &Observed) -> Result<()> {
    let left = observed.containers.iter().filter(|one| one.role == Role::LeftOver && is_tool_box(&one.name));
    for container in left {
        engine.remove(&container.id).await?;
    }
    Ok(())
}

/// Whether the container that a tool box has joined at a time, since 1970, has ended since, or was started again.
pub async fn has_lost(engine: &Engine, target: &Target<'_>, joined: Duration) -> bool {
    let Target::Running(_, container) = target else { return false };
    let ended = |state: ContainerState| !matches!(state, ContainerState::Running | ContainerState::Paused);
    match engine.detail_at_end(&container.id, |detail| ended(detail.state)).await {
        Ok(detail) => ended(detail.state) || detail.started_at().is_some_and(|started| started > joined),
        // It was removed.
        Err(_) => true,
    }
}
