//! `devenv release`

mod build;
mod keygen;
pub(super) mod passed;
pub mod promote;
pub mod sets;

use crate::commands::context::Context;
use crate::error::Result;

/// Build released images from committed source, and inspect release sets
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv release build\n  devenv release build worker --verify")]
pub struct ReleaseArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Build the released images of the commit that is checked out
    ///
    /// Each module is built in its own image, from a clean copy of what is committed, with the dependencies that its lock
    /// files name. Only its artifacts are laid on the image that it is released on. An image that exists is not
    /// built again.
    #[command(
        after_help = "Examples:\n  devenv release build\n  devenv release build worker\n  devenv release build --dirty"
    )]
    Build(build::BuildArgs),
    /// List the release sets in the registry, the newest first
    #[command(after_help = "Example:\n  devenv release list")]
    List(sets::ListArgs),
    /// Show a release set: its images by digest, and what happened to it
    #[command(after_help = "Examples:\n  devenv release show\n  devenv release show prod")]
    Show(sets::ShowArgs),
    /// Record that the tests of a release set have passed
    #[command(after_help = "Example:\n  devenv release passed")]
    Passed(promote::PassedArgs),
    /// Make a pair of keys to sign release sets and records with
    ///
    /// Releases are signed with the private key in DEVENV_SIGNING_KEY, or with that in the file that it names. Signatures
    /// have the form of cosign's, ECDSA on the curve P-256.
    #[command(after_help = "Example:\n  devenv release keygen ~/keys/ci.key")]
    Keygen(keygen::KeygenArgs),
}

/// Runs the command.
pub async fn run(cx: &Context, args: &ReleaseArgs) -> Result<()> {
    match &args.what {
        What::Build(args) => build::run(cx, args).await,
        What::List(args) => sets::list(cx, args).await,
        What::Show(args) => sets::show(cx, args).await,
        What::Passed(args) => promote::passed(cx, args).await,
        What::Keygen(args) => keygen::run(cx, args),
    }
}
