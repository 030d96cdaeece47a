//! Whose signatures count for sets and records, and the key that is at hand: read from the configuration and its files, and
//! from the environment of this process.

use crate::apply::session::checkout::Checkout;
use crate::config::model::signer;
use crate::error::{Error, Result};
use crate::host::files;
use crate::host::release::signing_key::SigningKey;
use crate::plan::release::signature::PublicKey;
use crate::plan::release::signers::{KEY, Signers, Untrusted};

/// Whose signatures count, and what is signed with.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// The keys that count.
    pub signers: Signers,
    /// The private key, or the path of its file.
    pub key: Option<String>,
}

impl Trust {
    /// As the configuration and the environment of this process say.
    pub fn of(checkout: &Checkout) -> Result<Self> {
        let key = std::env::var(KEY).ok().filter(|key| !key.trim().is_empty());
        Ok(Self { signers: signers(checkout)?, key })
    }

    /// The key that is at hand; an error where it cannot be used.
    pub(super) fn signing_key(&self) -> Result<Option<SigningKey>> {
        self.key.as_deref().map(SigningKey::of).transpose()
    }

    /// Refuses where what is recorded would not count.
    pub fn can_record(&self) -> Result<()> {
        let key = self.signing_key()?;
        let signers = &self.signers;
        match key {
            _ if !signers.are_asked() => Ok(()),
            None => Err(Untrusted::NoKey.into()),
            Some(key) if signers.name_of(&key.public()).is_some() => Ok(()),
            Some(_) => Err(Untrusted::NotASigner { signers: signers.names() }.into()),
        }
    }
}

/// The keys that the team's configuration names, each read and parsed; that of one developer names none.
pub fn signers(checkout: &Checkout) -> Result<Signers> {
    let project = checkout.team()?;
    let mut signers = Signers::default();
    for (name, text) in &project.file.signers {
        let problem = |why: &str| {
            let message = format!("the key of the signer `{name}` cannot be used: {why}");
            let help = "`devenv release keygen FILE` makes a pair of keys; the public one belongs here";
            Error::from(project.problem(&["signers", name.as_str()], &message, help))
        };
        let pem = match signer::file(text) {
            Some(path) => files::read_text(&path.at(&checkout.root))?
                .ok_or_else(|| problem(&format!("there is no file {path}")))?,
            None => text.clone(),
        };
        let key = PublicKey::parse(&pem).map_err(|error| problem(&error.to_string()))?;
        signers.0.insert(name.clone(), key);
    }
    Ok(signers)
}
