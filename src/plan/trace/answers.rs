//! What the script of the tool box has printed, read back as facts. Pure.

use std::collections::BTreeMap;

use crate::plan::login::Protocol;
use crate::plan::trace::facts::{Answer, BadCertificate, Failure, Speaks, Spoken, Timed};
use crate::plan::trace::questions::LONGEST;

/// What a command of the script has printed, and how it ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Raw {
    /// Exit code.
    pub code: i32,
    /// Milliseconds.
    pub ms: f64,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// All that the script has printed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Printed {
    /// The answers, by the number of their question.
    pub answers: BTreeMap<usize, Raw>,
    /// The packets that were captured, as tcpdump writes them; empty where the wire was not watched.
    pub packets: Vec<u8>,
}

/// Reads what the script has printed: lines of keys, codes and times; names and sizes of files; then the files.
#[must_use]
pub fn printed(bytes: &[u8]) -> Printed {
    let Some((lines, rest)) = section(bytes) else { return Printed::default() };
    let Some((sizes, mut rest)) = section(rest) else { return Printed::default() };
    let line = |line: &str| {
        let mut words = line.split(' ');
        let number: usize = words.next()?.parse().ok()?;
        let code = words.next()?.parse().ok()?;
        let micros: f64 = words.next()?.parse().ok()?;
        Some((number, Raw { code, ms: micros / 1000.0, ..Raw::default() }))
    };
    let mut answers: BTreeMap<usize, Raw> = lines.lines().filter_map(line).collect();
    for (name, size) in sizes.lines().filter_map(|line| line.split_once(' ')) {
        let Some(size) = size.parse::<usize>().ok().map(|size| size.min(LONGEST)) else { break };
        let Some((file, after)) = rest.split_at_checked(size) else { break };
        rest = after;
        let Some((number, which)) = name.split_once('.') else { continue };
        let Some(raw) = number.parse().ok().and_then(|number: usize| answers.get_mut(&number)) else { continue };
        let text = String::from_utf8_lossy(file).into_owned();
        if which == "out" { raw.out = text } else { raw.err = text }
    }
    Printed { answers, packets: rest.to_vec() }
}

/// The lines until an empty one, and what follows.
fn section(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), &bytes[end + 2..]))
}

/// The code of `timeout` for what it has ended.
const TIMED_OUT: i32 = 124;

impl Raw {
    /// As the addresses of a name.
    #[must_use]
    pub fn name(&self) -> Timed<Vec<String>> {
        let mut all: Vec<String> =
            self.out.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
        all.dedup();
        let result = if self.code == 0 && !all.is_empty() { Ok(all) } else { Err(Failure::NotFound) };
        Timed { ms: self.ms, result }
    }

    /// As a connection, which was waited for `limit` seconds.
    #[must_use]
    pub fn tcp(&self, limit: u64) -> Timed<()> {
        let result = match self.code {
            0 => Ok(()),
            TIMED_OUT => Err(Failure::TimedOut(limit)),
            _ if self.err.contains("refused") => Err(Failure::Refused),
            _ if self.err.contains("timed out") => Err(Failure::TimedOut(limit)),
            _ => Err(Failure::Other(last_line(&self.err))),
        };
        Timed { ms: self.ms, result }
    }

    /// As an answer over HTTP, which was waited for `limit` seconds.
    #[must_use]
    pub fn http(&self, limit: u64) -> Timed<Answer> {
        let first_byte = last_line(&self.err).parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
        let ms = first_byte.map_or(self.ms, |seconds| seconds * 1000.0);
        // What Go and nginx say to whoever does not speak TLS to them.
        const NO_TLS: [&str; 2] = ["HTTP request to an HTTPS server", "plain HTTP request was sent to HTTPS port"];
        if NO_TLS.iter().any(|words| self.out.contains(words)) || self.out.starts_with("\u{15}\u{3}") {
            return Timed { ms, result: Err(Failure::SpeaksTls) };
        }
        // What was answered counts, also where the body has no end.
        if let Some(answer) = answer(&self.out) {
            return Timed { ms, result: Ok(answer) };
        }
        // curl's own codes.
        let failure = match self.code {
            6 => Failure::NotFound,
            7 => Failure::Refused,
            28 | TIMED_OUT => Failure::TimedOut(limit),
            52 | 56 => Failure::Closed,
            _ => Failure::Other(curl_words(&self.err)),
        };
        Timed { ms: self.ms, result: Err(failure) }
    }

