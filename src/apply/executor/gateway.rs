//! The gateway takes up another configuration while it runs.

use std::time::{Duration, Instant};

use crate::amounts;
use crate::apply::session::probe;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::plan::mounts::MountClass;
use crate::plan::parts::{Ask, GATEWAY_CONFIGURATION, Part};

/// Longest time until nobody answers with the earlier configuration any more.
const WITHIN: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// nginx lets its old workers accept connections for 100 ms beside the new ones: one good answer says nothing yet.
const OVERLAP: Duration = Duration::from_millis(200);

/// Makes the gateway in the container `id` read its configuration, and waits until it answers with nothing else. One that
/// is wrong is refused, and the gateway goes on with the old one.
pub async fn reload(engine: &Engine, part: &Part, id: &str) -> Result<()> {
    let name = &part.name;
    let test: Vec<String> = ["nginx", "-t", "-c", GATEWAY_CONFIGURATION].map(str::to_owned).into();
    let (code, output) = engine.exec(id, &test).await?;
    if code != 0 {
        let lines: String = output.lines().map(|line| format!("\n    {line}")).collect();
        let message = format!("the configuration of `{name}` is invalid; it keeps the old one{lines}");
        return Err(Error::message(Kind::Failed, message));
    }
    let reload: Vec<String> = ["sh", "-c", "kill -HUP \"$(cat /tmp/nginx.pid)\""].map(str::to_owned).into();
    let (code, output) = engine.exec(id, &reload).await?;
    if code != 0 {
        return Err(Error::message(Kind::Failed, format!("`{name}` cannot reload: {output}")));
    }
    taken_up(engine, part, id).await
}

async fn taken_up(engine: &Engine, part: &Part, id: &str) -> Result<()> {
    let wanted = part.mounts.iter().find_map(|mount| match &mount.class {
        MountClass::Reload(digest) => Some(digest),
        MountClass::Ignore | MountClass::Recreate { .. } => None,
    });
    let (Some(wanted), Some(Ask::Http { port, path })) = (wanted, part.probe.as_ref().map(|probe| &probe.ask)) else {
        return Ok(());
    };
    let address = engine.detail(id).await?.address.unwrap_or_default();
    let begin = Instant::now();
    let mut since = None;
    loop {
        let answer = probe::http(part, &address, (*port, path), PAUSE * 50).await;
        match answer {
            Ok((_, body)) if body.trim() == wanted => {
                if since.get_or_insert_with(Instant::now).elapsed() >= OVERLAP {
                    return Ok(());
                }
            }
            _ => since = None,
        }
        if begin.elapsed() >= WITHIN {
            let message = format!("`{}` did not load its configuration in {}", part.name, amounts::limit(WITHIN));
            let error = Error::message(Kind::Failed, message);
            return Err(error.hint(format!("`devenv logs {0}` says why; `devenv restart {0}` restarts it", part.name)));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
