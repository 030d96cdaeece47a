//! Which versions of devenv a project asks for: `>=0.3`, `<2`, or several with commas.

use crate::config::text::quote::quoted;

/// A version of devenv: major, minor, patch.
pub type Version = (u64, u64, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    AtLeast,
    AtMost,
    More,
    Less,
    Equal,
}

/// One condition: how a version must compare with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    relation: Relation,
    version: Version,
    /// How many of the three numbers were written: `=0.3` holds for 0.3.9.
    written: usize,
}

impl Bound {
    /// True if `version` satisfies this condition.
    pub(crate) fn holds(&self, version: Version) -> bool {
        let cut = match self.written {
            1 => (version.0, 0, 0),
            2 => (version.0, version.1, 0),
            _ => version,
        };
        match self.relation {
            Relation::AtLeast => cut >= self.version,
            Relation::AtMost => cut <= self.version,
            Relation::More => cut > self.version,
            Relation::Less => cut < self.version,
            Relation::Equal => cut == self.version,
        }
    }
}

/// Parses conditions that must all hold.
pub(crate) fn parse(text: &str) -> Result<Vec<Bound>, String> {
    let wrong = || format!("{} is not a version range: write it such as \">=0.3\" or \">=0.3, <2\"", quoted(text));
    text.split(',').map(|part| bound(part.trim()).ok_or_else(wrong)).collect()
}

fn bound(text: &str) -> Option<Bound> {
    let known = [
        (">=", Relation::AtLeast),
        ("<=", Relation::AtMost),
        (">", Relation::More),
        ("<", Relation::Less),
        ("=", Relation::Equal),
    ];
    let (rest, relation) = known.iter().find_map(|(sign, relation)| Some((text.strip_prefix(sign)?, *relation)))?;
    let mut numbers = [0; 3];
    let mut written = 0;
    for part in rest.trim().split('.') {
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *numbers.get_mut(written)? = part.parse().ok()?;
        written += 1;
    }
    Some(Bound { relation, version: (numbers[0], numbers[1], numbers[2]), written })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_compares_as_many_numbers_as_were_written() {
        let holds = |text: &str| parse(text).unwrap().iter().all(|bound| bound.holds((0, 3, 5)));
        for good in [">=0.3", ">=0.3.5", "<2", "<=0.3", "=0.3", ">0.2, <0.4", ">= 0.3"] {
            assert!(holds(good), "{good}");
        }
        for bad in [">0.3", "<0.3.5", "=0.3.4", ">=1", ">=0.3,<0.3"] {
            assert!(!holds(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in ["", "0.3", "^0.3", ">=", ">=0.3,", ">=1.2.3.4", ">=v1", "latest", ">=99999999999999999999"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
