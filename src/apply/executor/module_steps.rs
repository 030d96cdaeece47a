//! One step of a module in its container, to its end: dependencies, a command of the module's, a restart.

use std::time::Duration;

use futures_util::StreamExt;

use crate::apply::executor::ready;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::engine::one_off::OneOff;
use crate::host::random;
use crate::labels;
use crate::plan::parts::{Install, Part};
use crate::plan::watch::runner::{STARTED_AGAIN, died_with};

/// Installs with the script `$1`, unless the stamp `$2` says that `$3` is installed already. The script is a child of its
/// own, whose exit code alone counts: inline, a failure within `&&` would be ignored, and `exec` or `exit` would skip the
/// stamp.
const INSTALL: &str = "\
[ \"$(cat \"$2\" 2>/dev/null)\" != \"$3\" ] || exit 0
rm -f \"$2\"
sh -e -c \"$1\"
printf '%s\\n' \"$3\" > \"$2.new\"
mv \"$2.new\" \"$2\"";

/// Installs dependencies in a one-off container of the part's own definition; the stamp is written last. Returns the
/// exit code.
pub async fn install(engine: &Engine, project: &str, part: &Part, like: &str, each: impl FnMut(&str)) -> Result<i64> {
    let Some(install) = &part.install else { return Ok(0) };
    let secret = |name: &String| std::env::var(name).ok().map(|value| format!("{name}={value}"));
    let env = install.secrets.iter().filter_map(secret).collect();
    one_off(
        engine,
        project,
        part,
        OneOff {
            like: like.to_owned(),
            purpose: labels::INSTALL.to_owned(),
            argv: install_argv(install),
            env,
            ..OneOff::default()
        },
        each,
    )
    .await
}

/// The program that installs unless it is installed already.
pub(in crate::apply) fn install_argv(install: &Install) -> Vec<String> {
    shell(INSTALL, &[&install.script, &install.stamp, &install.made_from.label()].map(String::clone))
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
    let argv = shell(script, args);
    one_off(
        engine,
        project,
        part,
        OneOff { like: like.to_owned(), purpose: purpose.to_owned(), argv, ..OneOff::default() },
        each,
    )
    .await
}

/// Ends at the first command that fails, as in a running container.
fn shell(script: &str, args: &[String]) -> Vec<String> {
    let shell = ["sh", "-e", "-c", script, "sh"].map(str::to_owned);
    shell.into_iter().chain(args.iter().cloned()).collect()
}

async fn one_off(engine: &Engine, project: &str, part: &Part, one_off: OneOff, each: impl FnMut(&str)) -> Result<i64> {
    let name = format!("{project}-{}-{}-{}", part.name, one_off.purpose, random::text(3)?);
    let id = engine.create_one_off(&OneOff { name, ..one_off }).await?;
    let ended = engine.run_to_end(&id, each).await;
    engine.remove_one_off(&id).await?;
    ended
}

/// How long after a restart the runner tells that the command has ended at once.
const STEADY: Duration = Duration::from_secs(11);

/// Has the runner end the module's command and start it again, and waits until it is ready. The inner error is the
/// command's own fault. One that ends soon after it was ready is reported to `died`.
pub async fn restart(
    engine: &Engine,
    part: &Part,
    container: &str,
    died: impl FnOnce(Error) + Send + 'static,
) -> Result<Result<()>> {
    let mut output = Box::pin(engine.output(container).await?);
    engine.signal(container, "USR1").await?;
    // Until then the old command may answer in place of the new one.
    loop {
        match output.next().await {
            Some(line) if line == STARTED_AGAIN => break,
            Some(_) => {}
            None => return Err(Error::message(Kind::Failed, format!("`{}` ended during its restart", part.name))),
        }
    }
    let name = part.name.clone();
    let mut end = Box::pin(async move {
        let mut last = Vec::new();
        while let Some(line) = output.next().await {
            match line.strip_prefix("devenv-run: ") {
                Some(_) if died_with(&line).is_some() => {
                    let lines = last.iter().skip(last.len().saturating_sub(20)).map(|line| format!("\n    {line}"));
                    let message = format!("`{name}` ended right after its restart{}", lines.collect::<String>());
                    return Error::message(Kind::Failed, message);
                }
                Some("restart") => break,
                _ => last.push(line),
            }
        }
        // The next restart has a follower of its own, and a container that is gone is reported by its readiness.
        std::future::pending().await
    });
    tokio::select! {
        biased;
        error = &mut end => return Ok(Err(error)),
        ready = ready::wait(engine, part, container, None) => ready?,
    }
    tokio::spawn(async move {
        if let Ok(error) = tokio::time::timeout(STEADY, end).await {
            died(error);
        }
    });
    Ok(Ok(()))
}
