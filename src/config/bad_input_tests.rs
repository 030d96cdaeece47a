//! Bad configurations, and exactly what each gets: a table, bytes that are no text, budgets, and mutations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::config::inputs::{InputFile, Inputs, KnownNames};
use crate::config::paths::PathFacts;
use crate::config::problems::Problems;
use crate::config::project::Project;
use crate::config::read;
use crate::names::ImageName;

/// Longest time for any file, with room for slow machines and builds without optimisation.
const SOON: Duration = Duration::from_secs(2);

pub(super) const GOOD: &str = include_str!("testdata/good.yaml");

pub(super) fn known() -> KnownNames {
    let image = |name: &str| ImageName::new(name).unwrap();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let images = [("base", None), ("python", Some("base")), ("node", Some("base")), ("postgres", Some("base"))];
    KnownNames {
        images: images.into_iter().map(|(name, parent)| (image(name), parent.map(image))).collect(),
        presets: names(&["postgres", "redis", "mail"]),
        with_page: names(&["mail"]),
        seeded: names(&["postgres"]),
        with_data: names(&["postgres", "redis"]),
        credentials: [("postgres".to_owned(), names(&["user", "password", "database"]))].into(),
        offers: [("postgres".to_owned(), names(&["url", "host", "port", "user", "password", "name", "database"]))]
            .into(),
        version: (0, 3, 1),
    }
}

pub(super) fn source(name: &str, bytes: &[u8]) -> InputFile {
    InputFile { name: name.to_owned(), bytes: bytes.to_vec() }
}

pub(super) fn finished(main: &[u8], local: Option<&[u8]>, facts: &PathFacts) -> Result<Project, Problems> {
    let main = source("devenv.yaml", main);
    let local = local.map(|local| source("devenv.local.yaml", local));
    let env = BTreeMap::from([
        ("PORT".to_owned(), "9000".to_owned()),
        ("EVIL".to_owned(), "{a: ${X}}\nb: 1".to_owned()),
        ("EMPTY".to_owned(), String::new()),
        ("NULL".to_owned(), "null".to_owned()),
        ("TILDE".to_owned(), "~".to_owned()),
    ]);
    read(Inputs { main: &main, local: local.as_ref(), env: &env }).checked_against(&known()).finish(facts)
}

/// Each case of the table: a file, maybe a local file, and every problem.
fn table() -> Vec<(&'static str, Option<&'static str>, &'static str)> {
    let cases = include_str!("testdata/bad.txt").split("===\n").skip(1);
    let parts = cases.map(|case| case.split_once("\n>>>\n").unwrap());
    parts
        .map(|(input, expected)| match input.split_once("\n--- devenv.local.yaml\n") {
            Some((main, local)) => (main, Some(local), expected),
            None => (input, None, expected),
        })
        .collect()
}

fn problems(main: &[u8], local: Option<&[u8]>) -> Problems {
    match finished(main, local, &PathFacts::new()) {
        Ok(_) => panic!("accepted:\n{}", String::from_utf8_lossy(main)),
        Err(problems) => problems,
    }
}

