//! Builds through the engine's API with a BuildKit session. Dropping the future cancels the build.

use std::collections::HashMap;

use bollard::models::BuildInfoAux;
use bollard::query_parameters::{BuildImageOptionsBuilder, BuilderVersion};
use futures_util::StreamExt;

use crate::error::{Error, Kind, Result};
use crate::host::engine::{Engine, failed, is_torn_end};
use crate::render::dockerfile;

/// A build.
#[derive(Debug, Clone, Default)]
pub struct Build {
    /// What is built, for people.
    pub name: String,
    /// The one tag that the result gets, if any; there is none before the build has ended well.
    pub tag: Option<String>,
    /// Build arguments.
    pub args: HashMap<String, String>,
    /// Labels.
    pub labels: HashMap<String, String>,
    /// Path of the Dockerfile in the context.
    pub dockerfile: String,
    /// The stage that is built; the last one where none is named.
    pub target: Option<String>,
    /// Platform, such as `linux/amd64`.
    pub platform: String,
    /// Dockerfile and context, as a tar file's bytes.
    pub context: bytes::Bytes,
    /// A random text, for the session.
    pub session: String,
    /// Whether earlier results may be used.
    pub cache: bool,
}

/// What a build tells while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// An instruction has begun, such as `[2/4] RUN make`.
    Step(String),
    /// Output of an instruction.
    Log(String),
}

impl Engine {
    /// Builds an image and returns its id.
    pub async fn build(&self, build: &Build, mut progress: impl FnMut(Progress)) -> Result<String> {
        let mut options = BuildImageOptionsBuilder::default()
            .dockerfile(&build.dockerfile)
            .rm(true)
            .forcerm(true)
            .nocache(!build.cache)
            .buildargs(&build.args)
            .labels(&build.labels)
            .version(BuilderVersion::BuilderBuildKit)
            .session(&build.session);
        if let Some(tag) = &build.tag {
            options = options.t(tag);
        }
        if let Some(target) = &build.target {
            options = options.target(target);
        }
        let body = bollard::body_full(build.context.clone());
        let mut stream = std::pin::pin!(self.docker.build_image(options.build(), None, Some(body)));
        let mut names: HashMap<String, String> = HashMap::new();
        let mut logs: HashMap<String, Vec<String>> = HashMap::new();
        let mut broken = None;
        let mut id = None;
        while let Some(message) = stream.next().await {
            let message = match message {
                Ok(message) => message,
                Err(error) if id.is_some() && is_torn_end(&error) => break,
                Err(error) => return Err(not_built(build, failed("build")(error), broken.as_ref(), &names, &logs)),
            };
            let status = match message.aux {
                Some(BuildInfoAux::BuildKit(status)) => status,
                Some(BuildInfoAux::Default(image)) => {
                    id = image.id.or(id);
                    continue;
                }
                None => continue,
            };
            for mut vertex in status.vertexes {
                vertex.name = dockerfile::as_written(&vertex.name);
                if vertex.started.is_some()
                    && !names.contains_key(&vertex.digest)
                    && !vertex.name.starts_with("[internal]")
                {
                    progress(Progress::Step(vertex.name.clone()));
                }
                if !vertex.error.is_empty() {
                    broken.get_or_insert(vertex.digest.clone());
                }
                names.insert(vertex.digest, vertex.name);
            }
            for log in status.logs {
                let text = String::from_utf8_lossy(&log.msg).into_owned();
                let lines = logs.entry(log.vertex).or_default();
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    progress(Progress::Log(line.to_owned()));
                    lines.push(line.to_owned());
                }
            }
        }
        id.ok_or_else(|| {
            Error::message(Kind::Failed, format!("the engine did not report the result of {}", build.name))
        })
    }
}

/// The error of a build: the instruction that failed, with its own last lines.
fn not_built(
    build: &Build,
    error: Error,
    broken: Option<&String>,
    names: &HashMap<String, String>,
    logs: &HashMap<String, Vec<String>>,
) -> Error {
    let Some(vertex) = broken else { return error };
    let name = names.get(vertex).map_or("", String::as_str);
    let lines = logs.get(vertex).map(Vec::as_slice).unwrap_or_default();
    let last =
        lines.iter().skip(lines.len().saturating_sub(20)).map(|line| format!("\n    {line}")).collect::<String>();
    Error::message(Kind::Failed, format!("cannot build {}: {error}\n  {name}{last}", build.name))
}
