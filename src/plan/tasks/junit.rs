//! JUnit files: the results of a task's tests, read from its runner's files, and written as one file.
//!
//! There is no standard; this reads what pytest, Node, nextest, gotestsum, Playwright and PHPUnit write: `testsuites` or a single
//! `testsuite` at the top, suites in suites, times that are missing. A file with a document type is refused: its entities
//! could be endless.

use quick_xml::escape::escape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde::{Deserialize, Serialize};

/// What became of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It failed, or could not be run to its end.
    Failed,
    /// It was left out.
    Skipped,
}

/// A test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestCase {
    /// The suite and class that it belongs to.
    pub class: String,
    /// Its name.
    pub name: String,
    /// How long it took, in seconds; none where the file does not say.
    pub seconds: Option<f64>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it failed, in its first line.
    pub message: String,
}

impl TestCase {
    /// Its class and its name, as people read them.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.class, self.name).trim().to_owned()
    }
}

/// How many tests came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCount {
    /// Those that passed.
    pub passed: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those that were left out.
    pub skipped: usize,
}

impl TestCount {
    /// Counts tests.
    #[must_use]
    pub fn of(cases: &[TestCase]) -> Self {
        let count = |verdict| cases.iter().filter(|case| case.verdict == verdict).count();
        Self { passed: count(Verdict::Passed), failed: count(Verdict::Failed), skipped: count(Verdict::Skipped) }
    }

    /// Why they fail their task; none where they do not.
    #[must_use]
    pub fn failure(self, cases: &[TestCase]) -> Option<String> {
        let first = cases.iter().find(|case| case.verdict == Verdict::Failed)?;
        let all = self.passed + self.failed + self.skipped;
        Some(format!("{} of {all} tests failed, first {}", self.failed, first.name))
    }
}

impl std::fmt::Display for TestCount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed", self.passed)?;
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        if self.skipped > 0 { write!(f, ", {} skipped", self.skipped) } else { Ok(()) }
    }
}

/// Why a file of results cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JunitError {
    /// It is not XML.
    #[error("it is not XML: {0} (byte {1})")]
    Xml(String, u64),
    /// It has a document type.
    #[error("it has a document type, and entities are not read")]
    DocumentType,
    /// It is XML of another kind.
    #[error("its first element is <{0}>, and not <testsuites> or <testsuite>")]
    Other(String),
    /// It ends too early.
    #[error("it ends before its elements are closed")]
    Cut,
    /// It has no tests.
    #[error("there is no element in it")]
    Empty,
}

/// Elements that lie in each other at most.
const DEEPEST: usize = 64;
/// Characters of a message that are kept.
const LONGEST: usize = 2_000;

/// The tests of a file, in its order.
pub fn read(text: &str) -> Result<Vec<TestCase>, JunitError> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut state = Reading::default();
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|error| JunitError::Xml(error.to_string(), at))?;
        match event {
            Event::Start(element) => state.begin(&element, at)?,
            Event::Empty(element) => {
                state.begin(&element, at)?;
                state.end();
            }
            Event::End(_) => state.end(),
            Event::DocType(_) => return Err(JunitError::DocumentType),
            Event::Text(text) => state.text(&text),
            Event::CData(text) => state.text(&text),
            Event::Eof => break,
            _ => {}
        }
    }
    match (state.open.is_empty(), state.has_begun) {
        (_, false) => Err(JunitError::Empty),
        (false, _) => Err(JunitError::Cut),
        (true, _) => Ok(state.cases),
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    /// The names of the elements that are open.
    open: Vec<String>,
    suites: Vec<String>,
    cases: Vec<TestCase>,
    has_begun: bool,
    /// Whether the text belongs to a failure that has said nothing yet.
    wants_text: bool,
}

impl Reading {
    fn begin(&mut self, element: &BytesStart<'_>, at: u64) -> Result<(), JunitError> {
        let name = element.local_name().as_ref().to_owned();
        if !self.has_begun && !matches!(name.as_str(), "testsuites" | "testsuite") {
            return Err(JunitError::Other(name));
        }
        if self.open.len() >= DEEPEST {
            return Err(JunitError::Xml(format!("elements are nested more than {DEEPEST} deep"), at));
        }
        self.has_begun = true;
        match name.as_str() {
            "testsuite" => self.suites.push(attribute(element, "name", at)?.unwrap_or_default()),
            "testcase" => {
                let class = attribute(element, "classname", at)?;
                let suite = || self.suites.last().cloned().unwrap_or_default();
                let seconds =
                    attribute(element, "time", at)?.and_then(|time| time.replace(',', "").parse::<f64>().ok());
                self.cases.push(TestCase {
                    class: class.filter(|class| !class.is_empty()).unwrap_or_else(suite),
                    name: attribute(element, "name", at)?.unwrap_or_default(),
                    seconds: seconds.filter(|time| time.is_finite() && *time >= 0.0),
                    verdict: Verdict::Passed,
                    message: String::new(),
                });
            }
            "failure" | "error" if self.is_in_case() => {
                let message = attribute(element, "message", at)?.unwrap_or_default();
                self.wants_text = message.is_empty();
                self.verdict(Verdict::Failed, &message);
            }
            "skipped" if self.is_in_case() => self.verdict(Verdict::Skipped, ""),
            _ => {}
        }
        self.open.push(name);
        Ok(())
    }

    fn is_in_case(&self) -> bool {
        self.open.last().is_some_and(|name| name == "testcase")
    }

