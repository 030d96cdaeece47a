//! The shape of the code: layers import only downwards, and each kind of effect stays in the layers that own it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// The layers of `lib.rs`, highest first: each may import itself and what comes after it.
const LAYERS: [&str; 18] = [
    "cli", "commands", "ui", "apply", "host", "render", "plan", "config", "assets", "redact", "plain", "digest",
    "labels", "nearest", "names", "paths", "amounts", "error",
];

/// Paths that only some layers may use.
const OWNED: [(&str, &[&str]); 5] = [
    ("tokio", &["cli", "commands", "apply", "host"]),
    ("std::fs", &["cli", "commands", "apply", "host"]),
    // Whether colours and questions are welcome is a matter of the environment too.
    ("std::env", &["cli", "commands", "apply", "host", "ui"]),
    ("std::process::Command", &["host"]),
    ("std::time::SystemTime", &["cli", "commands", "apply", "host"]),
];

/// Macros that print.
const PRINTING: [&str; 5] = ["println", "eprintln", "print", "eprint", "dbg"];
/// Layers that print.
const PRINTERS: [&str; 2] = ["ui", "cli"];

/// File names that say nothing about what is in the file.
const EMPTY_NAMES: [&str; 6] = ["util", "common", "helpers", "manager", "shared", "misc"];

/// `devenv.` and one of these is a file, not a label.
const FILES: [&str; 7] = ["yaml", "lock", "local", "compose", "example", "nix", "sh"];

/// One word of the source, with its line.
struct Word {
    text: String,
    line: usize,
}

/// Everything that is wrong with one file; `path` is below `src`.
fn faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.starts_with("//!") {
        faults.push(format!("{path}:1 does not begin with //!"));
    }
    let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rs");
    if EMPTY_NAMES.contains(&stem) {
        faults.push(format!("{path}: `{stem}` says nothing about what is in it"));
    }
    let layer = path.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    let words = words(text.parse().unwrap_or_else(|error| panic!("{path}: {error}")));
    let mut fault = |line: usize, what: String| faults.push(format!("{path}:{line} {what}"));
    for (at, word) in words.iter().enumerate() {
        let after = |many: usize| words.get(at + many).map_or("", |word| word.text.as_str());
        if word.text == "crate" && after(1) == "::" {
            for import in first_names(&words[at + 2..]) {
                let place = |name: &str| LAYERS.iter().position(|layer| *layer == name);
                match (place(layer), place(&import)) {
                    (Some(own), Some(other)) if own > other => {
                        fault(word.line, format!("{layer} imports {import}, which is above it"));
                    }
                    (_, None) => fault(word.line, format!("crate::{import} is in no layer")),
                    _ => {}
                }
            }
        }
        if PRINTING.contains(&word.text.as_str()) && after(1) == "!" && !PRINTERS.contains(&layer) {
            fault(word.line, format!("{layer} prints with {}!", word.text));
        }
        if word.text == "::" && after(1) == "*" {
            fault(word.line, "imports everything of a module".to_owned());
        }
        if path != "labels.rs" && is_label(&word.text) {
            fault(word.line, format!("label {} stands outside labels.rs", word.text));
        }
    }
    for (line, used) in paths(&words) {
        for (owned, owners) in OWNED {
            let is = used == owned || used.starts_with(&format!("{owned}::"));
            if is && LAYERS.contains(&layer) && !owners.contains(&layer) {
                fault(line, format!("{layer} uses {owned}"));
            }
        }
    }
    faults
}

/// A string that is nothing but the name of a label.
fn is_label(word: &str) -> bool {
    let Some(rest) = word.strip_prefix("\"devenv.").and_then(|rest| rest.strip_suffix('"')) else { return false };
    let first = rest.split('.').next().unwrap_or_default();
    let plain = rest.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '.');
    plain && !first.is_empty() && !FILES.contains(&first)
}

