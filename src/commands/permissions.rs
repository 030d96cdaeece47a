//! What a checkout may do beyond itself: what its user's environment says, and what its user has confirmed.

use std::collections::BTreeSet;

use crate::apply::session::Intent;
use crate::apply::session::checkout::Checkout;
use crate::apply::session::permissions::standing;
use crate::config::model::local::Permission;
use crate::error::Result;
use crate::host::checkout;
use crate::host::user::permissions::Kept;
use crate::plan::permissions::grants::{self, Confirmation, Denied, Grants};
use crate::ui::screen::Screen;

/// The permissions in force. What `allow` has new is asked of a person who can answer, once.
pub(super) fn granted(screen: Screen, checkout: &Checkout, kept: &mut Kept, intent: Intent) -> Result<Grants> {
    let variable = checkout::variables().remove(grants::VARIABLE).unwrap_or_default();
    let by_environment = grants::parse(&variable)?;
    let allow: BTreeSet<Permission> = checkout.project.local.allow.iter().copied().collect();
    if allow.is_subset(&by_environment) {
        return Ok(grants::grants(by_environment, &allow, Confirmation::New));
    }
    let content = grants::content(&allow);
    let given = grants::grants(by_environment.clone(), &allow, standing(kept, &checkout.root, &content));
    if given.denied != Denied::NotConfirmed || intent != Intent::Act || !screen.can_ask() {
        return Ok(given);
    }
    let question = format!(
        "devenv.local.yaml allows: {}. With that, containers reach out of this folder. Did you write it, and is it meant?",
        grants::names(given.to_confirm)
    );
    if !screen.ask(&question) {
        return Ok(grants::grants(by_environment, &allow, Confirmation::New));
    }
    kept.confirm(&checkout.root.display().to_string(), content)?;
    Ok(grants::grants(by_environment, &allow, Confirmation::Confirmed))
}
