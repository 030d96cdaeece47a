//! The routes that a configuration of nginx has, where it does no more than hand requests on.

use std::collections::BTreeMap;

use regex::Regex;

/// A path, and the host and port that its requests go to.
pub(crate) type Route = (String, String, Option<u16>);

/// Every `location` that hands requests on; `variables` are those that the container fills in.
pub(crate) fn routes(text: &str, variables: &BTreeMap<String, String>) -> Vec<Route> {
    let text: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .fold(String::new(), |all, line| all + line + "\n");
    let text = variables.iter().fold(text, |text, (name, value)| {
        text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value)
    });
    let mut routes = Vec::new();
    let upstreams = upstreams(&text);
    let Ok(location) = Regex::new(r"location\s+(?:\^~\s+|=\s+)?(/[^\s{]*)\s*\{([^}]*)\}") else { return routes };
    let Ok(pass) =
        Regex::new(r"(?:proxy_pass\s+https?://|uwsgi_pass\s+|grpc_pass\s+grpc://)([A-Za-z0-9_.-]+)(?::(\d+))?")
    else {
        return routes;
    };
    for found in location.captures_iter(&text) {
        let Some(to) = pass.captures(&found[2]) else { continue };
        let port = to.get(2).and_then(|port| port.as_str().parse().ok());
        let (host, port) = upstreams.get(&to[1]).cloned().unwrap_or_else(|| (to[1].to_owned(), port));
        let path = if found[1].len() > 1 { found[1].trim_end_matches('/').to_owned() } else { found[1].to_owned() };
        if !routes.iter().any(|(other, _, _)| *other == path) {
            routes.push((path, host, port));
        }
    }
    routes
}

/// The first server of each `upstream`.
fn upstreams(text: &str) -> BTreeMap<String, (String, Option<u16>)> {
    let upstream = Regex::new(r"upstream\s+([A-Za-z0-9_.-]+)\s*\{[^}]*?server\s+([A-Za-z0-9_.-]+)(?::(\d+))?");
    let found = upstream.iter().flat_map(|upstream| upstream.captures_iter(text));
    let one = |found: regex::Captures<'_>| {
        let port = found.get(3).and_then(|port| port.as_str().parse().ok());
        (found[1].to_owned(), (found[2].to_owned(), port))
    };
    found.map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_location_that_hands_requests_on_is_a_route() {
        let text = "upstream app { server web1:5000; server web2:5000; }\nserver {\n  listen 80;\n  # location /x { proxy_pass http://x; }\n\
             location / { proxy_pass http://app; }\n  location /api/ {\n proxy_pass http://backend:8000/; }\n\
             location /s { proxy_pass http://$ADDR; }\n location /health { return 200; }\n}\n";
        let variables = BTreeMap::from([("ADDR".to_owned(), "flask:9091".to_owned())]);
        let shown: Vec<String> = routes(text, &variables)
            .into_iter()
            .map(|(path, host, port)| format!("{path} {host}:{}", port.unwrap_or(80)))
            .collect();
        assert_eq!(shown, ["/ web1:5000", "/api backend:8000", "/s flask:9091"]);
    }
}
