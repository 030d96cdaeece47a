//! Lines out of the pieces in which an engine sends a log, each line with its time in front. Pure.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How the engine writes a time: always as long as this, so that texts compare as times do.
const TIME: usize = "2006-01-02T15:04:05.000000000Z".len();

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was written, in UTC, to the nanosecond.
    pub time: String,
    /// What was written, as it was.
    pub text: String,
}

/// What has come of a log so far.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    begun: Vec<u8>,
    time: String,
    /// The time of the last line that was taken; what is not younger has been taken already.
    last: String,
    again: bool,
}

impl Lines {
    /// The log is sent once more, from some time on: what was taken is left out.
    pub fn begin_again(&mut self) {
        self.begun.clear();
        self.again = true;
    }

    /// The second of the last line that was taken, since 1970, by the engine's clock.
    #[must_use]
    pub fn since(&self) -> Option<i32> {
        let last = OffsetDateTime::parse(&self.last, &Rfc3339).ok()?;
        i32::try_from(last.unix_timestamp()).ok()
    }

    /// Takes a piece, and returns the lines that are complete with it. A line that is too long for the engine comes in
    /// several pieces, with a time in front of each.
    pub fn take(&mut self, piece: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let (time, text) = split(part);
            if let Some(time) = time {
                if self.again && time <= self.last.as_str() {
                    continue;
                }
                self.again = false;
                if self.begun.is_empty() {
                    time.clone_into(&mut self.time);
                }
            }
            self.begun.extend_from_slice(text);
            if text.ends_with(b"\n") {
                lines.extend(self.end());
            }
        }
        lines
    }

    /// The line that was begun and has no end, at the end of the log.
    pub fn end(&mut self) -> Option<Line> {
        let begun = std::mem::take(&mut self.begun);
        let text = String::from_utf8_lossy(&begun).trim_end_matches(['\r', '\n']).to_owned();
        self.last.clone_from(&self.time);
        (!begun.is_empty()).then(|| Line { time: self.time.clone(), text })
    }
}

/// The time in front of a piece, and the rest.
fn split(part: &[u8]) -> (Option<&str>, &[u8]) {
    let Some((time, [b' ', rest @ ..])) = part.split_at_checked(TIME) else { return (None, part) };
    let is_time = time.ends_with(b"Z") && time.get(10) == Some(&b'T') && time.is_ascii();
    match std::str::from_utf8(time) {
        Ok(time) if is_time => (Some(time), rest),
        _ => (None, part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u32) -> String {
        format!("2026-11-21T15:40:{second:02}.000000001Z")
    }

    fn texts(lines: Vec<Line>) -> Vec<String> {
        lines.into_iter().map(|line| format!("{} {}", &line.time[17..19], line.text)).collect()
    }

    #[test]
    fn lines_are_put_together_and_keep_their_first_time() {
        let mut lines = Lines::default();
        let piece = format!("{} one\r\n{} two\n{} long", at(1), at(2), at(3));
        assert_eq!(texts(lines.take(piece.as_bytes())), ["01 one", "02 two"]);
        assert_eq!(texts(lines.take(format!("{} er\n", at(4)).as_bytes())), ["03 longer"]);
        assert_eq!(texts(lines.take(b"no time\n")), ["03 no time"]);
        assert_eq!(texts(lines.take(format!("{} begun", at(5)).as_bytes())), Vec::<String>::new());
        assert_eq!(lines.end().map(|line| line.text), Some("begun".to_owned()));
        assert_eq!(lines.end(), None);
    }

    #[test]
    fn what_was_taken_is_left_out_when_a_log_is_sent_again() {
        let mut lines = Lines::default();
        lines.take(format!("{} one\n{} two\n", at(1), at(2)).as_bytes());
        assert_eq!(lines.since(), Some(1_795_275_602));
        lines.begin_again();
        let piece = format!("{} one\n{} two\n{} three\n", at(1), at(2), at(3));
        assert_eq!(texts(lines.take(piece.as_bytes())), ["03 three"]);
    }
}
