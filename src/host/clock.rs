//! The time of day.

use std::time::{Duration, SystemTime};

/// The time since 1970; nothing on a machine whose clock stands before that.
#[must_use]
pub fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The same in whole seconds.
#[must_use]
pub fn seconds() -> u64 {
    now().as_secs()
}
