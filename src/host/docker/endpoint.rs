//! Which engine is meant: the rules of docker's command line, so that compose and our own calls never talk to
//! different engines. Children get the answer as `DOCKER_HOST`.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind};
use crate::host::files::reading;
use crate::host::process::Cmd;
use crate::plan::environment::proxies::ClientProxies;
use crate::plan::machine::{Endpoint, EndpointOrigin, NoEndpoint, Transport};

/// Where the engine is if nobody says anything else.
pub const DEFAULT: &str = "unix:///var/run/docker.sock";

/// What chooses an engine, apart from files.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// `DOCKER_HOST`.
    pub host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub context: Option<String>,
    /// `DOCKER_TLS_VERIFY`, of any value.
    pub tls_verify: Option<String>,
    /// `DOCKER_CERT_PATH`.
    pub cert_path: Option<PathBuf>,
    /// `DOCKER_CONFIG`, or `~/.docker`.
    pub config: PathBuf,
}

impl Choice {
    /// The choice that our environment makes; an empty variable is none.
    #[must_use]
    pub fn of_environment() -> Self {
        let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            host: variable("DOCKER_HOST"),
            context: variable("DOCKER_CONTEXT"),
            tls_verify: variable("DOCKER_TLS_VERIFY"),
            cert_path: variable("DOCKER_CERT_PATH").map(PathBuf::from),
            config: config_dir(),
        }
    }
}

impl Choice {
    /// Variables that make the same choice in a child that outlives us: the current context may be another one later.
    pub fn pinned(&self) -> Result<Vec<(&'static str, String)>, NoEndpoint> {
        Ok(match find(self)?.origin {
            EndpointOrigin::CurrentContext(name) => vec![("DOCKER_CONTEXT", name)],
            EndpointOrigin::Default => vec![("DOCKER_CONTEXT", "default".to_owned())],
            EndpointOrigin::HostVariable | EndpointOrigin::ContextVariable(_) => Vec::new(),
        })
    }
}

/// The directory of docker's command line: `DOCKER_CONFIG`, else `~/.docker`.
#[must_use]
pub fn config_dir() -> PathBuf {
    match env::var_os("DOCKER_CONFIG").filter(|value| !value.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => env::home_dir().unwrap_or_default().join(".docker"),
    }
}

/// Finds the endpoint: `DOCKER_HOST`, else `DOCKER_CONTEXT`, else the current context, else the default.
pub fn find(choice: &Choice) -> Result<Endpoint, NoEndpoint> {
    if let Some(url) = &choice.host {
        let tls = choice.tls_verify.is_some() && url.starts_with("tcp:");
        if tls {
            keys(choice.cert_path.as_ref().unwrap_or(&choice.config))?;
        }
        let transport = if tls { Transport::Tls } else { Transport::Plain };
        return Ok(Endpoint { url: url.clone(), origin: EndpointOrigin::HostVariable, transport });
    }
    let (name, origin) = match &choice.context {
        Some(name) => (name.clone(), EndpointOrigin::ContextVariable(name.clone())),
        None => {
            let name = current_context(&choice.config)?;
            (name.clone(), EndpointOrigin::CurrentContext(name))
        }
    };
    if name == "default" {
        return Ok(Endpoint { url: DEFAULT.to_owned(), origin: EndpointOrigin::Default, transport: Transport::Plain });
    }
    let contexts = choice.config.join("contexts");
    let id = folder(&name);
    let Some(meta) = json::<Meta>(&contexts.join("meta").join(&id).join("meta.json"))? else {
        return Err(NoEndpoint::UnknownContext { origin, known: known(&contexts) });
    };
    let url = meta.endpoints.docker.host;
    let transport = if contexts.join("tls").join(&id).exists() { Transport::Tls } else { Transport::Plain };
    Ok(Endpoint { url: if url.is_empty() { DEFAULT.to_owned() } else { url }, origin, transport })
}

/// Whether the keys for TLS can be read, so that a wrong path is reported before anything is done.
fn keys(folder: &Path) -> Result<(), NoEndpoint> {
    for name in ["ca.pem", "cert.pem", "key.pem"] {
        let path = folder.join(name);
        if let Err(error) = fs::File::open(&path) {
            return Err(NoEndpoint::BadFile { problem: format!("{error} (DOCKER_CERT_PATH)"), path });
        }
    }
    Ok(())
}

impl Endpoint {
    /// The same call, bound to this engine whatever the environment says.
    #[must_use]
    pub fn bind(&self, cmd: Cmd) -> Cmd {
        match self.transport {
            Transport::Plain => cmd.env("DOCKER_HOST", &self.url),
            // The keys belong to the context: docker's command line finds both by itself.
            Transport::Tls => cmd,
        }
    }
}

