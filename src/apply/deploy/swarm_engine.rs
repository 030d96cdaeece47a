//! The engine of a cluster: how the manager of an environment is reached, and which secrets it has.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpStream;

use crate::amounts;
use crate::config::model::environment::Deploy;
use crate::error::{Error, Kind, Result};
use crate::host::docker::endpoint::{self, Choice};
use crate::host::docker::tunnel::{self, Ssh, Tunnel};
use crate::host::engine::{BegunSet, Engine};
use crate::plan::deploy::cluster::Secret;
use crate::plan::machine::Endpoint;

/// How long a check waits for the secrets of a cluster.
const SECRETS_WITHIN: Duration = Duration::from_secs(3);

/// How long its machine may take to let a check in at all.
const CONNECTED_WITHIN: Duration = Duration::from_millis(500);

/// The engine of a context, or the one that the environment chooses, with what leads there.
pub async fn engine(deploy: &Deploy, begun: BegunSet) -> Result<(Engine, Option<Tunnel>)> {
    connected(&endpoint(deploy)?, begun).await
}

fn endpoint(deploy: &Deploy) -> Result<Endpoint> {
    let choice = match &deploy.context {
        Some(name) => Choice { host: None, context: Some(name.clone()), ..Choice::of_environment() },
        None => Choice::of_environment(),
    };
    endpoint::find(&choice).map_err(|error| match &deploy.context {
        Some(name) => Error::message(Kind::Missing, format!("cannot use the context `{name}` of `deploy`: {error}"))
            .hint("`docker context create` creates one"),
        None => Error::from(error),
    })
}

async fn connected(found: &Endpoint, begun: BegunSet) -> Result<(Engine, Option<Tunnel>)> {
    let tunnel = match Ssh::parse(&found.url) {
        Some(ssh) => Some(tunnel::open(&ssh).await?),
        None => None,
    };
    let url = tunnel.as_ref().map_or(found.url.as_str(), |tunnel| tunnel.url.as_str());
    Ok((Engine::connect(url, begun)?, tunnel))
}

/// Refuses a machine that does not let anybody in; ssh has its own ways there.
async fn must_connect(url: &str) -> Result<()> {
    let Some(place) = url.strip_prefix("tcp://").or_else(|| url.strip_prefix("http://")) else { return Ok(()) };
    let connecting = TcpStream::connect(place.trim_end_matches('/'));
    match tokio::time::timeout(CONNECTED_WITHIN, connecting).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Error::message(Kind::Missing, format!("{url} cannot be reached: {error}"))),
        Err(_) => Err(silent(CONNECTED_WITHIN)),
    }
}

fn silent(within: Duration) -> Error {
    Error::message(Kind::Missing, format!("its cluster did not answer within {}", amounts::limit(within)))
}

/// The secrets of the cluster of each environment, by the environment's name, or why they are not known.
pub async fn secrets(environments: &BTreeMap<String, Deploy>) -> BTreeMap<String, Result<BTreeMap<String, Secret>>> {
    let asked = environments.iter().map(async |(name, deploy)| {
        let ask = async {
            let found = endpoint(deploy)?;
            must_connect(&found.url).await?;
            let (engine, _tunnel) = connected(&found, BegunSet::default()).await?;
            engine.secrets().await
        };
        let late = || silent(SECRETS_WITHIN);
        let answer = tokio::time::timeout(SECRETS_WITHIN, ask).await;
        (name.clone(), answer.unwrap_or_else(|_| Err(late())))
    });
    join_all(asked).await.into_iter().collect()
}
