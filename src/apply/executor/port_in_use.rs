//! A container that cannot start because somebody else listens at its port: which port, and who.

use crate::apply::executor::failure::{PortTaken, StepError};
use crate::error::{Error, Kind};
use crate::host::engine::Engine;
use crate::host::network;
use crate::plan::parts::Part;
use crate::plan::sockets;

/// The error of a container that cannot start, in the terms of a person: who has its port, where that is the cause.
/// `checkout` is the id of the part's own.
pub(crate) async fn explained(engine: &Engine, part: &Part, checkout: &str, error: &Error) -> StepError {
    let text = error.to_string();
    let Some(port) = sockets::taken(&text) else {
        return Error::message(Kind::Failed, format!("`{}`: {text}", part.name)).into();
    };
    let holder = match engine.publisher(port).await {
        Some(container) if container.checkout == checkout => format!("`{}` of this checkout", container.part),
        Some(container) => format!("the container `{}`", container.name),
        None => {
            network::holder(port).map_or_else(|| "another program".to_owned(), |name| format!("the program `{name}`"))
        }
    };
    StepError::PortTaken(PortTaken { part: part.name.clone(), port, holder })
}
