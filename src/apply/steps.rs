//! One step of a module in its container, to its end: dependencies, a command of the module's, a restart.

use std::pin::pin;

use futures_util::StreamExt;

use crate::apply::ready;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::engine::runs::OneOff;
use crate::host::state;
use crate::plan::parts::Part;
use crate::plan::watch::{DIED, STARTED_AGAIN};

/// Installs dependencies in a one-off container of the part's own definition; the stamp is written last. Returns the
/// exit code.
pub async fn install(engine: &Engine, project: &str, part: &Part, like: &str, each: impl FnMut(&str)) -> Result<i64> {
    let Some(install) = &part.install else { return Ok(0) };
    let script = format!(
        "set -e\nrm -f '{stamp}'\n{script}\nprintf '%s\\n' '{fingerprint}' > '{stamp}.new'\nmv '{stamp}.new' '{stamp}'\n",
        stamp = install.stamp,
        script = install.script,
        fingerprint = install.fingerprint,
    );
    let secret = |name: &String| std::env::var(name).ok().map(|value| format!("{name}={value}"));
    let env = install.secrets.iter().filter_map(secret).collect();
    one_off(
        engine,
        project,
        part,
        OneOff {
            like: like.to_owned(),
            purpose: "install".to_owned(),
            argv: shell(script, &[]),
            env,
            ..OneOff::default()
        },
        each,
    )
    .await
}

/// Runs a script in a one-off container of the part's own definition. Returns the exit code.
pub async fn alone(
    engine: &Engine,
    project: &str,
    part: &Part,
    like: &str,
    (purpose, script, args): (&str, &str, &[String]),
    each: impl FnMut(&str),
) -> Result<i64> {
    let argv = shell(script.to_owned(), args);
    one_off(
        engine,
        project,
        part,
        OneOff { like: like.to_owned(), purpose: purpose.to_owned(), argv, ..OneOff::default() },
        each,
    )
    .await
}

fn shell(script: String, args: &[String]) -> Vec<String> {
    let shell = ["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()];
    shell.into_iter().chain(args.iter().cloned()).collect()
}

async fn one_off(engine: &Engine, project: &str, part: &Part, one_off: OneOff, each: impl FnMut(&str)) -> Result<i64> {
    let name = format!("{project}-{}-{}-{}", part.name, one_off.purpose, state::random(3)?);
    let id = engine.create_one_off(&OneOff { name, ..one_off }).await?;
    let ended = engine.run_to_end(&id, each).await;
    engine.remove_one_off(&id).await?;
    ended
}

/// Has the runner end the module's command and start it again, and waits until it is ready. The inner error is the
/// command's own fault.
pub async fn restart(engine: &Engine, part: &Part, container: &str) -> Result<Result<()>> {
    let mut output = pin!(engine.output(container).await?);
    engine.signal(container, "USR1").await?;
    // Until then the old command may answer in place of the new one.
    loop {
        match output.next().await {
            Some(line) if line == STARTED_AGAIN => break,
            Some(_) => {}
            None => return Err(Error::message(Kind::Failed, format!("`{}` ended in its restart", part.name))),
        }
    }
    let mut last = Vec::new();
    let died = async {
        while let Some(line) = output.next().await {
            if line.starts_with("devenv-run: ") && line.ends_with(DIED) {
                break;
            }
            last.push(line);
        }
    };
    let ready = tokio::select! {
        biased;
        ready = ready::wait(engine, part, container, None) => Some(ready),
        () = died => None,
    };
    let lines = last.iter().skip(last.len().saturating_sub(20)).map(|line| format!("\n    {line}"));
    Ok(ready.unwrap_or_else(|| {
        let message = format!("`{}` ended right after its restart{}", part.name, lines.collect::<String>());
        Err(Error::message(Kind::Failed, message))
    }))
}
