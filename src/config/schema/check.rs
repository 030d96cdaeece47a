//! Walks a tree along the table and reports everything that is wrong with its shape; a correct tree becomes JSON.

use std::fmt;

use serde_json::{Map, Value as Json};

use crate::config::problems::{ENOUGH, Finding};
use crate::config::schema::grammar::Grammar;
use crate::config::schema::planned;
use crate::config::schema::table::{Field, File, Presence, Shape, listed};
use crate::config::text::place::Span;
use crate::config::text::quote::quoted;
use crate::config::text::scalar::{self, ScalarKind};
use crate::config::text::tree::{Entry, Key, Node, Scalar, ScalarSource, Value, is_extension};
use crate::config::text::unknown_words::did_you_mean;
use crate::nearest::nearest;

/// Which tree is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// devenv.yaml alone: a key without value is a problem.
    Main,
    /// devenv.local.yaml alone: `null` restores a default.
    Local,
    /// Both as one: what is required must be there.
    Merged,
}

/// Checks a whole tree; the JSON is complete if there are no findings.
pub(crate) fn check(root: &Node, table: &Shape, pass: Pass) -> (Option<Json>, Vec<Finding>) {
    let mut check = Check { pass, findings: Vec::new() };
    let json = check.value(root, table, &Path::Root, root.span);
    (json, check.findings)
}

/// The way from the root to a node.
enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

impl<'p> Path<'p> {
    /// The keys from the root on; none of a path with items of lists.
    fn keys(&self) -> Vec<&'p str> {
        match self {
            Self::Root | Self::Item(..) => Vec::new(),
            Self::Key(above, key) => above.keys().into_iter().chain([*key]).collect(),
        }
    }

    /// The last key, with the index of an item: what messages are about.
    fn last(&self) -> String {
        match self {
            Self::Root => "the file".to_owned(),
            Self::Key(_, key) => quoted(key),
            Self::Item(Self::Key(_, key), index) => quoted(&format!("{key}[{index}]")),
            Self::Item(..) => quoted(&self.to_string()),
        }
    }

    /// Where a key belongs, for the end of a sentence.
    fn within(&self) -> String {
        match self {
            Self::Root => String::new(),
            path => format!(" in {}", quoted(&path.to_string())),
        }
    }
}

struct Check {
    pass: Pass,
    findings: Vec<Finding>,
}

impl Check {
    fn report(&mut self, finding: Finding) -> Option<Json> {
        self.findings.push(finding);
        None
    }

    /// `owner` is the key's span: what lacks something is shown there.
    fn value(&mut self, node: &Node, shape: &Shape, path: &Path<'_>, owner: Span) -> Option<Json> {
        match (&node.value, shape) {
            (Value::Hole, _) => None,
            (_, Shape::Either(shapes)) => self.either(node, shapes, path, owner),
            (Value::Map(entries), Shape::Struct(fields)) => self.known_keys(entries, fields, path, owner),
            (Value::Map(entries), Shape::Map { key, value }) => self.free_keys(entries, *key, value, path),
            (Value::List(items), Shape::List(item)) => self.list(items, item, path),
            (_, Shape::AnyText) if node.is_blank() => Some(Json::String(String::new())),
            (Value::Scalar(scalar), _) if scalar.kind == ScalarKind::Null => self.no_value(node, shape, path, owner),
            (Value::Scalar(scalar), Shape::Text(grammar)) => self.text(node.span, scalar, *grammar, path),
            (Value::Scalar(scalar), Shape::AnyText) => Some(Json::String(scalar.text.to_string())),
            (Value::Scalar(scalar), Shape::Choice(words)) => self.choice(node.span, scalar, words, path),
            (Value::Scalar(scalar), Shape::Integer { least, most }) => {
                self.integer(node.span, scalar, *least..=*most, shape, path)
            }
            (Value::Scalar(scalar), Shape::Boolean) => self.boolean(node.span, scalar, shape, path),
            _ => self.wrong_type(node, shape, path),
        }
    }

