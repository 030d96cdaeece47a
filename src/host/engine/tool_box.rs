//! The container of a tool box, and the files of another one copied into it.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::UploadToContainerOptionsBuilder;
use futures_util::TryStreamExt;

use crate::error::{Error, Kind, Result};
use crate::host::engine::{Begun, Engine, failed};
use crate::host::process;
use crate::labels;
use crate::plan::debug::{BoxFolder, Removal, ToolBox};

impl Engine {
    /// Creates a tool box, which is gone when this process is. It is root: who is not may not look into a process of
    /// another user, whatever its capabilities.
    pub async fn create_tool_box(&self, tool_box: &ToolBox) -> Result<String> {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let bind = |folder: &BoxFolder| {
            let mode = if folder.writable { "rw" } else { "ro" };
            format!("{}:{}:{mode}", folder.source, folder.target)
        };
        let body = ContainerCreateBody {
            image: Some(tool_box.image.clone()),
            user: Some("0:0".to_owned()),
            working_dir: Some("/".to_owned()),
            cmd: Some(tool_box.argv.clone()),
            env: Some(tool_box.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            labels: Some(HashMap::from([
                label(labels::ONE_OFF, "debug"),
                label(labels::OWNER, &process::this()),
                label(labels::CHECKOUT, &tool_box.checkout),
                label(labels::PART, &tool_box.part),
            ])),
            tty: Some(tool_box.terminal),
            open_stdin: Some(true),
            stdin_once: Some(true),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            host_config: Some(HostConfig {
                network_mode: Some(tool_box.network.clone()),
                pid_mode: tool_box.processes.clone(),
                // The first process of a namespace cannot be killed from inside.
                init: Some(tool_box.processes.is_none()),
                auto_remove: Some(tool_box.removal == Removal::ByEngine),
                volumes_from: tool_box.volumes_from.clone().map(|container| vec![container]),
                cap_add: Some(tool_box.capabilities.iter().map(|name| (*name).to_owned()).collect()),
                binds: Some(tool_box.folders.iter().map(bind).collect()),
                ..Default::default()
            }),
            ..Default::default()
        };
        self.create(&tool_box.name, body).await
    }

    /// Leaves a tool box that is about to end to the engine, which removes it.
    pub fn leave_tool_box(&self, id: &str) {
        self.forget(&Begun::OneOff(id.to_owned()));
    }

    /// Copies all files of a container, running or not, without those of its volumes, into a folder of another one that
    /// was not started yet.
    pub async fn copy_files(&self, from: &str, to: &str, folder: &str) -> Result<()> {
        // A directory entry replaces the link that may be there.
        self.own(to, folder, (0, 0)).await?;
        let export = self.docker.export_container(from).map_err(std::io::Error::other);
        let options = UploadToContainerOptionsBuilder::default().path(folder).build();
        let copied = self.docker.upload_to_container(to, Some(options), bollard::body_try_stream(export)).await;
        copied.map_err(failed("cannot copy the files of the container"))
    }

    /// Copies a folder of this machine into a container that was not started yet. There, all of it is root's.
    pub async fn copy_in(&self, id: &str, folder: &BoxFolder) -> Result<()> {
        let cannot = |error: std::io::Error| {
            Error::message(Kind::Failed, format!("cannot copy {} into the tool box: {error}", folder.source))
        };
        let mut archive = tar::Builder::new(Vec::new());
        archive.mode(tar::HeaderMode::Deterministic);
        archive.follow_symlinks(false);
        archive.append_dir_all(folder.target.trim_start_matches('/'), &folder.source).map_err(cannot)?;
        let bytes = archive.into_inner().map_err(cannot)?;
        let options = UploadToContainerOptionsBuilder::default().path("/").build();
        let copied = self.docker.upload_to_container(id, Some(options), bollard::body_full(bytes.into())).await;
        copied.map_err(failed(format!("cannot copy {} into the tool box", folder.source)))
    }
}
