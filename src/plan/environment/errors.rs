//! Why an environment cannot be decided, or cannot run on a platform.

use crate::error::{Error, Kind};
use crate::names::{ImageName, PartName};
use crate::plan::release::recipe_error::RecipeError;

/// What stands in the way of an environment although the configuration is right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// A module's image is not in the hierarchy.
    #[error("module `{0}`: image `{1}` is not defined")]
    UnknownImage(PartName, ImageName),
    /// A service's preset is not in force.
    #[error("service `{0}`: preset `{1}` is not defined")]
    UnknownPreset(PartName, String),
    /// A variable of a part names what another does not offer there.
    #[error("`{0}` has `{1}` in a variable, which is not known in {2}")]
    NotOffered(PartName, String, String),
    /// A folder that the gateway serves cannot be there.
    #[error("the static site `{0}` {1}")]
    Site(PartName, String),
    /// Nothing is known about a part's release.
    #[error("`{0}` runs in a released image, and nothing is known about its release")]
    Release(PartName),
    /// It cannot be released.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// It cannot run on a platform.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
}

impl From<EnvironmentError> for Error {
    fn from(error: EnvironmentError) -> Self {
        match error {
            EnvironmentError::Deployment(error) => Self::from(error),
            EnvironmentError::Recipe(error) => Self::from(error),
            error @ EnvironmentError::NotOffered(..) => {
                let hint = "of a service that exists elsewhere, only `url`, `host` and `port` are known: set the variable in `environments.NAME.env`";
                Self::new(Kind::Usage, error).hint(hint)
            }
            error @ EnvironmentError::Site(..) => {
                let hint =
                    "serve it from a module with an image and `run`, or switch it off in devenv.yaml (`mode: off`)";
                Self::new(Kind::Usage, error).hint(hint)
            }
            error => Self::new(Kind::Usage, error),
        }
    }
}

/// Why there is no definition of an environment for a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeploymentError {
    /// Credentials have no name.
    #[error("{place}: {environment} has no secret for {}", quoted(missing))]
    Unnamed {
        /// File and line.
        place: String,
        /// Name of the environment.
        environment: String,
        /// Which ones.
        missing: Vec<String>,
        /// Name of the project, for the names that are offered.
        project: String,
        /// Whether there are other names already.
        has_section: bool,
    },
    /// A name is for nothing.
    #[error("{place}: nothing in {environment} takes the secret `{name}`")]
    Unknown {
        /// File and line.
        place: String,
        /// Name of the environment.
        environment: String,
        /// Which one.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// What the environment is made from depends on the machine that it is rendered on.
    #[error(
        "{place}: {environment} has `{key}` of `{owner}`, and `{written}` in it would be what this machine has there"
    )]
    Machine {
        /// File and line.
        place: String,
        /// Name of the environment.
        environment: String,
        /// The key.
        key: &'static str,
        /// The module or service.
        owner: String,
        /// The text with its variable.
        written: String,
    },
    /// A variable of a service has a credential in it.
    #[error(
        "{place}: `{variable}` of the service `{service}` has a credential in it, which {environment} cannot fill in"
    )]
    ServiceCredential {
        /// File and line.
        place: String,
        /// Name of the environment.
        environment: String,
        /// The service.
        service: String,
        /// The variable.
        variable: String,
    },
    /// A service runs elsewhere, and is reached with credentials of the platform.
    #[error("{place}: {environment} has `{service}` elsewhere, and this machine does not have its credentials")]
    Reached {
        /// File and line.
        place: String,
        /// Name of the environment.
        environment: String,
        /// The service.
        service: String,
    },
    /// A variable with a credential has a name that no shell could set, and a shell sets it.
    #[error("{place}: `{variable}` of `{owner}` has a credential in it, and no shell can set a variable of this name")]
    Name {
        /// File and line.
        place: String,
        /// The module.
        owner: String,
        /// The variable.
        variable: String,
    },
    /// A variable has both a credential and what this machine has.
    #[error("{place}: {environment} cannot fill in `{variable}` of `{owner}`: it has both a credential and `${{…}}`")]
    Mixed {
        /// File and line.
        place: String,
        /// Name of the environment.
        environment: String,
        /// The part.
        owner: String,
        /// The variable.
        variable: String,
    },
}

impl DeploymentError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unnamed { environment, missing, project, has_section, .. } => {
                let name = |secret: &String| format!("{project}_{secret}").replace(['.', '-'], "_");
                let lines = missing.iter().map(|secret| format!("\n      {secret}: {}", name(secret)));
                let lines: String = lines.collect();
                let where_to = match has_section {
                    true => format!("add to `environments.{environment}.secrets`"),
                    false => "add to devenv.yaml".to_owned(),
                };
                let what = "what each is called there, never its value";
                format!("{where_to} {what}:\nenvironments:\n  {environment}:\n    secrets:{lines}")
            }
            Self::Unknown { known, .. } if known.is_empty() => "remove it: nothing takes secrets".to_owned(),
            Self::Unknown { known, .. } => format!("there are {}", quoted(known)),
            Self::Machine { key: "run" | "command", .. } => {
                "write the variable into `env`, where the environment fills it in, and read it in the command as `$$NAME`"
                    .to_owned()
            }
            Self::ServiceCredential { environment, service, variable, .. } => format!(
                "set another value for it in `environments.{environment}.env.{service}.{variable}`, such as the name of a file that the image reads"
            ),
            Self::Reached { .. } => "an environment that is like it and has no `external` for it runs one here".to_owned(),
            Self::Name { variable, .. } => {
                let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
                let other: String = variable.chars().map(upper).collect();
                format!("use letters, digits and `_`, such as `{other}`, and let the program read that")
            }
            Self::Mixed { .. } => "write the two into variables of their own".to_owned(),
            Self::Machine { .. } => "write a value without a variable there".to_owned(),
        }
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl From<DeploymentError> for Error {
    fn from(error: DeploymentError) -> Self {
        let hint = error.hint();
        Self::new(Kind::Usage, error).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_listed_with_the_lines_to_add() {
        let error = Error::from(DeploymentError::Unnamed {
            place: "devenv.yaml:1".to_owned(),
            environment: "staging".to_owned(),
            missing: ["cache.password", "order-db.user"].map(str::to_owned).into(),
            project: "shop".to_owned(),
            has_section: false,
        });
        assert_eq!(error.kind.exit_code(), 2);
        assert_eq!(error.to_string(), "devenv.yaml:1: staging has no secret for `cache.password`, `order-db.user`");
        assert_eq!(
            error.hints,
            [
                "add to devenv.yaml what each is called there, never its value:\nenvironments:\n  staging:\n    secrets:\n      cache.password: shop_cache_password\n      order-db.user: shop_order_db_user"
            ]
        );
    }
}
