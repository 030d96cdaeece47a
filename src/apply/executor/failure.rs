//! Why a step, or a whole plan, did not end well. What a caller acts on is a variant; the rest is an error to be told.

use std::collections::BTreeSet;

use crate::error::{Error, Kind};
use crate::names::PartName;

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

/// Why a step did not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// It made an image, and devenv.lock is to list other packages of it: what was decided from the lock is to be decided
    /// again.
    #[error("devenv.lock lists other packages now")]
    LockMoved,
    /// A port was in use when its container was to start.
    #[error(transparent)]
    PortTaken(PortTaken),
    /// Anything else.
    #[error("{0}")]
    Failed(Error),
}

impl From<Error> for StepError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Why a plan was not carried out to its end.
#[derive(Debug)]
pub enum StepFailure {
    /// The lock has moved, so that everything is to be decided again.
    LockMoved {
        /// What the plan has started all the same.
        started: BTreeSet<PartName>,
        /// What other steps failed with.
        others: Vec<Error>,
    },
    /// A port was in use at the last moment.
    PortTaken {
        /// Which one.
        taken: PortTaken,
        /// What other steps failed with.
        others: Vec<Error>,
    },
    /// Steps failed: the first one, with all others.
    Failed(Error),
}

impl StepFailure {
    /// What steps have failed with; none where none has. First comes the one that makes everything decided again.
    pub(crate) fn of(failures: Vec<StepError>, started: BTreeSet<PartName>) -> Option<Self> {
        let (mut moved, mut taken, mut others) = (false, None, Vec::new());
        for failure in failures {
            match failure {
                StepError::LockMoved => moved = true,
                StepError::PortTaken(port) if taken.is_none() => taken = Some(port),
                StepError::PortTaken(port) => others.push(Error::new(Kind::Failed, port)),
                StepError::Failed(error) => others.push(error),
            }
        }
        match (moved, taken) {
            (true, taken) => {
                let others = taken.map(|port| Error::new(Kind::Failed, port)).into_iter().chain(others).collect();
                Some(Self::LockMoved { started, others })
            }
            (false, Some(taken)) => Some(Self::PortTaken { taken, others }),
            (false, None) => first(others).map(Self::Failed),
        }
    }

    /// What was started before the lock moved, where everything is to be decided again for that alone. Where something was
    /// `forced` that no second decision repeats, the failures of other steps are the end.
    pub fn decide_again(self, forced: bool) -> Result<BTreeSet<PartName>, Error> {
        match self {
            Self::LockMoved { started, others } => match first(others).filter(|_| forced) {
                Some(error) => Err(error),
                None => Ok(started),
            },
            failed => Err(failed.into()),
        }
    }
}

impl From<Error> for StepFailure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<StepFailure> for Error {
    fn from(failure: StepFailure) -> Self {
        let (mut error, others) = match failure {
            StepFailure::LockMoved { others, .. } => {
                (Self::new(Kind::Failed, StepError::LockMoved).hint("run the same command again"), others)
            }
            StepFailure::PortTaken { taken, others } => (Self::new(Kind::Failed, taken), others),
            StepFailure::Failed(error) => return error,
        };
        error.also.extend(others);
        error
    }
}

/// The first of several failures, with the others.
fn first(mut failures: Vec<Error>) -> Option<Error> {
    let also = failures.split_off(failures.len().min(1));
    let mut first = failures.pop()?;
    first.also.extend(also);
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_lock_makes_everything_decided_again_and_no_failure_of_what_was_forced_is_lost() {
        let moved = |also: &[&str]| {
            let others = also.iter().map(|text| StepError::Failed(Error::message(Kind::Failed, text)));
            let failures = others.chain([StepError::LockMoved]).collect();
            StepFailure::of(failures, BTreeSet::new()).unwrap()
        };
        assert!(moved(&[]).decide_again(true).is_ok());
        assert!(moved(&["a", "b"]).decide_again(false).is_ok());
        let error = moved(&["a", "b"]).decide_again(true).unwrap_err();
        assert_eq!((error.to_string(), error.also.len()), ("a".to_owned(), 1));
        let failed =
            StepFailure::of(vec![StepError::Failed(Error::message(Kind::Failed, "c"))], BTreeSet::new()).unwrap();
        assert_eq!(failed.decide_again(false).unwrap_err().to_string(), "c");
    }

    #[test]
    fn a_port_in_use_comes_before_what_failed_for_another_reason() {
        let taken = PortTaken { part: PartName::new("db").unwrap(), port: 5432, holder: "`x`".to_owned() };
        let failures = vec![StepError::Failed(Error::message(Kind::Failed, "c")), StepError::PortTaken(taken)];
        let failure = StepFailure::of(failures, BTreeSet::new()).unwrap();
        assert!(matches!(&failure, StepFailure::PortTaken { taken, .. } if taken.port == 5432));
        let error = Error::from(failure);
        assert_eq!(error.to_string(), "`db` cannot start: port 5432 of this machine is in use by `x`");
        assert_eq!(error.also.len(), 1);
        assert!(StepFailure::of(Vec::new(), BTreeSet::new()).is_none());
    }
}
