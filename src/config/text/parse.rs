//! YAML text becomes a [`Node`]: events of the parser are composed, with budgets for everything that can grow.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};

use crate::config::problems::Finding;
use crate::config::text::place::{Span, Text};
use crate::config::text::quote::quoted;
use crate::config::text::scalar::{self, ScalarKind};
use crate::config::text::tree::{Entry, Key, Node, Scalar, ScalarSource, Value};
use crate::config::text::yaml_errors;

/// Deepest nesting, after aliases.
pub(super) const DEEPEST: usize = 64;
/// Most nodes, after aliases: 2,000 modules with 40 settings each.
const MOST_NODES: usize = 100_000;
/// Most bytes of text, after aliases, and of any other file: a lock with all packages of all images.
pub(super) const MOST_BYTES: usize = 8 << 20;

pub(crate) const TOO_DEEP: &str = "this is nested too deeply";

/// What a text says, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// None if the text has no content, or none that can be used.
    pub root: Option<Node>,
    pub findings: Vec<Finding>,
}

/// Parses text number `number`.
pub(crate) fn parse(text: &Text, number: usize) -> Parsed {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let parser = Parser::new_from_str_with_options(&text.text, options);
    let mut composer =
        Composer { parser, text, number, findings: Vec::new(), anchors: HashMap::new(), size: Size::default() };
    let root = composer.document().unwrap_or_else(|stop| {
        composer.findings.push(*stop);
        None
    });
    Parsed { root, findings: composer.findings }
}

/// How much a node is, with everything below it and aliases followed.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
}

/// An anchored node that is complete.
#[derive(Debug, Clone)]
struct Anchored {
    node: Node,
    size: Size,
    height: usize,
}

/// A node and how many levels it has.
type Built = (Node, usize);

/// A problem after which nothing more can be read.
type Stop = Box<Finding>;

struct Composer<'t> {
    parser: Parser<'t, StrInput<'t>>,
    text: &'t Text,
    number: usize,
    findings: Vec<Finding>,
    anchors: HashMap<usize, Anchored>,
    size: Size,
}

