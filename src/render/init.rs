//! The first `devenv.yaml` of a project, from what its folders hold.

use crate::assets::Assets;
use crate::names::ProjectName;
use crate::plan::detect::Starter;
use crate::render::{RenderError, render_asset};

/// A project's name from that of its folder.
#[must_use]
pub fn project_name(folder: &str) -> ProjectName {
    let plain: String =
        folder.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain = plain.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches('-');
    let short: String = plain.chars().take(40).collect();
    let fallback = || ProjectName::new("product");
    ProjectName::new(short.trim_end_matches('-')).or_else(|_| fallback()).unwrap_or_else(|_| unreachable_name())
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
