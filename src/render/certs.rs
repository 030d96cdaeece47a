//! Certificates as files: the environment's own for those who serve, and what to trust for everybody.

use crate::render::{Access, Generated, MARKER};

/// Every certificate that a container trusts.
pub const BUNDLE: &str = "ca/ca-certificates.crt";
/// The same for Java.
pub const TRUSTSTORE: &str = "ca/truststore.jks";

/// The files of a checkout: `leaf` is certificate and key; `authority` is trusted beside the machine's `bundle`.
#[must_use]
pub fn files(leaf: Option<(&str, &str)>, authority: Option<&str>, bundle: Option<&str>) -> Vec<Generated> {
    let mut files = Vec::new();
    let private = |path: &str, text: &str| {
        let text = if text.contains(MARKER) { text.to_owned() } else { format!("# {MARKER}\n{text}") };
        Generated { path: path.to_owned(), text, access: Access::Private }
    };
    if let Some((certificate, key)) = leaf {
        files.push(private("certs/cert.pem", certificate));
        files.push(private("certs/key.pem", key));
    }
    let both: Vec<&str> = bundle.into_iter().chain(authority).collect();
    let text = format!("# {MARKER}\n{}", both.join("\n"));
    files.push(Generated { path: BUNDLE.to_owned(), text, access: Access::Public });
    files
}