    fn verdict(&mut self, verdict: Verdict, message: &str) {
        if let Some(case) = self.cases.last_mut().filter(|case| case.verdict != Verdict::Failed) {
            case.verdict = verdict;
            case.message = message.lines().next().unwrap_or_default().chars().take(LONGEST).collect();
        }
    }

    fn text(&mut self, text: &str) {
        if let (true, Some(line)) = (self.wants_text, text.lines().find(|line| !line.trim().is_empty()))
            && let Some(case) = self.cases.last_mut()
        {
            case.message = line.trim().chars().take(LONGEST).collect();
            self.wants_text = false;
        }
    }

    fn end(&mut self) {
        match self.open.pop().as_deref() {
            Some("testsuite") => drop(self.suites.pop()),
            Some("failure" | "error") => self.wants_text = false,
            _ => {}
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str, at: u64) -> Result<Option<String>, JunitError> {
    let odd = |error: String| JunitError::Xml(error, at);
    match element.try_get_attribute(name).map_err(|error| odd(error.to_string()))? {
        Some(found) => found
            .normalized_value(XmlVersion::Implicit1_0)
            .map(|value| Some(value.into_owned()))
            .map_err(|error| odd(error.to_string())),
        None => Ok(None),
    }
}

/// One file with a suite for each of these.
#[must_use]
pub fn write<'a>(suites: impl IntoIterator<Item = (&'a str, &'a [TestCase])>) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for (suite, cases) in suites {
        let count = |verdict| cases.iter().filter(|case| case.verdict == verdict).count();
        let seconds: f64 = cases.iter().filter_map(|case| case.seconds).sum();
        text.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{seconds:.3}\">\n",
            plain(suite),
            cases.len(),
            count(Verdict::Failed),
            count(Verdict::Skipped),
        ));
        cases.iter().for_each(|case| text.push_str(&written(case)));
        text.push_str("  </testsuite>\n");
    }
    text + "</testsuites>\n"
}

fn written(case: &TestCase) -> String {
    let time = case.seconds.map(|seconds| format!(" time=\"{seconds:.3}\"")).unwrap_or_default();
    let begin = format!("    <testcase classname=\"{}\" name=\"{}\"{time}", plain(&case.class), plain(&case.name));
    match case.verdict {
        Verdict::Passed => format!("{begin}/>\n"),
        Verdict::Failed => format!("{begin}><failure message=\"{}\"/></testcase>\n", plain(&case.message)),
        Verdict::Skipped => format!("{begin}><skipped/></testcase>\n"),
    }
}

/// A text for XML, which cannot have most control characters.
fn plain(text: &str) -> String {
    let allowed = |c: &char| !c.is_control() || matches!(c, '\t' | '\n');
    escape(text.chars().filter(allowed).collect::<String>()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let cases = read(text).unwrap().into_iter();
        cases
            .map(|case| format!("{}|{}|{:?}|{:?}|{}", case.class, case.name, case.seconds, case.verdict, case.message))
            .collect()
    }

    #[test]
    fn what_runners_write_is_read() {
        let pytest = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" tests="3">
          <testcase classname="tests.test_a" name="test_one[a&amp;b]" time="0.001" />
          <testcase classname="tests.test_a" name="test_two" time="1,234.5"><failure message="assert 1 == 2&#10;more">E  assert</failure></testcase>
          <testcase classname="" name="test_three"><skipped type="pytest.skip" message="why">x</skipped></testcase>
        </testsuite></testsuites>"#;
        assert_eq!(
            told(pytest),
            [
                "tests.test_a|test_one[a&b]|Some(0.001)|Passed|",
                "tests.test_a|test_two|Some(1234.5)|Failed|assert 1 == 2",
                "pytest|test_three|None|Skipped|",
            ]
        );
        let nested = "<testsuite name='a'><testsuite name='b'><testcase name='x'><error><![CDATA[\n  boom\n]]></error>\
             <system-out>noise</system-out></testcase></testsuite><testcase name='y' time='NaN'/></testsuite>";
        assert_eq!(told(nested), ["b|x|None|Failed|boom", "a|y|None|Passed|"]);
        assert_eq!(told("\u{feff}<testsuites/>"), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_such_file_says_why() {
        let why = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(why(""), "there is no element in it");
        assert_eq!(why("<html/>"), "its first element is <html>, and not <testsuites> or <testsuite>");
        assert_eq!(why("<testsuites><testsuite>"), "it ends before its elements are closed");
        assert!(why("<testsuites></testsuite>").starts_with("it is not XML: "));
        assert!(why("<testsuites><testcase name=\"a</testsuites>").starts_with("it is not XML: "));
        let bomb =
            "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><testsuites><testcase name='&b;'/></testsuites>";
        assert_eq!(why(bomb), "it has a document type, and entities are not read");
        assert!(why("<testsuites><testcase name='&b;'/></testsuites>").starts_with("it is not XML: "));
        assert!(why(&"<testsuite>".repeat(100)).contains("nested more than 64 deep"));
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let case = |verdict, message: &str| TestCase {
            class: "a<b".to_owned(),
            name: "x \"y\" & z".to_owned(),
            seconds: Some(0.5),
            verdict,
            message: message.to_owned(),
        };
        let cases = [case(Verdict::Passed, ""), case(Verdict::Failed, "1 < 2"), case(Verdict::Skipped, "")];
        assert_eq!(read(&write([("api:test", cases.as_slice())])).unwrap(), cases);
        assert!(!write([("a\u{1}", cases.as_slice())]).contains('\u{1}'));
    }
}