/// The words of a file without comments and tests; a path's `::` is one word.
fn words(tokens: TokenStream) -> Vec<Word> {
    let mut words = Vec::new();
    let mut tokens = tokens.into_iter();
    let mut for_tests = false;
    while let Some(token) = tokens.next() {
        let line = token.span().start().line;
        match token {
            TokenTree::Group(group) => {
                if group.stream().to_string().replace(' ', "") == "cfg(test)" {
                    for_tests = true;
                    continue;
                }
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                if for_tests {
                    for_tests = open != "{";
                    continue;
                }
                words.push(Word { text: open.to_owned(), line });
                words.extend(self::words(group.stream()));
                words.push(Word { text: close.to_owned(), line: group.span_close().start().line });
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' && for_tests => for_tests = false,
            _ if for_tests => {}
            TokenTree::Punct(punct) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint => {
                let _second = tokens.next();
                words.push(Word { text: "::".to_owned(), line });
            }
            other => words.push(Word { text: other.to_string(), line }),
        }
    }
    words
}

/// The first names after `crate::`, several in `crate::{one, other::Thing}`.
fn first_names(words: &[Word]) -> Vec<String> {
    let Some(first) = words.first() else { return Vec::new() };
    if first.text != "{" {
        return vec![first.text.clone()];
    }
    let end = words.iter().position(|word| word.text == ";").unwrap_or(words.len());
    paths(&words[..end]).into_iter().filter_map(|(_, path)| path.split("::").next().map(str::to_owned)).collect()
}

/// All paths, braces of imports multiplied out: `std::{fs, io::Read}` is `std::fs` and `std::io::Read`.
fn paths(words: &[Word]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut prefixes: Vec<String> = Vec::new();
    let mut path = String::new();
    let mut line = 0;
    for word in words.iter().map(Some).chain([None]) {
        let text = word.map_or("", |word| word.text.as_str());
        let is_name = text.chars().all(|c| c.is_alphanumeric() || c == '_') && !text.is_empty();
        if text == "::" {
            path.push_str("::");
        } else if is_name && path.ends_with("::") {
            path.push_str(text);
        } else {
            if !path.is_empty() && !path.ends_with("::") {
                found.push((line, format!("{}{path}", prefixes.concat())));
            }
            match text {
                "{" => prefixes.push(if path.ends_with("::") { path } else { String::new() }),
                "}" => drop(prefixes.pop()),
                _ => {}
            }
            path = if is_name { text.to_owned() } else { String::new() };
            line = word.map_or(line, |word| word.line);
        }
    }
    found
}

/// Files that are compiled for tests only: `#[cfg(test)] mod name;` in the file of their parent.
fn test_files(path: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while lines.any(|line| line == "#[cfg(test)]") {
        let mut line = lines.next().unwrap_or_default();
        let named = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]"));
        if named.is_some() {
            line = lines.next().unwrap_or_default();
        }
        let Some((_, name)) = line.strip_suffix(';').and_then(|line| line.split_once("mod ")) else { continue };
        let beside = path.parent().unwrap_or(path);
        let is_folder = path.file_name().is_some_and(|name| name == "mod.rs" || name == "lib.rs");
        found.push(match named {
            Some(named) => beside.join(named),
            None if is_folder => beside.join(format!("{name}.rs")),
            None => path.with_extension("").join(format!("{name}.rs")),
        });
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn layers_import_only_downwards_and_effects_stay_in_theirs() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    files.sort();
    assert!(files.len() > 80, "only {} files: is {} still the source?", files.len(), src.display());
    let texts: Vec<(PathBuf, String)> =
        files.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect();
    let tests: BTreeSet<PathBuf> = texts.iter().flat_map(|(path, text)| test_files(path, text)).collect();
    let mut all = Vec::new();
    for (path, text) in texts.iter().filter(|(path, _)| !tests.contains(path)) {
        all.extend(faults(&path.strip_prefix(&src).unwrap().display().to_string(), text));
    }
    assert!(all.is_empty(), "\n{}\n", all.join("\n"));
}

/// The file of `src` in which a path of the crate ends, if it is not the file itself.
fn file_of(path: &str, files: &BTreeSet<String>) -> Option<String> {
    let names: Vec<&str> = path.split("::").collect();
    (1..=names.len()).rev().find_map(|many| {
        let module = names[..many].join("/");
        [format!("{module}.rs"), format!("{module}/mod.rs")].into_iter().find(|file| files.contains(file))
    })
}

/// What each file imports: paths that begin with `crate::`, and those into a module that it declares.
fn imports(texts: &BTreeMap<String, String>) -> BTreeMap<String, BTreeSet<String>> {
    let files: BTreeSet<String> = texts.keys().cloned().collect();
    let of = |(file, text): (&String, &String)| {
        let words = words(text.parse().unwrap());
        let folder = file.strip_suffix("/mod.rs").unwrap_or_default().replace('/', "::");
        let imported = paths(&words).into_iter().filter_map(|(_, path)| match path.strip_prefix("crate::") {
            Some(rest) => file_of(rest, &files),
            None if folder.is_empty() || !path.contains("::") => None,
            None => file_of(&format!("{folder}::{path}"), &files),
        });
        (file.clone(), imported.filter(|other| other != file).collect())
    };
    texts.iter().map(of).collect()
}

/// The files that import each other in a cycle: none is left when whoever imports nothing that is left is taken away.
fn circles(mut imports: BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    loop {
        let ends: BTreeSet<String> =
            imports.iter().filter(|(_, to)| to.is_empty()).map(|(file, _)| file.clone()).collect();
        let begins: BTreeSet<String> =
            imports.keys().filter(|file| !imports.values().any(|to| to.contains(*file))).cloned().collect();
        if ends.is_empty() && begins.is_empty() {
            return imports;
        }
        imports.retain(|file, _| !ends.contains(file) && !begins.contains(file));
        for to in imports.values_mut() {
            to.retain(|file| !ends.contains(file));
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let texts: Vec<(PathBuf, String)> =
        files.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect();
    let tests: BTreeSet<PathBuf> = texts.iter().flat_map(|(path, text)| test_files(path, text)).collect();
    let texts = texts.into_iter().filter(|(path, _)| !tests.contains(path));
    let texts = texts.map(|(path, text)| (path.strip_prefix(&src).unwrap().display().to_string(), text)).collect();
    let left: Vec<String> =
        circles(imports(&texts)).into_iter().map(|(file, to)| format!("{file} imports {to:?}")).collect();
    assert!(left.is_empty(), "\n{}\n", left.join("\n"));
}

#[test]
fn a_circle_of_files_is_found_through_others_and_through_a_folder() {
    let texts =
        |all: &[(&str, &str)]| all.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    let straight = texts(&[
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "use crate::c::{C, d::D};"),
        ("c/mod.rs", "pub mod d;"),
        ("c/d.rs", ""),
    ]);
    assert_eq!(circles(imports(&straight)), BTreeMap::new());
    let round = texts(&[
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "use crate::c::C;"),
        ("c/mod.rs", "pub mod d; fn f() { d::g() }"),
        ("c/d.rs", "fn g() { crate::b::h() }"),
        ("e.rs", "use crate::a::A;"),
    ]);
    let left: Vec<String> = circles(imports(&round)).into_keys().collect();
    assert_eq!(left, ["b.rs", "c/d.rs", "c/mod.rs"]);
}

#[test]
fn the_order_of_the_layers_is_the_one_that_lib_rs_tells() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let told = lib.lines().find(|line| line.starts_with("//! `cli")).unwrap();
    let told = told.trim_start_matches("//! `").trim_end_matches("`.").replace(" → ", ", ");
    assert_eq!(told, LAYERS.join(", "));
    let modules: BTreeSet<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(modules, BTreeSet::from(LAYERS));
}

