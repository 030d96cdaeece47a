//! The rules by name, and why each of them matters.

use serde::Serialize;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A comment that silences a finding does so, and says why.
    Allow,
    /// Certificates are valid for long enough.
    Certificate,
    /// A linter has nothing against Dockerfiles.
    Dockerfile,
    /// Every environment can be made from what is committed.
    Environment,
    /// Environments differ in nothing that is not declared.
    EnvironmentDifference,
    /// What runs on a platform has limits.
    EnvironmentLimits,
    /// What an environment needs from its platform has a name there.
    EnvironmentSecret,
    /// A feature is gone after its day.
    FeatureExpired,
    /// A feature has an owner.
    FeatureOwner,
    /// What runs for long can be asked whether it works.
    Health,
    /// Third-party images are named by digest.
    ImageDigest,
    /// A lock file pins every dependency.
    LockPin,
    /// What installs dependencies has a lock file.
    LockMissing,
    /// A database has a task that migrates it.
    Migration,
    /// A module can be released.
    Release,
    /// No secret is committed.
    SecretFile,
    /// No secret is in the environment of an image.
    SecretImage,
    /// No credential stands in the configuration.
    SecretLiteral,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Allow,
        Self::Certificate,
        Self::Dockerfile,
        Self::Environment,
        Self::EnvironmentDifference,
        Self::EnvironmentLimits,
        Self::EnvironmentSecret,
        Self::FeatureExpired,
        Self::FeatureOwner,
        Self::Health,
        Self::ImageDigest,
        Self::LockPin,
        Self::LockMissing,
        Self::Migration,
        Self::Release,
        Self::SecretFile,
        Self::SecretImage,
        Self::SecretLiteral,
    ];

    /// Its name, in output and in `# devenv: allow`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Certificate => "certificate",
            Self::Dockerfile => "dockerfile",
            Self::Environment => "environment",
            Self::EnvironmentDifference => "environment-difference",
            Self::EnvironmentLimits => "environment-limits",
            Self::EnvironmentSecret => "environment-secret",
            Self::FeatureExpired => "feature-expired",
            Self::FeatureOwner => "feature-owner",
            Self::Health => "health",
            Self::ImageDigest => "image-digest",
            Self::LockPin => "lock-pin",
            Self::LockMissing => "lock-missing",
            Self::Migration => "migration",
            Self::Release => "release",
            Self::SecretFile => "secret-file",
            Self::SecretImage => "secret-image",
            Self::SecretLiteral => "secret-literal",
        }
    }

    /// Why it matters.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Self::Allow => "a finding that is silenced without a reason, or for nothing, hides the next one",
            Self::Certificate => "clients reject an expired certificate, and this one is not renewed automatically",
            Self::Dockerfile => "hadolint flags instructions that do not do what they appear to do",
            Self::Environment => "there is no definition of it, so nothing can be deployed there",
            Self::EnvironmentDifference => {
                "where environments differ by accident, the tested one is not the one that runs"
            }
            Self::EnvironmentLimits => "a part without a memory limit takes the memory of all others when it leaks",
            Self::EnvironmentSecret => "a deployment without it fails after the push, or starts with a default",
            Self::FeatureExpired => "a switch that outlives its purpose is a second product that nobody tests",
            Self::FeatureOwner => "a switch without an owner is never removed",
            Self::Health => "without it, a part that hangs counts as running, and traffic is sent to it",
            Self::ImageDigest => "a tag moves: the same configuration would run something else tomorrow",
            Self::LockPin => "two installations of one commit get different versions",
            Self::LockMissing => "each installation chooses versions of its own",
            Self::Migration => "somebody must change the schema of each environment by hand, in the right order",
            Self::Release => "no other environment can run it, which is noticed only at the first release",
            Self::SecretFile => "everybody who can read the repository, or ever could, has it",
            Self::SecretImage => "everybody who can pull the image has it: `docker history` shows it",
            Self::SecretLiteral => "it is the same everywhere, and cannot be changed without a commit",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_the_same_name_in_json_and_in_comments() {
        for rule in Rule::ALL {
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.name());
        }
    }
}
