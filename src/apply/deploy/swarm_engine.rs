//! The engine of a cluster: how the manager of an environment is reached, and which secrets it has.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::config::model::environment::Deploy;
use crate::error::{Error, Kind, Result};
use crate::host::docker::endpoint::{self, Choice};
use crate::host::docker::tunnel::{self, Ssh, Tunnel};
use crate::host::engine::{BegunSet, Engine};
use crate::plan::deploy::cluster::Secret;

/// How long a check waits for the secrets of a cluster.
const SECRETS_WITHIN: Duration = Duration::from_secs(3);

/// The engine of a context, or the one that the environment chooses, with what leads there.
pub async fn engine(deploy: &Deploy, begun: BegunSet) -> Result<(Engine, Option<Tunnel>)> {
    let choice = match &deploy.context {
        Some(name) => Choice { host: None, context: Some(name.clone()), ..Choice::of_environment() },
        None => Choice::of_environment(),
    };
    let found = endpoint::find(&choice);
    let found = found.map_err(|error| match &deploy.context {
        Some(name) => Error::message(Kind::Missing, format!("cannot use the context `{name}` of `deploy`: {error}"))
            .hint("`docker context create` creates one"),
        None => Error::from(error),
    })?;
    let tunnel = match Ssh::parse(&found.url) {
        Some(ssh) => Some(tunnel::open(&ssh).await?),
        None => None,
    };
    let url = tunnel.as_ref().map_or(found.url.as_str(), |tunnel| tunnel.url.as_str());
    Ok((Engine::connect(url, begun)?, tunnel))
}

/// The secrets of the cluster of each environment, by the environment's name, or why they are not known.
pub async fn secrets(environments: &BTreeMap<&str, &Deploy>) -> BTreeMap<String, Result<BTreeMap<String, Secret>>> {
    let asked = environments.iter().map(async |(name, deploy)| {
        let ask = async {
            let (engine, _tunnel) = engine(deploy, BegunSet::default()).await?;
            engine.secrets().await
        };
        let late = || Error::message(Kind::Missing, format!("no answer within {} s", SECRETS_WITHIN.as_secs()));
        let answer = tokio::time::timeout(SECRETS_WITHIN, ask).await;
        ((*name).to_owned(), answer.unwrap_or_else(|_| Err(late())))
    });
    join_all(asked).await.into_iter().collect()
}
