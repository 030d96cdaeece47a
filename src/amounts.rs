//! Amounts of memory and lengths of time as text.

use std::time::Duration;

/// A number of bytes as people say it.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..10_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        10_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes % 1_000_000_000 / 100_000_000),
    }
}

/// An amount of memory as people write it: `512m`, also `512mb`, is 512 times 2²⁰ bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// How many units.
    pub number: u32,
    /// The unit: b, k, m or g.
    pub unit: char,
}

impl Memory {
    /// Reads a text; none where it is another one.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
            "" | "b" => 'b',
            "k" | "kb" => 'k',
            "m" | "mb" => 'm',
            "g" | "gb" => 'g',
            _ => return None,
        };
        Some(Self { number: digits.parse().ok()?, unit })
    }

    /// The same in bytes.
    #[must_use]
    pub fn bytes(self) -> i64 {
        let shift = match self.unit {
            'k' => 10,
            'm' => 20,
            'g' => 30,
            _ => 0,
        };
        i64::from(self.number) << shift
    }
}

/// A length of time that was measured.
#[must_use]
pub fn took(length: Duration) -> String {
    milliseconds(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
}

/// The same in milliseconds.
#[must_use]
pub fn milliseconds(length: u64) -> String {
    match length {
        0..1_000 => format!("{length} ms"),
        1_000..60_000 => format!("{}.{} s", length / 1_000, length % 1_000 / 100),
        _ => format!("{} min {} s", length / 60_000, length % 60_000 / 1_000),
    }
}

/// A length of time that somebody has set.
#[must_use]
pub fn limit(length: Duration) -> String {
    if length.subsec_millis() == 0 {
        format!("{} s", length.as_secs())
    } else {
        format!("{:.1} s", length.as_secs_f64())
    }
}

/// For how long something has been so, in seconds.
#[must_use]
pub fn age(seconds: i64) -> String {
    match seconds.max(0) {
        short @ 0..60 => format!("{short} s"),
        minutes @ 60..3_600 => format!("{} min", minutes / 60),
        hours @ 3_600..172_800 => format!("{} h", hours / 3_600),
        days => format!("{} days", days / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_the_unit_that_fits() {
        let lengths = [0, 999, 1_249, 59_999, 61_000].map(Duration::from_millis);
        assert_eq!(lengths.map(took), ["0 ms", "999 ms", "1.2 s", "59.9 s", "1 min 1 s"]);
        assert_eq!([30_000, 1_500].map(Duration::from_millis).map(limit), ["30 s", "1.5 s"]);
        assert_eq!([-5, 59, 60, 7_200, 200_000].map(age), ["0 s", "59 s", "1 min", "2 h", "2 days"]);
    }

    #[test]
    fn an_amount_of_memory_is_a_number_and_a_unit() {
        let bytes = |text| Memory::of(text).map(Memory::bytes);
        let expected = [Some(512 << 20), Some(1 << 30), Some(7), Some(64 << 10), None, None, None];
        assert_eq!(["512m", "1g", "7", "64KB", "2x", "m", "-1m"].map(bytes), expected);
    }

    #[test]
    fn a_size_has_two_or_three_digits() {
        let sizes = [0, 1_999, 2_345_678, 78_123_456, 4_212_345_678];
        assert_eq!(sizes.map(bytes), ["0 B", "1 kB", "2.3 MB", "78 MB", "4.2 GB"]);
    }
}
