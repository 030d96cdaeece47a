//! `devenv secrets`

use serde::Serialize;

use crate::apply::session::Intent;
use crate::apply::session::credentials::{self, CredentialOrigin};
use crate::apply::session::{Options, Session};
use crate::commands::carry_out::carry_out;
use crate::commands::context::{Context, InEnvironment};
use crate::error::{Error, Kind, Result};
use crate::names::PartName;
use crate::plan::steps::up::UpRequest;
use crate::ui::screen::visible;
use crate::ui::table;

/// Show the credentials of this checkout: names and where each comes from
///
/// They are generated at random for each checkout; `devenv up` asks for those of a module with `ask`. `secrets:` in
/// devenv.local.yaml or a variable such as DEVENV_SECRET_DB_PASSWORD sets one.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv secrets\n  devenv secrets --show\n  devenv secrets reset db")]
#[command(args_conflicts_with_subcommands = true)]
pub struct SecretsArgs {
    /// Print the values too
    #[arg(long)]
    pub show: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What to do in place of showing them
    #[command(subcommand)]
    pub what: Option<SecretsCommand>,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// What can be done with credentials.
#[derive(clap::Subcommand, Debug)]
pub enum SecretsCommand {
    /// Replace the credentials that devenv made, also in running services; data stays, and so do values that you gave
    Reset {
        /// Service [default: all]
        name: Option<String>,
    },
}

/// A credential as `--json` prints it.
#[derive(Debug, Serialize)]
struct SecretJson {
    name: String,
    origin: CredentialOrigin,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &SecretsArgs) -> Result<()> {
    match &args.what {
        None => show(cx, args).await,
        Some(SecretsCommand::Reset { name }) => reset(cx, name.as_deref()).await,
    }
}

async fn show(cx: &Context, args: &SecretsArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let mut all = Vec::new();
    for (service, values) in &session.secrets {
        for (name, value) in values {
            let origin = session.origin(service, name);
            let value =
                args.show.then(|| if origin == CredentialOrigin::NotMade { String::new() } else { value.clone() });
            all.push(SecretJson { name: format!("{service}.{name}"), origin, value });
        }
    }
    if args.json {
        cx.screen.secret(serde_json::to_string_pretty(&all).unwrap_or_default());
        return Ok(());
    }
    let rows: Vec<Vec<String>> = all
        .into_iter()
        .map(|secret| vec![secret.name, secret.origin.to_string(), secret.value.unwrap_or_default()])
        .collect();
    let text = table::text(&["NAME", "FROM", if args.show { "VALUE" } else { "" }], &rows, None);
    cx.screen.secret(text.trim_end());
    Ok(())
}

async fn reset(cx: &Context, name: Option<&str>) -> Result<()> {
    let (session, _lock) = cx.locked_session(Intent::Act).await?;
    let (services, credential) = wanted(&session, name)?;
    for service in &services {
        let made = session.secrets.get(service).into_iter().flatten().map(|(name, _)| name.as_str());
        let made = made.filter(|name| credential.is_none_or(|wanted| *name == wanted));
        let made = made.filter(|name| session.origin(service, name).is_made());
        let made: Vec<&str> = made.collect();
        if made.is_empty() && name.is_some() {
            return Err(nothing_made(&session, service, credential));
        }
        for name in made {
            credentials::make(&session.checkout.home, &session.checkout.project.file, service, name)?;
            cx.screen.say(format!("{service}.{name}: a new one"));
        }
    }
    let request = UpRequest { names: session.observed.running(), ..UpRequest::default() };
    drop(session);
    loop {
        let mut session = cx.session(Intent::Act).await?;
        session.write()?;
        session.news.iter().for_each(|line| cx.screen.say(line));
        if request.names.is_empty() {
            return Ok(());
        }
        match carry_out(cx.screen, &session, &session.up(&request).plan(), Options::default()).await {
            Ok(_) => return Ok(()),
            Err(failure) => drop(failure.decide_again(false)?),
        }
    }
}

/// devenv has made nothing of what is meant.
fn nothing_made(session: &Session, service: &PartName, credential: Option<&str>) -> Error {
    let what = credential.map_or_else(|| service.to_string(), |name| format!("{service}.{name}"));
    let error = Error::message(Kind::Usage, format!("devenv generated no credential of `{what}`"));
    let mut names = session.secrets.get(service).into_iter().flatten().map(|(name, _)| name);
    let is_given = |name: &&String| session.origin(service, name) == CredentialOrigin::Given;
    let given = names.find(|name| credential.is_none_or(|wanted| *name == wanted) && is_given(name));
    let Some(given) = given else { return error.hint("change it where it is set: `devenv secrets` says where") };
    let file = credentials::kept_at(&session.checkout.home, service, given);
    error.hint(format!("you gave it: delete {}, and `devenv up` asks for it again", file.display()))
}

/// The services that are meant, and the one credential of theirs where the name is such as `db.password`.
fn wanted<'a>(session: &Session, name: Option<&'a str>) -> Result<(Vec<PartName>, Option<&'a str>)> {
    let Some(name) = name else { return Ok((session.secrets.keys().cloned().collect(), None)) };
    let (service, credential) = name.split_once('.').map_or((name, None), |(service, name)| (service, Some(name)));
    let part = session.part(service)?;
    if let Some(values) = session.secrets.get(&part.name) {
        let Some(unknown) = credential.filter(|credential| !values.contains_key(*credential)) else {
            return Ok((vec![part.name.clone()], credential));
        };
        let all: Vec<&str> = values.keys().map(String::as_str).collect();
        let error = Error::message(Kind::Usage, format!("`{service}` has no credential `{}`", visible(unknown)));
        return Err(error.hint(format!("it has: {}", all.join(", "))));
    }
    let all: Vec<&str> = session.secrets.keys().map(PartName::as_str).collect();
    let error = Error::message(Kind::Usage, format!("`{service}` has no credentials"));
    Err(if all.is_empty() { error } else { error.hint(format!("these have credentials: {}", all.join(", "))) })
}
