//! The definition that the engine gets: our compose files, and what the team's own make of them. It is checked for ways out
//! of the checkout before anything is created from it.

use serde_yaml::Value;

use crate::apply::session::checkout::Checkout;
use crate::apply::session::compose_merge::Merge;
use crate::apply::session::permissions::Reach;
use crate::apply::session::{Intent, Terms};
use crate::config::compose_file;
use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::{checkout, child_env};
use crate::plan::environment::compose_files;
use crate::plan::observed;
use crate::plan::parts::Environment;
use crate::render::definition::{self, Services, documents};
use crate::render::{self, Generated};

/// The definition of all containers.
pub(super) struct Composition {
    /// What should be, with the services of the team's compose files.
    pub(super) environment: Environment,
    /// The compose files, but for the labels.
    pub(super) files: Vec<Generated>,
    /// Each service, in the layers that make it.
    pub(super) services: Services,
    /// The files as they read, and the merged one.
    pub(super) documents: Vec<Value>,
}

/// Renders our compose files for the environment of the configuration, and lays the team's over them.
pub(super) async fn composed(
    checkout: &Checkout,
    engine: &Engine,
    own: Environment,
    described: &observed::EngineInfo,
    terms: &Terms,
) -> Result<Composition> {
    let files = render::compose::files(&own, &checkout.assets, described)?;
    let documents = documents(&files)?;
    let services = definition::services(&documents);
    let reach = Reach {
        root: &checkout.root,
        environment: &own,
        endpoint: &engine.endpoint,
        allowed: &terms.grants.allowed,
        denied: terms.grants.denied,
    };
    let is_checked = terms.intent != Intent::End;
    let is_unresolved = is_checked && reach.of_files(&documents)?;
    let fragments = checkout.fragments()?;
    if !is_unresolved && !checkout.has_own_templates() && fragments.is_empty() {
        return Ok(Composition { environment: own, files, services, documents });
    }
    let variables: Vec<_> = fragments.iter().flat_map(compose_file::variable_files).collect();
    if is_checked {
        reach.of_variables(&variables)?;
    }
    let kept = terms.kept.clone();
    let kept = if terms.intent == Intent::Act { kept.with_key()? } else { kept };
    let merge = Merge {
        endpoint: &engine.endpoint,
        root: &checkout.root,
        home: &checkout.home,
        project: &own.project,
        generated: &files,
        fragments,
        env: &child_env::for_compose_files(&checkout::variables()),
        key: &kept.key,
    };
    let (merged, kept) = merge.run().await?;
    if is_checked {
        reach.of_merged(&merged)?;
    }
    let environment = compose_files::merged(own, &merged)?;
    // A service that no fragment names stays as it was without them.
    let named: Vec<String> = fragments.iter().flat_map(compose_file::services).collect();
    let further = definition::merged_services(&merged).into_iter().filter(|(name, _)| named.contains(name));
    let copies = fragments.iter().enumerate();
    let copies = copies.map(|(number, source)| render::compose::fragment(number, &source.bytes));
    Ok(Composition {
        environment,
        services: services.into_iter().chain(further).collect(),
        documents: documents.into_iter().chain([serde_yaml::to_value(&merged).unwrap_or_default()]).collect(),
        files: files.into_iter().chain([kept]).chain(copies).collect(),
    })
}
