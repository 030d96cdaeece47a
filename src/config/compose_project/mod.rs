//! A compose file of a product that is run by compose: its services as compose itself would merge them, with every key's
//! place. `init --from` makes a `devenv.yaml` of it.

use crate::config::compose_project::project::{ComposeInputs, ComposeProject};
use crate::config::problems::{self, Problems};

mod load;
mod merging;
mod normal;
pub mod project;

/// Reads compose files, each over the one before.
///
/// # Errors
/// Everything that is wrong with them, with places.
pub fn read(names: &[String], inputs: ComposeInputs<'_>) -> Result<ComposeProject, Problems> {
    let mut loader = load::Loader::new(inputs);
    let root = loader.project(names);
    if !loader.findings.is_empty() {
        return Err(problems::located(loader.findings, loader.texts));
    }
    let unset = loader.unset.iter().map(|(name, span)| (name.clone(), loader.texts.place(*span))).collect();
    Ok(ComposeProject { root, unset, texts: loader.texts })
}
