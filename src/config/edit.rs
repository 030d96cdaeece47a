//! Changes of devenv.local.yaml for `devenv enable`, `disable` and `features set`: only the lines of one setting change, so that
//! comments, order and line ends stay. What was written is read again before it is handed out.

use std::ops::Range;

use crate::config::inputs::InputFile;
use crate::config::problems::{self, Finding, Problems};
use crate::config::text::bytes;
use crate::config::text::parse;
use crate::config::text::place::{Span, Text, Texts};
use crate::config::text::quote::quoted;
use crate::config::text::tree::{Entry, Node, Value};
use crate::names::{EnvironmentName, FeatureName, PartName};

/// Which section a part stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `modules`.
    Modules,
    /// `services`.
    Services,
}

impl Section {
    fn key(self) -> &'static str {
        match self {
            Self::Modules => "modules",
            Self::Services => "services",
        }
    }
}

/// What the setting becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeEdit<'a> {
    /// This word.
    Set(&'a str),
    /// The default: the setting goes away.
    Remove,
}

/// The text of devenv.local.yaml with another `mode` of one part; the same text if it says so already.
///
/// # Errors
/// The file cannot be read, or is written in a way that cannot be changed without touching more, such as an alias.
pub fn mode(local: &InputFile, section: Section, name: &PartName, change: ModeEdit<'_>) -> Result<String, Problems> {
    setting(local, [section.key(), name.as_str(), "mode"], change)
}

/// The same with another state of a feature in one environment.
///
/// # Errors
/// As for [`mode`].
pub fn feature(
    local: &InputFile,
    feature: &FeatureName,
    environment: &EnvironmentName,
    change: ModeEdit<'_>,
) -> Result<String, Problems> {
    setting(local, ["features", feature.as_str(), environment.as_str()], change)
}

fn setting(local: &InputFile, path: [&str; 3], change: ModeEdit<'_>) -> Result<String, Problems> {
    let (text, finding) = bytes::text(&local.name, &local.bytes, 0);
    if let Some(finding) = finding {
        return Err(located(finding, text));
    }
    let bom = if local.bytes.starts_with(b"\xef\xbb\xbf") { "\u{feff}" } else { "" };
    let edited = edit(&text, &path, change).and_then(|edited| verified(&text, &edited, &path, change).map(|()| edited));
    match edited {
        Ok(edited) => Ok(format!("{bom}{edited}")),
        Err(finding) => Err(located(*finding, text)),
    }
}

fn located(finding: Finding, text: Text) -> Problems {
    let mut texts = Texts::default();
    texts.add(text);
    problems::located(vec![finding], texts)
}

/// The root of a text, if it has content.
fn root(text: &Text) -> Result<Option<Node>, Box<Finding>> {
    let parsed = parse::parse(text, 0);
    match parsed.findings.into_iter().next() {
        Some(finding) => Err(Box::new(finding)),
        None => Ok(parsed.root.filter(|root| !root.is_null())),
    }
}

fn edit(text: &Text, path: &[&str; 3], change: ModeEdit<'_>) -> Result<String, Box<Finding>> {
    let root = root(text)?;
    let lines = Lines { text: &text.text };
    let mut levels: Vec<&Entry> = Vec::new();
    let mut node = root.as_ref();
    for key in path {
        let Some(entry) = node.and_then(|node| node.entry(key)) else { break };
        levels.push(entry);
        node = Some(&entry.value);
    }
    match (levels.as_slice(), change) {
        ([.., mode], ModeEdit::Set(word)) if levels.len() == path.len() => Ok(lines.value(mode, word)),
        (_, ModeEdit::Remove) if levels.len() < path.len() => Ok(text.text.clone()),
        (_, ModeEdit::Remove) => Ok(lines.without(root.as_ref(), &levels)),
        ([], ModeEdit::Set(word)) => lines.at_root(root.as_ref(), path, word),
        ([.., owner], ModeEdit::Set(word)) => lines.below(owner, path.get(levels.len()..).unwrap_or_default(), word),
    }
}

