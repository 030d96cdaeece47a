//! Where a registry is, and a repository in it.

use crate::config::model::image::names_registry;
use crate::plan::registry::origin::Origin;

/// A place in a registry, such as `registry.example.com/shop`, from its text without tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegistryPath {
    /// Host with port, as people and docker's configuration call it.
    pub host: String,
    /// Path of the place; empty for the registry itself.
    pub path: String,
}

/// The registry of names without a host.
const HUB: &str = "docker.io";
/// The key of its credentials in docker's configuration.
const HUB_KEY: &str = "https://index.docker.io/v1/";

impl RegistryPath {
    /// Reads a place as docker would: the first part is a host if it could be one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (first, rest) = text.split_once('/').unwrap_or((text, ""));
        let (host, path) = if names_registry(first) { (first, rest) } else { (HUB, text) };
        Self { host: host.to_owned(), path: path.trim_matches('/').to_owned() }
    }

    /// The place of an image by its reference: a name without a slash has no host.
    #[must_use]
    pub fn of_image(reference: &str) -> Self {
        if reference.contains('/') {
            Self::new(reference)
        } else {
            Self { host: HUB.to_owned(), path: reference.to_owned() }
        }
    }

    /// A repository below the place.
    #[must_use]
    pub fn repository(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// The reference of an image below the place, by digest.
    #[must_use]
    pub fn by_digest(&self, name: &str, digest: &str) -> String {
        format!("{}/{}@{digest}", self.host, self.repository(name))
    }

    /// The address of its API. Plain HTTP is for this machine alone, as docker has it.
    #[must_use]
    pub fn api(&self) -> String {
        let host = if self.host == HUB { "registry-1.docker.io" } else { &self.host };
        let scheme = if self.is_here() { "http" } else { "https" };
        format!("{scheme}://{host}/v2/")
    }

    /// The key of its credentials in docker's configuration.
    #[must_use]
    pub fn key(&self) -> &str {
        if self.host == HUB { HUB_KEY } else { &self.host }
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_here(&self) -> bool {
        Origin::of(&format!("http://{}/", self.host)).is_some_and(|origin| origin.is_here())
    }
}

/// Whether two references are one image for the engine, which leaves out Docker Hub's host and `library/`.
#[must_use]
pub fn is_same_image(one: &str, other: &str) -> bool {
    familiar(one) == familiar(other)
}

fn familiar(reference: &str) -> &str {
    let hub = ["docker.io/", "index.docker.io/"].into_iter().find_map(|host| reference.strip_prefix(host));
    let name = hub.unwrap_or(reference);
    name.strip_prefix("library/").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_docker_reads_it() {
        let shown = |text: &str| {
            let place = RegistryPath::new(text);
            format!("{} {} {}", place.api(), place.repository("api"), place.key())
        };
        assert_eq!(
            shown("registry.example.com/shop"),
            "https://registry.example.com/v2/ shop/api registry.example.com"
        );
        assert_eq!(shown("127.0.0.1:5000/a/b"), "http://127.0.0.1:5000/v2/ a/b/api 127.0.0.1:5000");
        assert_eq!(shown("[::1]:5000"), "http://[::1]:5000/v2/ api [::1]:5000");
        assert_eq!(shown("LOCALHOST:1/x"), "http://LOCALHOST:1/v2/ x/api LOCALHOST:1");
        assert_eq!(shown("localhost:5000/x"), "http://localhost:5000/v2/ x/api localhost:5000");
        assert_eq!(shown("acme"), "https://registry-1.docker.io/v2/ acme/api https://index.docker.io/v1/");
        assert_eq!(shown("127.0.0.1.example.com/x"), "https://127.0.0.1.example.com/v2/ x/api 127.0.0.1.example.com");
    }

    #[test]
    fn the_registry_of_an_image_is_known_by_its_name() {
        let host = |reference: &str| RegistryPath::of_image(reference).host;
        assert_eq!(host("debian:trixie-slim"), "docker.io");
        assert_eq!(host("axllent/mailpit:v1"), "docker.io");
        assert_eq!(host("127.0.0.1:5000/shop/api:f00"), "127.0.0.1:5000");
        assert_eq!(host("r.example.com/api@sha256:1"), "r.example.com");
    }

    #[test]
    fn a_name_at_docker_hub_is_the_same_with_and_without_its_host() {
        for name in ["shop/api:1", "docker.io/shop/api:1", "index.docker.io/shop/api:1"] {
            assert!(is_same_image(name, "shop/api:1"), "{name}");
        }
        assert!(is_same_image("docker.io/library/debian:1", "debian:1"));
        for other in ["r.example.com/shop/api:1", "docker.io/shop/api:2", "docker.io/acme/shop/api:1"] {
            assert!(!is_same_image(other, "shop/api:1"), "{other}");
        }
    }
}
