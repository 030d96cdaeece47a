//! Texts of tasks that have a grammar: names, what a task leaves, for how long that counts, and what `devenv ci` runs.

use ignore::gitignore::GitignoreBuilder;

use crate::config::model::values::RelPath;
use crate::config::text::quote::quoted;
use crate::names::TaskName;

/// The seconds of a lifetime: a whole number, and `m`, `h` or `d`; at most ten years.
#[must_use]
pub fn lifetime(text: &str) -> Option<u64> {
    let number: u64 = text.get(..text.len().checked_sub(1)?)?.parse().ok()?;
    let unit = match text.as_bytes().last()? {
        b'm' => 60,
        b'h' => 3_600,
        b'd' => 86_400,
        _ => return None,
    };
    number.checked_mul(unit).filter(|all| (1..=315_360_000).contains(all))
}

/// Says why a text is not the name of a task.
pub fn check_name(text: &str) -> Result<(), String> {
    TaskName::new(text).map(drop).map_err(|error| error.to_string())
}

/// Says why a text is not a file below a task's folder.
pub fn check_result(text: &str) -> Result<(), String> {
    if text.starts_with(['/', '~']) {
        return Err(format!("{} is outside the task's folder: write it relative to that", quoted(text)));
    }
    if text.split('/').any(|part| part == "..") {
        return Err(format!("{} leaves the task's folder", quoted(text)));
    }
    RelPath::new(text).map(drop)
}

/// Says why a text is not a pattern of files below a task's folder.
pub fn check_artifact(text: &str) -> Result<(), String> {
    check_result(text)?;
    if text.starts_with(['!', '#']) {
        return Err(format!("{} is not a path: it starts with `{}`", quoted(text), &text[..1]));
    }
    let mut builder = GitignoreBuilder::new("/");
    let wrong = |why: ignore::Error| format!("{} is not a valid pattern: {why}", quoted(text));
    builder.add_line(None, text).map_err(wrong)?.build().map(drop).map_err(wrong)
}

/// Says why a text is not a lifetime.
pub fn check_lifetime(text: &str) -> Result<(), String> {
    let wrong =
        || format!("{} is not a lifetime: write a number and m, h or d, such as 30d (at most 3650d)", quoted(text));
    lifetime(text).map(drop).ok_or_else(wrong)
}

/// Says why a text is nothing that `devenv ci` runs.
pub fn check_ci_entry(text: &str) -> Result<(), String> {
    let name = text.strip_prefix("*:").map_or_else(|| text.to_owned(), |step| format!("x:{step}"));
    TaskName::new(name).map(drop).map_err(|_| format!("{} is neither the name of a task nor `*:STEP`", quoted(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_has_minutes_hours_or_days() {
        assert_eq!(["5m", "12h", "30d"].map(lifetime), [Some(300), Some(43_200), Some(2_592_000)]);
        for text in ["", "d", "30", "0d", "1s", "-1d", "9999999999d", "3651d", "é", "1é"] {
            assert_eq!(lifetime(text), None, "{text}");
        }
    }

    #[test]
    fn an_artifact_stays_below_the_folder_of_its_task() {
        for text in ["dist/*.whl", "report.xml", "a/**/b", "dist/"] {
            assert_eq!(check_artifact(text), Ok(()), "{text}");
        }
        for text in ["/etc/passwd", "../x", "a/../../x", "~/x", "!x", "", "a{b"] {
            assert!(check_artifact(text).is_err(), "{text}");
        }
    }
}
