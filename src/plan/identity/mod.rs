//! The identity of this checkout: its id, and the name, host, ports and subnet that follow from it and stay what they
//! are.

pub mod checkout_lookup;
pub mod hosts;
pub mod listing;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::config::project::Project;
use crate::error::{Error, Kind};
use crate::names::PartName;

/// What one checkout holds in the per-user table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reservation {
    /// Random id of the checkout, 12 hex digits.
    pub id: String,
    /// Its folder.
    pub path: String,
    /// Name of the product.
    pub project: String,
    /// Host name of its gateway.
    pub host: String,
    /// Third octet of its subnet.
    pub subnet: u8,
    /// Ports on this machine, by part.
    #[serde(default)]
    pub ports: BTreeMap<PartName, u16>,
    /// Id of the engine that it was last used with.
    #[serde(default)]
    pub engine: String,
}

/// The per-user table of all checkouts: `checkouts.json` in the state directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// One entry a checkout.
    #[serde(default)]
    pub checkouts: Vec<Reservation>,
}

impl Table {
    /// Whether it is time to forget checkouts whose folders are gone. Not before: a disk may be away for a while.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.checkouts.len() > 100
    }
}

/// `.devenv/id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdFile {
    /// Random id of the checkout.
    pub id: String,
    /// The folder that it was made in.
    pub path: String,
    /// The machine that it was made on.
    pub machine: String,
}

impl IdFile {
    /// Whether it is that of the folder `path` in which it was found, and not of another one that was copied there.
    #[must_use]
    pub fn is_of(&self, machine: &str, path: &str, original_exists: bool) -> bool {
        self.machine == machine && (self.path == path || !original_exists)
    }
}

/// What is known about the checkout before its identity is decided.
#[derive(Debug, Clone, Default)]
pub struct KnownCheckout {
    /// The folder, without links.
    pub path: String,
    /// The environment whose home the folder is, where it is not that of dev.
    pub environment: Option<String>,
    /// This machine's id.
    pub machine: String,
    /// What `.devenv/id` says.
    pub file: Option<IdFile>,
    /// Whether the folder that `.devenv/id` names still holds a checkout with that very id.
    pub original_exists: bool,
    /// Ids that volumes or containers in the engine name as the owner for this very folder.
    pub owners: BTreeSet<String>,
    /// A random id, in case that a new one is needed.
    pub fresh: String,
    /// Ports that somebody listens on now; of no interest where [`has_ports`].
    pub taken: BTreeSet<u16>,
    /// Id of the engine.
    pub engine: String,
    /// Third octets of 10.213.x.0/24 that routes or networks use, with the checkout whose network it is.
    pub subnets: BTreeMap<u8, Option<String>>,
    /// Folders of the table that are not there any more; asked only of a table that is [`Table::is_long`].
    pub gone: BTreeSet<String>,
}

/// There is no subnet left for another checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all 256 subnets of 10.213.0.0/16 are reserved or in use")]
pub struct NoSubnet;

impl From<NoSubnet> for Error {
    fn from(error: NoSubnet) -> Self {
        Self::new(Kind::Failed, error).hint("`devenv down` in checkouts that are not needed, then delete their folders")
    }
}

/// The identity of a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What it holds in the table.
    pub held: Reservation,
    /// What is worth a line: why the id is what it is, and what is not as it was last time.
    pub news: Vec<String>,
    /// Whose `.devenv` it is.
    pub folder: FolderOf,
}

/// Whose a `.devenv` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderOf {
    /// This checkout's.
    Own,
    /// That of another one, copied with all else: its keys and credentials are not for this one.
    Other,
}

impl Identity {
    /// Name of the compose project: the product and the beginning of the id.
    #[must_use]
    pub fn compose_project(&self) -> String {
        format!("{}-{}", self.held.project, &self.held.id[..6.min(self.held.id.len())])
    }

