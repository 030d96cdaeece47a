//! The gateway's configuration.

use crate::assets::Assets;
use crate::digest::Fingerprint;
use crate::plan::parts::Route;
use crate::render::{Access, Generated, MARKER, RenderError, render};

/// Renders the configuration from its template, and a digest of it. The running gateway answers
/// `/.devenv/health` with the digest of what it has read.
pub fn file(routes: &[Route], host: &str, assets: &Assets) -> Result<(Generated, String), RenderError> {
    let name = "templates/gateway/nginx.conf";
    let template = assets.get(name).map(super::super::assets::Asset::text).unwrap_or_default();
    let mut context = tera::Context::new();
    context.insert("host", host);
    context.insert("routes", routes);
    context.insert("fingerprint", "");
    let fingerprint = Fingerprint::of(&render(name, template, &context)?).to_string();
    context.insert("fingerprint", &fingerprint);
    let text = format!("# {MARKER}\n{}", render(name, template, &context)?);
    Ok((Generated { path: "gateway/nginx.conf".to_owned(), text, access: Access::Public }, fingerprint))
}
