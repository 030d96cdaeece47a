//! Where the bars of a timeline stand in a picture.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::amounts;
use crate::names::TaskName;
use crate::plan::tasks::timeline::Bar;

/// Width of the picture, and of the column of names.
const WIDTH: u64 = 1_000;
const LEFT: u64 = 200;
const ROW: u64 = 22;
/// Space for the axis.
const AXIS: u64 = 22;
/// Between two marks of the axis, in milliseconds.
const STEPS: [u64; 14] =
    [10, 50, 100, 500, 1_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000, 14_400_000];
/// At most so many marks, and so many rows.
const MARKS: u64 = 8;
const ROWS: usize = 500;

/// A timeline, in units of its picture.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Timeline {
    width: u64,
    height: u64,
    left: u64,
    ticks: Vec<Tick>,
    rows: Vec<Row>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Tick {
    x: u64,
    text: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct Row {
    name: String,
    y: u64,
    bars: Vec<Drawn>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Drawn {
    x: u64,
    width: u64,
    state: &'static str,
    took: String,
}

impl Timeline {
    /// The timeline of these bars; none where nothing ran.
    pub(super) fn of(bars: &[Bar]) -> Option<Self> {
        let begin = bars.iter().map(|bar| bar.begin).min()?;
        let length = bars.iter().map(|bar| bar.end).max()?.saturating_sub(begin).max(1);
        let at = |time: u64| LEFT + scaled(time.saturating_sub(begin), length);
        let mut rows: Vec<Row> = Vec::new();
        let mut known: BTreeMap<&TaskName, usize> = BTreeMap::new();
        for bar in bars {
            let number = *known.entry(&bar.task).or_insert(rows.len());
            if number == rows.len() {
                if rows.len() == ROWS {
                    break;
                }
                rows.push(Row { name: bar.task.to_string(), y: number as u64 * ROW, bars: Vec::new() });
            }
            let (x, took) = (at(bar.begin), amounts::milliseconds(bar.end - bar.begin));
            let width = (at(bar.end) - x).max(2);
            rows[number].bars.push(Drawn { x, width, state: bar.is.word(), took });
        }
        let step = STEPS.into_iter().find(|step| length / step <= MARKS).unwrap_or(length.div_ceil(MARKS));
        let ticks = (0..=length / step)
            .map(|number| Tick { x: LEFT + scaled(number * step, length), text: amounts::milliseconds(number * step) });
        let ticks = ticks.collect();
        Some(Self { width: WIDTH, height: rows.len() as u64 * ROW + AXIS, left: LEFT, ticks, rows })
    }
}

/// How far a time is from the left, of the whole length.
fn scaled(time: u64, length: u64) -> u64 {
    let width = u128::from(WIDTH - LEFT - 20);
    u64::try_from(u128::from(time) * width / u128::from(length)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tasks::state::State;

    fn bar(task: &str, begin: u64, end: u64) -> Bar {
        Bar { task: TaskName::new(task).unwrap(), begin, end, is: State::Completed }
    }

    #[test]
    fn attempts_of_one_task_share_a_row_and_each_bar_can_be_seen() {
        let timeline = Timeline::of(&[bar("a", 1_000, 2_000), bar("b", 1_500, 1_500), bar("a", 2_500, 3_000)]).unwrap();
        let rows: Vec<String> = timeline
            .rows
            .iter()
            .map(|row| {
                format!(
                    "{} {} {:?}",
                    row.name,
                    row.y,
                    row.bars.iter().map(|bar| (bar.x, bar.width)).collect::<Vec<_>>()
                )
            })
            .collect();
        assert_eq!(rows, ["a 0 [(200, 390), (785, 195)]", "b 22 [(395, 2)]"]);
        assert_eq!(timeline.height, 66);
        let ticks: Vec<&str> = timeline.ticks.iter().map(|tick| tick.text.as_str()).collect();
        assert_eq!(ticks, ["0 ms", "500 ms", "1.0 s", "1.5 s", "2.0 s"]);
        assert_eq!(Timeline::of(&[]), None);
    }

    #[test]
    fn a_clock_that_jumps_makes_no_endless_axis() {
        let timeline = Timeline::of(&[bar("a", 0, u64::MAX)]).unwrap();
        assert!(timeline.ticks.len() <= 9, "{}", timeline.ticks.len());
    }
}