impl<'t> Composer<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                if span.tag_start.is_some() {
                    self.refuse_tag(&span);
                }
                Ok((event, self.span(&span)))
            }
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Ok((Event::StreamEnd, Span::new(self.number, 0..0))),
        }
    }

    fn syntax(&self, error: &ScanError) -> Stop {
        Box::new(yaml_errors::finding(error, self.number, self.text))
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let bytes = span.byte_range().unwrap_or_default();
        let trimmed = self.text.text.get(bytes.clone()).map_or(0, |slice| slice.trim_end().len());
        Span::new(self.number, bytes.start..bytes.start + trimmed)
    }

    fn refuse_tag(&mut self, span: &granit_parser::Span) {
        let at = span.tag_span().and_then(|tag| tag.byte_range()).unwrap_or_default();
        let tag = self.text.text.get(at.clone()).unwrap_or_default();
        self.findings.push(
            Finding::new(Span::new(self.number, at), format!("the tag {} is not supported", quoted(tag)))
                .label("tag")
                .help(match tag {
                    "!reset" | "!override" => {
                        "remove it: a compose file adds to what devenv.yaml says; what that says of a part is changed there, \
                         or in a template, which `devenv eject compose/base.yaml` writes"
                    }
                    _ => "remove it; a value in quotes is a string",
                }),
        );
    }

    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(root),
                (Event::DocumentStart(..), span) if root.is_some() => {
                    self.findings.push(
                        Finding::new(span, format!("{} has more than one document", quoted(&self.text.name)))
                            .label("a second document starts here")
                            .help("remove `---`: everything belongs in one document"),
                    );
                    return Ok(root);
                }
                (Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd, _) => {}
                (event, span) => root = Some(self.node(event, span, 0)?.0),
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Built, Stop> {
        if depth >= DEEPEST {
            return Err(too_deep(span));
        }
        let before = self.size;
        self.grow(Size { nodes: 1, bytes: 0 }, span)?;
        let (anchor, (node, height)) = match event {
            Event::Scalar(text, style, anchor, tag) => (anchor, self.scalar(&text, style, tag.is_some(), span)?),
            Event::SequenceStart(_, anchor, _) => (anchor, self.list(span, depth)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.map(span, depth)?),
            Event::Alias(id) => return self.alias(id, span, depth),
            Event::UnresolvedAlias(name) => {
                self.findings.push(
                    Finding::new(
                        span,
                        format!("there is no anchor `&{}` above", crate::config::text::quote::shown(&name)),
                    )
                    .label("unknown anchor")
                    .help("define it before it is used, or put the text in quotes"),
                );
                return Ok((Node::hole(span), 1));
            }
            _ => return Ok((Node::hole(span), 1)),
        };
        if anchor != 0 {
            let size = Size { nodes: self.size.nodes - before.nodes, bytes: self.size.bytes - before.bytes };
            self.anchors.insert(anchor, Anchored { node: node.clone(), size, height });
        }
        Ok((node, height))
    }

    fn grow(&mut self, by: Size, span: Span) -> Result<(), Stop> {
        self.size.nodes += by.nodes;
        self.size.bytes += by.bytes;
        if self.size.nodes > MOST_NODES || self.size.bytes > MOST_BYTES {
            let what = "this file has more content than a configuration can have";
            return Err(Box::new(
                Finding::new(span, what)
                    .label("the limit is reached here")
                    .help("aliases count as often as they are used"),
            ));
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tagged: bool, span: Span) -> Result<Built, Stop> {
        self.grow(Size { nodes: 0, bytes: text.len() }, span)?;
        if tagged {
            return Ok((Node::hole(span), 1));
        }
        let plain = style == ScalarStyle::Plain;
        let empty = plain && span.start == span.end;
        let text = if empty { "" } else { text };
        if text.contains('\0') {
            self.findings.push(Finding::new(span, "a string must not contain NUL").label("`\\0` in this text"));
            return Ok((Node::hole(span), 1));
        }
        let kind = if plain { scalar::kind(text) } else { ScalarKind::Text };
        Ok((
            Node { value: Value::Scalar(Scalar { text: text.into(), kind, source: ScalarSource::File, plain }), span },
            1,
        ))
    }

    fn list(&mut self, start: Span, depth: usize) -> Result<Built, Stop> {
        let mut items = Vec::new();
        let mut height = 0;
        loop {
            match self.next()? {
                (Event::SequenceEnd, end) => {
                    let span = whole(start, end, items.last().map(|item: &Node| item.span));
                    return Ok((Node { value: Value::List(items.into()), span }, height + 1));
                }
                (event, span) => {
                    let (item, levels) = self.node(event, span, depth + 1)?;
                    height = height.max(levels);
                    items.push(item);
                }
            }
        }
    }

    fn map(&mut self, start: Span, depth: usize) -> Result<Built, Stop> {
        let mut entries = Entries::default();
        let mut height = 0;
        let mut last = None;
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                let span = whole(start, span, last);
                return Ok((Node { value: Value::Map(entries.finish()), span }, height + 1));
            }
            let (key, key_levels) = self.node(event, span, depth + 1)?;
            self.refuse_tab(key.span);
            let (event, span) = self.next()?;
            let (value, levels) = self.node(event, span, depth + 1)?;
            height = height.max(levels).max(key_levels);
            last = Some(if value.span.text == self.number { value.span } else { key.span });
            self.entry(&mut entries, &key, value)?;
        }
    }

    fn entry(&mut self, entries: &mut Entries, key: &Node, value: Node) -> Result<(), Stop> {
        let Value::Scalar(name) = &key.value else {
            if !matches!(key.value, Value::Hole) {
                let found = key.noun();
                self.findings.push(
                    Finding::new(key.span, format!("a key must be a string, found {found}"))
                        .label("no key")
                        .help("if this is a template such as `{{ x }}`, put it in quotes"),
                );
            }
            return Ok(());
        };
        if &*name.text == "<<" && name.plain {
            return self.merge(entries, key.span, value);
        }
        let key = Key { text: name.text.clone(), kind: name.kind, span: key.span };
        if let Some(first) = entries.add(key.clone(), value) {
            self.findings.push(
                Finding::new(key.span, format!("the key {} appears here twice", quoted(&key.text)))
                    .label("again here")
                    .help("keep one of them")
                    .also(first, "first here"),
            );
        }
        Ok(())
    }

    /// A merge key: entries of another map, or of several, for what the map itself does not say.
    fn merge(&mut self, entries: &mut Entries, key: Span, value: Node) -> Result<(), Stop> {
        if let Some(first) = entries.merge_key.replace(key) {
            self.findings.push(
                Finding::new(key, "the key `<<` appears here twice")
                    .label("again here")
                    .help("merge several maps with one list: `<<: [*a, *b]`")
                    .also(first, "first here"),
            );
            return Ok(());
        }
        let sources = match &value.value {
            Value::List(items) => items.to_vec(),
            _ => vec![value],
        };
        for source in sources {
            match source.value {
                Value::Map(merged) => {
                    self.grow(Size { nodes: merged.len(), bytes: 0 }, source.span)?;
                    entries.merged.push(merged);
                }
                Value::Hole => {}
                _ => self.findings.push(
                    Finding::new(source.span, format!("`<<` merges maps, found {}", source.noun()))
                        .label("no map")
                        .help("write `<<: *name` with the anchor of a map"),
                ),
            }
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, span: Span, depth: usize) -> Result<Built, Stop> {
        let Some(Anchored { node, size, height }) = self.anchors.get(&id).cloned() else {
            self.findings.push(
                Finding::new(span, "this alias is inside the node that it refers to").label("it contains itself"),
            );
            return Ok((Node::hole(span), 1));
        };
        self.grow(size, span)?;
        if depth + height > DEEPEST {
            return Err(too_deep(span));
        }
        Ok((Node { value: node.value, span }, height))
    }

    /// The parser takes a tab before the first key for mere space.
    fn refuse_tab(&mut self, key: Span) {
        let (start, line) = self.text.line_of(key.start);
        let before = line.get(..key.start - start).unwrap_or_default();
        if let (Some(tab), "") = (before.find('\t'), before.trim_start()) {
            let at = Span::new(self.number, start + tab..start + tab + 1);
            self.findings
                .push(Finding::new(at, "a tab is used as indentation").label("tab").help("indent with spaces"));
        }
    }
}