#[test]
fn templates_leave_labels_to_the_program() {
    let compose = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose");
    for file in ["base.yaml", "dev.yaml"] {
        let text = fs::read_to_string(compose.join(file)).unwrap();
        assert!(!text.contains("devenv."), "{file} names a label, or a file of devenv's");
    }
}

#[test]
fn a_wrong_file_is_told_all_that_is_wrong_with_it() {
    let text = r#"// no heading
use std::{env, fs as files, io::Read};
use crate::host::files;
use crate::{commands::up, names::PartName};
use crate::config::*;
use crate::tools::Hammer;

/// crate::cli and println! in a comment are harmless.
fn decide() {
    println!("crate::cli");
    let plain = "devenv.yaml, devenv.checkout and more";
    let label = "devenv.checkout";
    let now = std::time::SystemTime::now();
    let file = "devenv.local.yaml";
    tokio::spawn(crate::ui::screen::show(vec![std::process::Command::new("x")]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    fn fine() { println!("here"); }
}
"#;
    assert_eq!(
        faults("plan/util.rs", text),
        [
            "plan/util.rs:1 does not begin with //!",
            "plan/util.rs: `util` says nothing about what is in it",
            "plan/util.rs:3 plan imports host, which is above it",
            "plan/util.rs:4 plan imports commands, which is above it",
            "plan/util.rs:5 imports everything of a module",
            "plan/util.rs:6 crate::tools is in no layer",
            "plan/util.rs:10 plan prints with println!",
            "plan/util.rs:12 label \"devenv.checkout\" stands outside labels.rs",
            "plan/util.rs:15 plan imports ui, which is above it",
            "plan/util.rs:2 plan uses std::env",
            "plan/util.rs:2 plan uses std::fs",
            "plan/util.rs:13 plan uses std::time::SystemTime",
            "plan/util.rs:15 plan uses tokio",
            "plan/util.rs:15 plan uses std::process::Command",
        ]
    );
}

#[test]
fn a_right_file_is_right() {
    let text = "//! Good.\nuse crate::plan::Plan;\nuse crate::{error::Result, names};\nuse std::fs;\nfn f() { tokio::spawn(1); }\n";
    assert_eq!(faults("host/files/mod.rs", text), Vec::<String>::new());
    assert_eq!(faults("ui/screen.rs", "//! Good.\nfn f() { println!(); std::env::var(1); }\n"), Vec::<String>::new());
}

#[test]
fn files_for_tests_are_known_by_their_parent() {
    let text =
        "#[cfg(test)]\nmod tests;\nmod other;\n#[cfg(test)]\npub(crate) mod samples;\n#[cfg(test)]\nmod here {\n";
    let found = test_files(Path::new("src/plan/doctor/repair_plan.rs"), text);
    assert_eq!(
        found,
        ["src/plan/doctor/repair_plan/tests.rs", "src/plan/doctor/repair_plan/samples.rs"].map(PathBuf::from)
    );
    let found = test_files(Path::new("src/plan/mod.rs"), "#[cfg(test)]\nmod samples;\n");
    assert_eq!(found, [PathBuf::from("src/plan/samples.rs")]);
    let found = test_files(Path::new("src/plan/edit.rs"), "#[cfg(test)]\n#[path = \"edit_tests.rs\"]\nmod tests;\n");
    assert_eq!(found, [PathBuf::from("src/plan/edit_tests.rs")]);
}
