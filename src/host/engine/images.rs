//! Images: what there is, and the calls that pull, import and name one. Builds are next door.

use std::collections::{BTreeMap, HashMap};

use bollard::auth::DockerCredentials;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ListImagesOptions, PushImageOptionsBuilder, TagImageOptionsBuilder,
};
use futures_util::StreamExt;

use crate::error::{Error, Kind, Result};
use crate::host::docker::endpoint;
use crate::host::engine::{Engine, failed, is_torn_end};
use crate::host::registry::credentials::{self as login, RegistryLogin};
use crate::labels;
use crate::names::ImageName;
use crate::plan::observed::{Image, Packages};
use crate::plan::registry::place::RegistryPath;

/// Name and tag of an image; a colon before the last slash is that of a registry's port.
#[must_use]
pub fn name_and_tag(reference: &str) -> (&str, &str) {
    match reference.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (reference, "latest"),
    }
}

/// The images that an engine has.
#[derive(Debug, Default)]
pub struct Images {
    /// Those of a project's hierarchy.
    pub own: Vec<Image>,
    /// Those of other projects' hierarchies: `NAME:FINGERPRINT` → id.
    pub elsewhere: BTreeMap<String, String>,
    /// Ids of all, by tag and by digest.
    pub ids: BTreeMap<String, String>,
}

/// What a registry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It has this.
    Digest(String),
    /// It has nothing of that name, or not for us.
    Nothing,
    /// It does not answer.
    Silence,
}

impl Engine {
    /// All images, as a project sees them. One that another project has built is of this one too once it has its name.
    pub async fn images(&self, project: &str) -> Result<Images> {
        let listed = self.docker.list_images(None::<ListImagesOptions>).await.map_err(failed("cannot list images"))?;
        let mut images = Images::default();
        for seen in listed {
            let names = seen.repo_tags.iter().chain(&seen.repo_digests);
            images.ids.extend(names.map(|name| (name.clone(), seen.id.clone())));
            let Some(owner) = seen.labels.get(labels::IMAGE_PROJECT) else { continue };
            // It has the labels of the image that it was laid on.
            if seen.labels.contains_key(labels::RELEASE) {
                continue;
            }
            let name = seen.labels.get(labels::IMAGE).and_then(|name| ImageName::new(name.as_str()).ok());
            let fingerprint = seen.labels.get(labels::IMAGE_FINGERPRINT).cloned().unwrap_or_default();
            let is_named = |tag: &String| tag.split_once('/').is_some_and(|(named, _)| named == project);
            if owner != project && !seen.repo_tags.iter().any(is_named) {
                if let Some(name) = name.filter(|_| !seen.repo_tags.is_empty()) {
                    images.elsewhere.insert(format!("{name}:{fingerprint}"), seen.id);
                }
                continue;
            }
            let inputs = seen.labels.get(labels::IMAGE_INPUTS);
            images.own.push(Image {
                name,
                inputs: inputs.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
                fingerprint,
                packages: packages(&seen.labels),
                tags: seen.repo_tags,
                id: seen.id,
                created: seen.created,
                size: seen.size,
            });
        }
        Ok(images)
    }

    /// Digests of an image's layers, lowest first; `None` where there is no such image.
    pub async fn layers(&self, reference: &str) -> Result<Option<Vec<String>>> {
        match self.docker.inspect_image(reference).await {
            Ok(image) => Ok(Some(image.root_fs.and_then(|root| root.layers).unwrap_or_default())),
            Err(error) if crate::host::engine::is_missing(&error) => Ok(None),
            Err(error) => Err(failed(format!("cannot inspect {reference}"))(error)),
        }
    }

    /// The id of an image; `None` where there is no such image.
    pub async fn image_id(&self, reference: &str) -> Result<Option<String>> {
        match self.docker.inspect_image(reference).await {
            Ok(image) => Ok(image.id),
            Err(error) if crate::host::engine::is_missing(&error) => Ok(None),
            Err(error) => Err(failed(format!("cannot inspect {reference}"))(error)),
        }
    }

    /// The digest that a registry has for `reference`; `None` where it has none or cannot be asked in time.
    pub async fn registry_digest(&self, reference: &str) -> Option<String> {
        match self.ask_registry(reference).await {
            Answer::Digest(digest) => Some(digest),
            Answer::Nothing | Answer::Silence => None,
        }
    }

    /// What a registry says about `reference`.
    pub async fn ask_registry(&self, reference: &str) -> Answer {
        let ask = async {
            let login = credentials(login_of(reference).await.as_ref());
            self.docker.inspect_registry_image(reference, login).await
        };
        match tokio::time::timeout(std::time::Duration::from_secs(5), ask).await {
            Ok(Ok(answer)) => answer.descriptor.digest.map_or(Answer::Nothing, Answer::Digest),
            Ok(Err(bollard::errors::Error::DockerResponseServerError { status_code, .. })) if status_code < 500 => {
                Answer::Nothing
            }
            Ok(Err(_)) | Err(_) => Answer::Silence,
        }
    }

