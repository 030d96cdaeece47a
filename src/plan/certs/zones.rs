//! Further names of the gateway: which authority signs for each. The machine's signs for `localhost` and `test`; for
//! another domain there is a zone with an authority of its own. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::project::Project;
use crate::error::{Error, Kind};
use crate::plan::certs::domains::is_below;
use crate::plan::certs::domains::is_machines;

/// Which authority signs for which names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signers {
    /// Names that the machine's authority signs for.
    pub machine: BTreeSet<String>,
    /// Names by zone.
    pub zones: BTreeMap<String, BTreeSet<String>>,
    /// Names that nothing on this machine signs for.
    pub nobody: Vec<String>,
}

/// Names that no authority of this machine signs for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.lines())]
pub struct UnknownZones(Vec<Unknown>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Unknown {
    /// File and line.
    place: String,
    name: String,
}

impl UnknownZones {
    fn lines(&self) -> String {
        let line = |one: &Unknown| format!("{}: no authority of this machine signs for `{}`", one.place, one.name);
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl From<UnknownZones> for Error {
    fn from(error: UnknownZones) -> Self {
        let zones: BTreeSet<String> = error.0.iter().map(|one| zone_for(&one.name).to_owned()).collect();
        let hint = |zone: &String| {
            format!(
                "`devenv certs add-zone {zone}` creates one, and `devenv certs trust --zone {zone}` lets browsers accept it"
            )
        };
        let hints: Vec<String> = zones.iter().map(hint).collect();
        Self { hints, ..Self::new(Kind::Usage, error) }
    }
}

impl Signers {
    /// Finds the authority of each name; of two zones, the narrower one.
    #[must_use]
    pub fn of(names: &[String], zones: &[String]) -> Self {
        let mut signers = Self::default();
        for name in names {
            let narrowest = zones.iter().filter(|zone| is_below(name, zone)).max_by_key(|zone| zone.len());
            match narrowest {
                _ if is_machines(name) => drop(signers.machine.insert(name.clone())),
                Some(zone) => drop(signers.zones.entry(zone.clone()).or_default().insert(name.clone())),
                None => signers.nobody.push(name.clone()),
            }
        }
        signers
    }

    /// Refuses names that nobody signs for, each with its place.
    pub fn check(&self, project: &Project) -> Result<(), UnknownZones> {
        let aliases = aliases(project);
        let place = |name: &String| {
            let at = aliases.iter().position(|alias| alias == name).unwrap_or_default().to_string();
            project.place(&["gateway", "aliases", &at]).map(|place| place.to_string()).unwrap_or_default()
        };
        let unknown = self.nobody.iter().map(|name| Unknown { place: place(name), name: name.clone() });
        let unknown: Vec<Unknown> = unknown.collect();
        if unknown.is_empty() { Ok(()) } else { Err(UnknownZones(unknown)) }
    }
}

/// Further names of the gateway, as the project has them.
#[must_use]
pub fn aliases(project: &Project) -> &[String] {
    project.file.gateway.as_ref().map(|gateway| gateway.aliases.as_slice()).unwrap_or_default()
}

/// The zone that somebody would make for a name: what is above it, or itself where that is a top-level domain.
#[must_use]
pub fn zone_for(name: &str) -> &str {
    name.split_once('.').map(|(_, above)| above).filter(|above| above.contains('.')).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_signed_by_the_narrowest_authority() {
        let texts = |all: &[&str]| all.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let names =
            ["shop.example.test", "dev.acme.internal", "a.eu.acme.internal", "evil-acme.internal", "acme.internal"];
        let signers = Signers::of(&texts(&names), &texts(&["acme.internal", "eu.acme.internal"]));
        let set = |all: &[&str]| all.iter().map(|&text| text.to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(signers.machine, set(&["shop.example.test"]));
        let zones = [
            ("acme.internal", &["dev.acme.internal", "acme.internal"][..]),
            ("eu.acme.internal", &["a.eu.acme.internal"]),
        ];
        assert_eq!(signers.zones, zones.map(|(zone, names)| (zone.to_owned(), set(names))).into());
        assert_eq!(signers.nobody, ["evil-acme.internal"]);
    }

    #[test]
    fn the_zone_that_is_offered_is_one_that_can_be_made() {
        for (name, zone) in [("dev.acme.internal", "acme.internal"), ("acme.internal", "acme.internal")] {
            assert_eq!(zone_for(name), zone);
            assert_eq!(crate::plan::certs::check_zone(zone), Ok(()));
        }
    }
}
