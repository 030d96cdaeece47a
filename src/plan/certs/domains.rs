//! Which names are the machine's own, and what is below what.

/// Whether the machine's authority signs for `name`.
#[must_use]
pub fn is_machines(name: &str) -> bool {
    ["localhost", "test"].iter().any(|own| is_below(name, own))
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
