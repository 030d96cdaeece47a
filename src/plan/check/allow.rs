//! `# devenv: allow RULE reason`: a comment on the line of a finding, or on the line above, silences it. Pure.

use std::collections::BTreeMap;

use crate::nearest;
use crate::plan::check::finding::{Finding, Spot};
use crate::plan::check::rules::Rule;

/// What is left of findings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// Those that count.
    pub findings: Vec<Finding>,
    /// How many a comment has silenced.
    pub silenced: usize,
}

/// Such a comment.
struct Allowance<'t> {
    line: usize,
    rule: Option<Rule>,
    name: &'t str,
    reason: &'t str,
}

/// Silences findings by the comments in `texts`, the files that may have some. A comment that silences nothing, or without
/// a reason, is a finding itself.
#[must_use]
pub fn judged(findings: Vec<Finding>, texts: &BTreeMap<String, String>) -> Judged {
    let allowances: BTreeMap<&str, Vec<Allowance<'_>>> =
        texts.iter().map(|(file, text)| (file.as_str(), allowances(text))).collect();
    let silences = |one: &Allowance<'_>, finding: &Finding| {
        let is_near = one.line == finding.spot.line || one.line + 1 == finding.spot.line;
        is_near && one.rule == Some(finding.rule) && !one.reason.is_empty()
    };
    let is_silent = |finding: &Finding| {
        let of_file = allowances.get(finding.spot.file.as_str());
        of_file.is_some_and(|all| all.iter().any(|one| silences(one, finding)))
    };
    let mut wrong = Vec::new();
    for (file, all) in &allowances {
        for one in all {
            let spot = Spot::new(*file, one.line);
            let is_used = || findings.iter().any(|finding| finding.spot.file == *file && silences(one, finding));
            let names = Rule::ALL.map(Rule::name);
            if one.rule.is_none() {
                let says = format!("`{}` is not a rule", one.name);
                wrong.push(Finding::error(Rule::Allow, spot, says, nearest::hint(one.name, names)));
            } else if one.reason.is_empty() {
                let says = format!("`{}` is allowed without a reason", one.name);
                wrong.push(Finding::error(Rule::Allow, spot, says, "write why behind the name of the rule"));
            } else if !is_used() {
                let says = format!("`{}` is allowed here, and nothing breaks that rule", one.name);
                wrong.push(Finding::warning(Rule::Allow, spot, says, "remove the comment"));
            }
        }
    }
    let many = findings.len();
    let mut findings: Vec<Finding> = findings.into_iter().filter(|finding| !is_silent(finding)).collect();
    let silenced = many - findings.len();
    findings.extend(wrong);
    findings.sort_by(|one, other| one.spot.cmp(&other.spot));
    Judged { findings, silenced }
}

fn allowances(text: &str) -> Vec<Allowance<'_>> {
    const SIGN: &str = "# devenv: allow ";
    let found = text.lines().enumerate().filter_map(|(at, line)| Some((at + 1, line.split_once(SIGN)?.1.trim())));
    found
        .map(|(line, rest)| {
            let (name, reason) = rest.split_once(' ').map_or((rest, ""), |(name, reason)| (name, reason.trim()));
            Allowance { line, rule: Rule::ALL.into_iter().find(|rule| rule.name() == name), name, reason }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(judged: &Judged) -> Vec<String> {
        judged.findings.iter().map(|finding| format!("{finding} ({})", finding.fix)).collect()
    }

    #[test]
    fn a_comment_with_a_reason_silences_its_rule_on_its_line_and_the_next() {
        let finding = |line| Finding::error(Rule::Health, Spot::new("a", line), "x", "y");
        let text = "one # devenv: allow health it is a batch\ntwo\nthree\n";
        let texts = BTreeMap::from([("a".to_owned(), text.to_owned())]);
        let judged = judged([1, 2, 3].map(finding).into(), &texts);
        assert_eq!((judged.silenced, lines(&judged)), (2, vec!["error health a:3: x (y)".to_owned()]));
    }

    #[test]
    fn a_comment_for_nothing_without_reason_or_for_no_rule_is_told() {
        let text = "# devenv: allow health because\n\n# devenv: allow health\n\n# devenv: allow helth because\n";
        let finding = Finding::error(Rule::Health, Spot::new("a", 4), "x", "y");
        let judged = judged(vec![finding], &BTreeMap::from([("a".to_owned(), text.to_owned())]));
        assert_eq!(
            lines(&judged),
            [
                "warning allow a:1: `health` is allowed here, and nothing breaks that rule (remove the comment)",
                "error allow a:3: `health` is allowed without a reason (write why behind the name of the rule)",
                "error health a:4: x (y)",
                "error allow a:5: `helth` is not a rule (did you mean `health`?)",
            ]
        );
    }
}
