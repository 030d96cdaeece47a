//! Why the gateway got no answer of a module, by the times that nginx logs (`$upstream_connect_time` and
//! `$upstream_header_time`; `-` for what did not happen).

use std::fmt;

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// Nobody listens at the address.
    Refused,
    /// The connection was made, and closed before the head of an answer.
    Closed,
    /// The connection was made, and no answer came in time.
    Slow,
    /// The address took no connection in time.
    Unreachable,
}

impl NoAnswer {
    /// Reads it from the status and the two times; of several addresses that were tried, the last one counts. None where
    /// there was an answer, or where the times were not logged.
    #[must_use]
    pub fn of(status: u16, connect: &str, header: &str) -> Option<Self> {
        let last = |times: &str| times.rsplit([',', ' ']).next().unwrap_or_default().to_owned();
        let (connect, header) = (last(connect), last(header));
        match (status, connect.as_str(), header.as_str()) {
            (502, "-", "-") => Some(Self::Refused),
            (504, "-", "-") => Some(Self::Unreachable),
            (502, time, "-") if !time.is_empty() => Some(Self::Closed),
            (504, time, "-") if !time.is_empty() => Some(Self::Slow),
            _ => None,
        }
    }
}

/// As the end of a sentence that begins with the module.
impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "refused the connection",
            Self::Closed => "closed the connection without an answer",
            Self::Slow => "accepted the request but did not answer in time",
            Self::Unreachable => "did not accept the connection in time",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_closed_slow_and_unreachable_are_told_apart_by_the_times() {
        for (status, connect, header, expected) in [
            (502, "-", "-", Some(NoAnswer::Refused)),
            (502, "0.000", "-", Some(NoAnswer::Closed)),
            (504, "0.000", "-", Some(NoAnswer::Slow)),
            (504, "-", "-", Some(NoAnswer::Unreachable)),
            // The module's own answer, one of the gateway itself, a log without times, and two attempts.
            (502, "0.000", "0.004", None),
            (404, "", "", None),
            (502, "", "", None),
            (502, "0.000, -", "-, -", Some(NoAnswer::Refused)),
        ] {
            assert_eq!(NoAnswer::of(status, connect, header), expected, "{status} {connect} {header}");
        }
    }
}
