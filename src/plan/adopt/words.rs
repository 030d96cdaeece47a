//! The forms in which a compose file writes ports, mounts, commands and lengths of time.

use crate::config::text::tree::{Node, Value};

/// A port of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContainerPort {
    /// In the container.
    pub target: u16,
    /// On the machine, where one is named.
    pub published: Option<u16>,
    pub is_udp: bool,
}

/// The ports of a service in all forms; ranges are all of their ports.
pub(crate) fn ports(node: &Node) -> Vec<ContainerPort> {
    let mut ports: Vec<ContainerPort> = Vec::new();
    for found in node.items().iter().flat_map(port) {
        if !ports.iter().any(|port| port.target == found.target && port.is_udp == found.is_udp) {
            ports.push(found);
        }
    }
    ports
}

fn port(node: &Node) -> Vec<ContainerPort> {
    let Some(text) = node.scalar() else {
        let number = |key: &str| node.get(key)?.scalar()?.parse().ok();
        let Some(target) = number("target") else { return Vec::new() };
        let is_udp = node.get("protocol").and_then(Node::scalar) == Some("udp");
        return vec![ContainerPort { target, published: number("published"), is_udp }];
    };
    let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let mut parts = numbers.rsplit(':');
    let (first, last) = range(parts.next().unwrap_or_default());
    let published = parts.next().map_or(0, |published| range(published).0);
    let all = (first..=last.min(first.saturating_add(99))).filter(|target| *target > 0);
    all.map(|target| ContainerPort {
        target,
        published: (published > 0).then(|| published + (target - first)),
        is_udp: protocol == "udp",
    })
    .collect()
}

fn range(text: &str) -> (u16, u16) {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    (first.trim().parse().unwrap_or_default(), last.trim().parse().unwrap_or_default())
}

/// What is mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MountSource {
    /// A file or folder of this machine; below the top where it starts with `./`.
    Path(String),
    /// A volume by name.
    Volume(String),
    /// A volume without one.
    Anonymous,
    /// Memory.
    Memory,
}

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub source: MountSource,
    pub target: String,
    pub is_read_only: bool,
}

/// A mount in either form.
pub(crate) fn mount(node: &Node) -> Option<Mount> {
    let Some(text) = node.scalar() else {
        let word = |key: &str| node.get(key).and_then(Node::scalar);
        let source = match (word("type")?, word("source")) {
            ("bind", Some(source)) => MountSource::Path(source.to_owned()),
            ("volume", Some(source)) => MountSource::Volume(source.to_owned()),
            ("volume", None) => MountSource::Anonymous,
            ("tmpfs", _) => MountSource::Memory,
            _ => return None,
        };
        let is_read_only = word("read_only") == Some("true");
        return Some(Mount { source, target: clean(word("target")?), is_read_only });
    };
    let mut parts = text.split(':');
    let (first, second) = (parts.next()?, parts.next());
    let is_read_only = parts.next().is_some_and(|options| options.split(',').any(|option| option == "ro"));
    let (source, target) = match second {
        None => (MountSource::Anonymous, first),
        Some(target) if first.starts_with(['.', '/', '~']) => (MountSource::Path(first.to_owned()), target),
        Some(target) => (MountSource::Volume(first.to_owned()), target),
    };
    Some(Mount { source, target: clean(target), is_read_only })
}

fn clean(path: &str) -> String {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { "/".to_owned() } else { trimmed.to_owned() }
}

/// A command as words: a text is split as a shell would, and nothing in it is expanded.
pub(crate) fn command(node: &Node) -> Vec<String> {
    match &node.value {
        Value::List(items) => items.iter().filter_map(Node::scalar).map(str::to_owned).collect(),
        _ => node.scalar().map_or_else(Vec::new, |text| shlex::split(text).unwrap_or_else(|| vec![text.to_owned()])),
    }
}

/// Words as a command for a shell.
pub(crate) fn joined(words: &[String]) -> String {
    if let [shell, option, script] = words
        && ["sh", "bash", "/bin/sh", "/bin/bash"].contains(&shell.as_str())
        && option == "-c"
    {
        return script.clone();
    }
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
}

/// Seconds of a length of time such as `1m30s`.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let (mut all, mut number) = (0.0, String::new());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_ascii_digit() || c == '.' {
            number.push(c);
            continue;
        }
        let unit = match (c, chars.peek()) {
            ('m', Some('s')) => chars.next().map(|_| 0.001)?,
            ('u' | 'n', Some('s')) => chars.next().map(|_| 0.0)?,
            ('h', _) => 3600.0,
            ('m', _) => 60.0,
            ('s', _) => 1.0,
            _ => return None,
        };
        all += number.parse::<f64>().ok()? * unit;
        number.clear();
    }
    // Compose takes a bare number for seconds here and there.
    all += number.parse::<f64>().unwrap_or_default();
    (0.0..86_400.0).contains(&all).then_some(all.ceil() as u64)
}

/// What is left of a path below a folder.
pub(crate) fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    let folder = folder.trim_end_matches('/');
    if folder.is_empty() {
        return None;
    }
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::text::parse;
    use crate::config::text::place::Text;

    fn node(text: &str) -> Node {
        parse::parse(&Text::new("x", text), 0).root.unwrap()
    }

    #[test]
    fn ports_are_read_in_every_form() {
        let text = "['80', '8080:80', '127.0.0.1:5001:5000', '53:53/udp', '3000-3001:4000-4001', {target: 6, published: '7', protocol: udp}, 9]";
        let shown: Vec<String> = ports(&node(text))
            .into_iter()
            .map(|port| {
                let published = port.published.map(|port| format!("{port}:")).unwrap_or_default();
                format!("{published}{}{}", port.target, if port.is_udp { "/udp" } else { "" })
            })
            .collect();
        assert_eq!(shown.join(" "), "80 5001:5000 53:53/udp 3000:4000 3001:4001 7:6/udp 9");
    }

    #[test]
    fn mounts_are_read_in_every_form() {
        for (text, expected) in [
            ("./a:/b/:ro", "Path(\"./a\") /b true"),
            ("data:/var/lib", "Volume(\"data\") /var/lib false"),
            ("/x/node_modules", "Anonymous /x/node_modules false"),
            ("{type: bind, source: ./a, target: /b, read_only: true}", "Path(\"./a\") /b true"),
            ("{type: tmpfs, target: /t}", "Memory /t false"),
        ] {
            let mount = mount(&node(text)).unwrap();
            assert_eq!(format!("{:?} {} {}", mount.source, mount.target, mount.is_read_only), expected);
        }
    }

    #[test]
    fn commands_and_lengths_of_time() {
        assert_eq!(command(&node("a 'b c' $d")), ["a", "b c", "$d"]);
        assert_eq!(joined(&command(&node("[sh, -c, 'a && b']"))), "a && b");
        assert_eq!(joined(&command(&node("[a, b c]"))), "a 'b c'");
        let all = ["90s", "1m30s", "500ms", "2h", "5", "x"].map(seconds);
        assert_eq!(all, [Some(90), Some(90), Some(1), Some(7200), Some(5), None]);
    }
}
