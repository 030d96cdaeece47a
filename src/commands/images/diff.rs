//! `devenv images diff`

use serde::Serialize;

use crate::apply::image_contents::{Depth, Reader};
use crate::apply::session::Intent;
use crate::commands::context::Context;
use crate::commands::images::named::{NamedImage, find};
use crate::error::Result;
use crate::plan::images::difference::{self, ImageDifference};
use crate::plan::images::image_packages::Inventory;
use crate::ui::screen::visible;

/// Lines of one family that are shown.
const SHOWN: usize = 20;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct DiffJson<'a> {
    from: &'a str,
    to: &'a str,
    same: bool,
    difference: &'a ImageDifference,
}

pub(super) async fn run(cx: &Context, (from, to): (&str, &str), json: bool) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let (from, to) = (find(&session, from).await?, find(&session, to).await?);
    let project = session.checkout.project.file.project.as_str();
    let reader = Reader { engine: &session.engine, project, id: &session.identity.held.id };
    let difference = compare(&reader, &from, &to).await?;
    if json {
        let (from, to, same) = (&from.reference, &to.reference, difference.is_empty());
        cx.screen.json(&DiffJson { from, to, same, difference: &difference });
    } else {
        cx.screen.data(text(&difference));
    }
    Ok(())
}

async fn compare(reader: &Reader<'_>, from: &NamedImage, to: &NamedImage) -> Result<ImageDifference> {
    // The same layers hold the same packages and files.
    if from.facts.layers == to.facts.layers {
        let nothing = Inventory::default();
        return Ok(ImageDifference::of((&from.facts, &nothing), (&to.facts, &nothing)));
    }
    let (before, after) =
        tokio::try_join!(reader.read(&from.reference, Depth::Files), reader.read(&to.reference, Depth::Files))?;
    let sides = ((&from.facts, &before.0.inventory), (&to.facts, &after.0.inventory));
    let difference = ImageDifference::of(sides.0, sides.1);
    Ok(ImageDifference { files: difference::files(&before.1, &after.1), ..difference })
}

fn text(difference: &ImageDifference) -> String {
    if difference.is_empty() {
        return "no difference\n".to_owned();
    }
    let mut text = String::new();
    for (family, lines) in difference.words() {
        text.push_str(&format!("{family}: {}\n", lines.len()));
        text.extend(lines.iter().take(SHOWN).map(|line| format!("  {}\n", visible(line))));
        if lines.len() > SHOWN {
            text.push_str(&format!("  and {} more; `--json` lists all\n", lines.len() - SHOWN));
        }
    }
    text
}
