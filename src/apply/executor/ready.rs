//! Waits until a part is ready, and tells the truth when it will not be.

use std::time::{Duration, Instant};

use crate::amounts;
use crate::amounts::bytes;
use crate::apply::session::probe;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::engine::containers::Detail;
use crate::plan::environment::lifecycle::End;
use crate::plan::observed::{ContainerState, EngineHealth};
use crate::plan::parts::{Ask, Part, PartKind};
use crate::plan::sockets;
use crate::plan::states::{CRASH_LOOP, CRASHES};
use crate::plan::watch::runner::died_with;

/// Between two looks at a part that answers over the network.
const PAUSE: Duration = Duration::from_millis(100);
/// The same while it may come any moment: whoever saved a file waits for it.
const SHORT_PAUSE: Duration = Duration::from_millis(20);
/// Between two commands in a container: each costs the engine tens of milliseconds.
const EXEC_PAUSE: Duration = Duration::from_secs(1);
/// How long a part without probe must run before it counts as running.
const STEADY: Duration = Duration::from_secs(1);
/// When it counts as running whatever is known of its processes.
const LATEST: Duration = Duration::from_secs(10);

/// Waits for `part` in the container `id`. `limit` replaces the part's own time limit.
pub async fn wait(engine: &Engine, part: &Part, id: &str, limit: Option<Duration>) -> Result<()> {
    if part.kind == PartKind::Task {
        let limit = limit.or(part.once.and_then(|rules| rules.max));
        let waited = tokio::time::timeout(limit.unwrap_or(Duration::MAX), engine.ended(id)).await;
        let Ok(code) = waited else { return Err(too_long(engine, part, id, limit.unwrap_or_default()).await) };
        let code = code?;
        return if code == 0 { Ok(()) } else { Err(ended(engine, part, id, &engine.detail(id).await?).await) };
    }
    let Some(probe) = &part.probe else { return steady(engine, part, id, limit).await };
    let begin = Instant::now();
    let mut looked = begin;
    let mut last: Option<String> = None;
    let within = limit.unwrap_or(probe.within);
    loop {
        let detail = engine.detail(id).await?;
        if has_ended(&detail) {
            return Err(ended(engine, part, id, &detail).await);
        }
        let left = within.saturating_sub(begin.elapsed());
        if let (true, Some(last)) = (left.is_zero(), &last) {
            return Err(not_ready(engine, part, id, within, &probe.ask, last).await);
        }
        let answer = match ask(engine, part, &probe.ask, id, &detail, left).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(answer)) => answer,
            Err(error) => {
                // A command cannot run in a container that has ended meanwhile, and that is the news then.
                let now = engine.detail_at_end(id, has_ended).await?;
                return Err(if has_ended(&now) { ended(engine, part, id, &now).await } else { error });
            }
        };
        if looked.elapsed() >= EXEC_PAUSE {
            looked = Instant::now();
            if let Some(error) = given_up(engine, part, id).await {
                return Err(error);
            }
        }
        last = Some(match (answer, last) {
            (Unready::Silent(text), Some(last)) => format!("{last}; then {text}"),
            (Unready::Silent(text) | Unready::Said(text), _) => text,
        });
        let pause = match probe.ask {
            Ask::Exec(_) => EXEC_PAUSE,
            _ if begin.elapsed() < STEADY => SHORT_PAUSE,
            _ => PAUSE,
        };
        tokio::time::sleep(pause).await;
    }
}

/// Whether a part that is to run does not, or did not all the time.
fn has_ended(detail: &Detail) -> bool {
    detail.state != ContainerState::Running || detail.restarts > 0
}

/// The error for a task that ran too long; it is stopped.
async fn too_long(engine: &Engine, part: &Part, id: &str, limit: Duration) -> Error {
    let lines = last_lines(engine, part, id).await;
    let stopped = engine.stop(id).await;
    let message = format!("`{}` did not end within {}{lines}", part.name, amounts::limit(limit));
    let error = Error::message(Kind::Failed, message);
    match stopped {
        Ok(()) => error.hint("it was stopped; `max:` of the module or `--wait-timeout` gives it more time"),
        Err(stop) => error.hint(stop.to_string()),
    }
}

/// The answer of a part that is not ready.
enum Unready {
    /// It says why.
    Said(String),
    /// No answer came in the time that was left, which says less than an answer before it.
    Silent(String),
}