fn too_deep(span: Span) -> Stop {
    Box::new(Finding::new(span, TOO_DEEP).help("a configuration needs fewer than ten levels"))
}

/// From the start of a collection to its end: block collections end with their last child.
fn whole(start: Span, end: Span, last: Option<Span>) -> Span {
    let end = if end.end > end.start { end.end } else { last.map_or(start.end, |last| last.end) };
    Span { end: end.max(start.end), ..start }
}

/// Entries of a map while it is read.
#[derive(Debug, Default)]
struct Entries {
    own: Vec<Entry>,
    seen: HashMap<Arc<str>, Span>,
    merge_key: Option<Span>,
    merged: Vec<Arc<[Entry]>>,
}

impl Entries {
    /// Adds an entry, or says where the key stood first.
    fn add(&mut self, key: Key, value: Node) -> Option<Span> {
        if let Some(first) = self.seen.get(&key.text) {
            return Some(*first);
        }
        self.seen.insert(key.text.clone(), key.span);
        self.own.push(Entry { key, value });
        None
    }

    /// Own entries first, then those of merged maps, earlier maps before later ones.
    fn finish(mut self) -> Arc<[Entry]> {
        for merged in std::mem::take(&mut self.merged) {
            for entry in merged.iter() {
                self.add(entry.key.clone(), entry.value.clone());
            }
        }
        self.own.into()
    }
}
