//! `devenv url` and `devenv open`

use serde::Serialize;

use crate::apply::session::Intent;
use crate::apply::session::Session;
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::process::{self, Cmd};
use crate::names::PartName;
use crate::plan::parts::{GATEWAY, Part};
use crate::render::secrets;

/// Print where parts are reached from this machine
///
/// A database's address has its user and password in it, for a client on this machine.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv url\n  psql \"$(devenv url db)\"")]
pub struct UrlArgs {
    /// Module or service [default: all]
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Open the product, or a part, in the browser
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv open")]
pub struct OpenArgs {
    /// Module or service [default: the gateway]
    pub name: Option<String>,
}

/// An address as `--json` prints it.
#[derive(Debug, Serialize)]
struct UrlJson {
    name: PartName,
    url: String,
}

/// Runs `url`.
pub async fn url(cx: &Context, args: &UrlArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let urls: Vec<UrlJson> = match &args.name {
        Some(name) => {
            vec![UrlJson { name: session.part(name)?.name.clone(), url: full(&session, session.part(name)?)? }]
        }
        None => {
            let parts = session.environment.parts.values();
            parts
                .filter_map(|part| Some(UrlJson { name: part.name.clone(), url: session.environment.url(part)? }))
                .collect()
        }
    };
    if args.json {
        cx.screen.secret(serde_json::to_string_pretty(&urls).unwrap_or_default());
    } else if args.name.is_some() {
        cx.screen.secret(urls.first().map(|url| url.url.as_str()).unwrap_or_default());
    } else {
        let rows: Vec<Vec<String>> = urls.into_iter().map(|url| vec![url.name.to_string(), url.url]).collect();
        cx.screen.table(&["NAME", "URL"], &rows);
    }
    Ok(())
}

/// Runs `open`.
pub async fn open(cx: &Context, args: &OpenArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let part = session.part(args.name.as_deref().unwrap_or(GATEWAY))?;
    let url = full(&session, part)?;
    let opener = ["xdg-open", "wslview", "open"].into_iter().find(|program| process::exists(program));
    let Some(opener) = opener else {
        cx.screen.data(&url);
        return Ok(());
    };
    cx.screen.say(format!("opening {url}"));
    // It prints the address where it finds no browser, and the address may hold a password.
    if process::output(&Cmd::new(opener, [url])).await?.status.success() {
        return Ok(());
    }
    let error = Error::message(Kind::Failed, format!("`{opener}` could not open it: is there a browser here?"));
    Err(error.hint(format!("`devenv url {}` prints the address", part.name)))
}

/// The address of a part, with credentials where its preset has an address with them.
fn full(session: &Session, part: &Part) -> Result<String> {
    let service = session.checkout.project.file.services.get(&part.name);
    let preset = service.and_then(|service| session.checkout.catalogue.presets.get(service.preset.as_ref()?));
    let template = preset.and_then(|preset| preset.connection.get("URL"));
    let url = match (template, part.port()) {
        (Some(_), Some(_)) if session.observed.container(&part.name).is_none() => {
            let error =
                Error::message(Kind::Failed, format!("`{}` has no container, so nobody knows its password", part.name));
            return Err(error.hint(format!("`devenv up {}` makes both", part.name)));
        }
        (Some(template), Some(publish)) => {
            let text = template.replace("{host}", "127.0.0.1").replace("{port}", &publish.host.to_string());
            Some(secrets::fill(&text, session.secrets.get(&part.name)))
        }
        _ => session.environment.url(part),
    };
    url.ok_or_else(|| {
        let error = Error::message(Kind::Failed, format!("`{}` has no port, so it has no address", part.name));
        error.hint(format!("give it one in devenv.yaml: `port:` of `{}`", part.name))
    })
}
