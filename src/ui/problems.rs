//! Problems of the configuration for people, as rustc shows errors, and for editors, as JSON.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::json;

use crate::config::problems::{Problem, Problems};
use crate::config::text::place::Place;
use crate::plain::steers;
use crate::redact::masked_values;

/// Longest line that is shown whole, in bytes.
const WIDEST: usize = 400;
/// The file and the section whose values nobody may read over a shoulder or in a log.
const PRIVATE: (&str, &str) = ("devenv.local.yaml", "secrets");

/// Whether the text may have colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// Escape sequences of a terminal.
    On,
    /// Plain text.
    Off,
}

/// Every problem with its line underlined, a blank line between them, and a last line that counts them.
#[must_use]
pub fn render(problems: &Problems, colours: Colours) -> String {
    let renderer = match colours {
        Colours::On => Renderer::styled(),
        Colours::Off => Renderer::plain(),
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut texts: Vec<String> =
        problems.list.iter().map(|problem| renderer.render(&[group(problem, problems)])).collect();
    if texts.len() > 1 {
        texts.push(format!("{} problems", texts.len()));
    }
    texts.join("\n\n")
}

/// A list of objects with `file`, `line`, `column` (from 1, in characters), `message`, `help`.
#[must_use]
pub fn to_json(problems: &Problems) -> serde_json::Value {
    let one = |problem: &Problem| {
        json!({
            "file": problem.place.as_ref().map(|place| &place.file),
            "line": problem.place.as_ref().map(|place| place.line),
            "column": problem.place.as_ref().map(|place| place.column),
            "message": message(problem, problems),
            "help": problem.help,
        })
    };
    problems.list.iter().map(one).collect()
}

fn group<'p>(problem: &'p Problem, problems: &'p Problems) -> Group<'p> {
    let mut group = Level::ERROR.primary_title(message(problem, problems)).elements(Vec::<Origin<'_>>::new());
    if let Some(place) = &problem.place {
        let also = problem.also.iter().map(|(place, label)| (place, label.as_str(), AnnotationKind::Context));
        let first = (place, problem.label.as_str(), AnnotationKind::Primary);
        for (place, label, kind) in std::iter::once(first).chain(also) {
            group = element(group, place, label, kind, problems);
        }
    }
    match &problem.help {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    }
}

fn element<'p>(
    group: Group<'p>,
    place: &'p Place,
    label: &'p str,
    kind: AnnotationKind,
    problems: &'p Problems,
) -> Group<'p> {
    let origin = || Origin::path(&place.file).line(place.line).char_column(place.column);
    let Some((line, range)) = line_of(place, problems) else { return group.element(origin()) };
    let annotation = |range| match label {
        "" => kind.span(range),
        label => kind.span(range).label(label),
    };
    let line = harmless(&if is_private(place, problems) { masked_values(line) } else { Cow::Borrowed(line) });
    if line.len() <= WIDEST {
        let snippet = Snippet::source(line).line_start(place.line).path(&place.file);
        return group.element(snippet.annotation(annotation(range)));
    }
    let (line, range) = cut(&line, &range);
    group.element(origin()).element(Snippet::source(line).line_start(place.line).annotation(annotation(range)))
}

/// A line in which nothing steers a terminal, as many bytes as before.
fn harmless(line: &str) -> String {
    let shown = |c: char| match (steers(c), c.len_utf8()) {
        (true, 1) if c == '\t' => c,
        (true, 1) => '?',
        (true, 2) => '·',
        (true, _) => char::REPLACEMENT_CHARACTER,
        (false, _) => c,
    };
    line.chars().map(shown).collect()
}

