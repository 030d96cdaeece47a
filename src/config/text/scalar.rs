//! What a plain scalar means: the core schema of YAML 1.2, where `yes`, `off` and `012` are what they look like.

/// What a scalar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarKind {
    Null,
    Boolean,
    Integer,
    Float,
    Text,
}

impl ScalarKind {
    /// The kind in a sentence.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Null => "no value",
            Self::Boolean => "a boolean",
            Self::Integer | Self::Float => "a number",
            Self::Text => "a string",
        }
    }
}

/// The kind of a plain scalar.
pub(crate) fn kind(text: &str) -> ScalarKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => ScalarKind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => ScalarKind::Boolean,
        text if is_integer(text) => ScalarKind::Integer,
        text if is_float(text) => ScalarKind::Float,
        _ => ScalarKind::Text,
    }
}

/// The number that an integer scalar stands for; what is too big for it becomes the biggest.
pub(crate) fn integer(text: &str) -> i128 {
    let parsed = match text.get(..2) {
        Some("0x") => i128::from_str_radix(&text[2..], 16),
        Some("0o") => i128::from_str_radix(&text[2..], 8),
        _ => text.parse(),
    };
    parsed.unwrap_or(if text.starts_with('-') { i128::MIN } else { i128::MAX })
}

fn is_integer(text: &str) -> bool {
    let all = |digits: &str, allowed: fn(&u8) -> bool| !digits.is_empty() && digits.bytes().all(|b| allowed(&b));
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, u8::is_ascii_hexdigit);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |b| (b'0'..=b'7').contains(b));
    }
    all(text.strip_prefix(['+', '-']).unwrap_or(text), u8::is_ascii_digit)
}

fn is_float(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let some = !whole.is_empty() || !part.is_empty();
    some && digits(whole) && digits(part) && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_kinds_of_the_core_schema() {
        let table = [
            (ScalarKind::Null, "|~|null|Null|NULL"),
            (ScalarKind::Boolean, "true|False|TRUE"),
            (ScalarKind::Integer, "0|-1|+12|012|0o17|0xfF|99999999999999999999999999999999999999999999"),
            (ScalarKind::Float, "1.5|-.5|1.|1e3|+1.2E-3|.inf|-.Inf|.nan"),
            (ScalarKind::Text, "yes|off|nULL|0x|0o8|1_000|1e|.|-|+|1.2.3|22:22|-.nan|e3|1 2"),
        ];
        for (expected, texts) in table {
            for text in texts.split('|') {
                assert_eq!(kind(text), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn integers_saturate() {
        assert_eq!((integer("0x10"), integer("0o17"), integer("012"), integer("-3")), (16, 15, 12, -3));
        assert_eq!((integer(&"9".repeat(99)), integer(&format!("-{}", "9".repeat(99)))), (i128::MAX, i128::MIN));
    }
}
