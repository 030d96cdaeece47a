//! Images of registries that devenv has something of its own for: presets, and images of languages.

use std::collections::BTreeMap;

use crate::config::model::image::names_registry;

/// Repositories and the presets that stand for them, where there is such a preset.
const PRESETS: [(&str, &str); 29] = [
    ("postgres", "postgres"),
    ("postgis/postgis", "postgres"),
    ("pgvector/pgvector", "postgres"),
    ("bitnami/postgresql", "postgres"),
    ("timescale/timescaledb", "postgres"),
    ("timescale/timescaledb-ha", "postgres"),
    ("redis", "redis"),
    ("redis/redis-stack", "redis"),
    ("redis/redis-stack-server", "redis"),
    ("eqalpha/keydb", "redis"),
    ("redislabs/redismod", "redis"),
    ("bitnami/redis", "redis"),
    ("valkey/valkey", "valkey"),
    ("valkey/valkey", "redis"),
    ("mariadb", "mariadb"),
    ("mysql", "mariadb"),
    ("mysql/mysql-server", "mariadb"),
    ("bitnami/mariadb", "mariadb"),
    ("rabbitmq", "rabbitmq"),
    ("bitnami/rabbitmq", "rabbitmq"),
    ("memcached", "memcached"),
    ("nats", "nats"),
    ("eclipse-mosquitto", "mosquitto"),
    ("axllent/mailpit", "mail"),
    ("mailhog/mailhog", "mail"),
    ("maildev/maildev", "mail"),
    ("minio/minio", "s3"),
    ("bitnami/minio", "s3"),
    ("localstack/localstack-s3", "s3"),
];

/// Parts of repositories' names and the languages that they are for.
const LANGUAGES: [(&str, &str); 22] = [
    ("python", "python"),
    ("pypy", "python"),
    ("uvicorn-gunicorn", "python"),
    ("uv", "python"),
    ("django", "python"),
    ("node", "node"),
    ("javascript-node", "node"),
    ("typescript-node", "node"),
    ("golang", "go"),
    ("go", "go"),
    ("rust", "rust"),
    ("rust-musl-builder", "rust"),
    ("maven", "java"),
    ("gradle", "java"),
    ("openjdk", "java"),
    ("eclipse-temurin", "java"),
    ("amazoncorretto", "java"),
    ("java", "java"),
    ("php", "php"),
    ("composer", "php"),
    ("ruby", "ruby"),
    ("rails", "ruby"),
];

/// Languages without an image of devenv's: the packages of Debian that make one.
const PACKAGES: [(&str, &[&str]); 3] = [
    ("java", &["default-jdk-headless", "maven"]),
    ("php", &["composer", "php-cli", "php-curl", "php-mbstring", "php-mysql", "php-pgsql", "php-xml", "php-zip"]),
    ("ruby", &["build-essential", "libpq-dev", "libyaml-dev", "ruby-bundler", "ruby-dev"]),
];

/// A reference without registry, tag and digest: `docker.io/library/redis:7` is `redis`.
pub(crate) fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let name = name[last..].find(':').map_or(name, |colon| &name[..last + colon]);
    let name = match name.split_once('/') {
        Some((host, rest)) if names_registry(host) => rest,
        _ => name,
    };
    name.strip_prefix("library/").unwrap_or(name)
}

/// The tag of a reference.
pub(crate) fn tag(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    name[last..].split_once(':').map_or("", |(_, tag)| tag)
}

/// The preset for an image, among those that there are.
pub(crate) fn preset<T>(image: &str, presets: &BTreeMap<String, T>) -> Option<&'static str> {
    let repository = repository(image);
    let known = PRESETS.iter().find(|(name, preset)| *name == repository && presets.contains_key(*preset));
    known.map(|(_, preset)| *preset)
}

/// The preset that is the same kind of service, wherever the image is kept.
pub(crate) fn kind(image: &str) -> Option<&'static str> {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let name = last(repository(image));
    PRESETS.iter().find(|(known, _)| last(known) == name).map(|(_, preset)| *preset)
}

/// The language that an image is for.
pub(crate) fn language(image: &str) -> Option<&'static str> {
    let last = repository(image).rsplit('/').next().unwrap_or_default();
    let begins = |name: &str| last.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    LANGUAGES.iter().find(|(name, _)| begins(name)).map(|(_, language)| *language)
}

/// Whether an image is a web server's, in front of others.
pub(crate) fn is_proxy(image: &str) -> bool {
    let last = repository(image).rsplit('/').next().unwrap_or_default();
    ["nginx", "nginx-unprivileged", "traefik", "caddy", "haproxy", "httpd"].contains(&last)
}

/// The packages that make an image of a language on `base`.
pub(crate) fn packages(language: &str) -> Option<&'static [&'static str]> {
    PACKAGES.iter().find(|(name, _)| *name == language).map(|(_, packages)| *packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_repository() {
        for (image, expected) in [
            ("docker.io/library/redis:7", "redis"),
            ("localhost:5000/team/api@sha256:00", "team/api"),
            ("postgis/postgis:16-3.4", "postgis/postgis"),
            ("redis", "redis"),
        ] {
            assert_eq!(repository(image), expected, "{image}");
        }
        assert_eq!((tag("a:5000/b:c"), tag("a:5000/b"), tag("b:1@sha256:0")), ("c", "", "1"));
        let presets = BTreeMap::from([("postgres".to_owned(), ()), ("redis".to_owned(), ())]);
        assert_eq!(preset("postgres:12-alpine", &presets), Some("postgres"));
        assert_eq!(preset("valkey/valkey:8", &presets), Some("redis"));
        assert_eq!(preset("mariadb:10", &presets), None);
        assert_eq!(language("mcr.microsoft.com/devcontainers/typescript-node:20"), Some("node"));
        assert_eq!(language("tiangolo/uvicorn-gunicorn-fastapi:python3.9"), Some("python"));
        assert_eq!((language("nodered"), language("mcr.microsoft.com/dotnet/sdk:6.0")), (None, None));
    }
}
