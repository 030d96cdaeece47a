//! A Dockerfile of the team's own: its stages, and whether it is based on an image of the hierarchy. Pure.

use crate::config::model::file::Image;
use crate::config::schema::table::listed;
use crate::plan::images::dockerfile::instructions_with_lines;

/// What is wrong with an image's entry, given its Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key of the entry.
    pub key: &'static str,
    /// What is wrong with it.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// What an image's entry says that its Dockerfile does not have.
#[must_use]
pub fn faults(name: &str, image: &Image, dockerfile: &str) -> Vec<Fault> {
    let stages = stages(dockerfile);
    let key = if image.dockerfile.is_some() { "dockerfile" } else { "context" };
    let fault = |key, message: String, help: &str| Fault { key, message, help: help.to_owned() };
    if stages.is_empty() {
        return vec![fault(
            key,
            format!("the Dockerfile of `{name}` has no `FROM`"),
            "begin a stage with `FROM IMAGE`",
        )];
    }
    let mut faults = Vec::new();
    if let Some(target) = image.target.as_ref().filter(|target| !has(&stages, target)) {
        let named: Vec<String> = stages.iter().filter_map(|stage| stage.name.clone()).collect();
        let help = match named.as_slice() {
            [] => format!("its {} stages have no names: write `FROM IMAGE AS {target}`", stages.len()),
            named => format!("it has {}", listed(named, "and")),
        };
        faults.push(fault("target", format!("the Dockerfile of `{name}` has no stage `{target}`"), &help));
    }
    let on_parent = stages.iter().any(|stage| ["${PARENT}", "$PARENT"].contains(&stage.from.as_str()));
    match (&image.parent, on_parent) {
        (Some(parent), false) => faults.push(fault(
            "parent",
            format!("the Dockerfile of `{name}` is not based on its parent `{parent}`"),
            "begin it with `ARG PARENT` and `FROM ${PARENT}`, or remove `parent`",
        )),
        (None, true) => faults.push(fault(
            key,
            format!("the Dockerfile of `{name}` is based on `${{PARENT}}`, but the image has no `parent`"),
            "add `parent:` with an image of the hierarchy, such as python",
        )),
        _ => {}
    }
    faults
}

/// A stage of a Dockerfile.
struct Stage {
    from: String,
    name: Option<String>,
}

fn stages(dockerfile: &str) -> Vec<Stage> {
    let stage = |(_, instruction): (usize, String)| {
        let mut words = instruction.split_whitespace();
        if !words.next()?.eq_ignore_ascii_case("FROM") {
            return None;
        }
        let mut words = words.skip_while(|word| word.starts_with("--"));
        let from = words.next()?.to_owned();
        let is_named = words.next().is_some_and(|word| word.eq_ignore_ascii_case("as"));
        Some(Stage { from, name: words.next().filter(|_| is_named).map(str::to_owned) })
    };
    instructions_with_lines(dockerfile).into_iter().filter_map(stage).collect()
}

/// Whether there is a stage of this name or number.
fn has(stages: &[Stage], target: &str) -> bool {
    let is_it = |stage: &Stage| stage.name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(target));
    stages.iter().any(is_it) || target.parse::<usize>().is_ok_and(|number| number < stages.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::ImageName;

    const TEXT: &str =
        "FROM --platform=linux/amd64 golang:1 AS Build\nRUN make\nFROM scratch\nCOPY --from=build /a /a\n";

    fn said(image: &Image, text: &str) -> Vec<String> {
        faults("legacy", image, text)
            .into_iter()
            .map(|fault| format!("{}: {} ({})", fault.key, fault.message, fault.help))
            .collect()
    }

    #[test]
    fn a_stage_is_named_or_numbered() {
        let image = |target: &str| Image { target: Some(target.to_owned()), ..Image::default() };
        assert!(said(&image("build"), TEXT).is_empty() && said(&image("1"), TEXT).is_empty());
        assert_eq!(
            said(&image("buidl"), TEXT),
            ["target: the Dockerfile of `legacy` has no stage `buidl` (it has `Build`)"]
        );
        assert_eq!(said(&image("2"), "FROM x").len(), 1);
        assert_eq!(
            said(&Image::default(), "RUN x"),
            ["context: the Dockerfile of `legacy` has no `FROM` (begin a stage with `FROM IMAGE`)"]
        );
    }

    #[test]
    fn a_parent_and_its_argument_go_together() {
        let on_ours = "ARG PARENT\nFROM ${PARENT} AS x\n";
        let parent = Image { parent: ImageName::new("python").ok(), ..Image::default() };
        assert!(said(&parent, on_ours).is_empty() && said(&Image::default(), TEXT).is_empty());
        assert!(said(&parent, TEXT)[0].contains("is not based on its parent `python`"));
        assert!(said(&Image::default(), on_ours)[0].contains("has no `parent`"));
    }
}
