//! Smoke checks: requests to the gateway that was deployed, at the nodes where it runs.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::host::http;
use crate::plan::deploy::cluster::{Cluster, Task};
use crate::plan::deploy::stack::Stack;
use crate::plan::parts::GATEWAY;

/// How long a gateway may take until it answers as it should.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one request may take.
const ONE: Duration = Duration::from_secs(5);
/// The port of HTTPS.
const PORT: u16 = 443;

/// Asks the gateway for a path. Its nodes are asked directly, so that neither a name that leads elsewhere yet nor a cache
/// answers; where no node can be reached from here, its public name is.
pub async fn get(stack: &Stack, cluster: &Cluster, path: &str) -> Result<()> {
    let places = places(cluster);
    let begin = Instant::now();
    loop {
        let mut said = String::new();
        for place in places.iter().map(|place| Some(*place)).chain([None]) {
            match http::get_secure(&stack.host, place, path, ONE).await {
                Ok(status) if status < 400 => return Ok(()),
                Ok(status) => {
                    said = format!("it answered {status}");
                    break;
                }
                Err(error) if said.is_empty() => said = error,
                Err(_) => {}
            }
        }
        if begin.elapsed() >= PATIENCE {
            let message = format!("smoke check: GET https://{}{path}: {said}", stack.host);
            return Err(Error::message(Kind::Failed, message));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Where the gateway runs.
fn places(cluster: &Cluster) -> Vec<SocketAddr> {
    let tasks = cluster.services.iter().filter(|(part, _)| part.as_str() == GATEWAY).flat_map(|(_, one)| &one.tasks);
    let on = |task: &Task| {
        let node = cluster.nodes.iter().find(|node| node.id == task.node)?;
        Some(SocketAddr::new(node.address.parse::<IpAddr>().ok()?, PORT))
    };
    tasks.filter(|task| task.is_running()).filter_map(on).collect()
}
