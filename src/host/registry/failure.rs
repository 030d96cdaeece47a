//! Why a registry did not do what it was asked.

use crate::error::{Error, Kind};

/// Why a registry did not do what it was asked. `host` is the registry, `name` the repository with its host.
#[expect(missing_docs, reason = "fields are described above")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// No whole answer came.
    #[error("the registry {host} does not answer: {said}")]
    Silent { host: String, said: String },
    /// The request cannot be made, however often it is tried.
    #[error("the registry {host} cannot be asked: {said}")]
    Unasked { host: String, said: String },
    /// Its token service gives no token.
    #[error("the token service {realm} of the registry {host} {said}")]
    NoToken { host: String, realm: String, said: String },
    /// It sends for a token to a place that credentials must not go to.
    #[error("the registry {host} wants credentials sent to {realm}, which is not an HTTPS URL")]
    Clear { host: String, realm: String },
    /// It wants a password, and docker's configuration has an identity token.
    #[error("the registry {host} wants a name and a password, and docker's configuration has an identity token for it")]
    Identity { host: String },
    /// It does not accept the credentials, or wants some.
    #[error("{name}: the registry denied access")]
    Denied { host: String, name: String },
    /// There is no such repository.
    #[error("{name}: there is no such repository")]
    NoRepository { name: String },
    /// It answers with an error.
    #[error("{name}: the registry answers {status}{said}")]
    Refused { name: String, status: u16, said: String },
    /// What it sent has another digest.
    #[error("{name}: the content of {reference} does not match its digest")]
    OtherContent { name: String, reference: String },
    /// Its list of tags does not end, or leads elsewhere.
    #[error("{name}: cannot read all tags: {why}")]
    Tags { name: String, why: String },
}

impl RegistryError {
    /// Whether nobody answers.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Silent { .. })
    }

    /// Whether other objects of the same repository may still be readable.
    #[must_use]
    pub fn is_of_one_object(&self) -> bool {
        match self {
            Self::OtherContent { .. } => true,
            Self::Refused { status, .. } => *status < 500 && *status != 429,
            _ => false,
        }
    }
}

impl From<RegistryError> for Error {
    fn from(error: RegistryError) -> Self {
        let hint = match &error {
            RegistryError::Silent { .. } | RegistryError::NoToken { .. } => {
                Some("check `registry:` in devenv.yaml and the network; run it again to resume".to_owned())
            }
            RegistryError::Unasked { .. } => Some("check `registry:` in devenv.yaml".to_owned()),
            RegistryError::Identity { host } => {
                Some(format!("`docker login {host}` with a user name and a password or access token"))
            }
            RegistryError::Denied { host, .. } => {
                Some(format!("`docker login {host}` keeps the credentials that devenv uses, too"))
            }
            RegistryError::OtherContent { .. } => {
                Some("if it happens again, a proxy may be altering responses".to_owned())
            }
            RegistryError::Clear { .. }
            | RegistryError::NoRepository { .. }
            | RegistryError::Refused { .. }
            | RegistryError::Tags { .. } => None,
        };
        let error = Self::new(Kind::Failed, error);
        hint.into_iter().fold(error, Self::hint)
    }
}