    fn either(&mut self, node: &Node, shapes: &[Shape], path: &Path<'_>, owner: Span) -> Option<Json> {
        let fits = |shape: &&Shape| match (&node.value, shape) {
            (Value::List(_), Shape::List(_)) | (Value::Map(_), Shape::Struct(_) | Shape::Map { .. }) => true,
            (Value::Scalar(_), shape) => !matches!(shape, Shape::List(_) | Shape::Struct(_) | Shape::Map { .. }),
            _ => false,
        };
        match shapes.iter().find(fits) {
            Some(shape) => self.value(node, shape, path, owner),
            None => self.wrong_type(node, &Shape::Either(shapes.to_vec()), path),
        }
    }

    fn no_value(&mut self, node: &Node, shape: &Shape, path: &Path<'_>, owner: Span) -> Option<Json> {
        if let Path::Item(..) = path {
            let help = "remove the item, or write \"\" for an empty string";
            return self
                .report(Finding::new(visible(node.span, owner), format!("{} has no value", path.last())).help(help));
        }
        // An entry whose settings are all commented out must not remove the module.
        let names_parts =
            |shape: &Shape| matches!(shape, Shape::Map { value, .. } if matches!(**value, Shape::Struct(_)));
        let is_part = matches!((path, shape), (Path::Key(Path::Key(Path::Root, _), _), Shape::Struct(_)));
        let help = match self.pass {
            Pass::Merged => return None,
            _ if node.is_blank() => "a variable that it needs is empty".to_owned(),
            Pass::Local if is_part => "remove the line; to switch it off write `{mode: off}`".to_owned(),
            Pass::Local if names_parts(shape) => "remove the line".to_owned(),
            Pass::Local => return None,
            Pass::Main => format!("write {} after it, or remove the key", shape.noun()),
        };
        self.report(Finding::new(owner, format!("{} has no value", path.last())).label("no value").help(help))
    }

    fn known_keys(&mut self, entries: &[Entry], fields: &[Field], path: &Path<'_>, owner: Span) -> Option<Json> {
        let mut map = Map::new();
        for Entry { key, value } in entries.iter().filter(|entry| !is_extension(&entry.key.text)) {
            let Some(field) = fields.iter().find(|field| field.name == *key.text) else {
                self.unknown_key(key, value, fields, path);
                continue;
            };
            if field.file == File::Local && self.pass == Pass::Main {
                self.report(
                    Finding::new(key.span, format!("{} belongs in devenv.local.yaml", quoted(&key.text)))
                        .label("only one developer's")
                        .help("move it there: devenv.yaml is for the whole team"),
                );
                continue;
            }
            if value.is_blank() && field.presence == Presence::Optional {
                continue;
            }
            if let Some(json) = self.value(value, &field.shape, &Path::Key(path, &key.text), key.span) {
                map.insert(field.name.clone(), json);
            }
        }
        if self.pass == Pass::Merged {
            self.missing_keys(entries, fields, path, owner);
        }
        Some(Json::Object(map))
    }

    fn missing_keys(&mut self, entries: &[Entry], fields: &[Field], path: &Path<'_>, owner: Span) {
        // A mistyped key is one problem, not two.
        let names = || fields.iter().map(|field| field.name.as_str());
        let means = |entry: &Entry, field: &Field| match entry.key.text.split_once(':') {
            Some((name, _)) => name == field.name,
            None => *entry.key.text == *field.name || nearest(&entry.key.text, names()) == Some(&field.name),
        };
        let has = |field: &&Field| entries.iter().take(ENOUGH).any(|entry| means(entry, field));
        for field in fields.iter().filter(|field| field.presence == Presence::Required && !has(field)) {
            let about = field.about.trim_end_matches('.');
            let (name, noun) = (&field.name, field.shape.noun());
            let message = format!("the key `{name}` is missing{}", path.within());
            let at = if matches!(path, Path::Root) { Span { end: owner.start, ..owner } } else { owner };
            let finding = Finding::new(at, message).label(format!("has no `{name}`"));
            self.report(finding.help(format!("add `{name}:` with {noun}: {}", lower_first(about))));
        }
    }

