//! Findings of `devenv check` for people, for programs, for GitHub's annotations and as JUnit's XML.

use serde_json::{Value, json};

use crate::plain::spaced;
use crate::plan::check::finding::{Finding, Severity};

/// Each finding with why it matters and how to fix it, and a last line that counts them.
#[must_use]
pub fn text(findings: &[Finding], silenced: usize) -> String {
    let mut text = String::new();
    for finding in findings {
        let (severity, rule) = (finding.severity.name(), finding.rule.name());
        // Names of files and words of linters are others' texts: none begins a line, or steers a terminal.
        let (spot, says) = (spaced(&finding.spot.to_string()), spaced(&finding.says));
        let fix: Vec<String> = finding.fix.lines().map(spaced).collect();
        text.push_str(&format!("{severity}[{rule}] {spot}: {says}\n"));
        text.push_str(&format!("  why: {}\n  fix: {}\n", finding.why, fix.join("\n       ")));
    }
    let many = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let (errors, warnings) = (many(Severity::Error), many(Severity::Warning));
    text.push_str(&format!("{}, {}", count(errors, "error"), count(warnings, "warning")));
    if silenced > 0 {
        text.push_str(&format!(", {silenced} silenced"));
    }
    text
}

/// An object with `findings` and the number of those that a comment has `silenced`.
#[must_use]
pub fn to_json(findings: &[Finding], silenced: usize) -> Value {
    let one = |finding: &Finding| {
        json!({
            "severity": finding.severity, "rule": finding.rule, "file": finding.spot.file, "line": finding.spot.line,
            "message": finding.says, "why": finding.why, "fix": finding.fix,
        })
    };
    json!({"findings": findings.iter().map(one).collect::<Vec<_>>(), "silenced": silenced})
}

/// Commands of GitHub's workflows, which become annotations of the lines.
#[must_use]
pub fn github(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let (severity, rule, spot) = (finding.severity.name(), finding.rule.name(), &finding.spot);
        let message = github_data(&format!("{}\nwhy: {}\nfix: {}", finding.says, finding.why, finding.fix));
        format!("::{severity} file={},line={},title={rule}::{message}", github_property(&spot.file), spot.line)
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A text as the message of an annotation.
pub(super) fn github_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A text as a property of an annotation.
pub(super) fn github_property(text: &str) -> String {
    github_data(text).replace(':', "%3A").replace(',', "%2C")
}

/// JUnit's XML: one case for each finding, failed where it is an error; a single good case where there is none.
#[must_use]
pub fn junit(findings: &[Finding]) -> String {
    let failures = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let cases: String = match findings {
        [] => "    <testcase classname=\"devenv check\" name=\"all rules\"/>\n".to_owned(),
        findings => findings.iter().map(case).collect(),
    };
    let many = findings.len().max(1);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{many}\" failures=\"{failures}\">\n  \
         <testsuite name=\"devenv check\" tests=\"{many}\" failures=\"{failures}\" errors=\"0\">\n{cases}  </testsuite>\n</testsuites>"
    )
}

fn case(finding: &Finding) -> String {
    let (rule, spot) = (finding.rule.name(), &finding.spot);
    let said = xml(&format!("{spot}: {}", finding.says));
    let body = xml(&format!("why: {}\nfix: {}", finding.why, finding.fix));
    let inside = match finding.severity {
        Severity::Error => format!("<failure message=\"{said}\" type=\"{rule}\">{body}</failure>"),
        Severity::Warning => format!("<system-out>warning: {said}\n{body}</system-out>"),
    };
    let (file, line) = (xml(&spot.file), spot.line);
    let name = xml(&format!("{rule} {spot}"));
    format!("    <testcase classname=\"{rule}\" name=\"{name}\" file=\"{file}\" line=\"{line}\">{inside}</testcase>\n")
}

/// A text for XML, which has no way to write most control characters.
fn xml(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::check::finding::Spot;
    use crate::plan::check::rules::Rule;

    fn found() -> Vec<Finding> {
        vec![
            Finding::error(Rule::LockPin, Spot::new("a,b/r.txt", 3), "`x<1>` is\u{1b} 100% loose", "pin\nit"),
            Finding::warning(Rule::Health, Spot::new("devenv.yaml", 2), "no check", "add one"),
        ]
    }

    #[test]
    fn people_see_place_rule_reason_and_next_step() {
        let expected = "\
error[lock-pin] a,b/r.txt:3: `x<1>` is  100% loose
  why: two installations of one commit get different versions
  fix: pin
       it
warning[health] devenv.yaml:2: no check
  why: without it, a part that hangs counts as running, and traffic is sent to it
  fix: add one
1 error, 1 warning, 2 silenced";
        assert_eq!(text(&found(), 2), expected);
        assert_eq!(text(&[], 0), "0 errors, 0 warnings");
    }

    #[test]
    fn github_gets_one_line_for_each_in_which_nothing_ends_it_early() {
        let lines = github(&found());
        let mut lines = lines.lines();
        let first = lines.next().unwrap();
        assert!(first.starts_with("::error file=a%2Cb/r.txt,line=3,title=lock-pin::`x<1>` is"), "{first}");
        assert!(
            first.ends_with(
                "100%25 loose%0Awhy: two installations of one commit get different versions%0Afix: pin%0Ait"
            ),
            "{first}"
        );
        assert!(lines.next().unwrap().starts_with("::warning file=devenv.yaml,line=2,title=health::no check%0A"));
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn junit_has_a_case_for_each_and_nothing_that_xml_cannot_say() {
        let text = junit(&found());
        assert!(text.contains("tests=\"2\" failures=\"1\""), "{text}");
        assert!(
            text.contains("message=\"a,b/r.txt:3: `x&lt;1&gt;` is\u{fffd} 100% loose\" type=\"lock-pin\""),
            "{text}"
        );
        assert!(text.contains("<system-out>warning: devenv.yaml:2: no check\n"), "{text}");
        assert!(junit(&[]).contains("tests=\"1\" failures=\"0\""));
    }
}
