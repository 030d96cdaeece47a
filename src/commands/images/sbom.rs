//! `devenv images sbom`

use std::collections::BTreeMap;

use crate::apply::image_contents::Reader;
use crate::apply::session::{Intent, Session};
use crate::commands::context::Context;
use crate::commands::images::named::{NamedImage, find};
use crate::error::{Error, Kind, Result};
use crate::host::release::source::Tree;
use crate::labels;
use crate::plan::images::contents::Released;
use crate::plan::images::sbom::{self, Described};
use crate::plan::lock_files::{self, LockedPackage};
use crate::ui::screen::visible;

pub(super) async fn run(cx: &Context, name: &str) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let NamedImage { reference, facts } = find(&session, name).await?;
    let application = match facts.released() {
        Some(released) => application(&session, released).await?,
        None => BTreeMap::new(),
    };
    let project = session.checkout.project.file.project.as_str();
    let reader = Reader { engine: &session.engine, project, id: &session.identity.held.id };
    let system = reader.packages(&reference).await?.list();
    if system.packages().next().is_none() {
        cx.screen.say(format!("{} has no list of the packages of its system", visible(&reference)));
    }
    cx.screen.json(&sbom::document(Described {
        name: repository(&reference),
        version: facts.version(),
        created: facts.created,
        suite: facts.labels.contains_key(labels::IMAGE).then(|| session.lock.root.suite()),
        system: &system,
        application: &application,
    }));
    Ok(())
}

/// A reference without tag and digest.
fn repository(reference: &str) -> &str {
    let named = reference.split('@').next().unwrap_or(reference);
    match named.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => named,
    }
}

/// The packages that a module's lock files pin, as the commit has them that it was released from.
async fn application(session: &Session, released: Released<'_>) -> Result<BTreeMap<LockedPackage, String>> {
    let project = &session.checkout.team()?;
    let failed = |message: String, hint: &str| Err(Error::message(Kind::Failed, message).hint(hint));
    if released.title != format!("{}/{}", project.file.project, released.part) {
        let message = format!("the image was released from another project, {}", visible(released.title));
        return failed(message, "run the command in its checkout, which has the lock files");
    }
    let module = project.file.modules.iter().find(|(name, _)| name.as_str() == released.part);
    let Some((_, module)) = module else { return Ok(BTreeMap::new()) };
    if released.revision.ends_with("-dirty") {
        let message = "the image was released from uncommitted files".to_owned();
        return failed(message, "commit them, then `devenv release build`");
    }
    let Some(tree) = Tree::of_commit(&session.checkout.root, released.revision).await? else {
        let message = format!("this repository does not have the commit {}", visible(released.revision));
        return failed(message, "`git fetch` gets it; in a shallow clone, `git fetch --unshallow`");
    };
    let mut files = BTreeMap::new();
    for path in module.deps.iter().flat_map(|deps| &deps.lock).map(|file| module.path.join(file)) {
        if let Some(text) = tree.text(&path).await? {
            files.insert(path.to_string(), text);
        }
    }
    Ok(lock_files::of_module(&files))
}
