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

/// The same where it stands in a [`Block`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineRef<'a> {
    /// When it was written, in UTC, to the nanosecond.
    pub time: &'a str,
    /// What was written, as it was.
    pub text: &'a str,
}

/// Lines that have come together, in one piece of memory: a log may have a million of them.
#[derive(Debug, Clone, Default)]
pub struct Block {
    text: String,
    spans: Vec<Span>,
}

/// The bytes of a block that tell of one line.
const ENTRY: usize = 8;

/// Where a line stands in the text of a block: its time, and behind that what was written.
#[derive(Debug, Clone, Copy)]
struct Span {
    time: usize,
    text: usize,
    end: usize,
}

impl Block {
    /// A line by its number.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<LineRef<'_>> {
        let Span { time, text, end } = *self.spans.get(number)?;
        Some(LineRef { time: &self.text[time..text], text: &self.text[text..end] })
    }

    /// Whether there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Bytes that it takes in memory.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.capacity() + self.spans.capacity() * size_of::<Span>()
    }

    /// Its bytes, from which [`Block::from_bytes`] makes it again: for each line the lengths of its time and of the rest, and
    /// behind an empty line all of the text.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.text.len() + (self.spans.len() + 1) * ENTRY);
        let length = |from: usize, to: usize| u32::try_from(to - from).unwrap_or(u32::MAX).to_le_bytes();
        for Span { time, text, end } in &self.spans {
            bytes.extend(length(*time, *text));
            bytes.extend(length(*time, *end));
        }
        bytes.extend([u8::MAX; ENTRY]);
        bytes.extend_from_slice(self.text.as_bytes());
        bytes
    }

    /// A block by its bytes; none where they are not those of a block.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (mut rest, mut spans, mut time) = (bytes, Vec::new(), 0);
        loop {
            let (entry, behind) = rest.split_first_chunk::<ENTRY>()?;
            rest = behind;
            if *entry == [u8::MAX; ENTRY] {
                break;
            }
            let [a, b, c, d, e, f, g, h] = *entry;
            let length = |bytes| usize::try_from(u32::from_le_bytes(bytes)).ok();
            let (text, end) = (time + length([a, b, c, d])?, time + length([e, f, g, h])?);
            spans.push(Span { time, text, end });
            time = end;
        }
        let text = String::from_utf8(rest.to_vec()).ok()?;
        (text.len() == time).then_some(Self { text, spans })
    }

    /// All lines.
    pub fn iter(&self) -> impl Iterator<Item = LineRef<'_>> {
        (0..self.spans.len()).filter_map(|number| self.get(number))
    }

    /// Adds a line, bytes that are not UTF-8 replaced.
    pub fn push(&mut self, time: &str, text: &[u8]) {
        let at = self.text.len();
        self.text.push_str(time);
        let begin = self.text.len();
        match std::str::from_utf8(text) {
            Ok(text) => self.text.push_str(text),
            Err(_) => self.text.push_str(&String::from_utf8_lossy(text)),
        }
        let end = begin + self.text[begin..].trim_end_matches(['\r', '\n']).len();
        self.text.truncate(end);
        self.spans.push(Span { time: at, text: begin, end });
    }
}

impl From<LineRef<'_>> for Line {
    fn from(line: LineRef<'_>) -> Self {
        Self { time: line.time.to_owned(), text: line.text.to_owned() }
    }
}

/// A line without an end is handed on in pieces of this many bytes, and does not fill memory.
const LONGEST: usize = 1 << 20;

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

    /// Takes a piece, and adds the lines that are complete with it to a block. A line that is too long for the engine
    /// comes in several pieces, with a time in front of each.
    pub fn add(&mut self, piece: &[u8], to: &mut Block) {
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
            match (text.ends_with(b"\n"), self.begun.is_empty()) {
                (true, true) => self.complete(text, to),
                (true, false) => {
                    self.begun.extend_from_slice(text);
                    self.end(to);
                }
                (false, _) => {
                    self.begun.extend_from_slice(text);
                    if self.begun.len() > LONGEST {
                        self.end(to);
                    }
                }
            }
        }
    }

    /// The line that was begun and has no end, at the end of the log.
    pub fn end(&mut self, to: &mut Block) {
        let begun = std::mem::take(&mut self.begun);
        if !begun.is_empty() {
            self.complete(&begun, to);
        }
    }

    fn complete(&mut self, text: &[u8], to: &mut Block) {
        self.last.clone_from(&self.time);
        to.push(&self.time, text);
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

    /// The seconds and texts of the lines that are complete with a piece.
    fn taken(lines: &mut Lines, piece: impl AsRef<[u8]>) -> Vec<String> {
        let mut block = Block::default();
        lines.add(piece.as_ref(), &mut block);
        block.iter().map(|line| format!("{} {}", &line.time[17..19], line.text)).collect()
    }

    #[test]
    fn a_block_is_what_its_bytes_say() {
        let mut block = Block::default();
        block.push(&at(1), b"one");
        block.push("", b"no time");
        block.push(&at(2), "tw\u{f6}\n".as_bytes());
        let bytes = block.to_bytes();
        let again = Block::from_bytes(&bytes).unwrap();
        assert_eq!(again.iter().collect::<Vec<_>>(), block.iter().collect::<Vec<_>>());
        assert!(Block::from_bytes(&bytes[..bytes.len() - 1]).is_none());
        assert!(Block::from_bytes(b"none").is_none());
    }

    #[test]
    fn a_line_without_an_end_comes_in_pieces() {
        let (mut lines, mut block) = (Lines::default(), Block::default());
        for _ in 0..5 {
            lines.add(&[b'x'; LONGEST / 2], &mut block);
        }
        assert_eq!(block.iter().map(|line| line.text.len()).collect::<Vec<_>>(), [LONGEST / 2 * 3]);
        lines.end(&mut block);
        assert_eq!(block.iter().map(|line| line.text.len()).sum::<usize>(), LONGEST / 2 * 5);
    }

    #[test]
    fn lines_are_put_together_and_keep_their_first_time() {
        let mut lines = Lines::default();
        assert_eq!(taken(&mut lines, format!("{} one\r\n{} two\n{} long", at(1), at(2), at(3))), ["01 one", "02 two"]);
        assert_eq!(taken(&mut lines, format!("{} er\n", at(4))), ["03 longer"]);
        assert_eq!(taken(&mut lines, "no time\n"), ["03 no time"]);
        assert_eq!(taken(&mut lines, format!("{} begun", at(5))), Vec::<String>::new());
        let mut rest = Block::default();
        lines.end(&mut rest);
        lines.end(&mut rest);
        assert_eq!(rest.iter().map(|line| line.text).collect::<Vec<_>>(), ["begun"]);
    }

    #[test]
    fn bytes_that_are_not_text_are_replaced_and_the_lines_around_them_stay() {
        let mut piece = format!("{} a\n{} b", at(1), at(2)).into_bytes();
        piece.extend(b"\xff\n");
        piece.extend(format!("{} \n", at(3)).into_bytes());
        assert_eq!(taken(&mut Lines::default(), piece), ["01 a", "02 b\u{fffd}", "03 "]);
    }

    #[test]
    fn what_was_taken_is_left_out_when_a_log_is_sent_again() {
        let mut lines = Lines::default();
        taken(&mut lines, format!("{} one\n{} two\n", at(1), at(2)));
        assert_eq!(lines.since(), Some(1_795_275_602));
        lines.begin_again();
        assert_eq!(taken(&mut lines, format!("{} one\n{} two\n{} three\n", at(1), at(2), at(3))), ["03 three"]);
    }
}
