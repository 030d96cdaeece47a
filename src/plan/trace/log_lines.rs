//! Which lines of logs belong to a request: those that carry its id, and those that were written in its time. Pure.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::plan::logs::access::Access;
use crate::plan::logs::lines::Line;
use crate::plan::trace::facts::LogLine;

/// Lines of one part that are shown.
const MOST: usize = 8;

/// The time of a request, since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// When it was sent.
    pub from: Duration,
    /// When the answer was there.
    pub to: Duration,
}

/// The lines of a part that belong to a request, without those of the gateway's access log, which are hops.
#[must_use]
pub fn lines(part: &str, log: &[Line], window: Window, id: &str) -> Vec<LogLine> {
    let is_wanted = |line: &&Line| {
        let carries = !id.is_empty() && line.text.contains(id);
        access(line).is_none() && !line.text.trim().is_empty() && (carries || is_within(line, window))
    };
    let wanted: Vec<&Line> = log.iter().filter(is_wanted).collect();
    let from = wanted.len().saturating_sub(MOST);
    let shown = wanted[from..].iter();
    shown.map(|line| LogLine { part: part.to_owned(), time: line.time.clone(), text: line.text.clone() }).collect()
}

/// The lines of the gateway's access log that carry an id, in their order.
#[must_use]
pub fn entries(log: &[Line], id: &str) -> Vec<Access> {
    log.iter().filter_map(access).filter(|entry| entry.request_id == id).collect()
}

fn access(line: &Line) -> Option<Access> {
    Access::read(&line.text).filter(|access| !access.request_id.is_empty())
}

fn is_within(line: &Line, window: Window) -> bool {
    let Ok(time) = OffsetDateTime::parse(&line.time, &Rfc3339) else { return false };
    let Ok(since) = Duration::try_from(time - OffsetDateTime::UNIX_EPOCH) else { return false };
    (window.from..=window.to).contains(&since)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(time: &str, text: &str) -> Line {
        Line { time: format!("1970-01-01T00:00:{time}Z"), text: text.to_owned() }
    }

    #[test]
    fn lines_of_the_time_and_of_the_id_belong_to_a_request() {
        let access = r#"{"time":"x","request_id":"id-7","method":"GET","uri":"/a","status":502,"upstream":"api","upstream_addr":"10.0.0.1:8000","upstream_status":"502","upstream_time":"0.001"}"#;
        let log = [
            line("01.000000000", "before"),
            line("05.100000000", "in time\u{1b}[2J"),
            line("05.100000001", access),
            line("05.200000000", ""),
            line("09.000000000", "late, of id-7"),
        ];
        let window = Window { from: Duration::from_secs(5), to: Duration::from_secs(6) };
        let texts: Vec<String> = lines("api", &log, window, "id-7").into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["in time\u{1b}[2J", "late, of id-7"]);
        let found = entries(&log, "id-7");
        assert_eq!((found.len(), found[0].status, found[0].upstream_status.as_str()), (1, 502, "502"));
        assert_eq!(entries(&log, "id-8"), []);
    }
}