#[test]
fn each_bad_file_gets_exactly_its_problems() {
    let cases = table();
    assert!(cases.len() >= 180, "{}", cases.len());
    let mut wrong = String::new();
    for (main, local, expected) in cases {
        let found = problems(main.as_bytes(), local.map(str::as_bytes));
        if format!("{found}\n") != expected {
            wrong.push_str(&format!("{main}\n>>>\n{found}\n===\n"));
        }
        assert_sound(&found);
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Every problem has a place inside its file, and fits on one line.
fn assert_sound(problems: &Problems) {
    assert!(!problems.list.is_empty());
    for problem in &problems.list {
        let place = problem.place.as_ref().unwrap();
        let (_, text) = problems.texts.iter().find(|(name, _)| *name == place.file).unwrap();
        assert!(text.get(place.bytes.start..place.bytes.end).is_some(), "{problem}");
        assert!(!problem.message.is_empty() && !problem.message.contains(char::is_control), "{problem}");
    }
}

#[test]
fn the_example_of_the_design_is_accepted() {
    let project = finished(GOOD.as_bytes(), None, &PathFacts::new()).map_err(|problems| problems.to_string()).unwrap();
    assert_eq!(project.file.modules.len(), 2);
    assert_eq!(project.place(&["modules", "api", "port"]).unwrap().to_string(), "devenv.yaml:19");
}

#[test]
fn a_byte_order_mark_and_crlf_are_accepted() {
    let crlf = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
    assert!(finished(crlf.as_bytes(), None, &PathFacts::new()).is_ok());
    assert_eq!(
        problems("\u{feff}project: shop\r\nx-é: 😀\r\nmodles: {}\r\n".as_bytes(), None).to_string(),
        "devenv.yaml:3:1: unknown key `modles` (did you mean `modules`?)"
    );
}

#[test]
fn bytes_that_are_no_text_are_named_with_their_place() {
    let empty =
        "devenv.yaml:1:1: `devenv.yaml` is empty (`devenv init` writes one; at least `project: NAME` must be there)";
    let nul = "of devenv.yaml is NUL (is this a binary file, or UTF-16? Save it as UTF-8 text)";
    let control = "(remove it; in double quotes write an escape such as \\e)";
    let table: [(&[u8], String); 8] = [
        (b"", empty.to_owned()),
        (b" \n\n", empty.to_owned()),
        (b"\xff\xfep\0", "devenv.yaml:1:1: devenv.yaml is in UTF-16 (save it as UTF-8)".to_owned()),
        (b"project: a\nx\0", format!("devenv.yaml:2:2: byte 12 {nul}")),
        (b"p\0r\0", format!("devenv.yaml:1:2: byte 1 {nul}")),
        (
            b"project: caf\xe9\n",
            "devenv.yaml:1:13: byte 12 of devenv.yaml (0xe9) is not UTF-8 (save the file as UTF-8)".to_owned(),
        ),
        (
            b"\x7fELF\x02\x01",
            format!("devenv.yaml:1:1: byte 0 of devenv.yaml is the control character U+007F {control}"),
        ),
        (
            b"project: \x1b[31ma",
            format!("devenv.yaml:1:10: byte 9 of devenv.yaml is the control character U+001B {control}"),
        ),
    ];
    for (bytes, expected) in table {
        let found = problems(bytes, None);
        assert_eq!(found.to_string(), expected);
        assert_sound(&found);
    }
}

/// Files that would need hours or gigabytes if they were believed.
fn hostile() -> Vec<(&'static str, String)> {
    let nine = |name: char| vec![format!("*{name}"); 9].join(",");
    let names = || ('a'..'y').zip('b'..'z');
    let bomb = names().map(|(a, b)| format!("x-{b}: &{b} [{}]\n", nine(a))).collect::<String>();
    let merges = names().map(|(a, b)| format!("x-{b}: &{b} {{<<: [{}], z{b}: *{a}}}\n", nine(a))).collect::<String>();
    let chain = (1..9_000).map(|i| format!("x-a{i}: &a{i} [*a{}]\n", i - 1)).collect::<String>();
    let stairs = (0..500).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<String>();
    vec![
        ("aliases", format!("x-a: &a [x,x,x]\n{bomb}")),
        ("merge keys", format!("x-a: &a {{k: v}}\n{merges}")),
        ("long texts", format!("x-a: &a {}\nx-b: [{}]\n", "y".repeat(100_000), vec!["*a"; 10_000].join(","))),
        ("a chain of aliases", format!("x-a0: &a0 [x]\n{chain}")),
        ("brackets", format!("x-a: {}", "[".repeat(100_000))),
        ("braces", format!("x-a: {}", "{a: ".repeat(50_000))),
        ("dashes", format!("x-a:\n {}", "- ".repeat(50_000))),
        ("question marks", "? ".repeat(50_000)),
        ("stairs", stairs),
        ("a big file", "a".repeat(5_000_000)),
    ]
}

#[test]
fn hostile_files_are_refused_before_they_cost_anything() {
    for (what, text) in hostile() {
        let start = Instant::now();
        let found = problems(text.as_bytes(), None);
        assert!(start.elapsed() < SOON, "{what}: {:?}", start.elapsed());
        assert_eq!(found.list.len(), 1, "{what}: {found}");
        assert_sound(&found);
    }
}

#[test]
fn of_thousands_of_problems_the_first_are_shown_and_the_rest_counted() {
    let text = format!("project: shop\nx-a: '{}'\n", "$a".repeat(5_000));
    let found = problems(text.as_bytes(), None);
    assert_eq!((found.list.len(), found.list[200].message.as_str()), (201, "4800 more problems are not shown"));
    assert_sound(&found);
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most as u64).unwrap()
    }
}

