//! Amounts of the compose specification as the numbers of the engine's API.

use crate::config::model::values::Duration;

/// Billionths of a processor of `1.5`.
#[must_use]
pub fn processors(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part: String = part.chars().chain(std::iter::repeat('0')).take(9).collect();
    let whole = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()? };
    whole.checked_mul(1_000_000_000)?.checked_add(part.parse().ok()?)
}

/// Nanoseconds of `30s`, `2m` or `500ms`.
pub(in crate::render) fn duration(text: &str) -> Option<i64> {
    i64::try_from(Duration::parse(text).ok()?.get().as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_numbers_of_the_smallest_unit() {
        assert_eq!(
            ["1.5", "2", ".25", "x"].map(processors),
            [Some(1_500_000_000), Some(2_000_000_000), Some(250_000_000), None]
        );
        assert_eq!(
            ["30s", "500ms", "1m", "3"].map(duration),
            [Some(30_000_000_000), Some(500_000_000), Some(60_000_000_000), None]
        );
    }
}
