//! Which names are the machine's own, and what is below what.

/// The domains that are the machine's own: no resolver of others knows them (RFC 6761).
pub const MACHINES: [&str; 2] = ["localhost", "test"];

/// Whether the machine's authority signs for `name`.
#[must_use]
pub fn is_machines(name: &str) -> bool {
    MACHINES.iter().any(|own| is_below(name, own))
}

/// Whether a name is this machine, whatever its resolver knows (RFC 6761): browsers and curl hold it so.
#[must_use]
pub fn is_this_machine(name: &str) -> bool {
    is_below(name, "localhost")
}

/// Whether `name` is `domain` or below it.
#[must_use]
pub fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
