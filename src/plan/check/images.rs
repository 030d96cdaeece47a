//! Images: no external content without a digest. Pure.

use crate::plan::check::facts::CheckFacts;
use crate::plan::check::finding::{Finding, Spot};
use crate::plan::check::rules::Rule;

/// Images without a digest, and instructions that take something without one.
#[must_use]
pub fn findings(facts: &CheckFacts<'_>) -> Vec<Finding> {
    let loose = facts.project.file.images_of_others().filter_map(|(name, image)| {
        if image.contains("@sha256:") || facts.digests.contains_key(image) {
            return None;
        }
        let spot = Spot::of(facts.project, &["services", name.as_str(), "image"]);
        let fix = "`devenv up` pins it in devenv.lock: commit that file";
        Some(Finding::error(Rule::ImageDigest, spot, format!("`{image}` has no digest in devenv.lock"), fix))
    });
    let nodes = facts.images.nodes().iter();
    let instructions = nodes.flat_map(|node| node.outside.iter().map(move |line| (node, line)));
    let unpinned = instructions.map(|(node, line)| {
        let path = node.dockerfile_path();
        let text = &node.dockerfile;
        let first: Vec<&str> = line.split_whitespace().take(2).collect();
        let is_it = |text: &str| text.split_whitespace().take(2).eq(first.iter().copied());
        let at = text.lines().position(is_it).map_or(1, |at| at + 1);
        let spot = Spot::new(facts.assets.place(&path), at);
        let fix = "name it by digest, such as `FROM golang@sha256:…`, or by `--checksum`";
        Finding::error(Rule::ImageDigest, spot, format!("`{line}` uses external content without a digest"), fix)
    });
    loose.chain(unpinned).collect()
}
