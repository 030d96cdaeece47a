//! The Dockerfile as it is sent to the engine: each RUN sees a folder of files that are this machine's or the lock's, and
//! no layer keeps them.

/// Where that folder stands in the context that is sent.
pub const HOST_FOLDER: &str = ".devenv-host";
/// Where a RUN sees it: a folder that the root or `base` has, so that the mount leaves no trace in a layer.
pub const MOUNT: &str = "/usr/local/share/devenv/host";

fn mount() -> String {
    format!("--mount=type=bind,source={HOST_FOLDER},target={MOUNT}")
}

/// An instruction as its author wrote it.
#[must_use]
pub fn as_written(instruction: &str) -> String {
    instruction.replace(&format!("{} ", mount()), "")
}

/// Adds a mount of the host's folder to every RUN, and variables that hold from each FROM on and stay in no image.
#[must_use]
pub fn with_host(dockerfile: &str, variables: &[(&str, String)]) -> String {
    let mount = mount();
    let mut text = String::new();
    let mut continued = false;
    for line in dockerfile.lines() {
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
        continued = line.trim_end().ends_with('\\') || (continued && line.trim_start().starts_with('#'));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_what_they_wrote() {
        let sent = with_host("RUN make\n", &[]);
        assert_ne!(sent, "RUN make\n");
        assert_eq!(as_written(&sent), "RUN make\n");
    }

    #[test]
    fn every_run_sees_the_folder_of_the_host_and_nothing_else_changes() {
        let before = "ARG PARENT\nFROM ${PARENT}\nRUN a && \\\n    RUN-not b\nCOPY x y\nrun c\n";
        assert_eq!(
            with_host(before, &[("SOURCE_DATE_EPOCH", "86400".to_owned())]),
            "ARG PARENT\nFROM ${PARENT}\nARG SOURCE_DATE_EPOCH=86400\n\
             RUN --mount=type=bind,source=.devenv-host,target=/usr/local/share/devenv/host a && \\\n    RUN-not b\n\
             COPY x y\nRUN --mount=type=bind,source=.devenv-host,target=/usr/local/share/devenv/host c\n"
        );
    }
}
