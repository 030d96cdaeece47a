//! The ports of a part, under the names that objects refer to them by.

use serde_json::{Value, json};

use crate::config::model::container::Protocol;
use crate::digest;
use crate::plan::parts::Part;
use crate::render::kubernetes::{Manifests, object_name};

/// The port that routes and needs lead to.
pub(super) const MAIN: &str = "main";
/// Letters that a port's name may have.
const LONGEST: usize = 15;

/// A port in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opened {
    name: String,
    port: u16,
    protocol: Protocol,
}

impl Opened {
    fn protocol(&self) -> &'static str {
        match self.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
        }
    }

    /// As a container has it.
    pub(super) fn of_container(&self) -> Value {
        json!({"name": self.name, "containerPort": self.port, "protocol": self.protocol()})
    }

    /// As a Service has it.
    pub(super) fn of_service(&self) -> Value {
        json!({"name": self.name, "port": self.port, "targetPort": self.name, "protocol": self.protocol()})
    }

    /// As a policy has it.
    pub(super) fn of_policy(&self) -> Value {
        json!({"port": self.name, "protocol": self.protocol()})
    }
}

impl Manifests<'_> {
    /// The ports that a part listens on, the main one first.
    pub(super) fn opened(&self, part: &Part) -> Vec<Opened> {
        let main = part.inner_port();
        let main = main.map(|port| Opened { name: MAIN.to_owned(), port, protocol: Protocol::Tcp });
        let further = self.project.file.modules.get(&part.name).map(|module| &module.ports);
        let further = further.into_iter().flatten().map(|(name, one)| {
            let (port, protocol) = (one.port.get(), one.protocol);
            Opened { name: port_name(name.as_str()), port, protocol }
        });
        main.into_iter().chain(further).collect()
    }
}

/// A name as a port may have one, which no other port of the part has.
fn port_name(text: &str) -> String {
    let name = object_name(text);
    let has_letter = name.contains(|c: char| c.is_ascii_lowercase());
    if name == text && name.len() <= LONGEST && has_letter && name != MAIN && !name.contains("--") {
        return name;
    }
    let kept: String = name.chars().take(8).collect();
    format!("{}-p{}", kept.trim_end_matches('-'), &digest::hex(text.as_bytes())[..5])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_keeps_its_name_where_kubernetes_takes_it_and_never_has_that_of_another() {
        assert_eq!(["debug", "dns-udp"].map(port_name), ["debug", "dns-udp"]);
        let names = ["main", "1234", "a-very-long-name-of-a-port", "a-very-long-name-of-a-pork", "UPPER", "a_b"];
        for (name, made) in names.map(|name| (name, port_name(name))) {
            let is_taken = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(made.len() <= LONGEST && made.chars().all(is_taken) && made != MAIN, "{name}: {made}");
        }
        assert_ne!(port_name(names[2]), port_name(names[3]));
    }
}
