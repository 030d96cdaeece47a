//! Certificates of a checkout that are due.

use std::time::{Duration, SystemTime};

use crate::apply::certs;
use crate::apply::session::Session;
use crate::error::Result;
use crate::host::certs::ca_store;
use crate::host::files::generated;
use crate::paths;
use crate::plan::certs::zones::Signers;
use crate::render::Generated;

/// When one is to be renewed; none where that cannot be known, which other commands say.
#[must_use]
pub fn renew_at(session: &Session) -> Option<SystemTime> {
    let (assets, root) = (&session.checkout.assets, &session.checkout.home);
    let signers = Signers::of(&session.environment.aliases, &ca_store::zones().ok()?);
    let at = certs::renew_at(root, assets, signers.zones.into_keys()).ok()??;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(at.try_into().ok()?))
}

/// Writes those that are due; the gateway serves them from the next handshake on. Nothing else of what is generated is
/// touched: that is for `up`.
pub fn renew(session: &Session, say: impl Fn(&str)) -> Result<()> {
    let ours = |file: &&Generated| file.path.starts_with(&paths::certificate(""));
    let due: Vec<Generated> = session.generated.iter().filter(ours).cloned().collect();
    generated::write_generated(&session.checkout.home, &due)?;
    session.news.iter().for_each(|line| say(line));
    Ok(())
}
