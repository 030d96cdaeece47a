//! The gateway's configuration.

use crate::assets::Assets;
use crate::digest::Fingerprint;
use crate::plan::parts::Route;
use crate::render::{Access, Generated, MARKER, RenderError, render};

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
    /// Digest of the certificate: with another one it must read its files again.
    pub certificate: &'a str,
}

/// Renders the configuration from its template, and a digest of it. The running gateway answers
/// `/.devenv/health` with the digest of what it has read.
pub fn file(site: &Site<'_>, assets: &Assets) -> Result<(Generated, String), RenderError> {
    let name = "templates/gateway/nginx.conf";
    let template = assets.get(name).map(super::super::assets::Asset::text).unwrap_or_default();
    let mut context = tera::Context::new();
    context.insert("host", site.host);
    context.insert("domain", site.domain);
    context.insert("port", &site.port);
    context.insert("uid", &site.uid);
    context.insert("routes", site.routes);
    context.insert("fingerprint", site.certificate);
    let fingerprint = Fingerprint::of(&render(name, template, &context)?).to_string();
    context.insert("fingerprint", &fingerprint);
    let text = format!("# {MARKER}\n{}", render(name, template, &context)?);
    Ok((Generated { path: "gateway/nginx.conf".to_owned(), text, access: Access::Public }, fingerprint))
}
