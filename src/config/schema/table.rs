//! The table that files are checked against: which keys and values are allowed where, derived from the JSON Schema of
//! the types.

use std::sync::LazyLock;

use serde_json::Value;

use crate::config::model::file::ProjectFile;
use crate::config::model::local::LocalFile;
use crate::config::schema::grammar::{self, Grammar};

/// What a value may be.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// A text, by a grammar if there is one.
    Text(Option<&'static Grammar>),
    /// A text, or a number or boolean as it was written.
    AnyText,
    /// One of a few words.
    Choice(Vec<String>),
    Integer {
        least: i128,
        most: i128,
    },
    Boolean,
    List(Box<Shape>),
    /// Free keys, by a grammar, with values of one shape.
    Map {
        key: Option<&'static Grammar>,
        value: Box<Shape>,
    },
    /// Known keys.
    Struct(Vec<Field>),
    /// One of several, told apart by the kind of node.
    Either(Vec<Shape>),
}

/// A known key.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub name: String,
    pub shape: Shape,
    pub presence: Presence,
    pub file: File,
    /// What it means, from the type's documentation.
    pub about: String,
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    Optional,
}

/// Which files may have a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum File {
    Both,
    Local,
}

/// What the two files may say together.
pub(crate) static TABLE: LazyLock<Shape> = LazyLock::new(|| {
    let mut fields = fields_of(schemars::schema_for!(ProjectFile).as_value(), File::Both);
    fields.extend(fields_of(schemars::schema_for!(LocalFile).as_value(), File::Local));
    Shape::Struct(fields)
});

/// Keys of one of the files.
pub(crate) fn fields_of(root: &Value, file: File) -> Vec<Field> {
    fields(root, root, file)
}

fn fields(schema: &Value, root: &Value, file: File) -> Vec<Field> {
    let required = |name: &str| {
        let names = schema.get("required").and_then(Value::as_array);
        match names.is_some_and(|names| names.iter().any(|other| other == name)) {
            true => Presence::Required,
            false => Presence::Optional,
        }
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    let field = |(name, schema): (&String, &Value)| Field {
        name: name.clone(),
        shape: shape(schema, root),
        presence: required(name),
        file,
        about: schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    properties.into_iter().flatten().map(field).collect()
}

fn shape(schema: &Value, root: &Value) -> Shape {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(Shape::Text(None), |target| shape(target, root));
    }
    if let Some(choices) = choices(schema) {
        return Shape::Choice(choices);
    }
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        let mut shapes: Vec<Shape> = options.iter().filter(|option| !is_null(option)).map(|o| shape(o, root)).collect();
        return match shapes.pop() {
            Some(only) if shapes.is_empty() => only,
            Some(last) => {
                shapes.push(last);
                Shape::Either(shapes)
            }
            None => Shape::Text(None),
        };
    }
    match kinds(schema).as_slice() {
        ["integer"] => {
            Shape::Integer { least: bound(schema, "minimum", i128::MIN), most: bound(schema, "maximum", i128::MAX) }
        }
        ["boolean"] => Shape::Boolean,
        ["array"] => Shape::List(Box::new(schema.get("items").map_or(Shape::Text(None), |items| shape(items, root)))),
        ["object"] => object(schema, root),
        ["string"] => Shape::Text(schema.get("format").and_then(Value::as_str).and_then(grammar::by_format)),
        _ => Shape::AnyText,
    }
}

fn object(schema: &Value, root: &Value) -> Shape {
    if schema.get("properties").is_some() {
        return Shape::Struct(fields(schema, root, File::Both));
    }
    let patterned = schema.get("patternProperties").and_then(Value::as_object).and_then(|all| all.iter().next());
    match patterned {
        Some((pattern, value)) => Shape::Map { key: grammar::by_pattern(pattern), value: Box::new(shape(value, root)) },
        None => {
            let value = schema.get("additionalProperties").filter(|value| value.is_object());
            Shape::Map { key: None, value: Box::new(value.map_or(Shape::Text(None), |value| shape(value, root))) }
        }
    }
}

fn kinds(schema: &Value) -> Vec<&str> {
    let all = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    all.into_iter().filter(|kind| *kind != "null").collect()
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

fn choices(schema: &Value) -> Option<Vec<String>> {
    let words = |values: &[Value], word: fn(&Value) -> Option<&str>| {
        values.iter().map(|value| word(value).map(str::to_owned)).collect::<Option<Vec<_>>>()
    };
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return words(values, Value::as_str);
    }
    let options = schema.get("oneOf").and_then(Value::as_array)?;
    // schemars writes variants without documentation as one `enum` beside the others.
    let mut all = Vec::new();
    for option in options {
        match option.get("const").and_then(Value::as_str) {
            Some(word) => all.push(word.to_owned()),
            None => all.extend(choices(option)?),
        }
    }
    Some(all)
}

fn bound(schema: &Value, name: &str, otherwise: i128) -> i128 {
    schema.get(name).and_then(Value::as_i64).map_or(otherwise, i128::from)
}

impl Shape {
    /// What is expected, in a sentence.
    pub(crate) fn noun(&self) -> String {
        match self {
            Self::Text(Some(grammar)) => grammar.one.to_owned(),
            Self::Text(None) | Self::AnyText => "a string".to_owned(),
            Self::Choice(words) => listed(words, "or"),
            Self::Integer { least: 1, most: 65_535 } => "a port, 1 to 65535".to_owned(),
            Self::Integer { least, most } if *most < i128::from(u32::MAX) => {
                format!("a whole number from {least} to {most}")
            }
            Self::Integer { .. } => "a whole number".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::List(item) => match item.as_ref() {
                Self::Text(Some(grammar)) => format!("a list of {}", grammar.many),
                Self::Choice(words) => format!("a list of {}", listed(words, "or")),
                _ => "a list of strings".to_owned(),
            },
            Self::Map { .. } | Self::Struct(_) => "a map".to_owned(),
            Self::Either(shapes) => {
                let nouns: Vec<_> = shapes.iter().map(Self::noun).collect();
                nouns.join(", or ")
            }
        }
    }
}

/// Words in backticks: `a`, `b` or `c`.
pub(crate) fn listed(words: &[String], and: &str) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {and} {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}