/// The new text means the old one with exactly this change.
fn verified(old: &Text, new: &str, path: &[&str; 3], change: ModeEdit<'_>) -> Result<(), Box<Finding>> {
    let refuse = |span| {
        let what = format!("{} cannot be changed here without touching more than that", quoted(&path.join(".")));
        Box::new(Finding::new(span, what).label("written in a way that cannot be edited").help("change it by hand"))
    };
    let span = root(old)?.map_or(Span::new(0, 0..0), |root| root.span);
    let new = root(&Text::new(old.name.clone(), new)).map_err(|_| refuse(span))?;
    let wanted = match change {
        ModeEdit::Set(word) => Some(word),
        ModeEdit::Remove => None,
    };
    let mut before = plain(root(old)?.as_ref());
    let mut after = plain(new.as_ref());
    let found = after.iter().find(|(at, _)| at.iter().map(String::as_str).eq(path.iter().copied()));
    let right = found.map(|(_, text)| text.as_str()) == wanted;
    // The keys that lead to it may come and go with it.
    let elsewhere = |(at, _): &(Vec<String>, String)| !path.iter().zip(at).all(|(a, b)| a == b);
    let beside = |(at, _): &(Vec<String>, String)| at.len() >= path.len() && at.iter().zip(path).any(|(a, b)| a != b);
    before.retain(|leaf| elsewhere(leaf) || beside(leaf));
    after.retain(|leaf| elsewhere(leaf) || beside(leaf));
    if right && before == after { Ok(()) } else { Err(refuse(span)) }
}

/// Leaves with their keys; an empty map is a leaf too.
fn plain(root: Option<&Node>) -> Vec<(Vec<String>, String)> {
    fn walk(node: &Node, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => {
                for entry in entries.iter() {
                    path.push(entry.key.text.to_string());
                    walk(&entry.value, path, leaves);
                    path.pop();
                }
            }
            Value::List(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    walk(item, path, leaves);
                    path.pop();
                }
            }
            _ => leaves.push((path.clone(), node.scalar().unwrap_or(node.noun()).to_owned())),
        }
    }
    let mut leaves = Vec::new();
    if let Some(root) = root {
        walk(root, &mut Vec::new(), &mut leaves);
    }
    leaves
}

/// Edits of a text by bytes.
struct Lines<'t> {
    text: &'t str,
}

