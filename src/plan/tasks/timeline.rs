//! When each attempt of a task ran, from the record of a run: what a timeline is drawn from.

use std::collections::BTreeMap;

use crate::names::TaskName;
use crate::plan::tasks::record::Line;
use crate::plan::tasks::state::{Reason, State};

/// One attempt that ran. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// The task.
    pub task: TaskName,
    /// When it began to run.
    pub begin: u64,
    /// When it ended, or when the record ends.
    pub end: u64,
    /// What became of it.
    pub is: State,
}

/// The bars of a record, in the order of their beginnings. What was not run has none.
#[must_use]
pub fn bars(record: &str) -> Vec<Bar> {
    let mut running: BTreeMap<TaskName, u64> = BTreeMap::new();
    let (mut bars, mut last) = (Vec::new(), 0);
    for line in record.lines().filter_map(|line| serde_json::from_str(line).ok()) {
        match line {
            Line::Task { at, task, is: State::Running, .. } => {
                running.insert(task, at);
                last = last.max(at);
            }
            Line::Task { at, task, is, .. } => {
                last = last.max(at);
                if let Some(begin) = running.remove(&task) {
                    // A clock that was moved back makes no bar with an end before its beginning.
                    bars.push(Bar { task, begin, end: at.max(begin), is });
                }
            }
            Line::Begun { at, .. } | Line::Ended { at } => last = last.max(at),
        }
    }
    let open = running.into_iter().map(|(task, begin)| Bar { task, begin, end: last.max(begin), is: State::Running });
    bars.extend(open);
    bars.sort_by(|a, b| (a.begin, &a.task).cmp(&(b.begin, &b.task)));
    bars
}

/// Tasks that have completed in a later attempt of the same run than one that failed intermittently.
#[must_use]
pub fn retried(bars: &[Bar]) -> Vec<&TaskName> {
    let is_intermittent = |bar: &&Bar| matches!(bar.is, State::Exception { reason: Reason::Intermittent(_) });
    let completed = |failed: &Bar| {
        bars.iter().any(|bar| bar.task == failed.task && bar.is == State::Completed && bar.begin >= failed.end)
    };
    let mut all: Vec<&TaskName> =
        bars.iter().filter(is_intermittent).filter(|bar| completed(bar)).map(|bar| &bar.task).collect();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"event":"begun","version":1,"at":1000,"asked":["a"],"tasks":{"a":60,"b":60,"c":60}}
{"event":"task","at":1001,"task":"a","attempt":0,"is":{"state":"pending"}}
{"event":"task","at":1100,"task":"a","attempt":0,"is":{"state":"running"}}
{"event":"task","at":1200,"task":"b","attempt":0,"is":{"state":"running"}}
{"event":"task","at":1500,"task":"a","attempt":0,"is":{"state":"exception","reason":{"intermittent":75}}}
{"event":"task","at":1600,"task":"a","attempt":1,"is":{"state":"running"}}
{"event":"task","at":1500,"task":"a","attempt":1,"is":{"state":"completed"}}
{"event":"task","at":1900,"task":"c","attempt":0,"is":{"state":"completed"}}
"#;

    #[test]
    fn each_attempt_that_ran_is_a_bar_and_what_still_runs_ends_with_the_record() {
        let all = bars(RECORD);
        let texts: Vec<String> =
            all.iter().map(|bar| format!("{} {}-{} {}", bar.task, bar.begin, bar.end, bar.is.word())).collect();
        assert_eq!(texts, ["a 1100-1500 exception", "b 1200-1900 running", "a 1600-1600 completed"]);
        assert_eq!(retried(&all), [&TaskName::new("a").unwrap()]);
        assert_eq!(retried(&all[..2]), Vec::<&TaskName>::new());
    }

    #[test]
    fn no_record_has_no_bars() {
        assert_eq!(bars("{\"event\":\"of-later\"}\nnot json\n"), Vec::new());
    }
}
