//! Lines of the gateway's access log, which are JSON: as a person reads them.

use std::fmt;

use serde::Deserialize;

use crate::plan::logs::level::Level;
use crate::plan::logs::no_answer::NoAnswer;

/// A request that the gateway has answered, as `templates/gateway/nginx.conf` logs it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Access {
    /// Its id, which modules may pass on.
    pub request_id: String,
    /// Method; empty where the client sent none.
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// Status that the client got.
    pub status: u16,
    /// Seconds that it took in all.
    pub request_time: f64,
    /// The module whose route matched; empty for none.
    pub upstream: String,
    /// Addresses that were tried.
    pub upstream_addr: String,
    /// What they answered.
    pub upstream_status: String,
    /// Seconds that they took.
    pub upstream_time: String,
    /// Seconds until each took the connection.
    pub upstream_connect_time: String,
    /// Seconds until the head of each one's answer.
    pub upstream_header_time: String,
}

impl Access {
    /// The request that a line tells of; none where it is another line. The team's own template may log less of it.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        let access: Self = serde_json::from_str(line).ok().filter(|_| line.starts_with('{'))?;
        (access.status > 0 && !access.uri.is_empty()).then_some(access)
    }

    /// Why there was no answer of the module, where that is known.
    #[must_use]
    pub fn no_answer(&self) -> Option<NoAnswer> {
        NoAnswer::of(self.status, &self.upstream_connect_time, &self.upstream_header_time)
    }

    /// How urgent it is: what failed here is an error, what the client got wrong a warning.
    #[must_use]
    pub fn level(&self) -> Level {
        match self.status {
            500.. => Level::Error,
            400.. => Level::Warn,
            _ => Level::Info,
        }
    }
}

/// Such as `GET /api/orders 200 12 ms → api`, with why there is no answer of the part.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, uri, status, request_time, upstream, .. } = self;
        let method = if method.is_empty() { "-" } else { method };
        write!(f, "{method} {uri} {status} {:.0} ms", request_time * 1_000.0)?;
        if upstream.is_empty() {
            return Ok(());
        }
        write!(f, " → {upstream}")?;
        match self.no_answer() {
            Some(why) => write!(f, ", which {why}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_is_method_path_status_time_and_part() {
        let line = r#"{"time":"2026-11-30T10:00:00+00:00","request_id":"1","remote":"10.0.0.1","host":"shop.localhost","method":"GET","uri":"/api/orders","status":502,"bytes":5,"request_time":0.0123,"upstream":"api","upstream_addr":"","upstream_status":"","upstream_time":""}"#;
        let access = Access::read(line).unwrap();
        assert_eq!(access.to_string(), "GET /api/orders 502 12 ms → api");
        assert_eq!(access.level(), Level::Error);
        let times = r#""upstream":"api","upstream_connect_time":"-","upstream_header_time":"-""#;
        let refused = Access::read(&line.replace(r#""upstream":"api""#, times)).unwrap();
        assert_eq!(refused.to_string(), "GET /api/orders 502 12 ms → api, which refused the connection");
        assert_eq!(Access::read("2026/11/30 [error] no"), None);
        assert_eq!(Access::read("{\"method\":1}"), None);
        assert_eq!(Access::read("{\"message\":\"x\"}"), None);
    }
}
