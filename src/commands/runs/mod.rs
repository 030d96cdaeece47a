//! `devenv runs`

mod acting;
mod attach;
mod find;
mod looking;

use crate::commands::context::Context;
use crate::commands::runs::find::EndState;
use crate::error::Result;

/// List runs of tasks, and inspect one: states, logs, artifacts
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv runs\n  devenv runs show last\n  devenv runs logs last api:test")]
#[command(args_conflicts_with_subcommands = true)]
pub struct RunsArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Show the tasks of a run and how each ended
    #[command(after_help = "Example:\n  devenv runs show last")]
    Show {
        /// The run: its id, the end of it, or `last`
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the output of the tasks of a run
    #[command(after_help = "Example:\n  devenv runs logs last api:test")]
    Logs {
        /// The run: its id, the end of it, or `last`
        id: String,
        /// Tasks [default: all]
        tasks: Vec<String>,
    },
    /// List the artifacts of a run, with the files that they are kept in
    #[command(after_help = "Example:\n  devenv runs artifacts last")]
    Artifacts {
        /// The run: its id, the end of it, or `last`
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Join a run of another process: follow its changes and output until it ends
    #[command(after_help = "Example:\n  devenv runs attach last")]
    Attach {
        /// The run: its id, the end of it, or `last`
        id: String,
    },
    /// Find the newest run of a task by its state, and by the branch that was checked out
    #[command(
        after_help = "Examples:\n  devenv runs find api:test --last completed\n  devenv runs find api:test --branch main --last completed"
    )]
    Find {
        /// The task
        task: String,
        /// The state that it ended in
        #[arg(long, value_name = "STATE")]
        last: Option<EndState>,
        /// The branch that was checked out when the run began
        #[arg(long, value_name = "NAME")]
        branch: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Run again what a run was asked for; what has completed with the same inputs is not run again
    #[command(after_help = "Example:\n  devenv runs rerun last")]
    Rerun {
        /// The run: its id, the end of it, or `last`
        id: String,
        /// Also run what has completed
        #[arg(long)]
        force: bool,
    },
    /// Cancel a run in progress, or remove the leftovers of a killed one
    #[command(after_help = "Example:\n  devenv runs cancel last")]
    Cancel {
        /// The run: its id, the end of it, or `last`
        id: String,
    },
    /// Open a shell in the container of a task: one that runs, or one that was kept by `task run --keep`
    #[command(after_help = "Example:\n  devenv runs shell last api:test")]
    Shell {
        /// The run: its id, the end of it, or `last`
        id: String,
        /// The task
        task: String,
        /// Command in place of a shell
        #[arg(last = true)]
        command: Vec<String>,
    },
}

impl RunsArgs {
    /// Whether the command takes signals itself.
    #[must_use]
    pub fn hears_signals(&self) -> bool {
        matches!(self.what, Some(What::Rerun { .. } | What::Attach { .. }))
    }
}

/// Runs the command.
pub async fn run(cx: &Context, args: &RunsArgs) -> Result<()> {
    match &args.what {
        None => looking::list(cx, args.json),
        Some(What::Show { id, json }) => looking::show(cx, id, *json),
        Some(What::Logs { id, tasks }) => looking::logs(cx, id, tasks),
        Some(What::Artifacts { id, json }) => looking::artifacts(cx, id, *json),
        Some(What::Attach { id }) => attach::attach(cx, id).await,
        Some(What::Find { task, last, branch, json }) => find::find(cx, task, (*last, branch.as_deref()), *json),
        Some(What::Rerun { id, force }) => acting::rerun(cx, id, *force).await,
        Some(What::Cancel { id }) => acting::cancel(cx, id).await,
        Some(What::Shell { id, task, command }) => acting::shell(cx, id, task, command).await,
    }
}
