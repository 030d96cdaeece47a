//! All environments of a user on this machine, as people list them. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use crate::paths::environment_of;
use crate::plan::environment::target::Base;
use crate::plan::identity::{Reservation, Table};
use crate::plan::mounts::VolumeClass;
use crate::plan::observed::{Container, ContainerState, Role, Volume};
use crate::plan::parts::GATEWAY;

/// What is found out about a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckoutFolder {
    /// Whether it is there.
    pub exists: bool,
    /// The branch that is checked out, or the commit where there is none.
    pub branch: Option<String>,
}

/// How an environment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnvironmentState {
    /// Parts run.
    Running,
    /// It has containers, and none runs.
    Stopped,
    /// It has data, and no container.
    Down,
    /// It has volumes that are made again by themselves, such as those of dependencies, and no more.
    NoData,
    /// The engine has nothing of it.
    Nothing,
    /// It was last used with another engine.
    OtherEngine,
}

/// An environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The product.
    pub project: String,
    /// Name of the environment.
    pub environment: String,
    /// The checkout's folder.
    pub folder: String,
    /// Whether it is there.
    pub exists: bool,
    /// What is checked out.
    pub branch: Option<String>,
    /// How it stands.
    pub state: EnvironmentState,
    /// How many containers run.
    pub running: usize,
    /// How many there are.
    pub containers: usize,
    /// Where the gateway is while it runs.
    pub url: Option<String>,
    /// Id of the environment.
    pub id: String,
}

impl Listed {
    /// The state in words.
    #[must_use]
    pub fn text(&self) -> String {
        let state = match self.state {
            EnvironmentState::Running => format!("{} of {} running", self.running, self.containers),
            EnvironmentState::Stopped => "stopped".to_owned(),
            EnvironmentState::Down => "down, its data is there".to_owned(),
            EnvironmentState::NoData => "down, without data".to_owned(),
            EnvironmentState::Nothing => "nothing is there".to_owned(),
            EnvironmentState::OtherEngine => "on another engine".to_owned(),
        };
        if self.exists { state } else { format!("{state}; the folder is gone") }
    }
}

/// What the engine has.
#[derive(Debug, Clone, Copy)]
pub struct EngineLists<'a> {
    /// Its id.
    pub id: &'a str,
    /// Containers that devenv made.
    pub containers: &'a [Container],
    /// Volumes that devenv made.
    pub volumes: &'a [Volume],
}

/// The folders of a table's checkouts.
#[must_use]
pub fn folders(table: &Table) -> BTreeSet<String> {
    table.checkouts.iter().map(|held| checkout_of(held).0.to_owned()).collect()
}

/// All environments: by folder, dev first. One that is gone with all that it had is left out.
#[must_use]
pub fn listing(table: &Table, engine: EngineLists<'_>, folders: &BTreeMap<String, CheckoutFolder>) -> Vec<Listed> {
    let mut all: Vec<Listed> = table.checkouts.iter().map(|held| listed(held, engine, folders)).collect();
    all.retain(|one| one.exists || one.state != EnvironmentState::Nothing);
    let is_other = |one: &Listed| one.environment != Base::Dev.name();
    all.sort_by(|one, other| {
        (&one.folder, is_other(one), &one.environment).cmp(&(&other.folder, is_other(other), &other.environment))
    });
    all
}

/// The folder of a reservation's checkout, and the environment.
fn checkout_of(held: &Reservation) -> (&str, &str) {
    let found = environment_of(Path::new(&held.path)).and_then(|(root, name)| Some((root.to_str()?, name)));
    found.unwrap_or((&held.path, Base::Dev.name()))
}