fn mutated(text: &str, numbers: &mut Numbers) -> String {
    const PIECES: [&str; 30] = [
        ":",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "\t",
        "\n",
        "  ",
        "#",
        "&a ",
        "*a",
        "!x ",
        "$",
        "${",
        "${A}",
        "|",
        ">",
        "é",
        "😀",
        "null",
        "~",
        "<<: ",
        "-1",
        "---\n",
        "? ",
        "\0",
        "9999999999999999999999",
    ];
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=numbers.below(2) {
        let at = numbers.below(chars.len());
        match numbers.below(4) {
            0 => drop(chars.splice(at..(at + 1 + numbers.below(4)).min(chars.len()), [])),
            1 => drop(chars.splice(at..at, PIECES[numbers.below(PIECES.len())].chars())),
            2 => chars[at] = char::from(b'a' + u8::try_from(numbers.below(26)).unwrap()),
            _ => {
                let other = numbers.below(chars.len());
                chars.swap(at, other);
            }
        }
    }
    chars.into_iter().collect()
}

#[test]
fn a_mutated_file_is_accepted_or_gets_located_problems() {
    const LOCAL: &str = "modules: {api: {env: {A: b}, build: null}}\nstart: ask\nports: {db: 1}\n";
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let mut refused = 0;
    for round in 0..2_000 {
        let text = mutated(GOOD, &mut numbers);
        let local = (round % 5 == 0).then(|| mutated(LOCAL, &mut numbers));
        let start = Instant::now();
        let result = finished(text.as_bytes(), local.as_deref().map(str::as_bytes), &PathFacts::new());
        assert!(start.elapsed() < SOON, "{:?}\n{text}", start.elapsed());
        if let Err(found) = result {
            refused += 1;
            assert_sound(&found);
        }
    }
    assert!(refused > 1_000, "{refused}");
}

#[test]
fn a_mistyped_key_is_one_problem_with_the_right_key_in_it() {
    const NAMES: [&str; 16] = [
        "api",
        "python",
        "migrate",
        "cache",
        "mail",
        "billing",
        "staging",
        "prod",
        "new-checkout",
        "wheel",
        "browser",
        "report",
        "nightly",
        "suite",
        "names",
        "LEVEL",
    ];
    let mut count = 0;
    for line in GOOD.lines() {
        let Some((key, _)) = line.trim_start().split_once(':') else { continue };
        if key.len() < 4 || NAMES.contains(&key) {
            continue;
        }
        for at in 0..key.len() {
            let mut mistyped = key.to_owned();
            mistyped.replace_range(at..=at, "q");
            let text = GOOD.replacen(line, &line.replacen(key, &mistyped, 1), 1);
            let found = problems(text.as_bytes(), None);
            let expected = format!("unknown key `{mistyped}`");
            let problem = found.list.iter().find(|problem| problem.message.starts_with(&expected)).unwrap();
            // `pathq` is as near to `paths` as to `path`.
            let right = |help: &str| help == format!("did you mean `{key}`?") || help == "did you mean `path`?";
            assert!(problem.help.as_deref().is_some_and(right), "{found}");
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}
