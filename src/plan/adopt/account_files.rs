//! Passwords of presets that compose hands to a module as files: a command before the module's own writes them.

use crate::config::text::tree::Node;
use crate::plan::adopt::adopting::Adopting;
use crate::plan::adopt::fragment;
use crate::plan::adopt::kinds::Kind;

/// Where compose has its secrets.
pub(crate) const FOLDER: &str = "/run/secrets";

/// A secret of compose that holds the password of a preset.
pub(crate) struct AccountFile {
    /// Its name in compose.
    pub secret: String,
    /// The preset's part.
    pub part: String,
}

/// Those that a service has.
pub(crate) fn of(adopting: &Adopting<'_>, node: &Node) -> Vec<AccountFile> {
    let secrets = node.get("secrets").map(Node::items).unwrap_or_default().iter().filter_map(fragment::secret);
    let file = |secret: &str| {
        let part = adopting
            .parts
            .iter()
            .find(|part| matches!(&part.kind, Kind::Preset(_, account) if account.files.contains(secret)))?;
        Some(AccountFile { secret: secret.to_owned(), part: part.name.clone() })
    };
    secrets.filter_map(file).collect()
}

/// A command before which the passwords are written.
pub(crate) fn before(files: &[AccountFile], run: &str) -> String {
    let line = |AccountFile { secret, part }: &AccountFile| {
        let prefix = part.to_uppercase().replace('-', "_");
        format!("printf %s \"$${prefix}_PASSWORD\" >{FOLDER}/{secret}; ")
    };
    files.iter().map(line).collect::<String>() + run
}
