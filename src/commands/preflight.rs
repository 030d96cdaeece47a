//! What `up` does before it can decide: a configuration for a clone that has none, tools for a plan.

use crate::apply::session::Session;
use crate::apply::session::credentials::{self, CredentialOrigin};
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::docker::compose;
use crate::host::{checkout, files, root_image};
use crate::names::PartName;
use crate::plan::environment::target::Base;
use crate::plan::images::lock::{Lock, Root};
use crate::plan::secrets;
use crate::plan::{Action, Plan};
use crate::render::Access;

/// Makes sure that there is a configuration.
pub fn prepare(cx: &Context, dry_run: bool) -> Result<()> {
    if cx.file.is_none() && cx.find()?.is_none() && checkout::find(&cx.folder, checkout::NIX)?.is_none() {
        configure(cx, dry_run)?;
    }
    Ok(())
}

/// Makes sure that the programs which a plan needs are there, before anything is changed.
pub async fn check_tools(plan: &Plan, lock: &Lock) -> Result<()> {
    if plan.find(|action| matches!(action, Action::Create(_) | Action::Recreate(_))).is_some() {
        compose::version().await?;
    }
    if plan.find(|action| *action == Action::Root).is_some() && matches!(lock.root, Root::Packages { .. }) {
        root_image::check()?;
    }
    Ok(())
}

/// Copies the example of a repository that brings one.
fn configure(cx: &Context, dry_run: bool) -> Result<()> {
    let Some(folder) = checkout::find(&cx.folder, checkout::EXAMPLE)? else {
        // The error of the command itself says what is missing.
        return Ok(());
    };
    let (from, to) = (folder.join(checkout::EXAMPLE), folder.join(checkout::MAIN));
    if dry_run {
        let message = format!("there is no {}: `devenv up` would make it from {}", checkout::MAIN, checkout::EXAMPLE);
        return Err(Error::message(Kind::Usage, message));
    }
    let bytes = files::read(&from)?.unwrap_or_default();
    files::write(&to, &bytes, Access::Public)?;
    cx.screen.say(format!("made {} from {}", checkout::MAIN, checkout::EXAMPLE));
    Ok(())
}

/// Asks before a plan deletes anything that cannot be made again.
pub fn confirm(cx: &Context, plan: &Plan) -> Result<()> {
    let deletions = plan.steps.iter().filter(|step| matches!(step.action, Action::DeleteVolume(_)));
    let deletions: Vec<String> = deletions.map(|step| step.action.to_string()).collect();
    if deletions.is_empty() || cx.screen.yes {
        return Ok(());
    }
    for deletion in deletions {
        cx.screen.say(format!("  {deletion}"));
    }
    let refused = Error::message(Kind::Usage, "nothing was deleted: deleting data must be confirmed");
    cx.screen.insist("delete this data?", refused)
}

/// Asks for the credentials that only the developer has and that these parts and all that they need take, or every part
/// where none is named; says whether some were given.
pub fn ask_for_secrets(cx: &Context, session: &Session, names: &[PartName]) -> Result<bool> {
    let parts = session.environment.closure(names);
    let file = &session.checkout.project.file;
    let missing: Vec<(&PartName, &String, &str)> = session
        .origins
        .iter()
        .flat_map(|(part, all)| all.iter().map(move |(name, origin)| (part, name, *origin)))
        .filter(|(_, _, origin)| *origin == CredentialOrigin::NotGiven)
        .filter(|(part, ..)| names.is_empty() || parts.iter().any(|taking| taking.name == **part))
        .filter_map(|(part, name, _)| Some((part, name, credentials::asked(file, part, name)?)))
        .collect();
    for (part, name, what) in &missing {
        let refused = || not_given(session.checkout.target.base, part, name, what);
        let value = cx.screen.text(&format!("{part}: {name} ({what}):")).ok_or_else(refused)?;
        secrets::check(part, name, &value, "you")?;
        // Each environment has its own.
        credentials::keep(&session.checkout.home, part, name, &value)?;
    }
    Ok(!missing.is_empty())
}

/// Nobody can be asked. devenv.local.yaml counts in dev alone.
fn not_given(base: Base, part: &PartName, name: &str, what: &str) -> Error {
    let message = format!("`{part}` needs the secret {name} ({what}), which has not been given");
    let variable = credentials::variable(part, name);
    let hint = match base {
        Base::Dev => {
            format!("`secrets: {{{part}.{name}: …}}` in devenv.local.yaml sets it, or the variable {variable}")
        }
        Base::Ci | Base::Prod => format!("the variable {variable} sets it"),
    };
    Error::message(Kind::Usage, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_in_dev_the_developers_file_is_named_for_a_secret_that_nobody_gave() {
        let api = PartName::new("api").unwrap();
        let hint = |base| not_given(base, &api, "STRIPE_KEY", "a test key").hints.concat();
        assert!(hint(Base::Dev).contains("devenv.local.yaml"));
        for base in [Base::Ci, Base::Prod] {
            assert_eq!(hint(base), "the variable DEVENV_SECRET_API_STRIPE_KEY sets it");
        }
    }
}
