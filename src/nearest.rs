//! Did you mean: the known word that a mistyped one is nearest to.

/// The nearest of `known` to `word`, if it is near enough to be meant.
#[must_use]
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    let length = word.chars().count();
    if length > 60 {
        return None;
    }
    let most = match length {
        0 | 1 => return None,
        2..=5 => 1,
        6..=8 => 2,
        _ => 3,
    };
    let distance = |known: &&'k str| strsim::damerau_levenshtein(&word, &plain(known));
    known
        .into_iter()
        .map(|known| (distance(&known), known))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|found| found.1)
}

/// A hint for a name that does not exist: the nearest one that does, or all of them.
#[must_use]
pub fn hint<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_recognised_and_another_word_is_not() {
        let known = ["ports", "image", "start_within", "on"];
        assert_eq!(nearest("prots", known), Some("ports"));
        assert_eq!(nearest("Image", known), Some("image"));
        assert_eq!(nearest("start-within", known), Some("start_within"));
        for other in ["", "x", "volumes", "restart"] {
            assert_eq!(nearest(other, known), None, "{other}");
        }
    }
}
