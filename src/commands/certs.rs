//! `devenv certs`

use serde::Serialize;

use crate::apply::certs::{self, Make};
use crate::apply::doctor as mender;
use crate::assets::Assets;
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::certs::ca_store::{CaFolder, zones};
use crate::host::certs::trust;
use crate::host::clock;
use crate::host::{files, machine};
use crate::plan::certs::cert_profile::Profile;
use crate::plan::certs::trust::{self as decision, Authority, StoreTrust, Trust};
use crate::plan::certs::x509::{self, CertFacts};
use crate::plan::certs::{self as plan_certs, LeafOf};
use crate::plan::doctor::repairs::{RepairAction, RootAccess, Way};
use crate::ui::dates::day;

/// Show certificates and who trusts them, or make browsers trust them
///
/// An authority is created when first needed, for `localhost` and `test` alone. Its key never leaves your data folder.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv certs\n  devenv certs trust\n  devenv certs add-zone shop.internal")]
#[command(args_conflicts_with_subcommands = true)]
pub struct CertsArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What to do in place of showing them
    #[command(subcommand)]
    pub what: Option<CertsCommand>,
}

/// What can be done with certificates.
#[derive(clap::Subcommand, Debug)]
pub enum CertsCommand {
    /// Make browsers and the system trust the authority, printing each command
    Trust {
        /// The authority of a zone instead of the machine's
        #[arg(long)]
        zone: Option<String>,
    },
    /// Undo `trust`
    Untrust {
        /// The authority of a zone instead of the machine's
        #[arg(long)]
        zone: Option<String>,
        /// Authorities of devenv whose files are not yours or are gone; on a machine of several users, check whose it
        /// is
        #[arg(long, conflicts_with = "zone")]
        lost: bool,
    },
    /// Delete the authority; a new one is created when it is needed, and must be trusted again
    Reset {
        /// The authority of a zone instead of the machine's
        #[arg(long)]
        zone: Option<String>,
    },
    /// Create an authority for another domain and all below it
    AddZone {
        /// The domain, such as `shop.internal`
        zone: String,
    },
}

/// CertsCommand `--json` prints.
#[derive(Debug, Serialize)]
struct CertsJson {
    authorities: Vec<AuthorityJson>,
    environment: Option<CertificateJson>,
    /// The team's own, which the gateway shows for what it covers.
    own: Option<CertificateJson>,
    zones: Vec<ZoneJson>,
}

/// The certificate for the gateway's names in a zone.
#[derive(Debug, Serialize)]
struct ZoneJson {
    zone: String,
    certificate: CertificateJson,
}

#[derive(Debug, Serialize)]
struct AuthorityJson {
    zone: Option<String>,
    path: String,
    /// Domains that it may sign for.
    domains: Vec<String>,
    certificate: CertificateJson,
    stores: Vec<StoreJson>,
}

#[derive(Debug, Serialize)]
struct CertificateJson {
    name: String,
    names: Vec<String>,
    not_before: String,
    not_after: String,
    days_left: i64,
    fingerprint: String,
}

#[derive(Debug, Serialize)]
struct StoreJson {
    store: String,
    trust: Trust,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &CertsArgs) -> Result<()> {
    match &args.what {
        None => show(cx, args.json).await,
        Some(CertsCommand::Trust { zone }) => {
            let authority = wanted(cx, zone.as_deref(), Change::Trust)?;
            change(cx, &authority, Change::Trust).await
        }
        Some(CertsCommand::Untrust { lost: true, .. }) => untrust_lost(cx).await,
        Some(CertsCommand::Untrust { zone, .. }) => {
            let authority = wanted(cx, zone.as_deref(), Change::Untrust)?;
            change(cx, &authority, Change::Untrust).await
        }
        Some(CertsCommand::Reset { zone }) => reset(cx, zone.as_deref()).await,
        Some(CertsCommand::AddZone { zone }) => add_zone(cx, zone),
    }
}

