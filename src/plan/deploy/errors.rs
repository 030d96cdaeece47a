//! Why a deployment is refused before anything is changed, each with the next step.

use crate::error::{Error, Kind};

/// A variable of whoever deploys that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the variable `{name}` of `{part}` has no value here")]
pub struct UnknownVariable {
    /// The part.
    pub part: String,
    /// The variable.
    pub name: String,
}

impl From<UnknownVariable> for Error {
    fn from(error: UnknownVariable) -> Self {
        let hint = format!("devenv.yaml must give it under `env` of `{}`, as when it was deployed", error.part);
        Self::new(Kind::Usage, error).hint(hint)
    }
}

/// Why an environment cannot be made for a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// The release set has no image of a part.
    #[error("the release set of {commit} has no image of `{part}`")]
    NoImage {
        /// The part.
        part: String,
        /// The commit of the set.
        commit: String,
    },
    /// A third-party image is not named by digest.
    #[error("`{part}` runs in {image}, which is not named by digest")]
    NoDigest {
        /// The part.
        part: String,
        /// The image.
        image: String,
    },
    /// A key of a module or a preset that a cluster does not know, or not with this value.
    #[error("`{part}` has `{key}`, which a Swarm service cannot have, or not in this form")]
    Unsupported {
        /// The part.
        part: String,
        /// The key of the compose specification.
        key: String,
    },
}

impl From<StackError> for Error {
    fn from(error: StackError) -> Self {
        let (kind, hint) = match &error {
            StackError::NoImage { .. } => {
                (Kind::Failed, "check out the commit that you deploy; `devenv release show` lists the images of a set")
            }
            StackError::NoDigest { .. } => {
                (Kind::Usage, "`devenv update` writes its digest into devenv.lock; commit it")
            }
            StackError::Unsupported { .. } => (
                Kind::Usage,
                "remove it from the module or the preset; docs/deployment.md lists what a service can have",
            ),
        };
        Self::new(kind, error).hint(hint)
    }
}

/// Why nothing is deployed onto a cluster as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Secrets are not there.
    #[error("the cluster has no secret {}", .0.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))]
    Secrets(Vec<String>),
    /// No node is labelled as the one that has a part's data.
    #[error("`{part}` has data, and no node has the label `{label}=true`")]
    NoNode {
        /// The part.
        part: String,
        /// The label.
        label: String,
        /// The nodes that there are.
        nodes: Vec<String>,
    },
    /// Several nodes are.
    #[error("`{part}` has data, and more than one node has the label `{label}=true`: {}", nodes.join(", "))]
    ManyNodes {
        /// The part.
        part: String,
        /// The label.
        label: String,
        /// Those nodes.
        nodes: Vec<String>,
    },
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let hint = match &refusal {
            Refusal::Secrets(names) => {
                let first = names.first().map(String::as_str).unwrap_or_default();
                format!("`docker secret create {first} FILE` on a manager creates one; nothing was changed")
            }
            Refusal::NoNode { label, nodes, .. } => format!(
                "choose the node that keeps its volume: `docker node update --label-add {label}=true {}`",
                nodes.first().map_or("NODE", String::as_str)
            ),
            Refusal::ManyNodes { label, nodes, .. } => format!(
                "its volume is on one of them: `docker node update --label-rm {label} {}`",
                nodes.last().map_or("NODE", String::as_str)
            ),
        };
        Self::new(Kind::Failed, refusal).hint(hint)
    }
}
