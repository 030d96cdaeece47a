//! Tags, as the distribution specification writes them.

/// Whether a text is a valid tag: letters, digits, `_`, `.` and `-`, at most 128, not beginning with `.` or `-`.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let begins = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    is_plain && begins && text.len() <= 128
}

/// Whether a text is a valid digest: `sha256:` and 64 hexadecimal digits.
#[must_use]
pub fn is_digest(text: &str) -> bool {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.chars().all(is_hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_digests_are_those_of_the_specification() {
        for tag in ["prod", "_x", "v1.2-rc", "6fe697a", &"a".repeat(128)] {
            assert!(is_tag(tag), "{tag}");
        }
        for wrong in ["", "-x", ".x", "a/b", "a b", "a?b", "../x", "ä", "a\n", &"a".repeat(129)] {
            assert!(!is_tag(wrong), "{wrong}");
        }
        assert!(is_digest(&format!("sha256:{}", "0f".repeat(32))));
        assert!(!is_digest(&format!("sha256:{}", "0g".repeat(32))) && !is_digest("sha256:00"));
    }
}