async fn show(cx: &Context, json: bool) -> Result<()> {
    let now = clock::unix_time();
    let mut authorities = Vec::new();
    for zone in [None].into_iter().chain(zones()?.into_iter().map(Some)) {
        let place = CaFolder::of(zone.as_deref())?;
        let Some((facts, authority)) = read(&place)? else { continue };
        let stores = trust::stores(&authority).await?;
        let stores = stores.iter().map(|seen| StoreJson { store: seen.store.to_string(), trust: seen.trust }).collect();
        let path = place.certificate().display().to_string();
        let certificate = certificate(&facts, now);
        authorities.push(AuthorityJson { zone, path, domains: facts.domains, certificate, stores });
    }
    let root = cx.find()?;
    let leaf = |leaf: LeafOf<'_>| -> Result<Option<CertificateJson>> {
        let Some(root) = &root else { return Ok(None) };
        let pair = certs::kept(root, leaf)?;
        Ok(pair.and_then(|pair| CertFacts::of(&pair.certificate).ok()).map(|facts| certificate(&facts, now)))
    };
    let mut zones = Vec::new();
    for zone in authorities.iter().filter_map(|authority| authority.zone.clone()) {
        zones.extend(leaf(LeafOf::Zone(&zone))?.map(|certificate| ZoneJson { zone, certificate }));
    }
    let all = CertsJson { authorities, environment: leaf(LeafOf::Environment)?, own: leaf(LeafOf::Own)?, zones };
    if json {
        cx.screen.json(&all);
        return Ok(());
    }
    let mut rows = Vec::new();
    for authority in &all.authorities {
        let of = authority.zone.as_ref().map_or_else(|| "authority".to_owned(), |zone| format!("zone {zone}"));
        rows.push(row(&of, &authority.certificate, &authority.path));
        rows.push(vec!["  signs for".to_owned(), authority.domains.join(", ")]);
        let trusting = plan_certs::trusting(authority.zone.as_deref());
        for store in &authority.stores {
            let what = match store.trust {
                Trust::Trusted => "trusted".to_owned(),
                Trust::Unreadable => "not known: it cannot be read".to_owned(),
                Trust::Absent | Trust::Kept => format!("not trusted: `{trusting}`"),
                Trust::Unknown => format!("not known: `certutil` is missing, `{trusting}` installs it"),
            };
            rows.push(vec![format!("  {}", store.store), what]);
        }
    }
    match &all.environment {
        Some(leaf) => rows.push(row("environment", leaf, &leaf.names.join(" "))),
        None => rows.push(vec!["environment".to_owned(), "none yet: `devenv up` creates it".to_owned()]),
    }
    rows.extend(all.own.iter().map(|own| row("the team's own", own, &own.names.join(" "))));
    for ZoneJson { zone, certificate } in &all.zones {
        rows.push(row(&format!("environment, {zone}"), certificate, &certificate.names.join(" ")));
    }
    if all.authorities.is_empty() {
        rows.insert(0, vec!["authority".to_owned(), "none yet: `devenv up` creates it".to_owned()]);
    }
    cx.screen.table(&["WHAT", "STATE", "UNTIL", "", ""], &rows);
    Ok(())
}

fn row(what: &str, certificate: &CertificateJson, more: &str) -> Vec<String> {
    let left = match certificate.days_left {
        left if left < 0 => "expired".to_owned(),
        left => format!("{left} days"),
    };
    let day = certificate.not_after.clone();
    vec![what.to_owned(), certificate.name.clone(), day, left, more.to_owned()]
}

fn certificate(facts: &CertFacts, now: i64) -> CertificateJson {
    CertificateJson {
        name: facts.name.clone(),
        names: facts.names.iter().cloned().collect(),
        not_before: day(facts.not_before),
        not_after: day(facts.not_after),
        days_left: facts.days_left(now),
        fingerprint: facts.fingerprint.clone(),
    }
}

/// An authority as it is, without its key.
fn read(place: &CaFolder) -> Result<Option<(CertFacts, Authority)>> {
    let path = place.certificate();
    let Some(pem) = files::read_text(&path)? else { return Ok(None) };
    let facts = CertFacts::of(&pem).map_err(|problem| place.problem(&path, problem))?;
    if x509::is_signed_by(&pem, &pem) != Ok(true) {
        return Err(place.problem(&path, plan_certs::UNSIGNED.to_owned()).into());
    }
    let authority = Authority::new(path, &facts.name, &facts.fingerprint);
    Ok(Some((facts, authority)))
}

fn none_there(zone: Option<&str>) -> Error {
    match zone {
        None => Error::message(Kind::Usage, "this machine has no authority")
            .hint("`devenv up` creates it")
            .hint("`devenv certs untrust --lost` finds one whose files are gone"),
        Some(zone) => Error::message(Kind::Usage, format!("there is no zone `{zone}`"))
            .hint(format!("`devenv certs add-zone {zone}` creates it")),
    }
}

/// The authority that a command is about; the machine's is made where there is none and it is to be trusted.
fn wanted(cx: &Context, zone: Option<&str>, change: Change) -> Result<Authority> {
    let place = CaFolder::of(zone)?;
    if zone.is_none() && change == Change::Trust {
        certs::authority(&place, &profile(cx)?, clock::unix_time(), Make::Yes)?;
    }
    match read(&place)? {
        Some((_, authority)) => Ok(authority),
        None => Err(none_there(zone)),
    }
}