    fn unknown_key(&mut self, key: &Key, value: &Node, fields: &[Field], path: &Path<'_>) {
        if planned::is_planned(&path.keys(), &key.text) {
            let message = format!("{} is not supported yet{}", quoted(&key.text), path.within());
            let help = "remove it: this version of devenv does not do it";
            self.report(Finding::new(key.span, message).label("not supported yet").help(help));
            return;
        }
        let known = || fields.iter().filter(|field| field.file == File::Both || self.pass != Pass::Main);
        let names = || known().map(|field| field.name.as_str());
        let glued = key.text.split_once(':').filter(|_| value.is_null());
        let help = match glued {
            Some((name, rest)) => format!("write a space after the colon: `{}: {}`", cut(name), cut(rest)),
            None if self.findings.len() > ENOUGH => String::new(),
            None => did_you_mean(&key.text, names()).unwrap_or_else(|| match path {
                Path::Root if value.get("run").or_else(|| value.get("path")).is_some() => {
                    "modules go below `modules:`, indented".to_owned()
                }
                Path::Root if value.get("preset").is_some() => "services go below `services:`, indented".to_owned(),
                _ => format!(
                    "known keys: {}; keys that start with `x-` are yours",
                    names().collect::<Vec<_>>().join(", ")
                ),
            }),
        };
        let message = match &*key.text {
            "" => format!("a key has no name{}", path.within()),
            text => format!("unknown key {}{}", quoted(text), path.within()),
        };
        self.report(Finding::new(key.span, message).label("not known here").help(help));
    }

    fn free_keys(
        &mut self,
        entries: &[Entry],
        grammar: Option<&Grammar>,
        shape: &Shape,
        path: &Path<'_>,
    ) -> Option<Json> {
        let mut map = Map::new();
        for Entry { key, value } in entries.iter().filter(|entry| !is_extension(&entry.key.text)) {
            if let Shape::Struct(fields) = shape
                && !matches!(value.value, Value::Map(_) | Value::Hole)
                && fields.iter().any(|field| field.name == *key.text)
            {
                let message = format!("{} stands where a name is expected{}", quoted(&key.text), path.within());
                let help = "indent it below the name that it belongs to";
                self.report(Finding::new(key.span, message).label("indented too little?").help(help));
                continue;
            }
            self.free_key(key, grammar);
            if let Some(json) = self.value(value, shape, &Path::Key(path, &key.text), key.span) {
                map.insert(key.text.to_string(), json);
            }
        }
        Some(Json::Object(map))
    }

    fn free_key(&mut self, key: &Key, grammar: Option<&Grammar>) {
        if let Some(Err(why)) = grammar.map(|grammar| (grammar.check)(&key.text)) {
            let one = grammar.map_or("a key", |grammar| grammar.one);
            self.report(Finding::new(key.span, why).label(format!("not {one}")));
        } else if key.kind != ScalarKind::Text {
            let message = format!("the key {} is {}", quoted(&key.text), key.kind.noun());
            self.report(
                Finding::new(key.span, message)
                    .label("not a string")
                    .help("choose another name, or write it in quotes"),
            );
        }
    }

    fn list(&mut self, items: &[Node], shape: &Shape, path: &Path<'_>) -> Option<Json> {
        let mut list = Vec::new();
        for (index, item) in items.iter().enumerate() {
            list.extend(self.value(item, shape, &Path::Item(path, index), item.span));
        }
        Some(Json::Array(list))
    }

    fn text(&mut self, span: Span, scalar: &Scalar, grammar: Option<&Grammar>, path: &Path<'_>) -> Option<Json> {
        let checked = grammar.map_or(Ok(()), |grammar| (grammar.check)(&scalar.text));
        if scalar.kind != ScalarKind::Text && scalar.source == ScalarSource::File {
            let (one, found) = (grammar.map_or("a string", |grammar| grammar.one), scalar.kind.noun());
            let help = checked.err().unwrap_or_else(|| format!("write \"{}\"", cut(&scalar.text)));
            let message = format!("{} must be {one}, found {found}", path.last());
            return self.report(Finding::new(span, message).label("not a string").help(help));
        }
        match checked {
            Ok(()) => Some(Json::String(scalar.text.to_string())),
            Err(why) => {
                let one = grammar.map_or("a string", |grammar| grammar.one);
                self.report(Finding::new(span, format!("{}: {why}", path.last())).label(format!("expected {one}")))
            }
        }
    }

