//! A product that is run by compose becomes one of devenv: each service is a module, a preset, a service or the
//! gateway, settings that devenv.yaml cannot express goes into a compose file laid over it, and each key that is not
//! carried is listed with the reason. Pure: the files' texts in, the content of devenv.yaml out.

use std::collections::BTreeMap;

use crate::config::is_reserved;
use crate::config::problems::Problems;
use crate::config::text::tree::Entry;
use crate::names::{PartName, numbered};

mod account_files;
mod accounts;
pub(crate) mod adopting;
pub mod adoption;
mod commands;
mod container_keys;
pub mod devcontainer;
mod dockerfile;
mod fragment;
mod kinds;
mod module;
mod module_volumes;
mod needs;
mod nginx;
mod not_carried;
pub mod origin;
mod preset;
pub mod procfile;
mod routes;
mod third_party;
mod values;
mod words;

use crate::plan::adopt::adopting::{Adopting, Planned};
use crate::plan::adopt::adoption::{Adoption, Facts};
use crate::plan::adopt::kinds::Kind;

/// Converts a product.
///
/// # Errors
/// What cannot be a service, with its place.
pub fn adopt(facts: Facts<'_>) -> Result<Adoption, Problems> {
    let names = names(facts.compose.services());
    let mut findings = Vec::new();
    let mut parts: Vec<Planned<'_>> = Vec::new();
    for (entry, name) in facts.compose.services().iter().zip(names) {
        match kinds::kind(facts, &entry.value, entry.key.span) {
            Ok(kind) => {
                parts.push(Planned { written: &entry.key.text, name, node: &entry.value, span: entry.key.span, kind });
            }
            Err(finding) => findings.push(*finding),
        }
    }
    if !findings.is_empty() {
        return Err(facts.compose.problems(findings));
    }
    adopting::settle_proxies(&mut parts);
    let shared = third_party::shared_volumes(&parts);
    let mut adopting = Adopting { facts, parts, done: Adoption::default(), over: BTreeMap::new(), shared };
    for at in 0..adopting.parts.len() {
        let renamed = adopting.parts[at].written != adopting.parts[at].name;
        let (span, written, name) =
            (adopting.parts[at].span, adopting.parts[at].written, adopting.parts[at].name.clone());
        if renamed {
            let why =
                format!("a part's name is a host name: it is `{name}` now; write it so where code names the host");
            adopting.note(span, written, why);
        }
        not_carried::note(&mut adopting, at);
        match &adopting.parts[at].kind {
            Kind::Preset(..) => preset::carry(&mut adopting, at),
            Kind::Module(_) => module::carry(&mut adopting, at),
            Kind::Service => third_party::carry(&mut adopting, at),
            Kind::Site(_) => third_party::carry_site(&mut adopting, at),
            Kind::Gateway(_) => third_party::carry_gateway(&mut adopting, at),
            Kind::Left(why) => {
                let why = why.clone();
                adopting.note(span, written, why);
            }
        }
    }
    fragment::finish(&mut adopting);
    not_carried::of_the_whole(&mut adopting);
    Ok(adopting.done)
}

/// Names of parts for names of services: host names, each once.
fn names(services: &[Entry]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for entry in services {
        let like = PartName::like(&entry.key.text).map_or("part".to_owned(), |name| name.to_string());
        let is_free = |name: &str| !is_reserved(name) && !names.iter().any(|other| other == name);
        let name = numbered(&like, is_free);
        names.push(name);
    }
    names
}

#[cfg(test)]
mod adopt_tests;
#[cfg(test)]
mod reading_tests;