    /// The subnet of the environment's network.
    #[must_use]
    pub fn subnet(&self) -> String {
        format!("10.213.{}.0/24", self.held.subnet)
    }
}

/// Decides id, host and subnet; ports are added by [`reserve_ports`]. The table is changed to hold them.
pub fn identify(known: &KnownCheckout, project: &Project, table: &mut Table) -> Result<Identity, NoSubnet> {
    let (id, why) = id_of(known, table);
    let mut news: Vec<String> = why.into_iter().collect();
    let name = project.file.project.to_string();
    let label = project.file.gateway.as_ref().and_then(|gateway| gateway.host.clone());
    let label = label.map_or_else(|| name.clone(), |host| host.to_string());
    let earlier = table.checkouts.iter().position(|held| held.id == id).map(|at| table.checkouts.remove(at));
    if table.is_long() {
        table.checkouts.retain(|held| !known.gone.contains(&held.path));
    }
    let others = &table.checkouts;
    let wanted = host_names(&label, known, &id);
    let kept = earlier.as_ref().map(|held| held.host.clone()).filter(|host| wanted.contains(host));
    let host = kept.or_else(|| wanted.into_iter().find(|host| others.iter().all(|held| held.host != *host)));
    let foreign = known.subnets.iter().filter(|(_, owner)| owner.as_ref() != Some(&id)).map(|(octet, _)| *octet);
    let foreign: BTreeSet<u8> = foreign.collect();
    let reserved: BTreeSet<u8> = others.iter().map(|held| held.subnet).collect();
    let free = || (0..=u8::MAX).find(|octet| !reserved.contains(octet) && !foreign.contains(octet)).ok_or(NoSubnet);
    let subnet = match &earlier {
        Some(held) if !foreign.contains(&held.subnet) => held.subnet,
        Some(held) => {
            let new = free()?;
            news.push(format!(
                "subnet 10.213.{}.0/24 is used by another network; using 10.213.{new}.0/24",
                held.subnet
            ));
            new
        }
        None => free()?,
    };
    if earlier.as_ref().is_some_and(|held| !held.engine.is_empty() && held.engine != known.engine) {
        news.push("this is not the engine of last time: the data of this checkout stays in the other one".to_owned());
    }
    let held = Reservation {
        id,
        path: known.path.clone(),
        project: name,
        host: host.unwrap_or_else(|| format!("{label}.localhost")),
        subnet,
        ports: earlier.map(|held| held.ports).unwrap_or_default(),
        engine: known.engine.clone(),
    };
    table.checkouts.push(held.clone());
    table.checkouts.sort_by(|one, other| one.id.cmp(&other.id));
    let is_other = known.file.as_ref().is_some_and(|file| file.id != held.id);
    let folder = if is_other { FolderOf::Other } else { FolderOf::Own };
    Ok(Identity { held, news, folder })
}

/// The id in the file, unless the folder is a copy; else the one that the engine or the table knows this folder by;
/// else a new one.
fn id_of(known: &KnownCheckout, table: &Table) -> (String, Option<String>) {
    if let Some(file) = known.file.as_ref().filter(|file| file.machine == known.machine) {
        if !file.is_of(&known.machine, &known.path, known.original_exists) {
            let news = format!("this is a copy of {}: it gets an identity of its own", file.path);
            return (known.fresh.clone(), Some(news));
        }
        let is_moved = file.path != known.path;
        return (file.id.clone(), is_moved.then(|| format!("this checkout was moved here from {}", file.path)));
    }
    let in_table = table.checkouts.iter().find(|held| held.path == known.path).map(|held| held.id.clone());
    let found = in_table.or_else(|| known.owners.iter().next().cloned());
    match found {
        Some(id) => (id, Some("recovered this checkout's identity".to_owned())),
        None => (known.fresh.clone(), None),
    }
}

