//! `devenv graph`

use crate::apply::session::Intent;
use crate::apply::states;
use crate::commands::context::{Context, InEnvironment};
use crate::error::Result;
use crate::host::clock::unix_time;
use crate::plan::graph;
use crate::render::graph::{dot, mermaid, svg};

/// Draw what runs and the images that it runs in, states as colours
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv graph > shop.svg\n  devenv graph --format mermaid")]
pub struct GraphArgs {
    /// Language of the drawing
    #[arg(long, value_enum, default_value_t = GraphFormat::Svg)]
    pub format: GraphFormat,
    /// Print JSON, as `--format json` does
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// A language for drawings.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphFormat {
    /// A picture
    Svg,
    /// What code hosts draw in Markdown
    Mermaid,
    /// What Graphviz draws
    Dot,
    /// Nodes and edges, for programs
    Json,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &GraphArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let lives = states::lives(&session.engine, &session.environment, &session.observed).await;
    let drawn = graph::graph(&session.environment, &session.images, &session.observed, &lives, unix_time());
    match if args.json { GraphFormat::Json } else { args.format } {
        GraphFormat::Svg => cx.screen.data(svg::svg(&drawn)),
        GraphFormat::Mermaid => cx.screen.data(mermaid::mermaid(&drawn)),
        GraphFormat::Dot => cx.screen.data(dot::dot(&drawn)),
        GraphFormat::Json => cx.screen.json(&drawn),
    }
    Ok(())
}
