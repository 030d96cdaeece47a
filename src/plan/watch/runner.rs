//! What `devenv-run`, which stands between a container and the command of its module, says in the log.

/// What the runner says when the old command is gone and the new one begins.
pub const STARTED_AGAIN: &str = "devenv-run: started again";
/// The code with which the new one has died at once, where the runner says so in a line of the log.
#[must_use]
pub fn died_with(line: &str) -> Option<i64> {
    let said = line.strip_prefix("devenv-run: ended with code ")?;
    said.strip_suffix(" right after the restart: waiting for the next one")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runner_says_that_a_command_has_died() {
        let line = "devenv-run: ended with code 3 right after the restart: waiting for the next one";
        assert_eq!(died_with(line), Some(3));
        assert_eq!(died_with("devenv-run: started again"), None);
        assert_eq!(died_with(&format!("a program says {line}")), None);
    }
}