/// The host names that a checkout may have, best first: `shop.localhost`, then with the folder's name in front; those of
/// another environment than dev begin with its name, `ci.shop.localhost`.
fn host_names(label: &str, known: &KnownCheckout, id: &str) -> Vec<String> {
    if let Some(name) = &known.environment {
        return vec![
            format!("{name}.{label}.localhost"),
            format!("{name}-{}.{label}.localhost", &id[..4.min(id.len())]),
        ];
    }
    let folder = known.path.rsplit('/').next().unwrap_or_default().to_lowercase();
    let slug: String = folder.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let slug = slug.trim_matches('-');
    let mut names = vec![format!("{label}.localhost")];
    if !slug.is_empty() && slug.len() <= 40 {
        names.push(format!("{slug}.{label}.localhost"));
        names.push(format!("{slug}-{}.{label}.localhost", &id[..4.min(id.len())]));
    } else {
        names.push(format!("{}.{label}.localhost", &id[..6.min(id.len())]));
    }
    names
}

/// A port that a part would like to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortWish {
    /// Who.
    pub part: PartName,
    /// The number to begin with.
    pub preferred: u16,
    /// Set by the user: taken as it is.
    pub fixed: Option<u16>,
    /// Whether a container of this checkout holds the port now.
    pub ours: bool,
}

/// Whether each part runs at the port that it had, so that none is to be chosen. (The kernel takes milliseconds to list
/// who listens.)
#[must_use]
pub fn has_ports(wishes: &[PortWish], identity: &Identity) -> bool {
    wishes.iter().all(|wish| {
        let held = identity.held.ports.get(&wish.part);
        wish.ours && held.is_some_and(|held| wish.fixed.is_none_or(|fixed| fixed == *held))
    })
}

/// Gives each wish a port: the one that it had, else the preferred one, else the next that is free. Returns what is
/// worth a line: a preferred port that was taken.
pub fn reserve_ports(
    wishes: &[PortWish],
    known: &KnownCheckout,
    table: &mut Table,
    identity: &mut Identity,
) -> Vec<String> {
    let mut news = Vec::new();
    let others: BTreeSet<u16> = table
        .checkouts
        .iter()
        .filter(|held| held.id != identity.held.id)
        .flat_map(|held| held.ports.values().copied())
        .collect();
    let mut used: BTreeSet<u16> = wishes.iter().filter_map(|wish| wish.fixed).collect();
    let earlier = std::mem::take(&mut identity.held.ports);
    let mut ports = BTreeMap::new();
    let kept = |wish: &PortWish| {
        let port = *earlier.get(&wish.part)?;
        (wish.ours || !known.taken.contains(&port)).then_some(port)
    };
    for wish in wishes {
        if let Some(port) = wish.fixed.or_else(|| kept(wish).filter(|port| !used.contains(port))) {
            used.insert(port);
            ports.insert(wish.part.clone(), port);
        }
    }
    for wish in wishes {
        if ports.contains_key(&wish.part) {
            continue;
        }
        let free = |port: &u16| !known.taken.contains(port) && !others.contains(port) && !used.contains(port);
        let from = if wish.preferred < 1024 { wish.preferred + 8000 } else { wish.preferred };
        let port = (from..=u16::MAX).find(free).unwrap_or(from);
        if let Some(before) = earlier.get(&wish.part) {
            news.push(format!("{}: port {before} is in use; using {port} from now on", wish.part));
        } else if port != from {
            news.push(format!("{}: port {from} is in use; using {port}", wish.part));
        }
        used.insert(port);
        ports.insert(wish.part.clone(), port);
    }
    // A part that is switched off keeps its port for when it comes back.
    for (part, port) in earlier {
        if !ports.contains_key(&part) && !used.contains(&port) {
            ports.insert(part, port);
        }
    }
    identity.held.ports = ports;
    if let Some(held) = table.checkouts.iter_mut().find(|held| held.id == identity.held.id) {
        *held = identity.held.clone();
    }
    news
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
