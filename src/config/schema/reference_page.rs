//! The reference page of all keys, from the same table that files are checked against.

use std::fmt::Write as _;

use crate::config::schema::table::{Field, File, Presence, Shape, TABLE};

/// Markdown with every key of devenv.yaml and devenv.local.yaml: what it may be, and what it means.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(
        "# devenv.yaml and devenv.local.yaml\n\n\
         Generated from the types in `src/config/` (`file.rs`, `module.rs`, `local.rs`, `environment.rs`): change it there.\n\n\
         `NAME` stands for a name of your own. `devenv.local.yaml` has the same keys, overrides `devenv.yaml`, and may\n\
         also have those of the second table; there, `null` restores a default. Keys that start with `x-` are yours.\n\
         `${VAR}`, `${VAR:-default}` and `${VAR:?message}` are replaced in every value; `$$` is a `$`.\n",
    );
    if let Shape::Struct(fields) = &*TABLE {
        for (file, title) in [(File::Both, "devenv.yaml"), (File::Local, "only in devenv.local.yaml")] {
            let _ = write!(page, "\n## {title}\n\n| key | value | meaning |\n|---|---|---|\n");
            for field in fields.iter().filter(|field| field.file == file) {
                row(&mut page, "", field);
            }
        }
    }
    page
}

fn row(page: &mut String, parent: &str, field: &Field) {
    let path = format!("{parent}{}", field.name);
    let presence = if field.presence == Presence::Required { ", required" } else { "" };
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let (value, about) = (cell(&noun(&field.shape)), cell(field.about.trim_end_matches('.')));
    let _ = writeln!(page, "| `{path}` | {value}{presence} | {about} |");
    below(page, &path, &field.shape);
}

fn below(page: &mut String, path: &str, shape: &Shape) {
    match shape {
        Shape::Struct(fields) => fields.iter().for_each(|field| row(page, &format!("{path}."), field)),
        Shape::Map { value, .. } => below(page, &format!("{path}.NAME"), value),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| below(page, path, shape)),
        _ => {}
    }
}

fn noun(shape: &Shape) -> String {
    match shape {
        Shape::Map { key, value } => {
            let key = key.map_or("a string", |key| key.one);
            match value.as_ref() {
                Shape::Struct(_) => format!("a map from {key}"),
                value => format!("a map from {key} to {}", value.noun()),
            }
        }
        shape => shape.noun(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_row_with_a_meaning() {
        let page = markdown();
        for row in [
            "| `project` | a name, required |",
            "| `modules.NAME.deps.lock` | a list of paths, required |",
            "| `services.NAME.env` | a map from a variable's name to a string |",
            "| `start` | `resume`, `fresh` or `ask` |",
        ] {
            assert!(page.contains(row), "{row}\n{page}");
        }
        assert!(!page.contains("|  |"), "{page}");
    }
}
