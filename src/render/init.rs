//! The first `devenv.yaml` of a project, from what its folders hold.

use crate::assets::Assets;
use crate::names::ProjectName;
use crate::plan::detect::Starter;
use crate::render::{RenderError, render_asset};

/// A project's name from that of its folder.
#[must_use]
pub fn project_name(folder: &str) -> ProjectName {
    ProjectName::like(folder).or_else(|| ProjectName::like("product")).unwrap_or_else(unreachable_name)
}

#[expect(clippy::panic, reason = "a constant that is a name")]
fn unreachable_name() -> ProjectName {
    panic!("`product` is a name")
}

/// The text of `devenv.yaml`.
pub fn configuration(name: &ProjectName, found: &[Starter], assets: &Assets) -> Result<String, RenderError> {
    let template = "templates/init/devenv.yaml";
    let mut context = tera::Context::new();
    context.insert("project", name.as_str());
    context.insert("modules", found);
    render_asset(template, assets, &context)
}
