//! `devenv why`

use crate::amounts;
use crate::apply::session::Intent;
use crate::apply::states;
use crate::commands::context::{Context, InEnvironment};
use crate::error::Result;
use crate::host::clock::unix_time;
use crate::plan::environment::target::Target;
use crate::plan::steps::up::UpRequest;
use crate::plan::why::{self, Link, Neighbour, Setting, Why, WhyInputs};
use crate::ui::screen::Screen;

/// Show why a part is what it is
///
/// Its images with their fingerprints, what would rebuild or recreate it, which file and line set each value, what the
/// next `devenv up` would do about it, and which parts it needs and is needed by. It writes nothing.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv why api\n  devenv why api --json")]
pub struct WhyArgs {
    /// Module, service or `gateway`
    pub name: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &WhyArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let part = session.part(&args.name)?;
    let request = UpRequest::default();
    let sources = WhyInputs {
        project: &session.checkout.project,
        assets: &session.checkout.assets,
        target: &Target::dev(&session.checkout.project),
        credentials: &session.secrets,
        environment: &session.environment,
        images: &session.images,
        observed: &session.observed,
        lives: &states::lives(&session.engine, &session.environment, &session.observed).await,
        plan: &session.up(&request).plan(),
        now: unix_time(),
    };
    let answer = why::why(part, session.definitions.get(part.name.as_str()), &sources);
    if args.json {
        cx.screen.json(&answer);
    } else {
        print(cx.screen, &answer, sources.now);
    }
    Ok(())
}

fn print(screen: Screen, answer: &Why, now: i64) {
    let since = answer.since.map(|since| format!(" for {}", amounts::age(now - since))).unwrap_or_default();
    let heading = format!("{}, {}{since}", answer.kind, answer.text);
    let row = |name: &str, text: String| vec![name.to_owned(), text];
    let all = |neighbours: &[Neighbour]| {
        let words: Vec<String> = neighbours.iter().map(|one| format!("{} ({})", one.name, one.state)).collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    };
    let mut rows = vec![row("needs", all(&answer.needs)), row("needed by", all(&answer.needed_by))];
    rows.push(row("recreated for", answer.made_from.join(", ")));
    rows.push(row("image", answer.image.clone()));
    screen.table(&[answer.name.as_str(), &heading], &rows);
    if !answer.chain.is_empty() {
        screen.data("\n");
        let rows: Vec<Vec<String>> = answer.chain.iter().map(link).collect();
        screen.table(&["IMAGE", "FINGERPRINT", "STATE", "REBUILT FOR"], &rows);
    }
    settings(screen, "SETTING", &answer.settings);
    settings(screen, "VARIABLE", &answer.variables);
    screen.data(match answer.next.as_slice() {
        [] => "\nThe next `devenv up` does not change it".to_owned(),
        steps => format!("\nThe next `devenv up`:\n  {}", steps.join("\n  ")),
    });
}

fn link(link: &Link) -> Vec<String> {
    let inputs: Vec<String> = link
        .inputs
        .iter()
        .map(|input| match &input.from {
            Some(from) if *from != input.name => format!("{} ({from})", input.name),
            Some(_) | None => input.name.clone(),
        })
        .collect();
    vec![
        link.image.to_string(),
        link.fingerprint.chars().take(12).collect(),
        link.missing.as_ref().map_or("present".to_owned(), |why| format!("missing: {why}")),
        inputs.join(", "),
    ]
}

fn settings(screen: Screen, heading: &str, settings: &[Setting]) {
    if settings.is_empty() {
        return;
    }
    screen.data("\n");
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rows: Vec<Vec<String>> =
        settings.iter().map(|one| vec![one.name.clone(), one.from.clone(), text(&one.value)]).collect();
    screen.table(&[heading, "FROM", "VALUE"], &rows);
}
