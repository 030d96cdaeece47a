//! The same call once more, in a session that knows a group that its user has just come into.

use std::env;

use crate::error::{Error, Kind, Result};
use crate::host::process::{self, Cmd};
use crate::plan::machine::User;

/// Set in a session that was begun for the sake of group `docker`: if that did not help, another one will not.
const NEW_SESSION: &str = "DEVENV_NEW_SESSION";

/// The call that started this process.
pub fn own_call() -> Result<Cmd> {
    let program =
        env::current_exe().map_err(|error| Error::message(Kind::Failed, format!("cannot find devenv: {error}")))?;
    let args = env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    Ok(Cmd::new(program.display().to_string(), args))
}

/// Whether this process was started by [`call`].
#[must_use]
pub fn is_begun() -> bool {
    env::var_os(NEW_SESSION).is_some()
}

/// The same call in a session of its own that knows the new group already; ours gets it with the next login. By sudo
/// where it asks for nothing: it makes a whole session. Else by sg, twice.
pub async fn call(cmd: &Cmd, user: &User) -> Cmd {
    let sudo = Cmd::new("sudo", ["-n", "-E", "-u", &user.name]);
    let is_free = process::output(&sudo.clone().args(["true"])).await.is_ok_and(|output| output.status.success());
    let session = if is_free {
        // sudo has a PATH of its own.
        let path = env::var("PATH").unwrap_or_default();
        sudo.args(["env".to_owned(), format!("PATH={path}"), cmd.program.clone()]).args(cmd.args.iter().cloned())
    } else {
        in_docker_group(cmd, user)
    };
    session.env(NEW_SESSION, "1")
}

/// The second `sg` goes back to the user's own first group, so that new files do not belong to group `docker`. Debian
/// 13's forgets group `docker` with that.
fn in_docker_group(cmd: &Cmd, user: &User) -> Cmd {
    let back = Cmd::new("sg", ["GROUP", "-c", &cmd.to_string()]).to_string();
    let name = Cmd::new("id", ["-gn", &user.name]);
    Cmd::new("sg", ["docker", "-c", &format!("exec {}", back.replacen("GROUP", &format!("\"$({name})\""), 1))])
        .env(NEW_SESSION, "1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::machine::Rank;

    #[test]
    fn a_call_in_the_new_group_keeps_the_first_group() {
        let user = User { name: "ann".to_owned(), rank: Rank::Normal, in_docker_group: true };
        assert_eq!(
            in_docker_group(&Cmd::new("devenv", ["up", "a b"]), &user).args,
            ["docker", "-c", r#"exec sg "$(id -gn ann)" -c "devenv up 'a b'""#]
        );
    }
}
