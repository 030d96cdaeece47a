//! Deployments: the release and the cluster are read, the plan is carried out, and its result is recorded.

pub mod executor;
pub mod going_back;
pub mod marker;
pub mod smoke;
pub mod swarm_engine;
pub mod wait;
