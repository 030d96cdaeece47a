//! Which time of a JUnit file belongs to which test of a batch.

use std::collections::BTreeMap;

use crate::plan::tasks::junit::TestCase;

/// How long each test of a batch took, in seconds. A test is a file, a package or the name of a case; runners write each in
/// their own way, so both are compared as words with dots. Cases that belong to none are shared by those without any.
#[must_use]
pub fn times(tests: &[String], cases: &[TestCase]) -> BTreeMap<String, f64> {
    let mut found: BTreeMap<&str, f64> = BTreeMap::new();
    let mut left = 0.0;
    let known: BTreeMap<String, &str> =
        tests.iter().flat_map(|test| spellings(test).map(|spelling| (spelling, test.as_str()))).collect();
    for case in cases {
        let seconds = case.seconds.unwrap_or_default();
        match owner(&known, case) {
            Some(test) => *found.entry(test).or_default() += seconds,
            None => left += seconds,
        }
    }
    let without: Vec<&String> = tests.iter().filter(|test| !found.contains_key(test.as_str())).collect();
    let share = left / without.len().max(1) as f64;
    let mut all: BTreeMap<String, f64> = found.into_iter().map(|(test, seconds)| (test.to_owned(), seconds)).collect();
    if left > 0.0 {
        all.extend(without.into_iter().map(|test| (test.clone(), share)));
    }
    all
}

/// The test with the longest name that a case begins with.
fn owner<'a>(known: &BTreeMap<String, &'a str>, case: &TestCase) -> Option<&'a str> {
    [dotted(&format!("{}.{}", case.class, case.name)), dotted(&case.name)].into_iter().find_map(|name| {
        let mut ends = name.match_indices('.').map(|(at, _)| at).collect::<Vec<_>>();
        ends.push(name.len());
        // A parameter in brackets belongs to its test.
        ends.extend(name.find('['));
        ends.sort_unstable_by(|a, b| b.cmp(a));
        ends.into_iter().find_map(|end| known.get(&name[..end]).copied())
    })
}

/// A name with dots between its parts.
fn dotted(name: &str) -> String {
    name.trim_start_matches("./").trim_start_matches('.').replace("::", ".").replace(['/', '\\'], ".")
}

/// How runners may write a test: whole, and without the ending of its file.
fn spellings(test: &str) -> [String; 2] {
    let (file, rest) = test.split_once("::").map_or((test, String::new()), |(file, rest)| (file, format!(".{rest}")));
    let is_ending = |end: &str| (1..=4).contains(&end.len()) && end.chars().all(|c| c.is_ascii_alphanumeric());
    let stem = file.rsplit_once('.').filter(|(_, end)| is_ending(end)).map_or(file, |(stem, _)| stem);
    [dotted(test), dotted(&format!("{stem}{rest}"))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tasks::junit::Verdict;

    fn told(tests: &[&str], cases: &[(&str, &str, f64)]) -> Vec<String> {
        let tests: Vec<String> = tests.iter().map(|test| (*test).to_owned()).collect();
        let case = |(class, name, seconds): &(&str, &str, f64)| TestCase {
            class: (*class).to_owned(),
            name: (*name).to_owned(),
            seconds: Some(*seconds),
            verdict: Verdict::Passed,
            message: String::new(),
        };
        let cases: Vec<TestCase> = cases.iter().map(case).collect();
        times(&tests, &cases).into_iter().map(|(test, seconds)| format!("{test} {seconds}")).collect()
    }

    #[test]
    fn the_cases_of_known_runners_find_their_tests() {
        let pytest =
            [("tests.test_a", "test_x[1.5]", 1.0), ("tests.test_a.TestK", "test_y", 2.0), ("tests.test_ab", "t", 4.0)];
        assert_eq!(
            told(&["tests/test_a.py", "tests/test_ab.py"], &pytest),
            ["tests/test_a.py 3", "tests/test_ab.py 4"]
        );
        let ids = ["tests/test_a.py::test_x[1.5]", "tests/test_a.py::TestK::test_y", "tests/test_ab.py::t"];
        assert_eq!(told(&ids, &pytest), [format!("{} 2", ids[1]), format!("{} 1", ids[0]), format!("{} 4", ids[2])]);
        let go = [("example.com/shop/queue", "TestPush", 1.0), ("example.com/shop/queue/disk", "TestPop", 2.0)];
        let packages = ["example.com/shop/queue", "example.com/shop/queue/disk"];
        assert_eq!(told(&packages, &go), ["example.com/shop/queue 1", "example.com/shop/queue/disk 2"]);
        let nextest = [("shop", "queue::tests::push", 1.0), ("shop::it", "pops", 2.0)];
        assert_eq!(told(&["queue::tests::push", "pops"], &nextest), ["pops 2", "queue::tests::push 1"]);
    }

    #[test]
    fn what_belongs_to_nobody_is_shared_by_those_without_any() {
        let node = [("test", "adds", 3.0), ("test", "removes", 1.0)];
        assert_eq!(told(&["a.test.mjs", "b.test.mjs"], &node), ["a.test.mjs 2", "b.test.mjs 2"]);
        assert_eq!(told(&["a.test.mjs"], &[]), Vec::<String>::new());
    }
}