    /// As what a peer has said.
    #[must_use]
    pub fn spoken(&self, speaks: &Speaks, limit: u64) -> Timed<Spoken> {
        match speaks {
            Speaks::Database(protocol, _) => {
                let is_well = match protocol {
                    Protocol::Redis => self.out.trim_end().ends_with("PONG"),
                    Protocol::Postgres | Protocol::MariaDb => self.code == 0,
                };
                let words = self
                    .err
                    .lines()
                    .chain(self.out.lines())
                    .map(str::trim)
                    .find(|line| !line.is_empty() && !line.starts_with("Warning"));
                // psql names itself and the server before the server's own words.
                let words = words.unwrap_or_default();
                let words = words.split_once("FATAL:").map_or(words, |(_, words)| words.trim());
                let result = match (is_well, self.code) {
                    (true, _) => Ok(Spoken::LoggedIn),
                    (false, TIMED_OUT) => Err(Failure::TimedOut(limit)),
                    (false, _) => Ok(Spoken::Denied(words.to_owned())),
                };
                Timed { ms: self.ms, result }
            }
            Speaks::Http(_) | Speaks::Tcp if matches!(self.code, 60 | 77) => {
                let words = curl_words(&self.err);
                let problem = if words.contains("expired") || words.contains("not yet valid") {
                    BadCertificate::Expired
                } else if words.contains("no alternative certificate subject name") || words.contains("does not match")
                {
                    BadCertificate::OtherName
                } else if self.code == 77
                    || words.contains("issuer")
                    || words.contains("self-signed")
                    || words.contains("self signed")
                {
                    BadCertificate::Untrusted
                } else {
                    BadCertificate::Other(words)
                };
                Timed { ms: self.ms, result: Ok(Spoken::Certificate(problem)) }
            }
            Speaks::Http(_) | Speaks::Tcp => {
                let Timed { ms, result } = self.http(limit);
                Timed { ms, result: result.map(Spoken::Http) }
            }
        }
    }
}

/// The head of an answer and the beginning of its body; those that only say `continue`, or that a proxy has opened a
/// tunnel, are passed over.
#[must_use]
pub fn answer(text: &str) -> Option<Answer> {
    let mut rest = text;
    loop {
        let (head, body) = rest.split_once("\r\n\r\n").or_else(|| rest.split_once("\n\n"))?;
        let mut lines = head.lines();
        let first = lines.next()?;
        let status: u16 = first.strip_prefix("HTTP/").and_then(|first| first.split(' ').nth(1))?.parse().ok()?;
        let is_passed_over = (100..200).contains(&status) && status != 101;
        if (is_passed_over || first.contains("onnection established")) && body.starts_with("HTTP/") {
            rest = body;
            continue;
        }
        let header =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        let location = lines.filter_map(header).find(|(name, _)| name == "location").map(|(_, value)| value);
        return Some(Answer { status, location });
    }
}

