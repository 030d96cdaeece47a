//! Finds out who a checkout is, with its host, subnet and ports: from `.devenv/id`, the per-user table and what the engine has.

use std::collections::BTreeSet;
use std::path::Path;

use crate::apply::session::Intent;
use crate::apply::session::checkout::Checkout;
use crate::error::Result;
use crate::host::user::checkout_table::{self, HeldTable};
use crate::host::{checkout, network, random};
use crate::names::PartName;
use crate::paths::environment_of;
use crate::plan::environment;
use crate::plan::environment::machine::Machine;
use crate::plan::identity::{self, IdFile, Identity};
use crate::plan::observed::{Observed, World};
use crate::render;

/// Who the checkout is, and what it has.
pub(super) struct Owner {
    pub(super) identity: Identity,
    /// The text of `.devenv/id`.
    pub(super) id_file: String,
    pub(super) observed: Observed,
    /// The per-user table, where it is to be written back.
    pub(super) table: Option<HeldTable>,
    /// Lines for the user.
    pub(super) news: Vec<String>,
}

/// Stands for the id of a checkout that has none yet, where nothing is kept: `up` makes a random one.
const NOT_MADE: &str = "new";

/// Finds out who the checkout is, with host, subnet and ports.
pub(super) fn owner(checkout: &Checkout, machine: &Machine, world: World, intent: Intent) -> Result<Owner> {
    let mut news = Vec::new();
    let mut known = known_identity(checkout, machine, &world)?;
    if intent == Intent::Look {
        known.fresh = NOT_MADE.to_owned();
    }
    let mut table = if intent == Intent::Act { checkout_table::table()? } else { checkout_table::look()? };
    if table.table.is_long() {
        let paths = table.table.checkouts.iter().map(|held| held.path.clone());
        known.gone = paths.filter(|path| !Path::new(path).exists()).collect();
    }
    let mut identity = identity::identify(&known, &checkout.project, &mut table.table)?;
    let observed = world.of(&identity.held.id);
    let holding = observed.containers.iter().filter(|container| container.state.is_alive());
    let ours: BTreeSet<PartName> = holding.filter_map(|one| PartName::new(one.part.as_str()).ok()).collect();
    let wishes =
        environment::ports::wishes(&checkout.project, checkout.target.base, &checkout.catalogue.presets, &ours);
    if !identity::has_ports(&wishes, &identity) {
        known.taken = network::listening();
    }
    if identity.held.id == NOT_MADE {
        news.push("this checkout has no id yet; names contain `new` until `devenv up` creates one".to_owned());
    }
    if intent == Intent::Act {
        news.extend(identity.news.clone());
    }
    news.extend(identity::reserve_ports(&wishes, &known, &mut table.table, &mut identity));
    let table = (intent == Intent::Act).then_some(table);
    Ok(Owner { id_file: id_text(&identity, &known), identity, observed, table, news })
}

fn id_text(identity: &Identity, known: &identity::KnownCheckout) -> String {
    let file = IdFile { id: identity.held.id.clone(), path: known.path.clone(), machine: known.machine.clone() };
    format!("# {}\n{}\n", render::MARKER, serde_json::to_string(&file).unwrap_or_default())
}

fn known_identity(checkout: &Checkout, machine: &Machine, world: &World) -> Result<identity::KnownCheckout> {
    let file = checkout::id_file(&checkout.home);
    let volumes = world.volumes.iter().filter(|volume| volume.path == machine.home);
    let octet = |subnet: &String| subnet.strip_prefix("10.213.")?.split('.').next()?.parse().ok();
    let networks = world.networks.iter().flat_map(|network| {
        let octets = network.subnets.iter().filter_map(octet);
        octets.map(|octet| (octet, network.checkout.clone()))
    });
    Ok(identity::KnownCheckout {
        path: machine.home.clone(),
        environment: environment_of(&checkout.home).map(|(_, name)| name.to_owned()),
        machine: checkout_table::machine(),
        original_exists: file.as_ref().is_some_and(checkout::original_exists),
        file,
        owners: volumes.filter_map(|volume| volume.checkout.clone()).collect(),
        fresh: random::text(6)?,
        taken: BTreeSet::new(),
        engine: world.engine.id.clone(),
        // The route of a network is that network's: what is known about it comes last.
        subnets: network::routed_octets().into_iter().map(|octet| (octet, None)).chain(networks).collect(),
        gone: BTreeSet::new(),
    })
}
