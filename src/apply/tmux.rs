//! The copy of tmux out of the image `debug`, for a machine that has none.

use std::path::PathBuf;

use crate::apply::debug;
use crate::apply::session::Session;
use crate::assets::{AssetOrigin, Assets};
use crate::error::{Error, Kind, Result};
use crate::host::{random, tmux};

/// The folders of the image and of its parent.
const IMAGES: [&str; 2] = ["images/debug", "images/base"];

/// Takes tmux out of the image, once for each image; the image must be there.
pub async fn copy(session: &Session) -> Result<PathBuf> {
    refuse_theirs(&session.checkout.assets)?;
    let image = debug::image(session)?;
    let fingerprint = image.rsplit(':').next().unwrap_or_default();
    let folder = tmux::copy_of(fingerprint)?;
    if tmux::is_whole(&folder) {
        return Ok(folder);
    }
    let name = format!("{}-tmux-{}", session.environment.project, random::text(4)?);
    let id = session.engine.create_idle(&image, &name, &session.environment.id, None).await?;
    let owner = (session.machine.uid, session.machine.gid);
    let unpack = async |into: PathBuf| session.engine.copy_folder(&id, tmux::IN_IMAGE, &into, owner).await.map(drop);
    let kept = tmux::keep_copy(&folder, unpack).await;
    session.engine.remove_one_off(&id).await?;
    kept.map(|()| folder)
}

/// What is taken out of the image runs on this machine, and not in a container: a checkout must not choose it.
fn refuse_theirs(assets: &Assets) -> Result<()> {
    let is_theirs = |folder: &str| {
        let mut files = assets.below(folder).filter(|(name, _)| !name.starts_with("scripts/"));
        let is_own = assets.own(folder.trim_start_matches("images/")).is_some();
        is_own || files.any(|(_, asset)| asset.origin != AssetOrigin::Embedded)
    };
    let Some(folder) = IMAGES.iter().find(|folder| is_theirs(folder)) else { return Ok(()) };
    let message = format!("the tmux of the image `debug` is not used: this checkout has its own {folder}");
    Err(Error::message(Kind::Failed, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::Asset;

    #[test]
    fn a_checkout_does_not_choose_a_program_that_runs_on_this_machine() {
        let with = |path: &str| {
            let mut assets = Assets::embedded();
            let mut asset: Asset = assets.get("images/debug/Dockerfile").unwrap().clone();
            asset.origin = AssetOrigin::Project("x".into());
            assets.replace(path.to_owned(), asset);
            refuse_theirs(&assets).map_err(|error| error.to_string())
        };
        assert!(refuse_theirs(&Assets::embedded()).is_ok());
        assert!(with("images/debug/scripts/greet").is_ok() && with("images/python/Dockerfile").is_ok());
        for path in ["images/debug/Dockerfile", "images/base/extra"] {
            let said = with(path).unwrap_err();
            assert!(said.contains("this checkout has its own images/"), "{said}");
        }
    }
}
