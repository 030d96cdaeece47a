//! Points in time, for people.

use time::OffsetDateTime;

/// The day of a moment given in seconds since 1970, such as `2026-11-21`.
#[must_use]
pub fn day(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds).map(|moment| moment.date().to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_iso_8601_has_it() {
        assert_eq!(day(1_795_219_200), "2026-11-21");
    }
}
