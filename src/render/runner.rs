//! The runner for modules whose image has none: one that a Dockerfile of the team's own builds.

use crate::paths;
use crate::plan::images::Hierarchy;
use crate::render::{Access, Generated, MARKER};

/// The one of the images of the hierarchy.
const RUNNER: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/images/base/devenv-run"));

/// How it gives a command back the signals that a shell without job control takes away: an option of GNU's `env`, which
/// other images may not have.
const SIGNALS: &str = "env --default-signal=INT,QUIT";

/// The file that such modules have mounted, where there are any such images.
#[must_use]
pub fn file(images: &Hierarchy) -> Option<Generated> {
    let is_needed = images.nodes().iter().any(|node| node.apart);
    let body = RUNNER.split_once('\n').map_or(RUNNER, |(_, body)| body).replace(SIGNALS, "$signals");
    let text = format!("#!/bin/sh\n# {MARKER}\nsignals='{SIGNALS}'\n$signals true 2> /dev/null || signals=\n{body}");
    is_needed.then(|| Generated { path: format!("{}/devenv-run", paths::RUNNER), text, access: Access::Program })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runner_asks_for_no_option_that_an_image_may_not_have() {
        assert_eq!(RUNNER.matches(SIGNALS).count(), 1);
    }
}
