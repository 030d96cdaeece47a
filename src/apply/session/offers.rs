//! What the parts of a session offer to those that need them.

use crate::apply::session::Session;
use crate::error::Result;
use crate::names::PartName;
use crate::plan::environment::Setup;
use crate::plan::environment::contents::Contents;
use crate::plan::environment::needs::Offer;

impl Session {
    /// What a part needs, also what runs elsewhere.
    #[must_use]
    pub fn needs(&self, name: &PartName) -> &[PartName] {
        let file = &self.checkout.project.file;
        let module = file.modules.get(name).map(|module| module.needs.as_slice());
        module.or_else(|| Some(file.services.get(name)?.needs.as_slice())).unwrap_or_default()
    }

    /// What a part offers to those that need it.
    pub fn offers(&self, name: &PartName) -> Result<Vec<Offer>> {
        let setup = Setup {
            project: &self.checkout.project,
            target: &self.checkout.target,
            placement: self.environment.placement,
            identity: &self.identity,
            images: &self.images,
            presets: &self.checkout.catalogue.presets,
            lock: &self.lock,
            machine: &self.machine,
            contents: &Contents::default(),
        };
        Ok(setup.offers(name)?)
    }
}