/// Whether a place may be among the values of credentials. It is not where the file has none, and below a plain key in the
/// first column that is another one; a file that is written in any other way may have them anywhere.
fn is_private(place: &Place, problems: &Problems) -> bool {
    let (file, section) = PRIVATE;
    let text = problems.texts.iter().find(|(name, _)| *name == place.file && name == file).map(|(_, text)| text);
    let Some(text) = text.filter(|text| text.contains(section)) else { return false };
    let lines = text.lines().take(place.line);
    let top = lines.filter(|line| line.starts_with(|c: char| !c.is_whitespace() && c != '#')).last();
    let Some((key, _)) = top.and_then(|line| line.split_once(':')) else { return true };
    let is_plain = key.starts_with(|c: char| c.is_ascii_lowercase()) && key.bytes().all(|c| c.is_ascii_lowercase());
    !is_plain || key == section
}

/// What is wrong, without the piece of a credential that it would quote.
fn message<'p>(problem: &'p Problem, problems: &Problems) -> Cow<'p, str> {
    let Some(place) = problem.place.as_ref().filter(|place| is_private(place, problems)) else {
        return Cow::Borrowed(&problem.message);
    };
    let Some((line, _)) = line_of(place, problems) else { return Cow::Borrowed(&problem.message) };
    let seen = masked_values(line);
    let pieces = problem.message.split('`').enumerate().map(|(at, piece)| {
        let is_hidden = at % 2 == 1 && piece.len() > 1 && line.contains(piece) && !seen.contains(piece);
        if is_hidden { "********" } else { piece }
    });
    Cow::Owned(pieces.collect::<Vec<_>>().join("`"))
}

/// The first line of a place, and the bytes in it to underline.
fn line_of<'p>(place: &Place, problems: &'p Problems) -> Option<(&'p str, Range<usize>)> {
    let (_, text) = problems.texts.iter().find(|(name, _)| *name == place.file)?;
    let before = text.get(..place.bytes.start)?;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..)?.split('\n').next().unwrap_or_default().trim_end_matches('\r');
    let first = (place.bytes.start - start).min(line.len());
    let last = (place.bytes.end - start).clamp(first, line.len());
    Some((line, first..last))
}