fn listed(held: &Reservation, engine: EngineLists<'_>, folders: &BTreeMap<String, CheckoutFolder>) -> Listed {
    let (folder, environment) = checkout_of(held);
    let facts = folders.get(folder).cloned().unwrap_or_default();
    let own = engine.containers.iter().filter(|one| one.checkout == held.id && one.role == Role::Part);
    let own: Vec<&Container> = own.collect();
    let running = own.iter().filter(|one| one.state == ContainerState::Running).count();
    let mut volumes = engine.volumes.iter().filter(|volume| volume.checkout.as_ref() == Some(&held.id)).peekable();
    let has_volume = volumes.peek().is_some();
    let has_data = volumes.any(|volume| volume.class == VolumeClass::Data.as_str());
    let state = match (running, own.len()) {
        (1.., _) => EnvironmentState::Running,
        (0, 1..) => EnvironmentState::Stopped,
        _ if has_data => EnvironmentState::Down,
        _ if has_volume => EnvironmentState::NoData,
        _ if !held.engine.is_empty() && held.engine != engine.id => EnvironmentState::OtherEngine,
        _ => EnvironmentState::Nothing,
    };
    let gateway = own.iter().any(|one| one.part == GATEWAY && one.state == ContainerState::Running);
    let port = held.ports.iter().find(|(part, _)| part.as_str() == GATEWAY).map(|(_, port)| *port);
    let url = port.filter(|_| gateway).map(|port| match port {
        443 => format!("https://{}", held.host),
        port => format!("https://{}:{port}", held.host),
    });
    Listed {
        project: held.project.clone(),
        environment: environment.to_owned(),
        folder: folder.to_owned(),
        exists: facts.exists,
        branch: facts.branch,
        state,
        running,
        containers: own.len(),
        url,
        id: held.id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::PartName;
    use crate::plan::observed::samples::container;

    fn held(id: &str, path: &str, host: &str) -> Reservation {
        let ports = BTreeMap::from([(PartName::new("gateway").unwrap(), 8443)]);
        let [id, path, project, host] = [id, path, "shop", host].map(str::to_owned);
        Reservation { id, path, project, host, subnet: 0, ports, engine: "e1".to_owned() }
    }

    fn of(id: &str, part: &str, state: ContainerState) -> Container {
        Container { checkout: id.to_owned(), ..container(part, state) }
    }

    #[test]
    fn every_environment_is_listed_with_what_it_has_and_where_it_is() {
        let home = "/a/shop/.devenv/environments/ci";
        let mut table = Table::default();
        table.checkouts.push(held("0a", "/a/shop", "shop.localhost"));
        table.checkouts.push(held("0b", home, "ci.shop.localhost"));
        table.checkouts.push(held("0c", "/gone", "gone.shop.localhost"));
        table.checkouts.push(held("0d", "/b/shop", "b.shop.localhost"));
        table.checkouts[3].engine = "e2".to_owned();
        let containers = [
            of("0a", "api", ContainerState::Exited(0)),
            of("0b", "api", ContainerState::Running),
            of("0b", "gateway", ContainerState::Running),
            of("0b", "migrate", ContainerState::Exited(0)),
        ];
        let engine = EngineLists { id: "e1", containers: &containers, volumes: &[] };
        let here = CheckoutFolder { exists: true, branch: Some("main".to_owned()) };
        let facts = [("/a/shop", here.clone()), ("/b/shop", here)].map(|(path, facts)| (path.to_owned(), facts));
        assert_eq!(folders(&table).len(), 3, "dev and ci are of one folder");
        let all = listing(&table, engine, &facts.clone().into());
        let shown: Vec<String> = all
            .iter()
            .map(|one| {
                format!("{} {} {} {}", one.folder, one.environment, one.text(), one.url.clone().unwrap_or_default())
            })
            .collect();
        assert_eq!(
            shown,
            [
                "/a/shop dev stopped ",
                "/a/shop ci 2 of 3 running https://ci.shop.localhost:8443",
                "/b/shop dev on another engine "
            ]
        );
        // What is left of a folder that is gone can be ended, so it is shown.
        let left = [of("0c", "api", ContainerState::Running)];
        let all = listing(&table, EngineLists { containers: &left, ..engine }, &facts.into());
        let gone = all.iter().find(|one| one.folder == "/gone").unwrap();
        assert_eq!(gone.text(), "1 of 1 running; the folder is gone");
    }

    #[test]
    fn only_data_counts_as_data() {
        let mut table = Table::default();
        table.checkouts.push(held("0a", "/a/shop", "shop.localhost"));
        let facts = BTreeMap::from([("/a/shop".to_owned(), CheckoutFolder { exists: true, branch: None })]);
        let standing = |class: VolumeClass| {
            let (checkout, class) = (Some("0a".to_owned()), class.as_str().to_owned());
            let (name, path) = ("v".to_owned(), "/a/shop".to_owned());
            let volumes = [Volume { name, checkout, path, class, major: None, project: None }];
            listing(&table, EngineLists { id: "e1", containers: &[], volumes: &volumes }, &facts)[0].state
        };
        assert_eq!(standing(VolumeClass::Data), EnvironmentState::Down);
        assert_eq!(standing(VolumeClass::Deps), EnvironmentState::NoData);
    }
}
