//! One request to a registry and its whole answer, without retries and without credentials of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use ureq::Agent;
use ureq::config::RedirectAuthHeaders;
use ureq::tls::{RootCerts, TlsConfig};

use crate::plan::registry::place::RegistryPath;
use crate::plan::registry::retry::Patience;

/// The longest answer: manifests and sets are small.
pub(super) const MOST: u64 = 8 << 20;

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Body>,
    /// The file that gets the content of a good answer, in place of memory.
    pub(super) into: Option<PathBuf>,
}

/// What a request sends.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Bytes(Vec<u8>),
    File(PathBuf),
}

impl Request {
    pub(super) fn new(method: &'static str, url: String) -> Self {
        Self { method, url, headers: Vec::new(), body: None, into: None }
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn body(mut self, bytes: Vec<u8>) -> Self {
        self.body = Some(Body::Bytes(bytes));
        self
    }

    pub(super) fn file(mut self, path: &Path) -> Self {
        self.body = Some(Body::File(path.to_owned()));
        self
    }

    pub(super) fn into(mut self, path: &Path) -> Self {
        self.into = Some(path.to_owned());
        self
    }
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).cloned()
    }

    /// How long the registry wants to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs)
    }

    /// What the registry says is wrong.
    pub(super) fn said(&self) -> Option<String> {
        let answer: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let first = answer.get("errors")?.as_array()?.first()?;
        let text = first.get("message").and_then(serde_json::Value::as_str)?;
        Some(text.chars().filter(|c| !c.is_control()).take(200).collect())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(super) enum Broken {
    /// The request itself is wrong.
    Unasked(String),
    /// The connection failed, ended early or took too long.
    Ended(String),
}

/// The HTTP client.
pub(super) struct Wire {
    agent: Agent,
}

impl Wire {
    pub(super) fn new(place: &RegistryPath, patience: Patience) -> Self {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let mut configuration = Agent::config_builder()
            .user_agent("devenv")
            .http_status_as_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::Never)
            .timeout_resolve(Some(patience.connect))
            .timeout_connect(Some(patience.connect))
            .timeout_recv_response(Some(patience.answer))
            .tls_config(tls)
            .https_only(!place.is_here());
        if place.is_here() {
            configuration = configuration.proxy(None);
        }
        Self { agent: configuration.build().new_agent() }
    }

    /// Sends a request; its answer must be there after `left`.
    pub(super) async fn send(&self, request: Request, left: Duration) -> Result<Answer, Broken> {
        let agent = self.agent.clone();
        let made = tokio::task::spawn_blocking(move || answer(&agent, request, left));
        made.await.map_err(|error| Broken::Ended(error.to_string()))?
    }
}

fn answer(agent: &Agent, request: Request, left: Duration) -> Result<Answer, Broken> {
    let unasked = |error: http::Error| Broken::Unasked(error.to_string());
    let uri: Uri = request.url.parse().map_err(|error| Broken::Unasked(format!("{error}: {}", request.url)))?;
    let mut built = http::Request::builder().method(request.method).uri(uri);
    for (name, value) in &request.headers {
        built = built.header(*name, value);
    }
    let here = |error: std::io::Error| Broken::Unasked(format!("cannot keep its content here: {error}"));
    let body = request.body.or_else(|| (request.method == "POST").then(|| Body::Bytes(Vec::new())));
    let answer = match body {
        Some(Body::Bytes(body)) => {
            let built = built.body(body).map_err(unasked)?;
            agent.run(agent.configure_request(built).timeout_global(Some(left)).build())
        }
        Some(Body::File(path)) => {
            let built = built.body(File::open(path).map_err(here)?).map_err(unasked)?;
            agent.run(agent.configure_request(built).timeout_global(Some(left)).build())
        }
        None => {
            let built = built.body(()).map_err(unasked)?;
            agent.run(agent.configure_request(built).timeout_global(Some(left)).build())
        }
    };
    let mut answer = answer.map_err(|error| broken(&error))?;
    let headers = answer.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let headers: BTreeMap<String, String> = headers.collect();
    let mut body = Vec::new();
    let said = headers.get("content-length").and_then(|text| text.parse::<u64>().ok());
    let cut_off = || Broken::Ended("the answer was cut off".to_owned());
    let ended = |error: std::io::Error| Broken::Ended(error.to_string());
    match request.into.filter(|_| answer.status() == 200) {
        Some(path) => {
            let mut file = File::create(path).map_err(here)?;
            let many = std::io::copy(&mut answer.body_mut().as_reader(), &mut file).map_err(ended)?;
            if said.is_some_and(|said| many < said) {
                return Err(cut_off());
            }
        }
        None if request.method != "HEAD" => {
            answer.body_mut().as_reader().take(MOST).read_to_end(&mut body).map_err(ended)?;
            let many = body.len() as u64;
            if said.is_some_and(|said| many < said && many < MOST) {
                return Err(cut_off());
            }
        }
        None => {}
    }
    Ok(Answer { status: answer.status().as_u16(), headers, body })
}

fn broken(error: &ureq::Error) -> Broken {
    let said = error.to_string();
    match error {
        ureq::Error::Http(_)
        | ureq::Error::BadUri(_)
        | ureq::Error::RequireHttpsOnly(_)
        | ureq::Error::TooManyRedirects
        | ureq::Error::RedirectFailed => Broken::Unasked(said),
        _ => Broken::Ended(said),
    }
}
