//! `devenv task`

mod looking;
pub(in crate::commands) mod prepare;
pub(in crate::commands) mod run;
pub(in crate::commands) mod signals;

use crate::commands::context::Context;
use crate::commands::task::run::TaskRunArgs;
use crate::error::Result;

/// Run tasks in containers of their own, in dependency order, and inspect them
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv task run api:test\n  devenv task list\n  devenv task why api:test")]
pub struct TaskArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Run tasks and what they need; what has completed with the same inputs is not run again
    #[command(after_help = "Examples:\n  devenv task run api:lint api:test\n  devenv task run report --from browser")]
    Run(TaskRunArgs),
    /// List all tasks: those of `tasks:`, and the steps of modules
    #[command(after_help = "Example:\n  devenv task list")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Draw which task needs which, for Mermaid
    #[command(after_help = "Example:\n  devenv task graph")]
    Graph {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show whether a task would run, and why; it writes nothing
    #[command(after_help = "Example:\n  devenv task why api:test")]
    Why {
        /// The task
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl TaskArgs {
    /// Whether the command takes signals itself.
    #[must_use]
    pub fn hears_signals(&self) -> bool {
        matches!(self.what, What::Run(_))
    }
}

/// Runs the command.
pub async fn run(cx: &Context, args: &TaskArgs) -> Result<()> {
    match &args.what {
        What::Run(args) => run::run(cx, &args.request()).await,
        What::List { json } => looking::list(cx, *json),
        What::Graph { json } => looking::graph(cx, *json),
        What::Why { name, json } => looking::why(cx, name, *json).await,
    }
}
