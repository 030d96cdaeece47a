//! Paths that a configuration names, and what must be true of them.

use std::collections::BTreeMap;

use crate::config::cross_checks::sites;
use crate::config::cross_checks::subject::enabled_modules;
use crate::config::model::values::RelPath;
use crate::config::problems::Finding;
use crate::config::text::place::Span;
use crate::config::text::quote::quoted;
use crate::config::text::tree::Node;

/// What stands at a path of the checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathFact {
    /// Nothing.
    Missing,
    /// A file, or a link to one inside the checkout.
    File,
    /// A folder, or a link to one inside the checkout.
    Directory,
    /// A socket, a device, a pipe.
    Other,
    /// A link on the way leads out of the checkout.
    Outside {
        /// Where it leads.
        target: String,
    },
}

/// What is known about paths; a path that is not in it is not complained about.
pub type PathFacts = BTreeMap<RelPath, PathFact>;

/// A path in the configuration, and what it must be.
#[derive(Debug, Clone)]
pub(crate) struct PathUse {
    pub path: RelPath,
    span: Span,
    wanted: Wanted,
    /// Begins the message, such as "`path` of `api`".
    what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Directory,
    File,
    /// It may be missing, but must not lead out.
    Inside,
    /// The folder above it is there; it may be missing, and is not a file.
    Site,
}

/// All paths of a tree that can be read.
pub(crate) fn uses(tree: &Node) -> Vec<PathUse> {
    let mut uses = Vec::new();
    let mut add = |node: Option<&Node>, below: Option<&RelPath>, wanted, what: String| {
        let Some(node) = node else { return };
        let Some(path) = node.text().and_then(|text| RelPath::new(text).ok()) else { return };
        let path = below.map_or_else(|| path.clone(), |below| below.join(&path));
        if let (Wanted::Site, Some((above, _))) = (wanted, path.as_str().rsplit_once('/'))
            && let Ok(above) = RelPath::new(above)
        {
            uses.push(PathUse { path: above, span: node.span, wanted: Wanted::Directory, what: what.clone() });
        }
        uses.push(PathUse { path, span: node.span, wanted, what });
    };
    add(tree.get("files"), None, Wanted::Inside, "`files`".to_owned());
    for fragment in tree.get("compose").map(Node::items).unwrap_or_default() {
        add(Some(fragment), None, Wanted::File, "the compose file".to_owned());
    }
    for entry in tree.get("images").map(Node::entries).unwrap_or_default() {
        let (image, name) = (&entry.value, quoted(&entry.key.text));
        add(image.get("dockerfile"), None, Wanted::File, format!("`dockerfile` of {name}"));
        add(image.get("context"), None, Wanted::Directory, format!("`context` of {name}"));
    }
    for (name, module) in enabled_modules(tree) {
        let name = quoted(name);
        if sites::is_site(module) {
            // A build makes it; what it stands in is mounted.
            add(module.get("path"), None, Wanted::Site, format!("`path` of {name}"));
            continue;
        }
        add(module.get("path"), None, Wanted::Directory, format!("`path` of {name}"));
        let folder = module.get("path").and_then(Node::text).and_then(|text| RelPath::new(text).ok());
        let Some(folder) = folder else { continue };
        let lists = [
            ("deps", "lock", Wanted::File),
            ("deps", "into", Wanted::Inside),
            ("release", "artifacts", Wanted::Inside),
        ];
        for (owner, key, wanted) in lists {
            for item in module.get(owner).and_then(|owner| owner.get(key)).map(Node::items).unwrap_or_default() {
                add(Some(item), Some(&folder), wanted, format!("`{key}` of {name}"));
            }
        }
        for item in module.get("outputs").map(Node::items).unwrap_or_default() {
            add(Some(item), Some(&folder), Wanted::Inside, format!("`outputs` of {name}"));
        }
    }
    for entry in tree.get("services").map(Node::entries).unwrap_or_default() {
        add(entry.value.get("seed"), None, Wanted::File, format!("`seed` of {}", quoted(&entry.key.text)));
    }
    uses.extend(usual_dockerfiles(tree));
    uses
}

/// The Dockerfiles of contexts that are named without one.
fn usual_dockerfiles(tree: &Node) -> Vec<PathUse> {
    let entries = tree.get("images").map(Node::entries).unwrap_or_default();
    let usual = entries.iter().filter(|entry| entry.value.get("dockerfile").is_none()).filter_map(|entry| {
        let context = entry.value.get("context")?;
        let path = RelPath::new(context.text()?).ok()?.join(&RelPath::new("Dockerfile").ok()?);
        let what = format!("the Dockerfile of {}", quoted(&entry.key.text));
        Some(PathUse { path, span: context.span, wanted: Wanted::File, what })
    });
    usual.collect()
}

/// Complains about paths that are not what they must be.
pub(crate) fn check(uses: &[PathUse], facts: &PathFacts) -> Vec<Finding> {
    uses.iter().filter_map(|path| facts.get(&path.path).and_then(|fact| finding(path, fact))).collect()
}

fn finding(of: &PathUse, fact: &PathFact) -> Option<Finding> {
    let path = quoted(of.path.as_str());
    let (message, label, help) = match (fact, of.wanted) {
        (PathFact::Outside { target }, _) => (
            format!("{} leaves the checkout: {path} leads to {}", of.what, quoted(target)),
            "leads outside",
            "devenv reads only what is in the checkout: copy it there, or name the real folder",
        ),
        (PathFact::Missing, Wanted::Directory) => (
            format!("{}: there is no folder {path}", of.what),
            "does not exist",
            "make it, or correct the path; it starts at the folder of devenv.yaml",
        ),
        (PathFact::Missing, Wanted::File) => {
            (format!("{}: there is no file {path}", of.what), "does not exist", "make it, or correct the path")
        }
        (PathFact::File | PathFact::Other, Wanted::Directory | Wanted::Site) => {
            (format!("{}: {path} is not a folder", of.what), "not a folder", "name the folder that has the source")
        }
        (PathFact::Directory | PathFact::Other, Wanted::File) => {
            (format!("{}: {path} is not a file", of.what), "not a file", "name the file itself")
        }
        _ => return None,
    };
    Some(Finding::new(of.span, message).label(label).help(help))
}
