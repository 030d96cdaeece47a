//! Docker Compose, which creates containers and starts none. Every call is a value.

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::host::limits::Limit;
use crate::host::process::{self, Cmd, OutputLine};
use crate::plan::machine::OLDEST_COMPOSE;

/// Longest time for the merged definition, which takes far less than a second.
const LONGEST_MERGE: Duration = Duration::from_secs(60);
/// Most memory that compose gets: many times what definitions of thousands of services take.
const MOST_MEMORY: u64 = 2 << 30;

/// A compose call on a project's files.
#[must_use]
pub fn call(endpoint: &str, root: &Path, project: &str, files: &[String]) -> Cmd {
    let mut args = vec!["compose".to_owned(), "--project-name".to_owned(), project.to_owned()];
    args.extend(["--project-directory".to_owned(), root.display().to_string()]);
    // What stands in a file named .env is for the team's programs, not for our files.
    args.extend(["--env-file".to_owned(), "/dev/null".to_owned()]);
    for file in files {
        args.extend(["--file".to_owned(), file.clone()]);
    }
    Cmd::new("docker", args).env("DOCKER_HOST", endpoint)
}

/// Creates or recreates containers and starts none of them.
#[must_use]
pub fn create(call: Cmd, names: &[String]) -> Cmd {
    call.args([
        "--progress",
        "plain",
        "up",
        "--no-start",
        "--no-deps",
        "--no-build",
        "--pull",
        "never",
        "--force-recreate",
    ])
    .args(["--quiet-pull", "--"])
    .args(names.to_vec())
    .limit(Limit { time: None, memory: MOST_MEMORY })
}

/// The merged definition of all files, as JSON, with every path resolved.
#[must_use]
pub fn config(call: Cmd) -> Cmd {
    call.args(["config", "--format", "json"]).limit(Limit { time: Some(LONGEST_MERGE), memory: MOST_MEMORY })
}

/// The variable that a line of compose's log calls missing. The log's own fields are quoted too.
#[must_use]
pub fn unset_variable(line: &str) -> Option<String> {
    let before = line.split_once(" variable is not set")?.0;
    let name = before.trim_end_matches(['"', '\\']).rsplit(['"', '\\', ' ']).next()?;
    Some(name.to_owned())
}

/// Version of the compose plugin; an error says what to install.
pub async fn version() -> Result<(u64, u64, u64)> {
    let answer = process::output(&Cmd::new("docker", ["compose", "version", "--short"])).await;
    let missing = |what: &str| {
        Error::message(Kind::Missing, what)
            .hint("`devenv doctor --fix` installs Compose as a plugin of the docker command")
    };
    let answer = answer.map_err(|_| missing("the command `docker` is not installed"))?;
    if !answer.status.success() {
        return Err(missing("Docker Compose 2 is not installed (`docker compose` does not work)"));
    }
    let version = crate::host::engine::version(answer.stdout.trim());
    let (major, minor) = OLDEST_COMPOSE;
    if (version.0, version.1) < (major.into(), minor.into()) {
        let text = answer.stdout.trim();
        return Err(missing(&format!("Docker Compose {text} is too old: devenv needs {major}.{minor} or newer")));
    }
    Ok(version)
}

/// Runs a compose call; its own words become the error.
pub async fn run(cmd: &Cmd, mut each: impl FnMut(&str)) -> Result<String> {
    let (mut out, mut err) = (String::new(), Vec::new());
    let status = process::stream(cmd, |line| match line {
        OutputLine::Out(text) => out.extend([text, "\n"]),
        OutputLine::Err(text) => {
            each(text);
            err.push(text.to_owned());
        }
    })
    .await?;
    if status.success() {
        return Ok(out);
    }
    if err.iter().any(|line| line.contains("is not a docker command") || line.contains("unknown flag: --project-name"))
    {
        let error = Error::message(Kind::Missing, "Docker Compose 2 is not installed (`docker compose` does not work)");
        return Err(error.hint("`devenv doctor --fix` installs Compose as a plugin of the docker command"));
    }
    let last = err.iter().skip(err.len().saturating_sub(10)).map(|line| format!("\n    {line}")).collect::<String>();
    Err(Error::message(Kind::Failed, format!("compose failed{last}")).hint(format!("the call was: {cmd}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named_whatever_stands_before_it() {
        let line = r#"time="2026-11-27T06:43:42Z" level=warning msg="The \"TIMEZONE\" variable is not set. Defaulting to a blank string.""#;
        assert_eq!(unset_variable(line).as_deref(), Some("TIMEZONE"));
        assert_eq!(unset_variable("WARN[0000] The \"A\" variable is not set. Defaulting").as_deref(), Some("A"));
        assert_eq!(unset_variable("network created"), None);
    }
}