    fn choice(&mut self, span: Span, scalar: &Scalar, words: &[String], path: &Path<'_>) -> Option<Json> {
        if words.iter().any(|word| **word == *scalar.text) {
            return Some(Json::String(scalar.text.to_string()));
        }
        let message = format!("{} must be {}, found {}", path.last(), listed(words, "or"), quoted(&scalar.text));
        let help = did_you_mean(&scalar.text, words.iter().map(String::as_str));
        self.report(Finding::new(span, message).label("not known here").maybe_help(help))
    }

    fn integer(
        &mut self,
        span: Span,
        scalar: &Scalar,
        range: std::ops::RangeInclusive<i128>,
        shape: &Shape,
        path: &Path<'_>,
    ) -> Option<Json> {
        let typed = scalar.kind == ScalarKind::Integer || matches!(scalar.source, ScalarSource::Template { .. });
        let looks = scalar::kind(&scalar.text) == ScalarKind::Integer;
        let number = scalar::integer(&scalar.text);
        let within = looks && range.contains(&number);
        if typed && within {
            return i64::try_from(number).ok().map(Json::from);
        }
        let found = match scalar.kind {
            ScalarKind::Integer | ScalarKind::Float => quoted(&scalar.text),
            kind if typed => format!("{} {}", kind.noun(), quoted(&scalar.text)),
            kind => kind.noun().to_owned(),
        };
        let message = format!("{} must be {}, found {found}", path.last(), shape.noun());
        let help = (within && !typed).then(|| format!("write {} without quotes", cut(&scalar.text)));
        self.report(Finding::new(span, message).label(format!("expected {}", shape.noun())).maybe_help(help))
    }

    fn boolean(&mut self, span: Span, scalar: &Scalar, shape: &Shape, path: &Path<'_>) -> Option<Json> {
        let typed = scalar.kind == ScalarKind::Boolean || matches!(scalar.source, ScalarSource::Template { .. });
        if typed && scalar::kind(&scalar.text) == ScalarKind::Boolean {
            return Some(Json::Bool(scalar.text.eq_ignore_ascii_case("true")));
        }
        let message = format!("{} must be {}, found {}", path.last(), shape.noun(), scalar.kind.noun());
        let help = match scalar.text.to_lowercase().as_str() {
            "yes" | "on" | "y" | "1" | "true" => Some("write true".to_owned()),
            "no" | "off" | "n" | "0" | "false" => Some("write false".to_owned()),
            _ => None,
        };
        self.report(Finding::new(span, message).label("expected true or false").maybe_help(help))
    }

    fn wrong_type(&mut self, node: &Node, shape: &Shape, path: &Path<'_>) -> Option<Json> {
        let text = node.text().map(cut);
        let help = match (shape, &node.value) {
            (Shape::List(_), Value::Scalar(_)) => text.map(|text| format!("write [{text}]")),
            (Shape::List(_), Value::Map(_)) => Some("write each item with `- ` on a line of its own".to_owned()),
            (Shape::Struct(fields), _) => {
                let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
                Some(format!("known keys: {}", names.join(", ")))
            }
            (Shape::Map { .. }, Value::List(_)) => Some("write `KEY: value` entries without `- `".to_owned()),
            (Shape::Map { .. }, _) => Some("write `KEY: value` entries below it, indented".to_owned()),
            (Shape::Text(_) | Shape::AnyText, Value::List(_)) => Some("write it as one string".to_owned()),
            (Shape::Text(_) | Shape::AnyText, Value::Map(_)) => {
                Some("if the text has `: ` in it, put it in quotes".to_owned())
            }
            _ => None,
        };
        let message = format!("{} must be {}, found {}", path.last(), shape.noun(), node.noun());
        self.report(Finding::new(node.span, message).label(format!("expected {}", shape.noun())).maybe_help(help))
    }
}

/// A node's span; for one without characters, the key's.
fn visible(span: Span, owner: Span) -> Span {
    if span.start == span.end { owner } else { span }
}

fn cut(text: &str) -> String {
    crate::config::text::quote::shown(text)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
