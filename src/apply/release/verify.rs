//! A second build of a released image, compared with the first.

use std::collections::BTreeMap;

use crate::apply::release::build::Releaser;
use crate::error::{Error, Kind, Result};
use crate::host::random;
use crate::host::release::layer::{Artifact, Writer};
use crate::plan::release::differences::{BuildDifference, first};
use crate::plan::release::recipe::Recipe;
use crate::plan::release::selection::Selection;

/// Builds an image again, and returns what differs from the one that is there.
pub async fn difference(releaser: &Releaser<'_>, recipe: &Recipe) -> Result<Option<BuildDifference>> {
    let Some(there) = releaser.engine.parent(&recipe.reference).await? else {
        return Err(Error::message(Kind::Failed, format!("{} is missing", recipe.reference)));
    };
    let layer = releaser.layer(recipe, |_| {}).await?;
    if there.layers.last() == Some(&layer.digest) {
        return Ok(None);
    }
    Ok(Some(first(&files(releaser, recipe).await?, &layer.files)))
}

/// The files of the image that is there, in the module's folder.
async fn files(releaser: &Releaser<'_>, recipe: &Recipe) -> Result<BTreeMap<String, String>> {
    let name = format!("{}-{}-files-{}", releaser.checkout.project.file.project, recipe.part, random::text(3)?);
    let container = releaser.engine.create_idle(&recipe.reference, &name, releaser.id, None).await?;
    let mut writer = Writer::new(0)?;
    let artifact = Artifact { path: ".".to_owned(), place: String::new() };
    let of = recipe.clone();
    let read = releaser.engine.read_archive(&container, &recipe.dir, move |pipe| {
        writer.take(pipe, &artifact, &of, &Selection::new(&[], &[]))?;
        Ok(writer.finish()?.files)
    });
    let read = read.await;
    releaser.engine.remove_one_off(&container).await?;
    Ok(read?.0)
}
