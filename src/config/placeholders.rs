//! `{PART.FIELD}` in a variable's value: what a part offers to those that need it. Every other brace is a character like
//! any other, so JSON and formats stay as they are; `{{PART.FIELD}}` is the text `{PART.FIELD}`.

use crate::names::PartName;

/// A piece of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Characters that mean themselves.
    Text(&'t str),
    /// What a part offers.
    Field {
        /// The part.
        part: &'t str,
        /// Which of the things that it offers.
        field: &'t str,
        /// All of it, as it was written.
        written: &'t str,
    },
}

/// The pieces of a value, in their order.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut begin, mut at) = (0, 0);
    while let Some(found) = text[at..].find('{') {
        let open = at + found;
        let rest = &text[open..];
        if let Some(escaped) = rest.strip_prefix('{').and_then(field).filter(|field| field.ends_twice(rest)) {
            // Without the outer braces.
            pieces.extend(text_between(text, begin, open));
            begin = open + 1;
            pieces.push(Piece::Text(&text[begin..begin + escaped.written.len()]));
            begin += escaped.written.len() + 1;
            at = begin;
        } else if let Some(Field { part, field, written }) = field(rest) {
            pieces.extend(text_between(text, begin, open));
            pieces.push(Piece::Field { part, field, written });
            begin = open + written.len();
            at = begin;
        } else {
            at = open + 1;
        }
    }
    pieces.extend(text_between(text, begin, text.len()));
    pieces
}

/// A text in which nothing is a placeholder, with the same value.
#[must_use]
pub fn escaped(text: &str) -> String {
    let piece = |piece: Piece<'_>| match piece {
        Piece::Text(plain) if field(plain).is_some_and(|field| field.written == plain) => format!("{{{plain}}}"),
        Piece::Text(plain) => plain.to_owned(),
        Piece::Field { written, .. } => format!("{{{written}}}"),
    };
    pieces(text).into_iter().map(piece).collect()
}

struct Field<'t> {
    part: &'t str,
    field: &'t str,
    written: &'t str,
}

impl Field<'_> {
    /// Whether `text`, which begins with one more brace, closes with one more too.
    fn ends_twice(&self, text: &str) -> bool {
        text[1 + self.written.len()..].starts_with('}')
    }
}

/// The placeholder that a text begins with.
fn field(text: &str) -> Option<Field<'_>> {
    let (inside, _) = text.strip_prefix('{')?.split_once('}')?;
    let (part, field) = inside.split_once('.')?;
    let is_field = field.starts_with(|c: char| c.is_ascii_alphabetic())
        && field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (PartName::new(part).is_ok() && is_field).then(|| Field { part, field, written: &text[..inside.len() + 2] })
}

fn text_between(text: &str, begin: usize, end: usize) -> Option<Piece<'_>> {
    (begin < end).then(|| Piece::Text(&text[begin..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let piece = |piece: Piece<'_>| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Field { part, field, .. } => format!("<{part}/{field}>"),
        };
        pieces(text).into_iter().map(piece).collect()
    }

    #[test]
    fn a_part_with_a_field_in_braces_is_a_placeholder_and_every_other_brace_is_itself() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{db.user}", "<db/user>"),
            (
                "postgres://{db.user}:{db.password}@{order-db.host}/x",
                "postgres://<db/user>:<db/password>@<order-db/host>/x",
            ),
            ("{db.URL}", "<db/URL>"),
            // JSON, and what programs format themselves.
            (r#"{"a": {"b": 1}, "u": "{db.user}"}"#, r#"{"a": {"b": 1}, "u": "<db/user>"}"#),
            (r#"{"port":{db.port}}"#, r#"{"port":<db/port>}"#),
            ("{}", "{}"),
            ("{db}", "{db}"),
            ("{0.5}", "{0.5}"),
            ("{ db.user }", "{ db.user }"),
            ("{db.user.name}", "{db.user.name}"),
            ("{{ item.name }}", "{{ item.name }}"),
            ("{db.user", "{db.user"),
            ("{a{db.user}", "{a<db/user>"),
            ("ü{db.user}ü", "ü<db/user>ü"),
            // Doubled, it is the text itself.
            ("{{db.user}}", "{db.user}"),
            ("a{{db.user}}b{db.port}", "a{db.user}b<db/port>"),
            ("{{db.user}", "{<db/user>"),
            ("{{{db.user}}}", "{{db.user}}"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn an_escaped_text_has_no_placeholder_and_the_same_value() {
        for text in ["{db.user}", "{{db.user}}", "x{a.b}{c.d}y", "{}", "{\"a\":1}", "{a.b"] {
            let escaped = escaped(text);
            assert!(!pieces(&escaped).iter().any(|piece| matches!(piece, Piece::Field { .. })), "{escaped}");
            let wanted: String = text.to_owned();
            let plain = if text == "{{db.user}}" { "{db.user}".to_owned() } else { wanted };
            assert_eq!(shown(&escaped), plain);
        }
    }
}
