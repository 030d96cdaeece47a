//! A deployment that failed goes back as a whole: what it has updated gets the state that it had, what it has made is removed.
//! What a migration has done stays done.

use crate::apply::deploy::wait::{self, Watch};
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::registry::credentials::RegistryLogin;
use crate::names::PartName;
use crate::plan::deploy::cluster::Running;
use crate::plan::deploy::stack::Stack;

/// As often a service is given the state that it had, where the engine changes it at the same time.
const ATTEMPTS: u32 = 3;

/// What a deployment has done.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// It has made a service.
    Created(PartName),
    /// It has updated a service, which was so before.
    Updated(PartName, Box<Running>),
    /// It has begun a run that did not end in time.
    Overran(PartName),
    /// It has made a config with this id.
    MadeConfig(String),
}

/// Rolls back, the newest first, and returns the result in words.
pub async fn go_back(engine: &Engine, stack: &Stack, login: Option<&RegistryLogin>, done: &[Done]) -> String {
    let (mut said, mut failed) = (Vec::new(), Vec::new());
    for one in done.iter().rev() {
        let (words, gone) = match one {
            Done::Created(part) => (format!("{part} removed"), engine.remove_service(&stack.service(part)).await),
            Done::Overran(part) => (format!("{part} stopped"), engine.remove_service(&stack.service(part)).await),
            Done::Updated(part, before) => {
                (format!("{part} rolled back"), bring_back(engine, stack, login, (part, before)).await)
            }
            Done::MadeConfig(id) => {
                // A service that could not be brought back may still have it.
                let _ = engine.remove_config(id).await;
                continue;
            }
        };
        match gone {
            Ok(()) => said.push(words),
            Err(error) => failed.push(format!("not {words}: {error}")),
        }
    }
    match (said.as_slice(), failed.as_slice()) {
        ([], []) => "no service was changed".to_owned(),
        (said, []) => format!("everything runs as before: {}", said.join(", ")),
        (said, failed) => {
            let all: Vec<&str> = failed.iter().chain(said).map(String::as_str).collect();
            format!("not everything runs as before, `devenv deploy ENV --rollback` tries again: {}", all.join(", "))
        }
    }
}

/// Gives a service the state that it had, unless the engine has done so by itself, and waits until as many of its containers
/// run as before.
async fn bring_back(
    engine: &Engine,
    stack: &Stack,
    login: Option<&RegistryLogin>,
    (part, before): (&PartName, &Running),
) -> Result<()> {
    let mut watch = Watch::new(engine, stack, part, stack.parts.get(part).map_or(wait::ROOM, wait::longest));
    for attempt in 1.. {
        // Whatever became of what the engine does, what counts is what the service is then.
        let _ = watch.while_engine_goes_back().await;
        let now = wait::look(engine, stack, part).await?;
        let now = now.ok_or_else(|| Error::message(Kind::Failed, "somebody removed its service"))?;
        if now.definition == before.definition && now.image == before.image && now.replicas == before.replicas {
            break;
        }
        // An update that is under way is replaced: the node that it waits for may be lost. The engine may have been faster.
        match engine.update_service(&now, &before.spec, login).await {
            Err(error) if attempt == ATTEMPTS => return Err(error),
            Err(_) => {}
            Ok(()) => break,
        }
    }
    watch.until_back(before.up().min(before.replicas)).await
}
