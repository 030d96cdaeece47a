//! What a release asks of the engine: a container to build in, and an image of one more layer.

use std::collections::HashMap;
use std::fs::File;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{ImportImageOptionsBuilder, UploadToContainerOptionsBuilder};
use futures_util::StreamExt;

use crate::error::{Error, Kind, Result};
use crate::host::archive::chunks;
use crate::host::engine::{Engine, failed, is_missing, is_torn_end};
use crate::host::process;
use crate::host::release::layer::Layer;
use crate::labels;
use crate::render::release::Parent;

/// A container to build in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workshop {
    /// Its name.
    pub name: String,
    /// The part that is built, which is the name of the host.
    pub part: String,
    /// The image.
    pub image: String,
    /// `uid:gid`.
    pub user: String,
    /// Working directory.
    pub dir: String,
    /// Variables, as `NAME=value`.
    pub env: Vec<String>,
    /// What runs in it.
    pub argv: Vec<String>,
    /// Volumes of downloads: name and folder.
    pub caches: Vec<(String, String)>,
    /// Id of the checkout.
    pub checkout: String,
}

impl Engine {
    /// Creates a container to build in, which is gone when this process is.
    pub async fn create_workshop(&self, workshop: Workshop) -> Result<String> {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let body = ContainerCreateBody {
            image: Some(workshop.image),
            // Builds write it down, and a random one would differ each time.
            hostname: Some(workshop.part),
            user: Some(workshop.user),
            working_dir: Some(workshop.dir),
            entrypoint: Some(Vec::new()),
            cmd: Some(workshop.argv),
            env: Some(workshop.env),
            labels: Some(HashMap::from([
                label(labels::ONE_OFF, "release"),
                label(labels::OWNER, &process::this()),
                label(labels::CHECKOUT, &workshop.checkout),
            ])),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            host_config: Some(HostConfig {
                init: Some(true),
                binds: Some(workshop.caches.iter().map(|(volume, target)| format!("{volume}:{target}")).collect()),
                ..Default::default()
            }),
            ..Default::default()
        };
        self.create(&workshop.name, body).await
    }

    /// Unpacks an archive at the root of a container, running or not.
    pub async fn unpack(&self, container: &str, archive: File) -> Result<()> {
        let options = UploadToContainerOptionsBuilder::default().path("/").build();
        let body = bollard::body_try_stream(chunks::of(archive));
        let put = self.docker.upload_to_container(container, Some(options), body).await;
        put.map_err(failed("cannot copy the source into the container"))
    }

    /// What an image hands on to those that are made on it; none where it is not there.
    pub async fn parent(&self, reference: &str) -> Result<Option<Parent>> {
        let image = match self.docker.inspect_image(reference).await {
            Ok(image) => image,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(failed(format!("cannot inspect {reference}"))(error)),
        };
        let config = image.config.unwrap_or_default();
        Ok(Some(Parent {
            architecture: image.architecture.unwrap_or_default(),
            os: image.os.unwrap_or_default(),
            layers: image.root_fs.and_then(|root| root.layers).unwrap_or_default(),
            user: config.user.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            entrypoint: config.entrypoint,
            command: config.cmd,
            dir: config.working_dir.unwrap_or_default(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            ports: config.exposed_ports.unwrap_or_default().into_iter().collect(),
            stop_signal: config.stop_signal,
        }))
    }

    /// Makes an image whose lowest layers are there already: its description, and its uppermost layer.
    pub async fn load(&self, name: &str, layer: &Layer, described: &[(String, Vec<u8>)], path: &str) -> Result<()> {
        let mut archive = tar::Builder::new(Vec::new());
        let odd = |error: std::io::Error| Error::message(Kind::Bug, format!("cannot write an archive: {error}"));
        let header = |size: u64| {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(size);
            header
        };
        for (path, bytes) in described {
            archive.append_data(&mut header(bytes.len() as u64), path, bytes.as_slice()).map_err(odd)?;
        }
        // Its content comes from the file; its end is that of the whole archive.
        let mut of_layer = header(layer.size);
        of_layer.set_path(path).map_err(odd)?;
        of_layer.set_cksum();
        let mut before = archive.into_inner().map_err(odd)?;
        before.truncate(before.len() - END);
        before.extend_from_slice(of_layer.as_bytes());
        let padding = usize::try_from(layer.size.next_multiple_of(BLOCK) - layer.size).unwrap_or_default();
        let file = layer.file.try_clone().map_err(odd)?;
        let body = chunks::between(before, file, vec![0; padding + END]);
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let mut stream = self.docker.import_image(options, bollard::body_try_stream(body), None);
        while let Some(message) = stream.next().await {
            match message {
                Err(error) if is_torn_end(&error) => break,
                message => message.map_err(failed(format!("cannot load {name}")))?,
            };
        }
        Ok(())
    }
}

/// Size of a block of an archive.
const BLOCK: u64 = 512;
/// An archive ends with two empty blocks.
const END: usize = 1024;