    /// Pulls `name:tag` or `name@digest`, telling how far it is.
    pub async fn pull(&self, reference: &str, mut progress: impl FnMut(&str)) -> Result<()> {
        let (name, tag) = match reference.split_once('@') {
            Some((name, digest)) => (name, digest),
            None => name_and_tag(reference),
        };
        let options = CreateImageOptionsBuilder::default().from_image(name).tag(tag).build();
        let login = credentials(login_of(reference).await.as_ref());
        let mut stream = self.docker.create_image(Some(options), None, login);
        while let Some(message) = stream.next().await {
            let message = match message {
                Err(error) if is_torn_end(&error) => return self.must_have(reference).await,
                message => message.map_err(failed(format!("cannot pull {reference}")))?,
            };
            if let Some(status) = message.status {
                progress(&status);
            }
        }
        Ok(())
    }

    /// Pushes `repository:tag`.
    pub async fn push(&self, repository: &str, tag: &str, login: Option<&RegistryLogin>) -> Result<()> {
        let doing = format!("cannot push {repository}:{tag}");
        let options = PushImageOptionsBuilder::default().tag(tag).build();
        // Without credentials the engine wants an empty header.
        let login = credentials(login).unwrap_or_default();
        let mut stream = self.docker.push_image(repository, Some(options), Some(login));
        while let Some(message) = stream.next().await {
            let message = match message {
                // Whether it arrived is asked from the registry.
                Err(error) if is_torn_end(&error) => return Ok(()),
                message => message.map_err(failed(&doing))?,
            };
            if let Some(said) = message.error_detail.and_then(|error| error.message) {
                return Err(Error::message(Kind::Failed, format!("{doing}: {said}")).hint("run it again to resume"));
            }
        }
        Ok(())
    }

    /// Gives an image one more name.
    pub async fn tag(&self, image: &str, repository: &str, tag: &str) -> Result<()> {
        let options = TagImageOptionsBuilder::default().repo(repository).tag(tag).build();
        self.docker.tag_image(image, Some(options)).await.map_err(failed(format!("cannot tag {image}")))
    }

    /// An error where the engine has no such image.
    async fn must_have(&self, reference: &str) -> Result<()> {
        let seen = self.docker.inspect_image(reference).await;
        seen.map(drop).map_err(failed(format!("{reference} did not arrive")))
    }

    /// Makes an image of a root file system, given as a tar file's bytes.
    pub async fn import(&self, tag: &str, tar: bytes::Bytes) -> Result<()> {
        let (name, version) = name_and_tag(tag);
        let options = CreateImageOptionsBuilder::default().from_src("-").repo(name).tag(version).build();
        let mut stream = self.docker.create_image(Some(options), Some(bollard::body_full(tar)), None);
        while let Some(message) = stream.next().await {
            match message {
                Err(error) if is_torn_end(&error) => return self.must_have(tag).await,
                message => message.map_err(failed(format!("cannot import {tag}")))?,
            };
        }
        Ok(())
    }

    /// Removes the name of an image, and the image where that was its last one.
    pub async fn remove_image(&self, reference: &str) -> Result<()> {
        let options = None::<bollard::query_parameters::RemoveImageOptions>;
        match self.docker.remove_image(reference, options, None).await {
            Err(error) if crate::host::engine::is_missing(&error) => Ok(()),
            answer => answer.map(|_| ()).map_err(failed(format!("cannot remove {reference}"))),
        }
    }

    /// The packages that an image's labels name.
    pub async fn packages(&self, reference: &str) -> Result<Packages> {
        let image =
            self.docker.inspect_image(reference).await.map_err(failed(format!("cannot inspect {reference}")))?;
        Ok(packages(&image.config.and_then(|config| config.labels).unwrap_or_default()))
    }
}

/// Credentials in the words of the engine.
pub(super) fn credentials(login: Option<&RegistryLogin>) -> Option<DockerCredentials> {
    let none = DockerCredentials::default();
    login.map(|login| match login.clone() {
        RegistryLogin::Password { user, password } => {
            DockerCredentials { username: Some(user), password: Some(password), ..none }
        }
        RegistryLogin::Identity(token) => DockerCredentials { identitytoken: Some(token), ..none },
    })
}

/// The credentials that docker's configuration has for an image's registry. Where it cannot be read, nobody is named: the
/// registry says what it wants.
async fn login_of(reference: &str) -> Option<RegistryLogin> {
    login::find(&endpoint::config_dir(), &RegistryPath::of_image(reference)).await.ok().flatten()
}

fn packages(all: &HashMap<String, String>) -> Packages {
    let label = |name: &str| all.get(name).cloned().unwrap_or_default();
    Packages { digest: label(labels::IMAGE_PACKAGES), list: label(labels::IMAGE_PACKAGE_LIST) }
}
