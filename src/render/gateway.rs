//! The gateway's configuration.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::assets::Assets;
use crate::digest::Fingerprint;
use crate::paths;
use crate::plan::certs::LeafOf;
use crate::plan::parts::{GATEWAY, Route};
use crate::render::{Access, Generated, MARKER, RenderError, render_asset};

/// What the gateway stands for.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// Its host name outside.
    pub host: &'a str,
    /// Its name inside containers.
    pub domain: &'a str,
    /// Its HTTPS port on this machine.
    pub port: u16,
    /// The user that it runs as.
    pub uid: u32,
    /// What it sends where.
    pub routes: &'a [Route],
    /// Further names for the same, with the product's own certificate.
    pub aliases: &'a BTreeSet<String>,
    /// Those of all names that have the team's own certificate.
    pub own: &'a BTreeSet<String>,
    /// Further names for the same, by the zone whose certificate they have.
    pub zones: &'a BTreeMap<String, BTreeSet<String>>,
}

/// A virtual server.
#[derive(Debug, Serialize)]
struct Server {
    /// The host of its routes; empty for the product's own.
    host: String,
    /// What it is called.
    names: BTreeSet<String>,
    /// Its certificate's file.
    certificate: String,
    /// Its key's file.
    key: String,
}

impl Site<'_> {
    /// The first one is the product's own.
    fn servers(&self) -> Vec<Server> {
        let server = |host: &str, names: BTreeSet<String>, leaf: LeafOf<'_>| {
            let [certificate, key] = leaf.files();
            Server { host: host.to_owned(), names, certificate, key }
        };
        let names = [self.host.to_owned(), self.domain.to_owned(), format!("gateway.{}", self.domain)];
        let names = names.into_iter().chain(self.aliases.iter().cloned());
        // Names that lead nowhere else than here.
        let here = ["localhost", "127.0.0.1", "[::1]", GATEWAY].map(str::to_owned);
        let (own, made): (BTreeSet<String>, BTreeSet<String>) = names.partition(|name| self.own.contains(name));
        let own = (!own.is_empty()).then(|| server("", own, LeafOf::Own));
        let zones = self.zones.iter().map(|(zone, names)| server("", names.clone(), LeafOf::Zone(zone)));
        let hosts: BTreeSet<&String> =
            self.routes.iter().map(|route| &route.host).filter(|host| !host.is_empty()).collect();
        let hosts = hosts.into_iter().map(|host| {
            let leaf = if self.own.contains(host) { LeafOf::Own } else { LeafOf::Environment };
            server(host, [host.clone()].into(), leaf)
        });
        let made = made.into_iter().chain(here).collect();
        [server("", made, LeafOf::Environment)].into_iter().chain(own).chain(zones).chain(hosts).collect()
    }
}

/// Stands for the host of a released gateway, which serves every name: nginx fills in the one that was asked for.
pub const ANY_HOST: &str = "$host";

/// Renders the configuration of a released gateway, which knows nothing of an environment: it serves any host, and those of
/// routes by their first label.
pub fn released(routes: &[Route], domain: &str, assets: &Assets) -> Result<String, RenderError> {
    let [certificate, key] = LeafOf::Environment.files();
    let server = |host: &str, names: BTreeSet<String>| Server {
        host: host.to_owned(),
        names,
        certificate: certificate.clone(),
        key: key.clone(),
    };
    let hosts: BTreeSet<&String> = routes.iter().map(|route| &route.host).filter(|host| !host.is_empty()).collect();
    let hosts = hosts.into_iter().map(|host| {
        let label = host.strip_suffix(&format!(".{ANY_HOST}")).unwrap_or(host);
        server(host, [format!("{label}.*")].into())
    });
    // A wildcard is stronger than an expression.
    let any = server("", ["~.".to_owned(), GATEWAY.to_owned()].into());
    let servers: Vec<Server> = [any].into_iter().chain(hosts).collect();
    let name = "templates/gateway/nginx.conf";
    let mut context = tera::Context::new();
    context.insert("host", ANY_HOST);
    context.insert("domain", domain);
    context.insert("port", &443);
    context.insert("uid", &1000);
    context.insert("routes", routes);
    context.insert("servers", &servers);
    context.insert("fingerprint", "");
    let fingerprint = Fingerprint::of(&render_asset(name, assets, &context)?).to_string();
    context.insert("fingerprint", &fingerprint);
    render_asset(name, assets, &context)
}

/// Renders the configuration from its template, and a digest of it. The running gateway answers
/// `/.devenv/health` with the digest of what it has read.
pub fn file(site: &Site<'_>, assets: &Assets) -> Result<(Generated, String), RenderError> {
    let name = "templates/gateway/nginx.conf";
    let mut context = tera::Context::new();
    context.insert("host", site.host);
    context.insert("domain", site.domain);
    context.insert("port", &site.port);
    context.insert("uid", &site.uid);
    context.insert("routes", site.routes);
    context.insert("servers", &site.servers());
    context.insert("fingerprint", "");
    let fingerprint = Fingerprint::of(&render_asset(name, assets, &context)?).to_string();
    context.insert("fingerprint", &fingerprint);
    let text = format!("# {MARKER}\n{}", render_asset(name, assets, &context)?);
    Ok((Generated { path: format!("{}/nginx.conf", paths::GATEWAY), text, access: Access::Public }, fingerprint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::environment::routes::routes;
    use crate::plan::environment::samples::project;

    #[test]
    fn no_link_is_followed_below_the_folder_that_a_site_stands_in() {
        let project = project("project: shop\nmodules:\n  site: {path: web/dist, serve: static, route: /docs}\n");
        let text = released(&routes(&project, ANY_HOST), "shop.test", &Assets::embedded()).unwrap();
        for line in [
            "root /srv/sites/site/dist;",
            "disable_symlinks on from=/srv/sites/site;",
            "default_type application/octet-stream;",
            "error_page 503 @not_built;",
            "location @not_built {",
        ] {
            assert!(text.lines().any(|one| one.trim() == line), "{line}:\n{text}");
        }
    }
}
