//! The command of a module on a platform: what holds a credential is put together in the container, from the files of its
//! secrets. Pure.

use std::collections::BTreeSet;

use crate::plan::parts::Part;
use crate::plan::parts::secret_variable::{Form, SecretVariable, VariablePiece};
use crate::plan::presets::CREDENTIALS;

/// Where containers find the secrets that they are given.
pub(super) const SECRETS: &str = "/run/secrets";

/// Puts the script in front of a part's own command, `[SHELL, "-c", RUN]`; one without secrets stays as it is.
pub(super) fn wrapped(part: &Part) -> Option<Vec<String>> {
    let variables = &part.secret_env;
    let Some([shell, _, run]) = part.command.as_deref().filter(|_| !variables.is_empty()) else {
        return part.command.clone();
    };
    let all = variables.values().flat_map(SecretVariable::credentials);
    let secrets: BTreeSet<String> = all.map(|one| format!("{}.{}", one.service, one.name)).collect();
    let (own, secrets): (Vec<String>, Vec<String>) =
        secrets.into_iter().partition(|name| name.starts_with(&format!("{}.", part.name)));
    let mut script = format!(
        "for one in {}; do [ -r \"{SECRETS}/$one\" ] || {{ echo \"the secret $one is not there\" >&2; exit 1; }}; done\n\
         secret() {{ cat \"{SECRETS}/$1\"; }}\n\
         encoded() {{ printf %s \"$(secret \"$1\")\" | od -An -v -tx1 | tr -d ' \\n' | sed 's/../%&/g'; }}\n",
        secrets.join(" ")
    );
    if secrets.is_empty() {
        script.clear();
    }
    for name in own.iter().filter_map(|name| name.split_once('.')).map(|(_, name)| name) {
        script.push_str(&format!(
            "[ -r {CREDENTIALS}/{name} ] || {{ echo \"the secret {}.{name} is not there\" >&2; exit 1; }}\n",
            part.name
        ));
    }
    for (name, value) in variables {
        let text: String = value.pieces.iter().map(|one| piece(one, part)).collect();
        script.push_str(&format!("{name}={text}\nexport {name}\n"));
    }
    script.push_str(&format!("exec {shell} -c \"$1\""));
    Some([shell, "-ec", &script, "sh", run].map(str::to_owned).into())
}

/// A piece of a value in the words of a shell.
fn piece(piece: &VariablePiece, part: &Part) -> String {
    match piece {
        VariablePiece::Text(text) => format!("'{}'", text.replace('\'', "'\\''")),
        // Its own ones have one place in every environment.
        VariablePiece::Credential(credential) if credential.service == part.name => {
            format!("\"$(cat {CREDENTIALS}/{})\"", credential.name)
        }
        VariablePiece::Credential(credential) => {
            let read = if credential.form == Form::Percent { "encoded" } else { "secret" };
            format!("\"$({read} {}.{})\"", credential.service, credential.name)
        }
    }
}
