//! The arguments of `devenv deploy`.

/// Deploy a release onto the cluster of an environment
///
/// Gates first; then modules with `once`, such as migrations; then services in the order of their needs, each waited for
/// until it is healthy; then the smoke checks. Where one fails, everything goes back to what ran before. Only what differs
/// from what runs is changed.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  devenv deploy staging\n  devenv deploy prod staging --dry-run\n  devenv deploy prod --confirm 'login by the identity provider'\n  devenv deploy prod --approve\n  devenv deploy prod --rollback"
)]
pub struct DeployArgs {
    /// The environment
    pub environment: String,
    /// The release: a commit, or a name of the set [default: the commit that is checked out]
    #[arg(conflicts_with = "rollback")]
    pub release: Option<String>,
    /// Print the gates and the plan and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Confirm an item of the checklist; may be repeated
    #[arg(long, value_name = "ITEM")]
    pub confirm: Vec<String>,
    /// Record your approval of a deployment that somebody else runs
    #[arg(long, conflicts_with_all = ["rollback", "dry_run", "confirm", "json"])]
    pub approve: bool,
    /// Bring back an earlier deployment: the one before, or that of a release
    #[arg(long, value_name = "RELEASE", num_args = 0..=1, default_missing_value = "")]
    pub rollback: Option<String>,
}