fn last_line(text: &str) -> String {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

/// What curl says, without its name and number.
fn curl_words(err: &str) -> String {
    let line = err.lines().find(|line| line.starts_with("curl: (")).unwrap_or(err);
    line.split_once(") ").map_or(line, |(_, words)| words).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_back_byte_by_byte() {
        let text = b"0 0 1500\n1 2 900\nnot a line\n\n0.out 22\n1.out 0\n0.err 0\n1.err 6\n\n10.1.2.3 STREAM db\n\n\xff\nwords\n\xd4\xc3";
        let Printed { answers, packets } = printed(text);
        assert_eq!(answers[&0].out, "10.1.2.3 STREAM db\n\n\u{fffd}\n");
        assert_eq!(
            answers[&0].name(),
            Timed { ms: 1.5, result: Ok(vec!["10.1.2.3".to_owned(), "\u{fffd}".to_owned()]) }
        );
        assert_eq!(answers[&1], Raw { code: 2, ms: 0.9, out: String::new(), err: "words\n".to_owned() });
        assert_eq!(packets, b"\xd4\xc3");
        // A box that ended in the middle has told what it told.
        assert_eq!(printed(&text[..text.len() - 5]).answers[&1].err, "");
        assert_eq!(printed(b"0 0 1"), Printed::default());
    }

    fn raw(code: i32, out: &str, err: &str) -> Raw {
        Raw { code, ms: 2.0, out: out.to_owned(), err: err.to_owned() }
    }

    #[test]
    fn what_curl_says_is_told_apart() {
        let http = |code: i32, out: &str, err: &str| raw(code, out, err).http(3).result;
        let answered = http(0, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLOCATION: /x\r\n\r\nbody", "0.004");
        let expected = Answer { status: 302, location: Some("/x".to_owned()) };
        assert_eq!(answered, Ok(expected));
        assert_eq!(http(7, "", "curl: (7) Failed to connect\n0.000"), Err(Failure::Refused));
        assert_eq!(http(28, "", "curl: (28) timed out"), Err(Failure::TimedOut(3)));
        assert_eq!(http(52, "", "curl: (52) Empty reply"), Err(Failure::Closed));
        let plain = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
        assert_eq!(http(0, plain, "0.004"), Err(Failure::SpeaksTls));
        // A stream has no end, and was answered.
        assert_eq!(http(28, "HTTP/1.1 200 OK\r\n\r\ndata: 1", "").map(|answer| answer.status), Ok(200));
        assert_eq!(raw(0, "HTTP/1.1 200 OK\r\n\r\n", "0.0042").http(3).ms, 4.2);
        let speaks = Speaks::Http(String::new());
        let bad = |err: &str| raw(60, "", err).spoken(&speaks, 3).result;
        let problem = |problem: BadCertificate| Ok(Spoken::Certificate(problem));
        assert_eq!(
            bad("curl: (60) SSL certificate problem: certificate has expired"),
            problem(BadCertificate::Expired)
        );
        let name = "curl: (60) SSL: no alternative certificate subject name matches target host name 'x'";
        assert_eq!(bad(name), problem(BadCertificate::OtherName));
        let issuer = "curl: (60) SSL certificate problem: unable to get local issuer certificate";
        assert_eq!(bad(issuer), problem(BadCertificate::Untrusted));
    }

    #[test]
    fn what_databases_say_is_told_apart() {
        let postgres = Speaks::Database(Protocol::Postgres, "me".to_owned());
        let said = raw(
            2,
            "",
            "psql: error: connection to server at \"db\" (10.0.0.2), port 5432 failed: FATAL:  sorry, too many clients already",
        );
        assert_eq!(said.spoken(&postgres, 3).result, Ok(Spoken::Denied("sorry, too many clients already".to_owned())));
        assert_eq!(raw(0, "1\n", "").spoken(&postgres, 3).result, Ok(Spoken::LoggedIn));
        assert_eq!(raw(124, "", "").spoken(&postgres, 3).result, Err(Failure::TimedOut(3)));
        let redis = Speaks::Database(Protocol::Redis, String::new());
        assert_eq!(raw(0, "PONG\n", "").spoken(&redis, 3).result, Ok(Spoken::LoggedIn));
        let denied =
            raw(0, "NOAUTH Authentication required.\n", "AUTH failed: WRONGPASS invalid username-password pair\n");
        assert_eq!(
            denied.spoken(&redis, 3).result,
            Ok(Spoken::Denied("AUTH failed: WRONGPASS invalid username-password pair".to_owned()))
        );
    }

    #[test]
    fn a_connection_is_refused_or_takes_too_long() {
        assert_eq!(
            raw(1, "", "nc: connect to db port 1 (tcp) failed: Connection refused").tcp(3).result,
            Err(Failure::Refused)
        );
        assert_eq!(
            raw(1, "", "nc: connect to db (10.0.0.1) port 1 (tcp) timed out: x").tcp(3).result,
            Err(Failure::TimedOut(3))
        );
        assert_eq!(raw(0, "", "").tcp(3).result, Ok(()));
    }
}