/// An endpoint that cannot be found is something that is missing.
impl From<NoEndpoint> for Error {
    fn from(problem: NoEndpoint) -> Self {
        let hint = crate::plan::doctor::advice(&problem);
        Self::new(Kind::Missing, problem).hint(hint)
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    current_context: String,
    proxies: BTreeMap<String, ClientProxies>,
}

/// The proxies of the docker client's configuration for an engine: its own, else those for all.
pub fn client_proxies(config: &Path, endpoint: &str) -> Result<ClientProxies, NoEndpoint> {
    let mut all = json::<Config>(&config.join("config.json"))?.unwrap_or_default().proxies;
    Ok(all.remove(endpoint).or_else(|| all.remove("default")).unwrap_or_default())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    name: String,
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: DockerEndpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerEndpoint {
    #[serde(default)]
    host: String,
}

fn current_context(config: &Path) -> Result<String, NoEndpoint> {
    let config = json::<Config>(&config.join("config.json"))?.unwrap_or_default();
    Ok(if config.current_context.is_empty() { "default".to_owned() } else { config.current_context })
}

/// The folder of a context: docker names it by a digest.
fn folder(context: &str) -> String {
    Sha256::digest(context).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Names of the contexts that exist; what cannot be read is left out.
fn known(contexts: &Path) -> Vec<String> {
    let folders = fs::read_dir(contexts.join("meta")).into_iter().flatten().flatten();
    let metas = folders.filter_map(|folder| json::<Meta>(&folder.path().join("meta.json")).ok().flatten());
    let mut names: Vec<_> = metas.map(|meta| meta.name).chain(["default".to_owned()]).collect();
    names.sort();
    names
}

/// A JSON file; none if it does not exist.
fn json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, NoEndpoint> {
    let bad = |problem: String| NoEndpoint::BadFile { path: path.to_owned(), problem };
    match reading::text(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| bad(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(bad(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration with contexts `desktop`, `far` (with keys) and, if given, a current one.
    fn config(current: Option<&str>) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, host) in [("desktop", "unix:///run/desktop.sock"), ("far", "tcp://far:2376")] {
            let id = folder(name);
            let meta = dir.path().join("contexts/meta").join(&id);
            fs::create_dir_all(&meta).unwrap();
            let text = format!(r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#);
            fs::write(meta.join("meta.json"), text).unwrap();
            if name == "far" {
                fs::create_dir_all(dir.path().join("contexts/tls").join(&id)).unwrap();
            }
        }
        if let Some(name) = current {
            fs::write(dir.path().join("config.json"), format!(r#"{{"auths":{{}},"currentContext":"{name}"}}"#))
                .unwrap();
        }
        dir
    }

    fn shown(current: Option<&str>, host: Option<&str>, context: Option<&str>) -> String {
        let dir = config(current);
        let own = |text: Option<&str>| text.map(str::to_owned);
        let config = dir.path().to_owned();
        let choice = Choice { host: own(host), context: own(context), config, ..Choice::default() };
        find(&choice).map_or_else(|error| format!("error: {error}"), |found| found.to_string())
    }

    #[test]
    fn the_engine_is_chosen_as_docker_chooses_it() {
        assert_eq!(shown(None, None, None), "unix:///var/run/docker.sock (default)");
        assert_eq!(shown(Some("default"), None, None), "unix:///var/run/docker.sock (default)");
        assert_eq!(shown(Some("desktop"), None, None), "unix:///run/desktop.sock (current context `desktop`)");
        assert_eq!(shown(Some("far"), None, Some("default")), "unix:///var/run/docker.sock (default)");
        assert_eq!(
            shown(Some("far"), None, Some("desktop")),
            "unix:///run/desktop.sock (context `desktop` from DOCKER_CONTEXT)"
        );
        assert_eq!(
            shown(Some("far"), Some("tcp://127.0.0.1:1"), Some("desktop")),
            "tcp://127.0.0.1:1 (from DOCKER_HOST)"
        );
    }

    #[test]
    fn an_unknown_context_is_an_error_that_lists_those_that_exist() {
        assert_eq!(
            shown(None, None, Some("dekstop")),
            "error: context `dekstop` from DOCKER_CONTEXT does not exist; there are: default, desktop, far"
        );
        assert_eq!(
            shown(Some("gone"), None, None),
            "error: current context `gone` does not exist; there are: default, desktop, far"
        );
    }

    #[test]
    fn keys_beside_a_context_mean_tls() {
        let dir = config(Some("far"));
        let found = find(&Choice { config: dir.path().to_owned(), ..Choice::default() }).unwrap();
        assert_eq!(found.transport, Transport::Tls);
    }

    #[test]
    fn keys_that_are_not_there_are_told_with_the_variable() {
        let dir = tempfile::tempdir().unwrap();
        let host = Some("tcp://127.0.0.1:1".to_owned());
        let cert_path = Some(dir.path().join("nowhere"));
        let choice = Choice { host, tls_verify: Some("1".to_owned()), cert_path, ..Choice::default() };
        let error = find(&choice).unwrap_err().to_string();
        assert!(error.contains("nowhere/ca.pem: No such file") && error.contains("DOCKER_CERT_PATH"), "{error}");
    }

    #[test]
    fn a_broken_configuration_is_an_error_and_not_the_default_engine() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config.json"), "{").unwrap();
        let error = find(&Choice { config: dir.path().to_owned(), ..Choice::default() }).unwrap_err().to_string();
        assert!(error.contains("config.json: EOF while parsing an object at line 1 column 1"), "{error}");
    }

    #[test]
    fn children_talk_to_the_same_engine() {
        let endpoint = find(&Choice { host: Some("tcp://127.0.0.1:1".to_owned()), ..Choice::default() }).unwrap();
        let bound = endpoint.bind(Cmd::new("docker", ["compose", "version"]));
        assert_eq!(bound.env, [("DOCKER_HOST".to_owned(), "tcp://127.0.0.1:1".to_owned())]);
    }
}