impl Lines<'_> {
    fn replaced(&self, range: Range<usize>, with: &str) -> String {
        let (before, after) = (self.text.get(..range.start), self.text.get(range.end..));
        format!("{}{with}{}", before.unwrap_or_default(), after.unwrap_or_default())
    }

    fn line_break(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    fn value(&self, mode: &Entry, word: &str) -> String {
        let span = mode.value.span;
        if span.start == span.end {
            let after = self.text.get(mode.key.span.end..).unwrap_or_default();
            let colon = after.find(':').map_or(mode.key.span.end, |at| mode.key.span.end + at + 1);
            return self.replaced(colon..colon, &format!(" {word}"));
        }
        self.replaced(span.start..span.end, word)
    }

    /// A new top-level section, at the end.
    fn at_root(&self, root: Option<&Node>, path: &[&str], word: &str) -> Result<String, Box<Finding>> {
        if let Some(root) = root {
            if !matches!(root.value, Value::Map(_)) {
                return Err(Box::new(
                    Finding::new(root.span, "this file must have `key: value` entries").label("no entries"),
                ));
            }
            if self.is_flow(root.span.start) {
                return Ok(self.with_flow(root, path, word));
            }
        }
        let indent = root.map_or(0, |root| self.column(root.entries().first().map_or(0, |entry| entry.key.span.start)));
        let content_end = root.map_or(self.text.len(), |root| self.end_of_line(root.span.end.max(root.span.start)));
        let at = if self.text.get(content_end..).is_some_and(|rest| rest.lines().any(|line| line.starts_with("..."))) {
            content_end
        } else {
            self.text.len()
        };
        Ok(self.insert_lines(at, indent, path, word))
    }

    /// New keys below an entry.
    fn below(&self, owner: &Entry, path: &[&str], word: &str) -> Result<String, Box<Finding>> {
        let value = &owner.value;
        match &value.value {
            Value::Map(entries) if self.is_flow(value.span.start) || entries.is_empty() => {
                Ok(self.with_flow(value, path, word))
            }
            Value::Map(entries) => {
                let (first, last) = (entries.first(), entries.last());
                let indent = first.map_or(0, |entry| self.column(entry.key.span.start));
                let end = last.map_or(value.span.end, |entry| entry.value.span.end.max(entry.key.span.end));
                Ok(self.insert_lines(self.end_of_line(end), indent, path, word))
            }
            _ if value.is_null() && value.span.start == value.span.end => {
                let indent = self.column(owner.key.span.start) + 2;
                Ok(self.insert_lines(self.end_of_line(owner.key.span.end), indent, path, word))
            }
            _ if value.is_null() => {
                let flow = format!("{{{}}}", self.flow(path, word));
                Ok(self.replaced(value.span.start..value.span.end, &flow))
            }
            _ => Err(Box::new(
                Finding::new(value.span, format!("{} must be a map, found {}", quoted(&owner.key.text), value.noun()))
                    .label("expected a map"),
            )),
        }
    }

    fn flow(&self, path: &[&str], word: &str) -> String {
        match path.split_first() {
            Some((last, [])) => format!("{last}: {word}"),
            Some((key, rest)) => format!("{key}: {{{}}}", self.flow(rest, word)),
            None => String::new(),
        }
    }

    /// Into `{…}`, at its end.
    fn with_flow(&self, map: &Node, path: &[&str], word: &str) -> String {
        let new = self.flow(path, word);
        match map.entries().last() {
            None => self.replaced(map.span.start..map.span.end, &format!("{{{new}}}")),
            Some(last) => {
                let end = last.value.span.end.max(last.key.span.end);
                self.replaced(end..end, &format!(", {new}"))
            }
        }
    }

    fn insert_lines(&self, at: usize, indent: usize, path: &[&str], word: &str) -> String {
        let line_break = self.line_break();
        let mut lines = String::new();
        if at > 0 && !self.text.get(..at).is_some_and(|before| before.ends_with('\n')) {
            lines.push_str(line_break);
        }
        for (level, key) in path.iter().enumerate() {
            let value = if level + 1 == path.len() { format!(" {word}") } else { String::new() };
            lines.push_str(&format!("{}{key}:{value}{line_break}", " ".repeat(indent + 2 * level)));
        }
        self.replaced(at..at, &lines)
    }

    /// The text without a setting, and without the keys above it that would then be empty.
    fn without(&self, root: Option<&Node>, levels: &[&Entry]) -> String {
        let mut gone = levels.len() - 1;
        while gone > 0 && levels.get(gone - 1).is_some_and(|owner| owner.value.entries().len() == 1) {
            gone -= 1;
        }
        let (Some(entry), Some(last)) = (levels.get(gone), levels.last()) else { return self.text.to_owned() };
        let owner = if gone == 0 { root } else { levels.get(gone - 1).map(|owner| &owner.value) };
        let end = [entry.value.span.end, entry.key.span.end, last.value.span.end, last.key.span.end];
        let end = end.into_iter().max().unwrap_or_default();
        let start = entry.key.span.start;
        if owner.is_some_and(|owner| self.is_flow(owner.span.start)) {
            return self.without_flow(start..end);
        }
        let start = start - self.column_bytes(start);
        self.replaced(start..self.end_of_line(end), "")
    }

    /// Removes an entry of `{…}` with the comma that separates it from a neighbour.
    fn without_flow(&self, range: Range<usize>) -> String {
        let after = self.text.get(range.end..).unwrap_or_default();
        let rest = after.trim_start_matches([' ', '\t']);
        if let Some(behind) = rest.strip_prefix(',') {
            let end = range.end + (after.len() - behind.len());
            let spaces = behind.len() - behind.trim_start_matches(' ').len();
            return self.replaced(range.start..end + spaces, "");
        }
        let before = self.text.get(..range.start).unwrap_or_default().trim_end();
        let start = if before.ends_with(',') { before.len() - 1 } else { range.start };
        self.replaced(start..range.end, "")
    }

    fn is_flow(&self, at: usize) -> bool {
        self.text.get(at..).is_some_and(|rest| rest.starts_with('{'))
    }

    /// Behind the line break that ends the line of a byte.
    fn end_of_line(&self, at: usize) -> usize {
        self.text.get(at..).and_then(|rest| rest.find('\n')).map_or(self.text.len(), |length| at + length + 1)
    }

    fn column_bytes(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        at - before.rfind('\n').map_or(0, |line| line + 1)
    }

    fn column(&self, at: usize) -> usize {
        let start = at - self.column_bytes(at);
        self.text.get(start..at).unwrap_or_default().chars().count()
    }
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
