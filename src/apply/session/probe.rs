//! Asks a part whether it answers, at its own address or, where that cannot be reached from here, at its published port: a
//! virtual machine and a remote engine have addresses of their own. A refusal comes from the container itself; anything else may
//! mean that its network cannot be reached. Everything that wants to know asks here.

use std::time::Duration;

use crate::host::http;
use crate::host::network::{self, NoAnswer};
use crate::plan::parts::Part;

/// This machine, where ports are published.
const HERE: &str = "127.0.0.1";

/// Whether something accepts connections.
pub(in crate::apply) async fn tcp(part: &Part, address: &str, port: u16, patience: Duration) -> Result<(), NoAnswer> {
    let direct = network::answers_tcp(address, port, patience).await;
    match (direct, part.published(port)) {
        (Err(reason), Some(host)) if reason != NoAnswer::Refused => network::answers_tcp(HERE, host, patience).await,
        (answer, _) => answer,
    }
}

/// Status and body of an answer.
pub(in crate::apply) async fn http(
    part: &Part,
    address: &str,
    (port, path): (u16, &str),
    patience: Duration,
) -> Result<(u16, String), NoAnswer> {
    let direct = http::get(address, port, path, patience).await;
    match (direct, part.published(port)) {
        (Err(reason), Some(host)) if reason != NoAnswer::Refused => http::get(HERE, host, path, patience).await,
        (answer, _) => answer,
    }
}
