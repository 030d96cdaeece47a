//! A container that cannot start because somebody else listens at its port: which port, and who.

use crate::error::{Error, Kind};
use crate::host::engine::Engine;
use crate::host::network;
use crate::names::PartName;
use crate::plan::parts::Part;
use crate::plan::sockets;

/// A port was in use when its container was to start.
#[derive(Debug, thiserror::Error)]
#[error("`{part}` cannot start: port {port} of this machine is in use by {holder}")]
pub struct PortTaken {
    /// The part.
    pub part: PartName,
    /// The port.
    pub port: u16,
    /// Who has it.
    pub holder: String,
}

/// The error of a container that cannot start, in the terms of a person: who has its port, where that is the cause.
/// `checkout` is the id of the part's own.
pub async fn explained(engine: &Engine, part: &Part, checkout: &str, error: &Error) -> Error {
    let text = error.to_string();
    let Some(port) = sockets::taken(&text) else {
        return Error::message(Kind::Failed, format!("`{}`: {text}", part.name));
    };
    let holder = match engine.publisher(port).await {
        Some(container) if container.checkout == checkout => format!("`{}` of this checkout", container.part),
        Some(container) => format!("the container `{}`", container.name),
        None => {
            network::holder(port).map_or_else(|| "another program".to_owned(), |name| format!("the program `{name}`"))
        }
    };
    Error::new(Kind::Failed, PortTaken { part: part.name.clone(), port, holder })
}
