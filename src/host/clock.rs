//! The time of day, and whether the machine has slept.

use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};

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

/// The same as a time that may be compared with those of certificates.
#[must_use]
pub fn unix_time() -> i64 {
    i64::try_from(seconds()).unwrap_or_default()
}

/// The time that processors have worked for this process.
#[must_use]
pub fn worked() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// A wall clock that is this far ahead of ours has seen the machine sleep.
const SLEPT: Duration = Duration::from_secs(5);

/// Both clocks at one moment: the wall's goes on while the machine sleeps.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    ours: Instant,
    /// The wall's.
    pub wall: SystemTime,
}

impl Moment {
    /// This one.
    #[must_use]
    pub fn now() -> Self {
        Self { ours: Instant::now(), wall: SystemTime::now() }
    }

    /// Whether the machine has slept between an earlier one and this.
    #[must_use]
    pub fn has_slept_since(&self, earlier: &Self) -> bool {
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        wall.saturating_sub(self.ours.saturating_duration_since(earlier.ours)) > SLEPT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_has_run_ahead_has_seen_the_machine_sleep() {
        let earlier = Moment::now();
        let after = |ours: u64, wall: u64| Moment {
            ours: earlier.ours + Duration::from_secs(ours),
            wall: earlier.wall + Duration::from_secs(wall),
        };
        assert!(after(1, 600).has_slept_since(&earlier));
        assert!(!after(600, 600).has_slept_since(&earlier));
        assert!(!after(600, 0).has_slept_since(&earlier), "a clock that was set back");
    }
}
