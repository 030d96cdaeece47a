//! Every label that devenv writes on what it makes in the engine, or reads back. Containers inherit the labels of
//! their image, so image labels have names of their own.

/// What the names of all labels begin with.
pub const PREFIX: &str = "devenv.";
/// On containers, volumes and networks: the id of the checkout that owns them.
pub const CHECKOUT: &str = "devenv.checkout";
/// On volumes and networks: the folder of that checkout, by which a lost id is found again.
pub const PATH: &str = "devenv.path";
/// On containers: the module, service or `gateway` that runs in it.
pub const PART: &str = "devenv.part";
/// On containers: the fingerprint of the merged definition.
pub const DEFINITION: &str = "devenv.definition";
/// On what compose itself makes for fragments: the compose project, which is ours by its name.
pub const COMPOSE_PROJECT: &str = "com.docker.compose.project";
/// On one-off containers and images: what they are for.
pub const ONE_OFF: &str = "devenv.one-off";
/// What it is for, where it installs dependencies.
pub const INSTALL: &str = "install";
/// On one-off containers: the process that uses it, and its machine.
pub const OWNER: &str = "devenv.owner";
/// On volumes: `cache`, `deps`, `data` or `mirror`.
pub const CLASS: &str = "devenv.class";
/// On data volumes: the major version of the service that wrote them.
pub const MAJOR: &str = "devenv.major";
/// On images: the node of the hierarchy.
pub const IMAGE: &str = "devenv.image";
/// On images: the project that the hierarchy belongs to.
pub const IMAGE_PROJECT: &str = "devenv.image.project";
/// On images: the fingerprint, which is the tag too.
pub const IMAGE_FINGERPRINT: &str = "devenv.image.fingerprint";
/// On images: the inputs that the fingerprint was made of, as JSON.
pub const IMAGE_INPUTS: &str = "devenv.image.inputs";
/// On images: the digest of the packages that it turned out to hold.
pub const IMAGE_PACKAGES: &str = "devenv.image.packages";
/// On images: those packages, as `name=version name=version`.
pub const IMAGE_PACKAGE_LIST: &str = "devenv.image.package-list";

/// The filter for everything that belongs to a checkout.
#[must_use]
pub fn of_checkout(id: &str) -> String {
    format!("{CHECKOUT}={id}")
}