fn profile(cx: &Context) -> Result<Profile> {
    match cx.find()? {
        Some(_) => certs::profile(&cx.checkout()?.assets),
        None => certs::profile(&Assets::embedded()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Trust,
    Untrust,
}

/// Makes stores forget the authorities whose files are gone, each after a question of its own.
async fn untrust_lost(cx: &Context) -> Result<()> {
    let mut known = Vec::new();
    for zone in [None].into_iter().chain(zones()?.into_iter().map(Some)) {
        known.extend(read(&CaFolder::of(zone.as_deref())?)?.map(|(_, authority)| authority));
    }
    let lost = trust::lost(&known).await?;
    if lost.is_empty() {
        cx.screen.say("no trust store here has a devenv authority other than yours");
    }
    let mut refused = None;
    for authority in lost {
        cx.screen.say(&authority.name);
        // A no to one of them, which may be another user's, is none to the next.
        refused = change(cx, &authority, Change::Untrust).await.err().or(refused);
    }
    refused.map_or(Ok(()), Err)
}

async fn change(cx: &Context, authority: &Authority, change: Change) -> Result<()> {
    let stores = trust::stores(authority).await?;
    let root = RootAccess::of(&machine::facts().await, &machine::means().await);
    let actions = match change {
        Change::Trust => decision::trust(&stores, authority, root),
        Change::Untrust => decision::untrust(&stores, authority, root),
    };
    carry_out(cx, &actions).await?;
    let wanted = if change == Change::Trust { Trust::Trusted } else { Trust::Absent };
    let stores = trust::stores(authority).await?;
    let shown = |seen: &StoreTrust| {
        format!("{}: {}", seen.store, if wanted == Trust::Trusted { "trusted" } else { "not trusted" })
    };
    if stores.is_empty() {
        cx.screen.say("this machine has no store that devenv knows");
    }
    let (done, failed): (Vec<&StoreTrust>, Vec<&StoreTrust>) = stores.iter().partition(|seen| seen.trust == wanted);
    done.into_iter().for_each(|seen| cx.screen.say(shown(seen)));
    if !failed.is_empty() {
        let names: Vec<String> = failed.iter().map(|seen| seen.store.to_string()).collect();
        let error = Error::message(Kind::Failed, format!("{} could not be changed as intended", names.join(", ")));
        let is_browser = |seen: &&StoreTrust| matches!(seen.store, decision::Store::Nss(_));
        return Err(if failed.iter().any(is_browser) {
            error.hint("a browser with a primary password accepts the authority only through its own settings")
        } else {
            error
        });
    }
    if change == Change::Trust && !stores.iter().any(|seen| matches!(seen.store, decision::Store::Nss(_))) {
        cx.screen.say("no browser database was found: run this again after starting Firefox or Chromium once");
    }
    Ok(())
}

/// Shows the calls, asks, and runs them.
async fn carry_out(cx: &Context, actions: &[RepairAction]) -> Result<()> {
    if actions.is_empty() {
        return Ok(());
    }
    if !cx.screen.yes {
        let lines: String = actions.iter().map(|action| format!("\n  {action}")).collect();
        cx.screen.say(format!("these commands are needed:{lines}"));
        let refused = Error::message(Kind::Missing, "nothing was changed: the commands above do it");
        cx.screen.insist("run them?", refused)?;
    }
    // A store that fails keeps no other from its turn: all are looked at afterwards.
    let each = actions.iter().cloned().map(RepairAction::may_fail).collect();
    mender::go(&Way::of(each), &mut |line| cx.screen.say(line)).await
}

async fn reset(cx: &Context, zone: Option<&str>) -> Result<()> {
    let place = CaFolder::of(zone)?;
    if !place.certificate().exists() && !place.key().exists() {
        return Err(none_there(zone));
    }
    // A damaged certificate cannot be looked for in stores; that is no reason to keep it.
    if let Ok(Some((_, authority))) = read(&place) {
        let stores = trust::stores(&authority).await?;
        if let Some(seen) = stores.iter().find(|seen| seen.trust == Trust::Trusted) {
            let error = Error::message(Kind::Usage, format!("{} trusts this authority", seen.store));
            return Err(error.hint("`devenv certs untrust` first: afterwards there is no record of what to remove"));
        }
    }
    cx.screen.say(format!("this deletes {} and its key", place.certificate().display()));
    cx.screen.insist("delete it?", Error::message(Kind::Usage, "nothing was changed: deleting must be confirmed"))?;
    let _held = place.hold()?;
    place.delete()?;
    cx.screen.say(match zone {
        None => "the next `devenv up` creates a new authority and new certificates".to_owned(),
        Some(zone) => format!("`devenv certs add-zone {zone}` creates another one"),
    });
    Ok(())
}

fn add_zone(cx: &Context, zone: &str) -> Result<()> {
    plan_certs::check_zone(zone)?;
    let place = CaFolder::of(Some(zone))?;
    let authority = certs::authority(&place, &profile(cx)?.of_zone(zone), clock::unix_time(), Make::Yes)?;
    cx.screen.say(match authority.note {
        None => format!("the zone {zone} has an authority already"),
        Some(_) => format!("created an authority that can sign for {zone} and all below it, and for nothing else"),
    });
    cx.screen.say(format!("not trusted yet: `devenv certs trust --zone {zone}`"));
    Ok(())
}