/// A long line around what is underlined.
fn cut(line: &str, range: &Range<usize>) -> (String, Range<usize>) {
    let from = floor(line, range.start.saturating_sub(WIDEST / 4));
    let to = floor(line, from + WIDEST / 2);
    let lead = if from > 0 { "…" } else { "" };
    let trail = if to < line.len() { "…" } else { "" };
    let shown = line.get(from..to).unwrap_or_default();
    let shift = |at: usize| at.min(to) - from + lead.len();
    (format!("{lead}{shown}{trail}"), shift(range.start)..shift(range.end))
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::config::inputs::{InputFile, Inputs, KnownNames};
    use crate::config::read;

    fn problems(text: &str) -> Problems {
        let main = InputFile { name: "devenv.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
        let known = KnownNames { presets: BTreeSet::from(["redis".to_owned()]), ..KnownNames::default() };
        let setting = Inputs { main: &main, local: None, env: &BTreeMap::new() };
        read(setting).checked_against(&known).finish(&BTreeMap::new()).unwrap_err()
    }

    #[test]
    fn each_problem_has_its_line_underlined_and_what_to_do() {
        let text = "project: shop\nservices:\n  cache: {presett: redis}\nproject: x\n";
        let expected = "\
error: unknown key `presett` in `services.cache`
 --> devenv.yaml:3:11
  |
3 |   cache: {presett: redis}
  |           ^^^^^^^ not known here
  |
  = help: did you mean `preset`?

error: the key `project` appears here twice
 --> devenv.yaml:4:1
  |
4 | project: x
  | ^^^^^^^ again here
  |
 ::: devenv.yaml:1:1
  |
1 | project: shop
  | ------- first here
  |
  = help: keep one of them

2 problems";
        assert_eq!(render(&problems(text), Colours::Off), expected);
    }

    #[test]
    fn no_credential_is_shown_whatever_is_wrong_with_it() {
        let main = InputFile {
            name: "devenv.yaml".to_owned(),
            bytes: b"project: shop\nservices: {db: {preset: redis}}\n".to_vec(),
        };
        let known = KnownNames { presets: BTreeSet::from(["redis".to_owned()]), ..KnownNames::default() };
        for local in [
            "secrets:\n  db.password: canary-12$34x56\n",
            "secrets:\n  db.password: \"canary-1\n",
            "secrets:\n  db.password: [canary-1]\n",
            "secrets:\n  db.password: canary-1\n  db.password: canary-2\n",
            "secrets:\n  dbx.password: canary-1\n",
            "secrets: {db.password: canary-12$3}\n",
            "\"secrets\":\n  # c\n  canary-1\n",
            "secrets:\n  db.password: ${canary-1\n",
            "secrets:\n  db.password: ${canary-1}\n",
            "secrets:\n  db.password: canary-1: x\n",
            "secrets:\n  ü canary-1: [x\n",
            "{start: resume, secrets: {db.password: [canary-1]}}\n",
            "? secrets\n: {db.password: [canary-1]}\n",
            "x-a: &s {db.password: [canary-1]}\nsecrets: *s\n",
            "secrets:\n  db.password: \"\n\ncanary-1\" x\n",
            "!!map {secrets: {db.password: [canary-1]}}\n",
            "ports: {db: 1}\nsecrets:\n  db.password: |\n   canary-1\n bad: canary-2\n",
        ] {
            let local = InputFile { name: "devenv.local.yaml".to_owned(), bytes: local.as_bytes().to_vec() };
            let setting = Inputs { main: &main, local: Some(&local), env: &BTreeMap::new() };
            let problems = read(setting).checked_against(&known).finish(&BTreeMap::new()).unwrap_err();
            let shown = format!("{}\n{}", render(&problems, Colours::Off), to_json(&problems));
            assert!(!shown.contains("canary") && shown.contains("devenv.local.yaml:"), "{shown}");
        }
    }

    #[test]
    fn a_line_of_a_file_steers_no_terminal_and_stays_underlined() {
        let text = render(&problems("project: shop\nmodules: {a\u{85}b\u{2028}c\u{202e}: 1}\n"), Colours::Off);
        assert!(text.contains("a·b\u{fffd}c\u{fffd}: 1"), "{text:?}");
        assert!(!text.chars().any(|c| c != '\n' && steers(c)), "{text:?}");
    }

    #[test]
    fn a_long_line_is_cut_around_the_problem() {
        let text = format!(
            "project: shop\nx-a: {}\nfiles: [{}, é, {}]\n",
            "y".repeat(500),
            "é, ".repeat(200),
            "z, ".repeat(9_000)
        );
        let shown = render(&problems(&text), Colours::Off);
        assert!(shown.lines().all(|line| line.chars().count() < 260), "{shown}");
    }

    #[test]
    fn every_bad_file_of_the_table_can_be_shown() {
        for case in include_str!("../config/testdata/bad.txt").split("===\n").skip(1) {
            let main = case.split("\n>>>\n").next().unwrap().split("\n--- devenv.local.yaml\n").next().unwrap();
            let main = InputFile { name: "devenv.yaml".to_owned(), bytes: main.as_bytes().to_vec() };
            let known = KnownNames::default();
            let setting = Inputs { main: &main, local: None, env: &BTreeMap::new() };
            if let Err(problems) = read(setting).checked_against(&known).finish(&BTreeMap::new()) {
                let shown = render(&problems, Colours::Off);
                assert_eq!(shown.matches("error: ").count(), problems.list.len(), "{shown}");
                assert!(shown.matches(" --> devenv.yaml:").count() >= problems.list.len(), "{shown}");
            }
        }
    }

    #[test]
    fn editors_get_json() {
        let json = to_json(&problems("project: shop\nportss: {}\n"));
        assert_eq!(json[0]["line"], 2);
        assert_eq!(json[0]["column"], 1);
    }
}
