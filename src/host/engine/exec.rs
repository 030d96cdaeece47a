//! Steps in running containers: each is a process group that can be ended as a whole, and its output comes line by line.

use std::collections::HashMap;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::query_parameters::{AttachContainerOptionsBuilder, EventsOptionsBuilder};
use futures_util::{Stream, StreamExt};

use crate::error::{Error, Kind, Result};
use crate::host::engine::{Begun, Engine, failed};

/// Prints its own number, which is its group's, and becomes the step, which ends at the first command that fails. The
/// variable marks it for [`STALE`].
const STEP: &str = "echo $$; DEVENV_GROUP=$$ exec sh -e -c \"$0\" sh \"$@\"";
/// Ends a group: TERM, and KILL for what is left after two seconds.
const END: &str = "\
kill -s TERM -- \"-$0\" 2>/dev/null || exit 0
n=0
while [ $n -lt 40 ] && kill -s 0 -- \"-$0\" 2>/dev/null; do sleep 0.05; n=$((n + 1)); done
kill -s KILL -- \"-$0\" 2>/dev/null
exit 0";
/// Asks whether a number still is a step's, and not some other process's by now.
const STALE: &str = "tr '\\0' '\\n' < \"/proc/$0/environ\" 2>/dev/null | grep -qx \"DEVENV_GROUP=$0\" || exit 0\n";

/// The variable that all processes of a person's command have.
pub const MARK: &str = "DEVENV_COMMAND";
/// Ends those processes: TERM, and KILL for what is left after two seconds. A process without it reads them: this one.
const END_MARKED: &str = "\
marked() { for p in /proc/[0-9]*; do grep -q \"$0\" \"$p/environ\" 2>/dev/null && echo \"${p#/proc/}\"; done; }
all=$(marked)
[ -n \"$all\" ] || exit 0
kill -s TERM $all 2>/dev/null
n=0
while [ $n -lt 20 ] && [ -n \"$(marked)\" ]; do sleep 0.1; n=$((n + 1)); done
all=$(marked)
[ -z \"$all\" ] || kill -s KILL $all 2>/dev/null
exit 0";

/// Pieces of output that become lines, each stream's for itself.
#[derive(Default)]
struct Lines(HashMap<bool, String>);

impl Lines {
    fn add(&mut self, chunk: LogOutput) -> Vec<String> {
        let line = self.0.entry(matches!(chunk, LogOutput::StdErr { .. })).or_default();
        line.push_str(&String::from_utf8_lossy(&chunk.into_bytes()));
        let mut whole = Vec::new();
        while let Some(end) = line.find('\n') {
            whole.push(line[..end].trim_end_matches('\r').to_owned());
            line.drain(..=end);
        }
        whole
    }

    fn rest(self) -> impl Iterator<Item = String> {
        self.0.into_values().filter(|rest| !rest.is_empty())
    }
}

impl Engine {
    /// Runs a shell script with arguments in a running container, in its folder, as its user and with its variables.
    /// `began` gets the number of its process group, `each` each line. Returns the exit code.
    pub async fn step(
        &self,
        container: &str,
        script: &str,
        args: &[String],
        mut began: impl FnMut(i64),
        mut each: impl FnMut(&str),
    ) -> Result<i64> {
        let argv = ["sh", "-c", STEP, script].map(str::to_owned).into_iter().chain(args.iter().cloned());
        let options = CreateExecOptions {
            cmd: Some(argv.collect()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let exec = self.docker.create_exec(container, options).await.map_err(failed("cannot run a step"))?;
        let started = self.docker.start_exec(&exec.id, None).await.map_err(failed("cannot run a step"))?;
        let mut group = None;
        let mut lines = Lines::default();
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(chunk) = output.next().await {
                for line in lines.add(chunk.map_err(failed("the output of the step ended"))?) {
                    match line.parse() {
                        Ok(number) if group.is_none() => {
                            group = Some(number);
                            self.keep(Begun::Step(container.to_owned(), number));
                            began(number);
                        }
                        _ => each(&line),
                    }
                }
            }
        }
        for rest in lines.rest() {
            each(&rest);
        }
        if let Some(group) = group {
            self.forget(&Begun::Step(container.to_owned(), group));
        }
        let ended = self.docker.inspect_exec(&exec.id).await.map_err(failed("cannot see how the step ended"))?;
        ended.exit_code.ok_or_else(|| Error::message(Kind::Failed, "the step went on without its output"))
    }

    /// Ends a step with all that it has started.
    pub async fn end_group(&self, container: &str, group: i64) -> Result<()> {
        self.forget(&Begun::Step(container.to_owned(), group));
        self.exec(container, &["sh", "-c", END, &group.to_string()].map(str::to_owned)).await.map(drop)
    }

    /// Ends a step that an earlier process of devenv has left, if it is one.
    pub async fn end_stale_group(&self, container: &str, group: i64) -> Result<()> {
        let script = format!("{STALE}{END}");
        self.exec(container, &["sh".to_owned(), "-c".to_owned(), script, group.to_string()]).await.map(drop)
    }

    /// A command of a person is about to run in a container; it has `mark` as its variable [`MARK`].
    pub fn begin_command(&self, container: &str, mark: &str) {
        self.keep(Begun::Command(container.to_owned(), mark.to_owned()));
    }

    /// It has ended by itself.
    pub fn command_ended(&self, container: &str, mark: &str) {
        self.forget(&Begun::Command(container.to_owned(), mark.to_owned()));
    }

    /// Ends all processes of a command that has lost its person. An image without `sh` cannot be asked to.
    pub async fn end_command(&self, container: &str, mark: &str) -> Result<()> {
        self.command_ended(container, mark);
        self.exec(container, &["sh", "-c", END_MARKED, &format!("{MARK}={mark}")].map(str::to_owned)).await.map(drop)
    }

    /// What a container prints from now on, by lines.
    pub async fn output(&self, container: &str) -> Result<impl Stream<Item = String> + use<>> {
        let options = AttachContainerOptionsBuilder::default().stdout(true).stderr(true).stream(true).build();
        let attached = self.docker.attach_container(container, Some(options)).await;
        let output = attached.map_err(failed("cannot attach"))?.output;
        let mut lines = Lines::default();
        Ok(output
            .flat_map(move |chunk| futures_util::stream::iter(chunk.map(|chunk| lines.add(chunk)).unwrap_or_default())))
    }

    /// Says that a container with this label was started or has ended. It ends with the connection.
    pub fn events(&self, label: &str, since: u64) -> impl Stream<Item = Result<()>> + use<> {
        let since = since.to_string();
        let filters = HashMap::from([
            ("type", vec!["container"]),
            ("label", vec![label]),
            ("event", vec!["start", "die", "destroy", "pause", "unpause"]),
        ]);
        let options = EventsOptionsBuilder::default().filters(&filters).since(&since).build();
        self.docker.events(Some(options)).map(|event| event.map(drop).map_err(failed("the events ended")))
    }
}
