//! Requests to one registry: credentials in the form that the registry wants, and retries of transient errors.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::error::Result;
use crate::host::registry::credentials::RegistryLogin;
use crate::host::registry::failure::RegistryError;
use crate::host::registry::wire::{Answer, Broken, Request, Wire};
use crate::plan::registry::challenge::{Challenge, refresh_form, token, token_url};
use crate::plan::registry::origin::{Origin, Scheme};
use crate::plan::registry::place::RegistryPath;
use crate::plan::registry::retry::{self, Patience, Trouble};

/// Tells a line about what happens.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// What a token is good for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Scope {
    repository: String,
    access: Access,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Access {
    Pull,
    Push,
}

/// `Authorization` headers that the registry accepted.
#[derive(Default)]
struct Proofs {
    basic: Option<String>,
    tokens: BTreeMap<Scope, String>,
}

pub(super) struct Exchange {
    place: RegistryPath,
    wire: Wire,
    login: Option<RegistryLogin>,
    proofs: Mutex<Proofs>,
    patience: Patience,
    pub(super) tell: Tell,
    told: AtomicBool,
}

impl Exchange {
    pub(super) fn new(place: &RegistryPath, login: Option<RegistryLogin>, patience: Patience) -> Self {
        Self {
            place: place.clone(),
            wire: Wire::new(place, patience),
            login,
            proofs: Mutex::default(),
            patience,
            tell: Arc::new(|_| {}),
            told: AtomicBool::new(false),
        }
    }

    /// Makes a request about a repository until there is an answer that asking again would not change.
    pub(super) async fn make(&self, repository: &str, request: Request) -> Result<Answer> {
        let access = if ["GET", "HEAD"].contains(&request.method) { Access::Pull } else { Access::Push };
        let scope = Scope { repository: repository.to_owned(), access };
        if Origin::of(&request.url).is_none_or(|origin| Origin::of(&self.place.api()) != Some(origin)) {
            let said = format!("{} is not a URL of it", request.url);
            return Err(RegistryError::Unasked { host: self.place.host.clone(), said }.into());
        }
        let answer = self.persist(self.signed(&request, &scope)).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let wanted = answer.header("www-authenticate").and_then(|header| Challenge::parse(&header));
        let Some(wanted) = wanted else { return Ok(answer) };
        if self.prove(wanted, &scope).await? { self.persist(self.signed(&request, &scope)).await } else { Ok(answer) }
    }

    /// A request with what was accepted before.
    fn signed(&self, request: &Request, scope: &Scope) -> Request {
        let known = self.proofs.lock().ok();
        let known = known.and_then(|proofs| proofs.tokens.get(scope).or(proofs.basic.as_ref()).cloned());
        known.iter().fold(request.clone(), |request, proof| request.header("Authorization", proof))
    }

    async fn persist(&self, request: Request) -> Result<Answer> {
        let host = &self.place.host;
        let begun = Instant::now();
        let mut tried = 0;
        loop {
            tried += 1;
            let left = || self.patience.whole.saturating_sub(begun.elapsed());
            let answer = self.wire.send(request.clone(), left()).await;
            let (trouble, state) = match &answer {
                Ok(answer) => {
                    (Trouble::Status(answer.status, answer.retry_after()), format!("answers {}", answer.status))
                }
                Err(Broken::Ended(_)) => (Trouble::Broken, "does not answer yet".to_owned()),
                Err(Broken::Unasked(said)) => {
                    let said = said.clone();
                    return Err(RegistryError::Unasked { host: host.clone(), said }.into());
                }
            };
            let Some(pause) = retry::pause(tried, trouble, left()) else {
                return answer.map_err(|broken| {
                    let (Broken::Ended(said) | Broken::Unasked(said)) = broken;
                    RegistryError::Silent { host: host.clone(), said }.into()
                });
            };
            if !self.told.swap(true, Ordering::Relaxed) {
                (self.tell)(&format!("the registry {host} {state}; trying again"));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Answers a challenge; false where there is nothing to say, or the token service refuses.
    async fn prove(&self, wanted: Challenge, scope: &Scope) -> Result<bool> {
        let host = self.place.host.clone();
        let (realm, service, asked) = match (wanted, &self.login) {
            (Challenge::Basic, None) => return Ok(false),
            (Challenge::Basic, Some(RegistryLogin::Identity(_))) => return Err(RegistryError::Identity { host }.into()),
            (Challenge::Basic, Some(RegistryLogin::Password { user, password })) => {
                self.keep(|proofs| proofs.basic = Some(basic(user, password)));
                return Ok(true);
            }
            (Challenge::Bearer { realm, service, scope }, _) => (realm, service, scope),
        };
        // Credentials go where the registry says, but never in the clear.
        let is_safe = |origin: &Origin| origin.scheme == Scheme::Https || (origin.is_here() && self.place.is_here());
        if !Origin::of(&realm).as_ref().is_some_and(is_safe) {
            return Err(RegistryError::Clear { host, realm: plain(&realm) }.into());
        }
        let request = match &self.login {
            Some(RegistryLogin::Identity(identity)) => Request::new("POST", realm.clone())
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(refresh_form(identity, &service, &asked).into_bytes()),
            Some(RegistryLogin::Password { user, password }) => {
                Request::new("GET", token_url(&realm, &service, &asked)).header("Authorization", &basic(user, password))
            }
            None => Request::new("GET", token_url(&realm, &service, &asked)),
        };
        let answer = self.persist(request).await?;
        let said = match (answer.status, token(&answer.body)) {
            (200, Some(token)) => {
                self.keep(|proofs| drop(proofs.tokens.insert(scope.clone(), format!("Bearer {token}"))));
                return Ok(true);
            }
            (400 | 401 | 403, _) => return Ok(false),
            (200, None) => "answers without a token".to_owned(),
            (status, _) => format!("answers {status}"),
        };
        Err(RegistryError::NoToken { host, realm: plain(&realm), said }.into())
    }

    fn keep(&self, change: impl FnOnce(&mut Proofs)) {
        if let Ok(mut proofs) = self.proofs.lock() {
            change(&mut proofs);
        }
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// A text of the registry in a message.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
