//! The other tool that is called devenv: its `devenv.yaml` gets one clear error.

use crate::config::problems::Finding;
use crate::config::text::quote::quoted;
use crate::config::text::tree::Node;

/// A finding if the file is plainly that of <https://devenv.sh>.
pub(crate) fn finding(root: &Node) -> Option<Finding> {
    let foreign = ["inputs", "imports"].into_iter().find_map(|key| root.entry(key))?;
    if root.entry("project").is_some() {
        return None;
    }
    let message = format!("this file belongs to another tool, devenv.sh for Nix: it has {}", quoted(&foreign.key.text));
    Some(
        Finding::new(foreign.key.span, message)
            .label("a key of devenv.sh")
            .help("keep that file for devenv.sh, and give this tool's configuration another name: `devenv -f FILE up`"),
    )
}
