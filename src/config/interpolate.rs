//! `${VAR}`, `${VAR:-x}`, `${VAR:?message}` and `$$` in every value, as compose has them; no other syntax.
//!
//! A variable's value is text in the tree: it never adds structure and is never looked at again.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::placeholders;
use crate::config::problems::Finding;
use crate::config::text::place::{Span, Texts};
use crate::config::text::quote::{quoted, shown};
use crate::config::text::scalar::{self, ScalarKind};
use crate::config::text::tree::{Entry, Node, Scalar, ScalarSource, Value};

/// The tree with variables replaced; what cannot be replaced is a hole and a finding. `parts` are the names of modules and
/// services by the prefix of the variables that their consumers get.
pub(crate) fn interpolate(
    root: &Node,
    env: &BTreeMap<String, String>,
    texts: &Texts,
    parts: &BTreeMap<String, String>,
) -> (Node, Vec<Finding>) {
    let mut pass = Pass { env, texts, parts, has_placeholders: false, missing: BTreeMap::new(), findings: Vec::new() };
    let root = pass.node(root);
    let mut findings = pass.findings;
    findings.extend(pass.missing.into_values());
    (root, findings)
}

struct Pass<'a> {
    env: &'a BTreeMap<String, String>,
    texts: &'a Texts,
    parts: &'a BTreeMap<String, String>,
    /// Whether `{PART.FIELD}` means something where the pass is.
    has_placeholders: bool,
    /// One finding for each undefined variable, with all its places.
    missing: BTreeMap<String, Finding>,
    findings: Vec<Finding>,
}

impl Pass<'_> {
    fn node(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Scalar(scalar) if scalar.text.contains('$') => self.scalar(scalar, node.span),
            Value::List(items) => Value::List(items.iter().map(|item| self.node(item)).collect()),
            Value::Map(entries) => Value::Map(entries.iter().map(|entry| self.entry(entry)).collect()),
            same => same.clone(),
        };
        Node { value, span: node.span }
    }

    fn entry(&mut self, Entry { key, value }: &Entry) -> Entry {
        let around = self.has_placeholders;
        self.has_placeholders = around || &*key.text == "env";
        let value = self.node(value);
        self.has_placeholders = around;
        Entry { key: key.clone(), value }
    }

    /// A variable's value, which is a text and nothing else.
    fn text<'v>(&self, value: &'v str) -> Cow<'v, str> {
        if self.has_placeholders && value.contains('{') { placeholders::escaped(value).into() } else { value.into() }
    }

    fn scalar(&mut self, scalar: &Scalar, span: Span) -> Value {
        let mut text = String::new();
        let mut variables = Vec::new();
        let mut sound = true;
        let mut dollars = 0;
        let places = Dollars::new(&scalar.text, span, self.texts.slice(span));
        for piece in pieces(&scalar.text) {
            let place = |length| places.place(dollars, length);
            match &piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Dollar => text.push('$'),
                Piece::Variable { name, otherwise, length } => match (self.env.get(*name), otherwise) {
                    (Some(value), Otherwise::Undefined) => {
                        text.push_str(&self.text(value));
                        variables.push(*name);
                    }
                    (Some(value), _) if !value.is_empty() => {
                        text.push_str(&self.text(value));
                        variables.push(*name);
                    }
                    (_, Otherwise::Text(default)) => text.push_str(default),
                    (_, otherwise) => {
                        sound = false;
                        let place = place(*length);
                        self.undefined(name, otherwise, place);
                    }
                },
                Piece::Wrong { found, why } => {
                    sound = false;
                    let finding = Finding::new(place(found.len()), format!("{} {why}", quoted(found)));
                    self.findings.push(finding.label("not replaced").help(help(found)));
                }
            }
            dollars += piece.dollars();
        }
        if !sound {
            return Value::Hole;
        }
        variables.dedup();
        // A variable's value is a text, and no word for nothing; only an empty one leaves a place as it would be.
        let kind = match scalar::kind(&text) {
            ScalarKind::Null if !text.is_empty() => ScalarKind::Text,
            kind if scalar.plain => kind,
            _ => ScalarKind::Text,
        };
        let source =
            ScalarSource::Template { written: Arc::clone(&scalar.text), variables: variables.join(", ").into() };
        Value::Scalar(Scalar { text: text.into(), kind, source, plain: scalar.plain })
    }

    fn undefined(&mut self, name: &str, otherwise: &Otherwise<'_>, place: Span) {
        let (message, help) = match otherwise {
            Otherwise::Message(message) if !message.is_empty() => (shown(message), format!("set the variable {name}")),
            _ => (
                format!("the variable {} is not set", quoted(name)),
                self.of_part(name).unwrap_or_else(|| format!("set it, or give a default: ${{{}:-value}}", shown(name))),
            ),
        };
        match self.missing.get_mut(&message) {
            Some(known) if known.also.len() < 20 && known.span != place => {
                known.also.push((place, "and here".to_owned()));
            }
            Some(_) => {}
            None => {
                let finding = Finding::new(place, message.clone()).label("not set").help(help);
                self.missing.insert(message, finding);
            }
        }
    }

    /// How to write a variable that a container gets from what it needs: this machine does not have it.
    fn of_part(&self, variable: &str) -> Option<String> {
        let prefixes = variable.match_indices('_').map(|(at, _)| variable.split_at(at));
        let (part, field) = prefixes.rev().find_map(|(prefix, rest)| Some((self.parts.get(prefix)?, &rest[1..])))?;
        let field = field.to_lowercase();
        Some(format!(
            "containers that need `{part}` have it, this machine does not: in `env`, write `{{{part}.{field}}}`; in a command, `$${variable}`"
        ))
    }
}

