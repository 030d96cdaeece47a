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
    #[arg(long, value_enum, default_value_t = Format::Svg)]
    pub format: Format,
    /// Print JSON, as `--format json` does
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// A language for drawings.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
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
    match if args.json { Format::Json } else { args.format } {
        Format::Svg => cx.screen.data(svg::svg(&drawn)),
        Format::Mermaid => cx.screen.data(mermaid::mermaid(&drawn)),
        Format::Dot => cx.screen.data(dot::dot(&drawn)),
        Format::Json => cx.screen.json(&drawn),
    }
    Ok(())
}
