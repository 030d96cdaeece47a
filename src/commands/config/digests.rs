//! The digests of released images, asked of the team's registry for a definition that names them. What a registry does not
//! say is reported, and the definition has tags there.

use std::collections::BTreeMap;

use crate::apply::release::push::Sets;
use crate::apply::session::checkout::Checkout;
use crate::commands::context::Context;
use crate::commands::release::sets::{head, sets_at};
use crate::error::{Error, Result};
use crate::host::docker::registries;
use crate::host::registry::failure::RegistryError;
use crate::plan::environment::pinned;
use crate::plan::environment::target::{Base, Target};
use crate::plan::parts::Environment;
use crate::plan::registry::retry::Patience;

/// What is known of a registry.
pub(super) struct Digests<'a> {
    cx: &'a Context,
    /// The registry, while it answers.
    sets: Option<Sets>,
    /// Digests by reference.
    known: BTreeMap<String, String>,
}

impl<'a> Digests<'a> {
    /// Asks the registry of an environment for the release set of the commit that is checked out.
    pub(super) async fn of_commit(cx: &'a Context, checkout: &Checkout, target: &Target) -> Self {
        let mut digests = Self { cx, sets: None, known: BTreeMap::new() };
        if let Some(registry) = target.registry(&checkout.project) {
            if registries::is_silent(registry) {
                cx.screen.say(format!("the registry {registry} did not answer a moment ago: images are named by tag"));
            } else if let Err(error) = digests.begin(checkout, registry).await {
                if error.source.downcast_ref::<RegistryError>().is_some_and(RegistryError::is_silence) {
                    registries::remember_silence(registry);
                }
                digests.without(&error);
            }
        }
        digests
    }

    async fn begin(&mut self, checkout: &Checkout, registry: &str) -> Result<()> {
        let sets = sets_at(self.cx, checkout, registry.to_owned(), Patience::BRIEF).await?;
        let set = match head(checkout).await {
            Ok(commit) => sets.set(&commit).await?,
            Err(_) => None,
        };
        self.known = set.map(|(set, _)| set.digests(registry)).unwrap_or_default();
        self.sets = Some(sets);
        Ok(())
    }

    fn without(&mut self, error: &Error) {
        self.sets = None;
        self.cx.screen.say(format!("images are named by tag: {error}"));
    }

    /// Names the images of a deployed environment by digest.
    pub(super) async fn pin(&mut self, target: &Target, environment: &mut Environment) {
        let Some(sets) = self.sets.as_ref().filter(|_| target.base == Base::Prod) else { return };
        match sets.digests(&pinned::unpinned(environment, &self.known)).await {
            Ok(found) => self.known.extend(found),
            Err(error) => return self.without(&error),
        }
        pinned::pin(environment, &self.known);
        let left = pinned::unpinned(environment, &self.known);
        if !left.is_empty() {
            let left = left.join(", ");
            let how = "`devenv release build && devenv push`";
            self.cx.screen.say(format!("the registry does not have {left}, so a tag names each: {how}"));
        }
    }
}
