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
/// On containers of tasks: the task.
pub const TASK: &str = "devenv.task";
/// On containers of tasks: the run that has started it.
pub const TASK_RUN: &str = "devenv.task.run";
/// On containers beside a task: their name there.
pub const TASK_BESIDE: &str = "devenv.task.beside";
/// On containers of tasks: the digest of all that the task is made from.
pub const TASK_FINGERPRINT: &str = "devenv.task.fingerprint";
/// On containers of tasks: for how many seconds it may run; 0 for no limit.
pub const TASK_LIMIT: &str = "devenv.task.limit";
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
/// On released images: the module that was released, or `gateway`.
pub const RELEASE: &str = "devenv.release";
/// On released images: the fingerprint, which is the tag too.
pub const RELEASE_FINGERPRINT: &str = "devenv.release.fingerprint";
/// On released images: the inputs that the fingerprint was made of, as JSON.
pub const RELEASE_INPUTS: &str = "devenv.release.inputs";
/// On released images: the images that it stands on, nearest first, as `NAME:FINGERPRINT NAME:FINGERPRINT`.
pub const RELEASE_PARENTS: &str = "devenv.release.parents";
/// On released images: `clean`, or `dirty` where the source was not as committed.
pub const RELEASE_SOURCE: &str = "devenv.release.source";
/// On services, configs and networks of a cluster: the deployed environment that they belong to, `PROJECT-ENVIRONMENT`.
pub const STACK: &str = "devenv.stack";
/// On services of a cluster: the fingerprint of the definition and its keys.
pub const DEPLOYED: &str = "devenv.deployed";
/// On containers of a cluster: the fingerprint of what they are made from.
pub const TEMPLATE: &str = "devenv.template";
/// On the config that marks a deployment under way: who deploys.
pub const DEPLOYER: &str = "devenv.deploy.by";
/// On the same: since when, in seconds since 1970.
pub const DEPLOYING_SINCE: &str = "devenv.deploy.since";
/// On the same: a number that grows while the deployment is alive.
pub const HEARTBEAT: &str = "devenv.deploy.beat";

/// Labels that the OCI image specification defines.
pub mod oci {
    /// What the image is called.
    pub const TITLE: &str = "org.opencontainers.image.title";
    /// The commit that its source is of.
    pub const REVISION: &str = "org.opencontainers.image.revision";
    /// Where that source is.
    pub const SOURCE: &str = "org.opencontainers.image.source";
    /// When that commit was made (RFC 3339).
    pub const CREATED: &str = "org.opencontainers.image.created";
    /// The fingerprint.
    pub const VERSION: &str = "org.opencontainers.image.version";
    /// The image that it was laid on.
    pub const BASE_NAME: &str = "org.opencontainers.image.base.name";
}

/// The filter for everything that belongs to a checkout.
#[must_use]
pub fn of_checkout(id: &str) -> String {
    format!("{CHECKOUT}={id}")
}
