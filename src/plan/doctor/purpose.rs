//! What a machine is to be made ready for.

/// What must work afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Running an environment: engine, compose, buildx.
    Run,
    /// Also making a root image where no registry can be reached: mmdebstrap.
    MakeRoot,
    /// Also all that is only recommended.
    Everything,
}
