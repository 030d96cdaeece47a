//! Deployments: the release and the cluster are asked for, the plan is carried out, and what became of it is recorded.

pub mod executor;
pub mod going_back;
pub mod marker;
pub mod smoke;
pub mod swarm_engine;
pub mod wait;
