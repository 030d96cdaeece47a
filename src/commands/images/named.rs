//! An image that was named: by its place in the hierarchy, by the module that is released in it, or by its reference.

use crate::apply::release::recipes;
use crate::apply::release::sources::{Changes, sources};
use crate::apply::session::Session;
use crate::error::{Error, Kind, Result};
use crate::names::PartName;
use crate::nearest;
use crate::plan::images::contents::ImageFacts;
use crate::ui::screen::visible;

/// An image that is here.
pub(super) struct NamedImage {
    /// Its reference.
    pub(super) reference: String,
    /// What the engine says about it.
    pub(super) facts: ImageFacts,
}

/// Finds an image. A name of the hierarchy is that image; a module's is its released image of the last commit.
pub(super) async fn find(session: &Session, name: &str) -> Result<NamedImage> {
    let node = session.images.nodes().iter().find(|node| node.name.as_str() == name);
    let (reference, hint) = match node {
        Some(node) => (node.tag.clone(), format!("`devenv images build {name}` creates it")),
        None => match released(session, name).await? {
            Some(reference) => (reference, format!("`devenv release build {name}` creates it")),
            None => (name.to_owned(), unknown(session, name)?),
        },
    };
    match session.engine.image_facts(&reference).await? {
        Some(facts) => Ok(NamedImage { reference, facts }),
        None => Err(Error::message(Kind::Failed, format!("there is no image {}", visible(&reference))).hint(hint)),
    }
}

/// The reference of a module's released image.
async fn released(session: &Session, name: &str) -> Result<Option<String>> {
    let team = session.checkout.team()?;
    let modules = recipes::modules(&team.file);
    let modules: Vec<_> = modules.into_iter().filter(|(module, _)| module.as_str() == name).collect();
    if modules.is_empty() {
        return Ok(None);
    }
    let configuration = recipes::configuration(session.checkout.name(), &team);
    let found = sources(&session.checkout.root, &modules, &configuration, Changes::LeftOut).await?;
    let recipes = recipes::of_modules(&team, &session.images, &found)?;
    Ok(recipes.into_values().next().map(|recipe| recipe.reference))
}

/// What to do about a name that is neither: nothing where it cannot be a reference.
fn unknown(session: &Session, name: &str) -> Result<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let modules = session.checkout.project.file.modules.keys().map(PartName::as_str);
    let known = session.images.nodes().iter().map(|node| node.name.as_str()).chain(modules);
    let hint = nearest::hint(name, known);
    if name.chars().all(is_plain) && name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Ok(hint);
    }
    Err(Error::message(Kind::Usage, format!("`{}` is not the name of an image", visible(name))).hint(hint))
}
