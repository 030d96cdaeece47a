//! `devenv url` and `devenv open`

use serde::Serialize;

use crate::apply::session::Intent;
use crate::apply::session::Session;
use crate::commands::context::{Context, InEnvironment};
use crate::error::{Error, Kind, Result};
use crate::host::process::{self, Cmd};
use crate::names::PartName;
use crate::plan::parts::secret_variable::SecretVariable;
use crate::plan::parts::{GATEWAY, Part};
use crate::render::secrets;

/// Print where parts are reached from this machine
///
/// A database's address includes its user and password, for a client on this machine.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv url\n  psql \"$(devenv url db)\"")]
pub struct UrlArgs {
    /// Module or service [default: all]
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// Open the product, or a part, in the browser
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv open")]
pub struct OpenArgs {
    /// Module or service [default: the gateway]
    pub name: Option<String>,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
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
        Some(name) => vec![address(&session, name)?],
        None => {
            let parts = session.environment.parts.values();
            let sites = session.checkout.project.sites.keys().filter_map(|name| site(&session, name.as_str()));
            parts
                .filter_map(|part| Some(UrlJson { name: part.name.clone(), url: session.environment.url(part)? }))
                .chain(session.environment.parts.values().filter_map(|part| page(&session, part)))
                .chain(sites)
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
    let name = args.name.as_deref().unwrap_or(GATEWAY);
    let part = session.environment.parts.get(name);
    let url = match part.and_then(|part| page(&session, part)) {
        Some(page) => page.url,
        None => address(&session, name)?.url,
    };
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
    Err(error.hint(format!("`devenv url {name}` prints the address")))
}

/// The address of a part, or of a folder that the gateway serves.
fn address(session: &Session, name: &str) -> Result<UrlJson> {
    if let Some(site) = site(session, name) {
        return Ok(site);
    }
    let part = session.part(name)?;
    Ok(UrlJson { name: part.name.clone(), url: full(session, part)? })
}

/// The address of a folder that the gateway serves.
fn site(session: &Session, name: &str) -> Option<UrlJson> {
    let (name, _) = session.checkout.project.sites.get_key_value(name)?;
    Some(UrlJson { name: name.clone(), url: session.environment.routed_url(name)? })
}

/// The page for people that the preset of a service has.
fn page(session: &Session, part: &Part) -> Option<UrlJson> {
    let port = session.preset(&part.name)?.page?;
    let publish = part.publish.iter().find(|publish| publish.container == port.get())?;
    Some(UrlJson { name: part.name.clone(), url: format!("http://127.0.0.1:{}", publish.host) })
}

/// The address of a part, with credentials where its preset has an address with them.
fn full(session: &Session, part: &Part) -> Result<String> {
    let template = session.preset(&part.name).and_then(|preset| preset.connection.get("URL"));
    let url = match (template, part.port()) {
        (Some(_), Some(_)) if session.observed.container(&part.name).is_none() => {
            let error =
                Error::message(Kind::Failed, format!("`{}` has no container, so its password is not known", part.name));
            return Err(error.hint(format!("`devenv up {}` creates both", part.name)));
        }
        (Some(template), Some(publish)) => {
            let text = template.replace("{host}", "127.0.0.1").replace("{port}", &publish.host.to_string());
            Some(secrets::fill(&SecretVariable::of(&part.name, &text), &session.secrets))
        }
        _ => session.environment.url(part),
    };
    url.ok_or_else(|| {
        let error = Error::message(Kind::Failed, format!("`{}` has no port, so it has no address", part.name));
        error.hint(format!("give it one in devenv.yaml: `port:` of `{}`", part.name))
    })
}
