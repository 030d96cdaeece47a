//! Reads a compose file and those that it names: `include`, `extends`, variables.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::compose_project::merging::over;
use crate::config::compose_project::normal::{resource, service, with_each};
use crate::config::compose_project::project::ComposeInputs;
use crate::config::compose_variables;
use crate::config::problems::Finding;
use crate::config::relative_path::{folder_of, joined};
use crate::config::text::place::Span;
use crate::config::text::place::Texts;
use crate::config::text::quote::quoted;
use crate::config::text::tree::{Entry, Node, Scalar, ScalarSource, Value};
use crate::config::text::{bytes, parse, scalar, unknown_words};

/// Most files that one product is read from.
const MOST_FILES: usize = 100;
/// Sections of which a file has maps.
const RESOURCES: [&str; 2] = ["secrets", "configs"];

/// The files that have been read, and what is wrong with them.
pub(super) struct Loader<'a> {
    inputs: ComposeInputs<'a>,
    pub texts: Texts,
    pub findings: Vec<Finding>,
    pub unset: BTreeMap<String, Span>,
    /// Each file that was read.
    pub read: BTreeSet<String>,
    /// What each file says, in long forms.
    parsed: BTreeMap<String, Node>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(inputs: ComposeInputs<'a>) -> Self {
        Self {
            inputs,
            texts: Texts::default(),
            findings: Vec::new(),
            unset: BTreeMap::new(),
            read: BTreeSet::new(),
            parsed: BTreeMap::new(),
        }
    }

    /// All files, each over the one before. Paths of all of them start at the folder of the first, as compose has it.
    pub(super) fn project(&mut self, names: &[String]) -> Node {
        let folder = names.first().map_or(".", |name| folder_of(name)).to_owned();
        let mut whole: Option<Node> = None;
        for name in names {
            let Some(root) = self.file(name, &folder, None) else { continue };
            let root = self.with_included(&root, &folder, &mut vec![name.clone()]);
            let root = self.extended(&root, name);
            whole = Some(whole.map_or_else(|| root.clone(), |lower| over(&lower, &root)));
        }
        let whole = whole.unwrap_or_else(|| Node::hole(Span::new(0, 0..0)));
        if self.findings.is_empty() && whole.get("services").is_none_or(|services| services.entries().is_empty()) {
            let finding = Finding::new(whole.span, "this file has no services");
            self.findings.push(finding.help("name the compose file that has `services:`"));
        }
        whole
    }

    /// One file in long forms, with its variables filled in; `named` is where another file names it.
    fn file(&mut self, name: &str, folder: &str, named: Option<Span>) -> Option<Node> {
        if let Some(known) = self.parsed.get(name) {
            return Some(known.clone());
        }
        let Some(content) = (self.inputs.content)(name) else {
            let span = named.unwrap_or(Span::new(self.texts.next(), 0..0));
            let why = if name.starts_with("..") { "it is outside this folder" } else { "correct the path" };
            self.findings
                .push(Finding::new(span, format!("there is no file {}", quoted(name))).label("here").help(why));
            return None;
        };
        if self.read.len() >= MOST_FILES {
            let span = named.unwrap_or(Span::new(0, 0..0));
            self.findings.push(Finding::new(span, format!("more than {MOST_FILES} files are included here")));
            return None;
        }
        self.read.insert(name.to_owned());
        let (text, finding) = bytes::text(name, &content, self.texts.next());
        let number = self.texts.add(text);
        let is_text = finding.is_none();
        self.findings.extend(finding);
        let parsed = self.texts.get(number).filter(|_| is_text).map(|text| parse::parse(text, number))?;
        self.findings.extend(parsed.findings);
        let Some(root) = parsed.root.filter(|root| !root.is_null()) else {
            let finding = Finding::new(Span::new(number, 0..0), format!("{} is empty", quoted(name)));
            self.findings.push(finding.help("a compose file has `services:`"));
            return None;
        };
        let root = self.filled(&root);
        if !self.is_sound(&root) {
            return None;
        }
        let root = with_each(&root, |section, value| match section {
            "services" => with_each(value, |_, node| service(node, folder)),
            section if RESOURCES.contains(&section) => with_each(value, |_, node| resource(node, folder)),
            _ => value.clone(),
        });
        self.parsed.insert(name.to_owned(), root.clone());
        Some(root)
    }

    /// Whether a file has the shape of a compose file.
    fn is_sound(&mut self, root: &Node) -> bool {
        let before = self.findings.len();
        let mut wrong = |node: &Node, what: String| {
            if !matches!(node.value, Value::Hole) {
                self.findings.push(Finding::new(node.span, format!("{what}, found {}", node.noun())).label("here"));
            }
        };
        if !matches!(root.value, Value::Map(_)) {
            wrong(root, "a compose file has keys".to_owned());
        }
        if let Some(services) = root.get("services") {
            if !matches!(services.value, Value::Map(_)) {
                wrong(services, "`services` has a key for each service".to_owned());
            }
            for entry in services.entries().iter().filter(|entry| !matches!(entry.value.value, Value::Map(_))) {
                wrong(&entry.value, format!("the service {} has keys", quoted(&entry.key.text)));
            }
        }
        self.findings.len() == before
    }

    fn filled(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::List(items) => Value::List(items.iter().map(|item| self.filled(item)).collect()),
            Value::Map(entries) => {
                let filled = |entry: &Entry| Entry { key: entry.key.clone(), value: self.filled(&entry.value) };
                Value::Map(entries.iter().map(filled).collect())
            }
            Value::Scalar(scalar) if scalar.text.contains('$') => Value::Scalar(self.scalar(scalar, node.span)),
            same => same.clone(),
        };
        Node { value, span: node.span }
    }

    fn scalar(&mut self, written: &Scalar, span: Span) -> Scalar {
        let mut missing = Vec::new();
        let text = compose_variables::filled(&written.text, self.inputs.variables, &mut missing);
        for name in missing {
            self.unset.entry(name).or_insert(span);
        }
        let named = compose_variables::named(&written.text, self.inputs.variables);
        let variables = named.into_keys().collect::<Vec<_>>().join(", ");
        let kind = if written.plain { scalar::kind(&text) } else { scalar::ScalarKind::Text };
        let source = ScalarSource::Template { written: written.text.clone(), variables: variables.into() };
        Scalar { text: text.into(), kind, source, plain: written.plain }
    }

    /// A file over those that it includes; `stack` has the files that include each other.
    fn with_included(&mut self, root: &Node, folder: &str, stack: &mut Vec<String>) -> Node {
        let Some(include) = root.get("include") else { return root.clone() };
        let items = if include.items().is_empty() { std::slice::from_ref(include) } else { include.items() };
        let mut below: Option<Node> = None;
        for item in items {
            let path = item.get("path").unwrap_or(item);
            let paths = if path.items().is_empty() { std::slice::from_ref(path) } else { path.items() };
            for path in paths {
                let Some(written) = path.scalar() else { continue };
                let Some(root) = self.included(written, folder, path.span, item, stack) else { continue };
                below = Some(below.map_or_else(|| root.clone(), |lower| over(&lower, &root)));
            }
        }
        below.map_or_else(|| root.clone(), |lower| over(&lower, root))
    }

    fn included(
        &mut self,
        written: &str,
        folder: &str,
        span: Span,
        item: &Node,
        stack: &mut Vec<String>,
    ) -> Option<Node> {
        if written.contains("://") || written.starts_with(['/', '~']) {
            let finding = Finding::new(span, format!("{} is not a file of this folder", quoted(written)));
            self.findings.push(finding.label("not included").help("copy it into the folder and include it there"));
            return None;
        }
        let name = joined(folder, written);
        if stack.contains(&name) {
            let finding = Finding::new(span, format!("{} includes itself: {}", quoted(&name), circle(stack, &name)));
            self.findings.push(finding.label("a circle").help("remove one of these `include`"));
            return None;
        }
        let own = item.get("project_directory").and_then(Node::scalar).map(|own| joined(folder, own));
        let folder = own.unwrap_or_else(|| folder_of(&name).to_owned());
        let root = self.file(&name, &folder, Some(span))?;
        stack.push(name.clone());
        let root = self.with_included(&root, &folder, stack);
        stack.pop();
        Some(self.extended(&root, &name))
    }

    /// A file whose services have what they extend.
    fn extended(&mut self, root: &Node, name: &str) -> Node {
        let Some(services) = root.get("services") else { return root.clone() };
        let services = services.clone();
        let extended: Vec<(String, Node)> = services
            .entries()
            .iter()
            .map(|entry| (entry.key.text.to_string(), self.service(&services, entry, name, &mut Vec::new())))
            .collect();
        with_each(root, |section, value| match section {
            "services" => with_each(value, |key, node| {
                extended.iter().find(|(name, _)| name == key).map_or_else(|| node.clone(), |(_, node)| node.clone())
            }),
            _ => value.clone(),
        })
    }

    /// A service over the one that it extends; `stack` has the services that extend each other.
    fn service(&mut self, services: &Node, entry: &Entry, file: &str, stack: &mut Vec<String>) -> Node {
        let Some(extends) = entry.value.get("extends") else { return entry.value.clone() };
        let me = format!("{file}: {}", entry.key.text);
        let span = extends.get("service").map_or(extends.span, |service| service.span);
        if stack.contains(&me) {
            let finding =
                Finding::new(span, format!("{} extends itself: {}", quoted(&entry.key.text), circle(stack, &me)));
            self.findings.push(finding.label("a circle").help("remove one of these `extends`"));
            return entry.value.clone();
        }
        let Some(wanted) = extends.get("service").and_then(Node::scalar) else {
            self.findings
                .push(Finding::new(span, "`extends` does not name a service").label("here").help("add `service:`"));
            return entry.value.clone();
        };
        let (others, file) = match extends.get("file").and_then(Node::scalar) {
            Some(path) => {
                let name = joined(".", path);
                let root = self.file(&name, folder_of(&name), extends.get("file").map(|file| file.span));
                let Some(services) = root.and_then(|root| root.get("services").cloned()) else {
                    return entry.value.clone();
                };
                (services, name)
            }
            None => (services.clone(), file.to_owned()),
        };
        let Some(other) = others.entry(wanted) else {
            let names = others.entries().iter().map(|entry| &*entry.key.text);
            let help = unknown_words::did_you_mean(wanted, names);
            let message =
                format!("{} extends {}, which is not a service of {file}", quoted(&entry.key.text), quoted(wanted));
            self.findings.push(Finding::new(span, message).label("not known").maybe_help(help));
            return entry.value.clone();
        };
        stack.push(me);
        let lower = self.service(&others, other, &file, stack);
        stack.pop();
        over(&without(&lower, "extends"), &without(&entry.value, "extends"))
    }
}

fn without(node: &Node, key: &str) -> Node {
    let entries = node.entries().iter().filter(|entry| &*entry.key.text != key).cloned().collect();
    Node { value: Value::Map(entries), span: node.span }
}

fn circle(stack: &[String], last: &str) -> String {
    let begin = stack.iter().position(|name| name == last).unwrap_or_default();
    let names: Vec<&str> = stack[begin..].iter().map(String::as_str).chain([last]).collect();
    names.join(" → ")
}
