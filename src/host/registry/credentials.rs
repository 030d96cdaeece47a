//! Who asks a registry: docker's own configuration says, so that `docker login` is for devenv too.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::host::process::{self, Cmd};
use crate::plan::registry::place::RegistryPath;
use crate::redact;

/// Credentials of a registry; they have no `Debug` that could show them.
#[derive(Clone, PartialEq, Eq)]
pub enum RegistryLogin {
    /// With each request.
    Password {
        /// The name.
        user: String,
        /// The password or access token.
        password: String,
    },
    /// An identity token of `docker login`, which is exchanged for tokens (OAuth 2).
    Identity(String),
}

impl RegistryLogin {
    /// Credentials as docker stores them: a user called `<token>` stands for an identity token.
    fn new(user: String, password: String) -> Self {
        if user == "<token>" { Self::Identity(password) } else { Self::Password { user, password } }
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Auth>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Auth {
    auth: String,
    identitytoken: String,
}

impl Auth {
    /// The identity token, or `user:password` in base 64.
    fn login(&self) -> Option<RegistryLogin> {
        let login = if self.identitytoken.is_empty() {
            let text = String::from_utf8(BASE64_STANDARD.decode(&self.auth).ok()?).ok()?;
            let (user, password) = text.split_once(':')?;
            RegistryLogin::new(user.to_owned(), password.trim_end_matches('\0').to_owned())
        } else {
            RegistryLogin::Identity(self.identitytoken.clone())
        };
        let (RegistryLogin::Password { password: secret, .. } | RegistryLogin::Identity(secret)) = &login;
        redact::remember([secret]);
        Some(login)
    }
}

/// What a credential helper prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    username: String,
    secret: String,
}

/// The credentials of a registry in docker's configuration folder; none where it has none.
pub async fn find(folder: &Path, place: &RegistryPath) -> Result<Option<RegistryLogin>> {
    let file = folder.join("config.json");
    let Some(text) = files::read_text(&file)? else { return Ok(None) };
    let config: Config = serde_json::from_str(&text).map_err(|error| {
        let message = format!("{}: {error}", file.display());
        Error::message(Kind::Usage, message).hint("it is the configuration of docker's command line")
    })?;
    let key = place.key();
    let helper = config.cred_helpers.get(key).or(Some(&config.creds_store)).filter(|name| !name.is_empty());
    if let Some(helper) = helper {
        return of_helper(helper, key).await;
    }
    let named = [key.to_owned(), format!("https://{key}"), format!("https://{key}/v2/"), format!("http://{key}")];
    Ok(named.iter().find_map(|key| config.auths.get(key)).and_then(Auth::login))
}

/// Asks a credential helper; one that knows nothing of the registry says so by its exit code.
async fn of_helper(helper: &str, key: &str) -> Result<Option<RegistryLogin>> {
    let call = Cmd::new(format!("docker-credential-{helper}"), ["get"]).stdin(format!("{key}\n"));
    let output = process::output(&call).await?;
    if !output.status.success() {
        return Ok(None);
    }
    let kept: Kept = serde_json::from_str(&output.stdout)
        .map_err(|error| Error::message(Kind::Failed, format!("`{call}` does not answer with credentials: {error}")))?;
    redact::remember([&kept.secret]);
    Ok(Some(RegistryLogin::new(kept.username, kept.secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn credentials_are_those_of_docker_login() {
        let folder = tempfile::tempdir().unwrap();
        let found = async |config: &str, place: &str| {
            std::fs::write(folder.path().join("config.json"), config).unwrap();
            let login = find(folder.path(), &RegistryPath::new(place)).await;
            login.map(|login| {
                login.map(|login| match login {
                    RegistryLogin::Password { user, password } => format!("{user} {password}"),
                    RegistryLogin::Identity(token) => format!("identity {token}"),
                })
            })
        };
        let auth = BASE64_STANDARD.encode("me:a:b");
        let config = format!(r#"{{"auths": {{"r.example.com": {{"auth": "{auth}"}}}}}}"#);
        assert_eq!(found(&config, "r.example.com/shop").await.unwrap().as_deref(), Some("me a:b"));
        assert_eq!(found(&config, "other.example.com/shop").await.unwrap(), None);
        let config = r#"{"auths": {"r.example.com": {"auth": "", "identitytoken": "t0k"}}}"#;
        assert_eq!(found(config, "r.example.com").await.unwrap().as_deref(), Some("identity t0k"));
        let auth = BASE64_STANDARD.encode("<token>:t1k");
        let config = format!(r#"{{"auths": {{"r.example.com": {{"auth": "{auth}"}}}}}}"#);
        assert_eq!(found(&config, "r.example.com").await.unwrap().as_deref(), Some("identity t1k"));
        assert_eq!(found("{}", "r.example.com").await.unwrap(), None);
        assert!(found("{", "r.example.com").await.unwrap_err().to_string().contains("config.json: EOF"));
        let missing = r#"{"credsStore": "of-nobody-at-all"}"#;
        assert!(found(missing, "r.example.com").await.unwrap_err().to_string().contains("docker-credential-of-nobody"));
    }
}
