//! What one developer's settings would change of a release, which is the team's. Pure.

use crate::config::model::file::{ProjectFile, ServiceMode};
use crate::error::{Error, Kind};
use crate::names::{ImageName, PartName};

/// Why a release cannot be made or published here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocalError {
    /// An image is another one here.
    #[error("devenv.local.yaml changes the image {0}, and a release is built from what is committed")]
    Image(ImageName),
    /// A service is another one here, or off.
    #[error("devenv.local.yaml changes the service `{0}`, and a set has what is committed")]
    Service(PartName),
}

impl From<LocalError> for Error {
    fn from(error: LocalError) -> Self {
        Self::new(Kind::Usage, error).hint("take it out of devenv.local.yaml, or release from another checkout")
    }
}

/// Refuses images that are not the team's.
pub fn same_images(team: &ProjectFile, here: &ProjectFile) -> Result<(), LocalError> {
    let names = || team.images.keys().chain(here.images.keys());
    match names().find(|name| team.images.get(*name) != here.images.get(*name)) {
        Some(name) => Err(LocalError::Image(name.clone())),
        None => Ok(()),
    }
}

/// Refuses services that run in another image than the team's, or not at all.
pub fn same_services(team: &ProjectFile, here: &ProjectFile) -> Result<(), LocalError> {
    let runs = |file: &ProjectFile, name: &PartName| {
        let service = file.services.get(name).filter(|service| service.mode == ServiceMode::On)?;
        Some((service.preset.clone(), service.image.clone(), service.external.clone()))
    };
    let names = || team.services.keys().chain(here.services.keys());
    match names().find(|name| runs(team, name) != runs(here, name)) {
        Some(name) => Err(LocalError::Service(name.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::images::samples::project;

    #[test]
    fn a_release_does_not_depend_on_the_settings_of_who_makes_it() {
        let file = |yaml: &str| project(yaml).file;
        let team =
            file("services: {db: {preset: postgres}, cache: {preset: redis}}\nimages: {python: {packages: [jq]}}\n");
        assert_eq!((same_images(&team, &team), same_services(&team, &team)), (Ok(()), Ok(())));
        let off = file("services: {db: {preset: postgres}, cache: {preset: redis, mode: \"off\"}}\n");
        assert_eq!(same_services(&team, &off), Err(LocalError::Service(PartName::new("cache").unwrap())));
        let tools = file("images: {python: {packages: [jq, strace]}}\n");
        assert_eq!(same_images(&team, &tools), Err(LocalError::Image(ImageName::new("python").unwrap())));
        let more = file("images: {python: {packages: [jq]}, node: {packages: [jq]}}\n");
        assert_eq!(same_images(&team, &more), Err(LocalError::Image(ImageName::new("node").unwrap())));
    }
}
