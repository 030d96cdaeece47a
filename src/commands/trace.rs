//! `devenv trace`: one request, every hop, and a sentence about the one that is broken.

use crate::apply::debug;
use crate::apply::session::{Intent, Session};
use crate::apply::trace::gather::{from_part, through_gateway};
use crate::commands::context::{Context, InEnvironment};
use crate::commands::images;
use crate::config::model::values::Duration;
use crate::error::{Error, Kind, Result};
use crate::host::random;
use crate::plain::steers;
use crate::plan::images::DEBUG;
use crate::plan::parts::GATEWAY;
use crate::plan::trace::decide;
use crate::plan::trace::facts::{Facts, LogLine};
use crate::plan::trace::how::{How, ToolBoxImage, WireView};
use crate::plan::trace::verdict::Trace;
use crate::plan::trace::wish::{Given, NotARequest, Wish};
use crate::ui::screen::visible;

/// Follow one request through every hop, and name the one that is broken
///
/// Name, connection, certificate, gateway and route; the same request to the module directly; then what the module needs,
/// each in its own protocol, from the module's network and with the module's variables. A request that may change something
/// goes to the module a second time only with --direct. Exits with 1 if a hop is broken.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  devenv trace /api/healthz\n  devenv trace /api/orders -X POST -d '{\"item\": \"mug\"}' -H 'Content-Type: application/json'\n  devenv trace --from api db\n  devenv trace --from web http://api:8000/healthz"
)]
pub struct TraceArgs {
    /// Path on the gateway, or an address; with --from also a part, or HOST:PORT
    #[arg(value_name = "PATH|URL")]
    pub target: String,
    /// Start inside the network of this part
    #[arg(long, value_name = "NAME", conflicts_with_all = ["method", "body", "header", "direct"])]
    pub from: Option<String>,
    /// Method [default: GET, or POST with a body]
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub method: Option<String>,
    /// Body
    #[arg(short = 'd', long = "data", value_name = "BODY")]
    pub body: Option<String>,
    /// Header, as `Name: value`; may be repeated
    #[arg(short = 'H', long, value_name = "HEADER")]
    pub header: Vec<String>,
    /// Send a request that may change something to the module directly too
    #[arg(long)]
    pub direct: bool,
    /// Watch the module's network while it handles the request, even if nothing is broken
    #[arg(long, conflicts_with = "from")]
    pub wire: bool,
    /// Longest wait for an answer
    #[arg(long, value_name = "TIME", value_parser = Duration::parse, default_value = "10s")]
    pub timeout: Duration,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &TraceArgs) -> Result<()> {
    let mut session = cx.session(Intent::Look).await?;
    // What is wrong with the question is reported before an image is built for it.
    let wish = match &args.from {
        Some(from) => session.part(from).map(|_| None)?,
        None => Some(wish(&session, args)?),
    };
    let wire = if args.wire { WireView::Always } else { WireView::IfBroken };
    let tool_box = match session.observed.tags.contains(&debug::image(&session)?) {
        true => ToolBoxImage::Here,
        false => ToolBoxImage::Missing,
    };
    let how = How { patience: args.timeout.get(), is_direct: args.direct, wire, tool_box };
    let facts = match asked(&session, args, wish.as_ref(), how).await? {
        Some(facts) => facts,
        None => {
            images::build(cx, &[DEBUG.to_owned()], None).await?;
            session = cx.session(Intent::Look).await?;
            let how = How { tool_box: ToolBoxImage::Here, ..how };
            let found = asked(&session, args, wish.as_ref(), how).await?;
            found.ok_or_else(|| Error::message(Kind::Bug, "a tool box was built and is not there"))?
        }
    };
    let trace = decide(&facts);
    if args.json {
        cx.screen.json(&trace);
    } else {
        print(cx, &trace);
    }
    if trace.ok { Ok(()) } else { Err(Error::message(Kind::Child(1), "")) }
}

/// What the hops answer; none where a tool box has to ask, and its image is missing.
async fn asked(session: &Session, args: &TraceArgs, wish: Option<&Wish>, how: How) -> Result<Option<Facts>> {
    let is_missing = how.tool_box == ToolBoxImage::Missing;
    match (&args.from, wish) {
        (Some(_), _) if is_missing => Ok(None),
        (Some(from), _) => from_part(session, session.part(from)?, &args.target, how).await.map(Some),
        // What changes something is sent once.
        (None, Some(wish)) if is_missing && !wish.is_safe() => Ok(None),
        (None, Some(wish)) => through_gateway(session, wish, how).await,
        (None, None) => Err(Error::message(Kind::Bug, "a trace without a request")),
    }
}

fn wish(session: &Session, args: &TraceArgs) -> Result<Wish> {
    let gateway = session.environment.parts.get(GATEWAY).and_then(|gateway| session.environment.url(gateway));
    let given = Given {
        target: &args.target,
        gateway: gateway.as_deref(),
        method: args.method.as_deref(),
        body: args.body.as_deref(),
        headers: &args.header,
    };
    let refused = |error: NotARequest| {
        let hint = error.hint();
        Error::new(Kind::Usage, error).hint(hint)
    };
    Wish::of(given, format!("devenv-trace-{}", random::text(8)?)).map_err(refused)
}

fn print(cx: &Context, trace: &Trace) {
    let time = |ms: Option<f64>| ms.map(|ms| format!("{ms:.1} ms")).unwrap_or_default();
    let rows: Vec<Vec<String>> = trace
        .hops
        .iter()
        .map(|hop| vec![hop.name.clone(), time(hop.ms), hop.verdict.to_string(), hop.said.clone()])
        .collect();
    cx.screen.data(&trace.request);
    cx.screen.table(&["HOP", "TIME", "VERDICT", "WHAT IT SAID"], &rows);
    cx.screen.data(format!("\n{}", trace.sentence));
    trace.hint.iter().for_each(|hint| cx.screen.data(format!("hint: {hint}")));
    for LogLine { part, time, text } in &trace.log {
        let clock = time.get(11..23).unwrap_or_default();
        // A line of others is one line here, whatever it holds.
        let text: String = text.chars().map(|c| if steers(c) && c != '\u{1b}' { ' ' } else { c }).collect();
        cx.screen.line(&format!("  {clock} {part} | {}", visible(&text)));
    }
}
