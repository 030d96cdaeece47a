//! Volumes: made here and never by compose, which deletes one whose labels it would write otherwise.

use std::collections::HashMap;

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{ListVolumesOptions, RemoveVolumeOptions, UploadToContainerOptionsBuilder};

use crate::error::{Error, Kind, Result};
use crate::host::engine::{Engine, failed, is_missing};
use crate::labels;
use crate::plan::mounts::{Volume, VolumeClass};
use crate::plan::observed;

impl Engine {
    /// All volumes that devenv made, or compose for it.
    pub async fn volumes(&self) -> Result<Vec<observed::Volume>> {
        let listed =
            self.docker.list_volumes(None::<ListVolumesOptions>).await.map_err(failed("cannot list volumes"))?;
        let is_wanted = |seen: &bollard::models::Volume| {
            [labels::CLASS, labels::COMPOSE_PROJECT].iter().any(|label| seen.labels.contains_key(*label))
        };
        let volume = |mut seen: bollard::models::Volume| observed::Volume {
            checkout: seen.labels.remove(labels::CHECKOUT),
            path: seen.labels.remove(labels::PATH).unwrap_or_default(),
            class: seen.labels.remove(labels::CLASS).unwrap_or_default(),
            major: seen.labels.remove(labels::MAJOR),
            project: seen.labels.remove(labels::COMPOSE_PROJECT),
            name: seen.name,
        };
        Ok(listed.volumes.unwrap_or_default().into_iter().filter(is_wanted).map(volume).collect())
    }

    /// Makes a volume of a checkout; a cache belongs to nobody.
    pub async fn make_volume(&self, volume: &Volume, checkout: &str, path: &str) -> Result<()> {
        let mut all = HashMap::from([(labels::CLASS.to_owned(), volume.class.as_str().to_owned())]);
        if volume.class != VolumeClass::Cache {
            all.insert(labels::CHECKOUT.to_owned(), checkout.to_owned());
            all.insert(labels::PATH.to_owned(), path.to_owned());
        }
        if let Some(major) = &volume.major {
            all.insert(labels::MAJOR.to_owned(), major.clone());
        }
        let request = VolumeCreateRequest { name: Some(volume.name.clone()), labels: Some(all), ..Default::default() };
        self.docker
            .create_volume(request)
            .await
            .map_err(failed(format!("cannot create the volume {}", volume.name)))?;
        Ok(())
    }

    /// Deletes a volume; one that is gone is left alone.
    pub async fn delete_volume(&self, name: &str) -> Result<()> {
        match self.docker.remove_volume(name, None::<RemoveVolumeOptions>).await {
            Err(error) if is_missing(&error) => Ok(()),
            answer => answer.map_err(failed(format!("cannot delete the volume {name}"))),
        }
    }

    /// Writes a file into a folder of a container, running or not; it belongs to root and everybody may read it.
    pub async fn put_file(&self, container: &str, folder: &str, name: &str, content: &str) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        let doing = format!("cannot write {folder}/{name}");
        self.put(container, folder, (header, name, content), doing).await
    }

    /// Gives the root of a mounted volume its owner: a directory entry, put into the container's root (an entry `./` at the
    /// mount itself changes nothing, and its parent may be mounted read-only).
    pub async fn own(&self, container: &str, target: &str, owner: (u32, u32)) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_uid(owner.0.into());
        header.set_gid(owner.1.into());
        header.set_size(0);
        let doing = format!("cannot hand {target} to {}:{}", owner.0, owner.1);
        let entry = format!("{}/", target.trim_matches('/'));
        self.put(container, "/", (header, &entry, ""), doing).await
    }

    /// Puts an entry into a folder of a container.
    async fn put(
        &self,
        container: &str,
        folder: &str,
        (mut header, name, content): (tar::Header, &str, &str),
        doing: String,
    ) -> Result<()> {
        let mut archive = tar::Builder::new(Vec::new());
        let odd = |error: std::io::Error| Error::message(Kind::Bug, format!("cannot write an archive: {error}"));
        archive.append_data(&mut header, name, content.as_bytes()).map_err(odd)?;
        let bytes = archive.into_inner().map_err(odd)?;
        let options = UploadToContainerOptionsBuilder::default().path(folder).build();
        let put = self.docker.upload_to_container(container, Some(options), bollard::body_full(bytes.into())).await;
        put.map_err(failed(doing))
    }
}
