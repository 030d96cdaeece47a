//! Which answers of a registry are asked for again, when, and for how long.

use std::time::Duration;

/// How often a request is made at most.
pub const TRIES: u32 = 5;
/// The pause after the first try; it doubles.
const FIRST: Duration = Duration::from_millis(200);
/// The longest pause, also where the registry asks for a longer one.
const LONGEST: Duration = Duration::from_secs(10);

/// How long devenv waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the first byte of an answer.
    pub answer: Duration,
    /// For a request with all its tries.
    pub whole: Duration,
}

impl Patience {
    /// For a question whose answer a command can do without.
    pub const BRIEF: Self =
        Self { connect: Duration::from_secs(1), answer: Duration::from_secs(2), whole: Duration::from_secs(2) };
    /// For what is worth a moment, and is reported where it was not done.
    pub const SHORT: Self =
        Self { connect: Duration::from_secs(2), answer: Duration::from_secs(5), whole: Duration::from_secs(10) };
    /// For contents of any size.
    pub const LONG: Self =
        Self { connect: Duration::from_secs(5), answer: Duration::from_secs(60), whole: Duration::from_secs(3600) };
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), answer: Duration::from_secs(20), whole: Duration::from_secs(60) }
    }
}

/// How a request ended that did not do what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The registry said so; after this time it may be asked again.
    Status(u16, Option<Duration>),
    /// No whole answer came.
    Broken,
}

/// How long to wait before the request is made again; none where that would not help, or was tried often or long enough.
/// `tried` is how often it was made, `left` how much time it has.
#[must_use]
pub fn pause(tried: u32, trouble: Trouble, left: Duration) -> Option<Duration> {
    let asked = match trouble {
        Trouble::Status(408 | 429 | 500..=599, after) => after,
        Trouble::Status(..) => return None,
        Trouble::Broken => None,
    };
    let own = FIRST * 2_u32.saturating_pow(tried.saturating_sub(1));
    let pause = asked.unwrap_or(own).min(LONGEST);
    (tried < TRIES && pause < left).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transient_errors_are_retried_with_exponential_backoff() {
        let long = Duration::from_secs(60);
        let pauses: Vec<_> =
            (1..=5).map(|tried| pause(tried, Trouble::Broken, long).map(|pause| pause.as_millis())).collect();
        assert_eq!(pauses, [Some(200), Some(400), Some(800), Some(1600), None]);
        let after = |status, seconds: Option<u64>| {
            pause(1, Trouble::Status(status, seconds.map(Duration::from_secs)), long).map(|pause| pause.as_millis())
        };
        assert_eq!(after(503, None), Some(200));
        assert_eq!(after(429, Some(2)), Some(2000));
        assert_eq!(after(429, Some(3600)), Some(10_000));
        assert_eq!(after(401, None), None);
        assert_eq!(after(404, None), None);
    }

    #[test]
    fn a_request_that_has_no_time_left_ends() {
        assert_eq!(pause(1, Trouble::Broken, Duration::from_millis(100)), None);
        assert_eq!(pause(1, Trouble::Broken, Duration::ZERO), None);
    }
}
