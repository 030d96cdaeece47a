//! `devenv release keygen`: a pair of keys to sign releases with.

use std::path::PathBuf;

use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::host::release::signing_key::SigningKey;
use crate::plan::release::signers::KEY;
use crate::render::Access;

#[derive(clap::Args, Debug)]
pub(super) struct KeygenArgs {
    /// File of the private key; the public key goes beside it, as FILE.pub
    file: PathBuf,
}

pub(super) fn run(cx: &Context, args: &KeygenArgs) -> Result<()> {
    let public = PathBuf::from(format!("{}.pub", args.file.display()));
    for path in [&args.file, &public] {
        if cx.folder.join(path).symlink_metadata().is_ok() {
            let message = format!("{} exists, and a key is never replaced", path.display());
            return Err(Error::message(Kind::Usage, message).hint("name another file"));
        }
    }
    let key = SigningKey::generate()?;
    files::write(&cx.folder.join(&args.file), key.pem().as_bytes(), Access::Private)?;
    files::write(&cx.folder.join(&public), key.public_pem().as_bytes(), Access::Public)?;
    cx.screen.say(format!("✓ {} is the private key: never commit it", args.file.display()));
    cx.screen.say(format!("✓ {} is the public key: commit it, and name it in devenv.yaml", public.display()));
    let name = public.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    cx.screen
        .say(format!("next: `signers: {{ci: {name}}}` in devenv.yaml, and `export {KEY}={}`", args.file.display()));
    Ok(())
}
