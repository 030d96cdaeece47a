//! The Dockerfile as it is sent to the engine: each RUN sees a folder of files that are this machine's or the lock's, and
//! no layer keeps them.

/// Where that folder stands in the context that is sent.
pub const HOST_FOLDER: &str = ".devenv-host";
/// Where a RUN sees it: a folder that the root or `base` has, so that the mount leaves no trace in a layer.
pub const MOUNT: &str = "/usr/local/share/devenv/host";

/// Where the folder of the host comes from.
#[derive(Debug, Clone, Copy)]
pub enum HostFiles<'a> {
    /// From the context that is sent.
    Context,
    /// From an image: a Dockerfile of the team's own may copy its whole context.
    Image(&'a str),
}

impl HostFiles<'_> {
    fn mount(self) -> String {
        match self {
            Self::Context => format!("--mount=type=bind,source={HOST_FOLDER},target={MOUNT}"),
            Self::Image(image) => format!("--mount=type=bind,from={image},target={MOUNT}"),
        }
    }
}

/// An instruction as its author wrote it.
#[must_use]
pub fn as_written(instruction: &str) -> String {
    let is_ours = |word: &&str| word.starts_with("--mount=type=bind,") && word.ends_with(&format!(",target={MOUNT}"));
    instruction.split(' ').filter(|word| !is_ours(word)).collect::<Vec<_>>().join(" ")
}

/// Adds a mount of the host's folder to every RUN, and variables that hold from each FROM on and stay in no image.
#[must_use]
pub fn with_host(dockerfile: &str, files: HostFiles<'_>, variables: &[(&str, String)]) -> String {
    let mount = files.mount();
    let mut text = String::new();
    let mut continued = false;
    let mut ends: Vec<String> = Vec::new();
    for line in dockerfile.lines() {
        if let Some(end) = ends.first() {
            if line.trim_start_matches('\t') == end {
                ends.remove(0);
            }
            text.push_str(line);
            text.push('\n');
            continue;
        }
        let word = line.split_whitespace().next().unwrap_or_default();
        if !continued && word.eq_ignore_ascii_case("RUN") {
            let rest = line.trim_start()[3..].trim_start();
            text.push_str(&format!("RUN {mount} {rest}\n"));
        } else {
            text.push_str(line);
            text.push('\n');
        }
        if !continued && word.eq_ignore_ascii_case("FROM") {
            for (variable, value) in variables {
                text.push_str(&format!("ARG {variable}={value}\n"));
            }
        }
        if ["RUN", "COPY", "ADD"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword)) {
            ends = heredocs(line);
        }
        continued = line.trim_end().ends_with('\\') || (continued && line.trim_start().starts_with('#'));
    }
    text
}

/// The lines that end the heredocs which begin in a line.
fn heredocs(line: &str) -> Vec<String> {
    let begins = line.split_whitespace().filter_map(|word| {
        let (_, word) = word.split_once("<<")?;
        let word = word.trim_start_matches('-').trim_matches(['"', '\'']);
        let is_plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        (is_plain && word.starts_with(|c: char| !c.is_ascii_digit())).then(|| word.to_owned())
    });
    begins.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_what_they_wrote() {
        for files in [HostFiles::Context, HostFiles::Image("devenv/host:1")] {
            let sent = with_host("RUN make  x\n", files, &[]);
            assert_ne!(sent, "RUN make  x\n");
            assert_eq!(as_written(&sent), "RUN make  x\n");
        }
    }

    #[test]
    fn what_stands_in_a_heredoc_is_no_instruction() {
        let before = "FROM x\nRUN <<EOF bash\nRUN y\nFROM z\nEOF\nRUN w\n";
        assert_eq!(
            with_host(before, HostFiles::Image("h"), &[("A", "1".to_owned())]),
            "FROM x\nARG A=1\nRUN --mount=type=bind,from=h,target=/usr/local/share/devenv/host <<EOF bash\n\
             RUN y\nFROM z\nEOF\nRUN --mount=type=bind,from=h,target=/usr/local/share/devenv/host w\n"
        );
    }

    #[test]
    fn every_run_sees_the_folder_of_the_host_and_nothing_else_changes() {
        let before = "ARG PARENT\nFROM ${PARENT}\nRUN a && \\\n    RUN-not b\nCOPY x y\nrun c\n";
        assert_eq!(
            with_host(before, HostFiles::Context, &[("SOURCE_DATE_EPOCH", "86400".to_owned())]),
            "ARG PARENT\nFROM ${PARENT}\nARG SOURCE_DATE_EPOCH=86400\n\
             RUN --mount=type=bind,source=.devenv-host,target=/usr/local/share/devenv/host a && \\\n    RUN-not b\n\
             COPY x y\nRUN --mount=type=bind,source=.devenv-host,target=/usr/local/share/devenv/host c\n"
        );
    }
}