/// Where the `$` of a scalar stand in its file; through an alias or escapes, nothing but the whole scalar is known.
pub(super) struct Dollars<'s> {
    span: Span,
    written: &'s str,
    at: Vec<usize>,
}

impl<'s> Dollars<'s> {
    pub(super) fn new(text: &str, span: Span, written: &'s str) -> Self {
        let at: Vec<_> = written.match_indices('$').map(|(at, _)| at).collect();
        let known = at.len() == text.matches('$').count();
        Self { span, written, at: if known { at } else { Vec::new() } }
    }

    /// `length` bytes from the `$` number `count`.
    pub(super) fn place(&self, count: usize, length: usize) -> Span {
        let Some(at) = self.at.get(count) else { return self.span };
        let end = (at + length).min(self.written.len());
        let end = if self.written.is_char_boundary(end) { end } else { self.written.len() };
        Span { start: self.span.start + at, end: self.span.start + end, ..self.span }
    }
}

/// A part of a template.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Plain(&'t str),
    /// `$$`.
    Dollar,
    Variable {
        name: &'t str,
        otherwise: Otherwise<'t>,
        length: usize,
    },
    Wrong {
        found: &'t str,
        why: &'static str,
    },
}

/// What stands for a variable that is not set.
#[derive(Debug, PartialEq, Eq)]
enum Otherwise<'t> {
    Undefined,
    Text(&'t str),
    Message(&'t str),
}

impl Piece<'_> {
    /// How many `$` were written for it.
    fn dollars(&self) -> usize {
        match self {
            Self::Plain(_) => 0,
            Self::Dollar => 2,
            Self::Variable { otherwise, .. } => match otherwise {
                Otherwise::Undefined => 1,
                Otherwise::Text(text) | Otherwise::Message(text) => 1 + text.matches('$').count(),
            },
            Self::Wrong { found, .. } => found.matches('$').count(),
        }
    }
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        if at > 0 {
            pieces.push(Piece::Plain(&rest[..at]));
        }
        rest = &rest[at..];
        let (piece, length) = piece(rest);
        pieces.push(piece);
        rest = &rest[length..];
    }
    pieces.push(Piece::Plain(rest));
    pieces
}

/// The piece at the `$` that `text` starts with, and how many bytes it has.
fn piece(text: &str) -> (Piece<'_>, usize) {
    let after = &text[1..];
    if after.starts_with('$') {
        return (Piece::Dollar, 2);
    }
    let Some(inside) = after.strip_prefix('{') else {
        let length = 1 + name_length(after);
        let why = if length == 1 { "stands alone" } else { "is not replaced" };
        return (Piece::Wrong { found: &text[..length], why }, length);
    };
    let Some(close) = inside.find('}') else {
        return (Piece::Wrong { found: text, why: "is not closed" }, text.len());
    };
    let (length, body) = (close + 3, &inside[..close]);
    let found = &text[..length];
    let (name, rest) = body.split_at(name_length(body));
    let wrong = |why| (Piece::Wrong { found, why }, length);
    if name.is_empty() {
        return wrong("names no variable");
    }
    let otherwise = match rest.get(..2) {
        _ if rest.is_empty() => Otherwise::Undefined,
        Some(":-") => Otherwise::Text(&rest[2..]),
        Some(":?") => Otherwise::Message(&rest[2..]),
        _ => return wrong("is not a syntax that devenv knows"),
    };
    if rest.contains('$') {
        return wrong("has a `$` inside: a default is plain text");
    }
    (Piece::Variable { name, otherwise, length }, length)
}

fn name_length(text: &str) -> usize {
    let inner = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    if text.starts_with(|c: char| c.is_ascii_digit()) { 0 } else { inner }
}

fn help(found: &str) -> String {
    let name = found.trim_start_matches('$');
    if placeholders::pieces(name).iter().any(|piece| matches!(piece, placeholders::Piece::Field { .. })) {
        return format!("what a part offers is written without `$`: {name}");
    }
    let plain = !name.is_empty() && !name.starts_with('{');
    match plain {
        true => format!("write $${name} for a literal $, or ${{{name}}} for the variable"),
        false => "write $$ for a literal $; known are ${VAR}, ${VAR:-default} and ${VAR:?message}".to_owned(),
    }
}
