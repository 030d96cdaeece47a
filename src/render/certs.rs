//! Certificates as files: the environment's own for those who serve, and what to trust for everybody.

use crate::paths;
use crate::plan::certs::LeafOf;
use crate::render::{Access, Generated, MARKER};

/// Every certificate that a container trusts.
pub const BUNDLE: &str = "ca/ca-certificates.crt";
/// The same for Java.
pub const TRUSTSTORE: &str = "ca/truststore.jks";

/// A certificate and its key.
#[derive(Debug, Clone, Copy)]
pub struct Leaf<'a> {
    /// Which one.
    pub of: LeafOf<'a>,
    /// The certificate.
    pub certificate: &'a str,
    /// The key.
    pub key: &'a str,
}

/// The files of a checkout; `authorities` are trusted beside the machine's `bundle`.
#[must_use]
pub fn files(leaves: &[Leaf<'_>], authorities: &[&str], bundle: Option<&str>) -> Vec<Generated> {
    let mut files = Vec::new();
    let private =
        |path: &str, text: &str| Generated { path: path.to_owned(), text: marked(text), access: Access::Private };
    for leaf in leaves {
        let [certificate, key] = leaf.of.files();
        files.push(private(&paths::certificate(certificate), leaf.certificate));
        files.push(private(&paths::certificate(key), leaf.key));
    }
    let both: Vec<&str> = bundle.into_iter().chain(authorities.iter().copied()).collect();
    let text = format!("# {MARKER}\n{}", both.join("\n"));
    files.push(Generated { path: BUNDLE.to_owned(), text, access: Access::Public });
    files
}

/// A certificate or a key with the line by which devenv knows its own file.
#[must_use]
pub fn marked(text: &str) -> String {
    if text.contains(MARKER) { text.to_owned() } else { format!("# {MARKER}\n{text}") }
}
