//! Lines of the gateway's access log, which are JSON: as a person reads them.

use std::fmt;

use serde::Deserialize;

use crate::plan::logs::level::Level;

/// A request that the gateway has answered.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Access {
    method: String,
    uri: String,
    status: u16,
    request_time: f64,
    upstream: String,
}

impl Access {
    /// The request that a line tells of; none where it is another line.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok().filter(|_| line.starts_with('{'))
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

/// Such as `GET /api/orders 200 12 ms → api`.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, uri, status, request_time, upstream } = self;
        let method = if method.is_empty() { "-" } else { method };
        write!(f, "{method} {uri} {status} {:.0} ms", request_time * 1_000.0)?;
        if upstream.is_empty() { Ok(()) } else { write!(f, " → {upstream}") }
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
        assert_eq!(Access::read("2026/11/30 [error] no"), None);
        assert_eq!(Access::read("{\"method\":1}"), None);
    }
}