/// Waits for a part without a probe of ours: until the engine's own check says that it is healthy, where it has one, else
/// until it runs steadily, or has ended with what it was for.
async fn steady(engine: &Engine, part: &Part, id: &str, limit: Option<Duration>) -> Result<()> {
    let begin = Instant::now();
    let (mut since, mut first, mut last) = (begin, None, 0);
    loop {
        let detail = engine.detail(id).await?;
        let restarts = *first.get_or_insert(detail.restarts);
        let starts_again = detail.is_restarted
            && detail.restarts < restarts + CRASHES
            && begin.elapsed() < CRASH_LOOP
            && !detail.out_of_memory;
        if detail.restarts != std::mem::replace(&mut last, detail.restarts) {
            since = Instant::now();
        }
        match (detail.state, &detail.check) {
            (ContainerState::Exited(0), _) if part.lifecycle.end != End::Stopped => return Ok(()),
            (ContainerState::Running, Some(check)) => match check.health {
                EngineHealth::Healthy => return Ok(()),
                EngineHealth::Unhealthy => return Err(unhealthy(engine, part, id, &check.output).await),
                EngineHealth::Starting | EngineHealth::Unknown => {}
            },
            (ContainerState::Running, None) if detail.restarts == 0 || starts_again => {
                let is_steady = since.elapsed() >= STEADY && engine.has_processes(id).await;
                if is_steady || since.elapsed() >= LATEST {
                    return Ok(());
                }
            }
            // Until the next start, which the engine puts off longer each time.
            (ContainerState::Restarting, _) if starts_again => since = Instant::now(),
            _ => return Err(ended(engine, part, id, &detail).await),
        }
        if let (Some(limit), Some(check)) = (limit.filter(|limit| begin.elapsed() >= *limit), &detail.check) {
            let last = format!("its health check has not reported yet: {}", check.output);
            return Err(not_ready_within(engine, part, id, limit, &last).await);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The error for a part whose own health check says no.
async fn unhealthy(engine: &Engine, part: &Part, id: &str, output: &str) -> Error {
    let said = if output.is_empty() {
        "its health check fails".to_owned()
    } else {
        format!("its health check says: {output}")
    };
    let lines = last_lines(engine, part, id).await;
    Error::message(Kind::Failed, format!("`{}` is unhealthy: {said}{lines}", part.name))
        .hint(format!("it is still running: `devenv shell {}` opens a shell in it", part.name))
        .hint("`healthcheck: {start_period: 1m}` of its compose file gives it more time")
}

async fn not_ready_within(engine: &Engine, part: &Part, id: &str, within: Duration, last: &str) -> Error {
    let lines = last_lines(engine, part, id).await;
    let message = format!("`{}` did not become healthy in {}: {last}{lines}", part.name, amounts::limit(within));
    Error::message(Kind::Failed, message)
        .hint(format!("it is still running: `devenv shell {}` opens a shell in it", part.name))
}

/// Asks once; the inner error is what the part answered.
async fn ask(
    engine: &Engine,
    part: &Part,
    ask: &Ask,
    id: &str,
    detail: &Detail,
    within: Duration,
) -> Result<Result<(), Unready>> {
    let patience = Duration::from_secs(2);
    let address = detail.address.clone().unwrap_or_default();
    match ask {
        Ask::Exec(argv) => {
            let Ok(answer) = tokio::time::timeout(within, engine.exec(id, argv)).await else {
                return Ok(Err(Unready::Silent(format!("`{ask}` did not end within {}", amounts::limit(within)))));
            };
            let (code, output) = answer?;
            if code == 126 || code == 127 {
                let message = format!("the health check of `{}` cannot run: {}", part.name, output.trim());
                return Err(
                    Error::message(Kind::Failed, message).hint("add the program to its image, or use `tcp` or `http`")
                );
            }
            Ok(if code == 0 { Ok(()) } else { Err(Unready::Said(said(ask, code, &output))) })
        }
        Ask::Tcp { port } => {
            Ok(probe::tcp(part, &address, *port, patience).await.map_err(|reason| Unready::Said(reason.to_string())))
        }
        Ask::Http { port, path } => {
            let answer = probe::http(part, &address, (*port, path), patience).await;
            Ok(match answer {
                Ok((status, _)) if status < 400 => Ok(()),
                Ok((status, _)) => Err(Unready::Said(format!("http {path} answered {status}"))),
                Err(reason) => Err(Unready::Said(format!("http {path}: {reason}"))),
            })
        }
    }
}

/// What a running part answers to its probe now, where that does not count as ready.
pub async fn complaint(engine: &Engine, part: &Part, id: &str, detail: &Detail) -> Option<String> {
    let probe = part.probe.as_ref()?;
    match ask(engine, part, &probe.ask, id, detail, Duration::from_secs(2)).await {
        Ok(Ok(())) => None,
        Ok(Err(Unready::Said(answer) | Unready::Silent(answer))) => Some(answer),
        Err(error) => Some(error.to_string()),
    }
}

fn said(ask: &Ask, code: i64, output: &str) -> String {
    match output.trim() {
        "" => format!("`{ask}` ended with code {code}"),
        output => format!("`{ask}` ended with code {code}: {output}"),
    }
}

async fn last_lines(engine: &Engine, part: &Part, id: &str) -> String {
    let lines = engine.last_lines(id, 20).await;
    if lines.is_empty() {
        return format!("\n  `{}` printed nothing", part.name);
    }
    let lines: String = lines.iter().map(|line| format!("\n    {line}")).collect();
    format!("\n  last lines of `{}`:{lines}", part.name)
}

/// The error for a part that ended instead of running.
async fn ended(engine: &Engine, part: &Part, id: &str, detail: &Detail) -> Error {
    let what = match (detail.state, detail.out_of_memory) {
        (_, true) if detail.memory_limit > 0 => {
            format!("`{}` ran out of memory: its limit is {}", part.name, bytes(detail.memory_limit.unsigned_abs()))
        }
        (_, true) => format!("`{}` was killed because memory ran out", part.name),
        (ContainerState::Exited(code), _) if part.kind == PartKind::Task => {
            format!("`{}` failed with code {code}", part.name)
        }
        (ContainerState::Exited(code), _) => format!("`{}` ended with code {code} right after its start", part.name),
        _ if detail.restarts > 0 => format!("`{}` keeps crashing", part.name),
        _ => format!("`{}` does not run", part.name),
    };
    let lines = last_lines(engine, part, id).await;
    let error = Error::message(Kind::Failed, format!("{what}{lines}"));
    let error = match (detail.state, &part.kind) {
        (ContainerState::Exited(0), PartKind::Module) => {
            error.hint("`once: true` is for a command that runs to completion")
        }
        (_, PartKind::Module) => {
            error.hint("fix it and save: a watched module starts again by itself, and `devenv up` continues from here")
        }
        _ => error.hint("fix it, then `devenv up` continues from here"),
    };
    error.hint(format!("`devenv logs {}` shows its whole log", part.name))
}

/// The error for a part whose program has died after a restart, and whose runner waits for the next one: more time changes
/// nothing.
async fn given_up(engine: &Engine, part: &Part, id: &str) -> Option<Error> {
    let has_runner = part.kind == PartKind::Module;
    let last = if has_runner { engine.last_lines(id, 1).await.pop() } else { None };
    let code = died_with(&last?)?;
    let lines = last_lines(engine, part, id).await;
    let message = format!("`{}` ended with code {code} after a file was saved{lines}", part.name);
    let error = Error::message(Kind::Failed, message);
    Some(error.hint(format!("fix it and save, or `devenv restart {}` starts it again", part.name)))
}

async fn not_ready(engine: &Engine, part: &Part, id: &str, within: Duration, ask: &Ask, last: &str) -> Error {
    let seconds = amounts::limit(within);
    let asked = if last.starts_with("http") || last.starts_with('`') { String::new() } else { format!("{ask}: ") };
    let lines = last_lines(engine, part, id).await;
    let message = format!("`{}` did not become healthy in {seconds}: {asked}{last}{lines}", part.name);
    let error = Error::message(Kind::Failed, message);
    let error = match wrong_address(engine, part, id, ask).await {
        Some(advice) => error.hint(advice),
        None => error,
    };
    error
        .hint(format!("it is still running: `devenv shell {}` opens a shell in it", part.name))
        .hint("`health: {start_within: 2m}` or `--wait-timeout` gives it more time")
}

/// Where the part's program listens instead, if it does.
async fn wrong_address(engine: &Engine, part: &Part, id: &str, ask: &Ask) -> Option<String> {
    let (Ask::Tcp { port } | Ask::Http { port, .. }) = ask else { return None };
    let tables = ["cat", "/proc/net/tcp", "/proc/net/tcp6"].map(str::to_owned);
    let (_, tables) = engine.exec(id, &tables).await.ok()?;
    sockets::advice(&part.name, *port, &tables)
}
