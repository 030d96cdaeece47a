//! A module's own credentials, as variables and as files at the same place in every environment. Pure.

use crate::config::model::module::Module;
use crate::names::PartName;
use crate::paths;
use crate::plan::environment::Setup;
use crate::plan::environment::needs::Variables;
use crate::plan::environment::target::Base;
use crate::plan::mounts::{Mount, MountClass};
use crate::plan::parts::Environment;
use crate::plan::parts::secret_variable::SecretVariable;
use crate::plan::presets::CREDENTIALS;

impl Setup<'_> {
    /// The mount that has a module's credentials. A default is for dev alone, and so is what one developer has set.
    pub(in crate::plan) fn own_secrets(
        &self,
        name: &PartName,
        module: &Module,
        variables: &mut Variables,
        environment: &mut Environment,
    ) -> Option<Mount> {
        if module.secrets.is_empty() {
            return None;
        }
        let value = |secret: &str, default: &Option<String>| {
            let set = self.project.local.secrets.get(&format!("{name}.{secret}")).cloned();
            set.or_else(|| default.clone()).filter(|_| self.target.base == Base::Dev)
        };
        let all = module.secrets.iter();
        let all = all.map(|(secret, from)| (secret.clone(), value(secret, &from.default))).collect();
        environment.credentials.insert(name.clone(), all);
        for secret in module.secrets.keys() {
            let mut text = SecretVariable::default();
            text.push_credential(name, secret);
            variables.set(secret.clone(), &text);
            variables.extend([(format!("{secret}_FILE"), format!("{CREDENTIALS}/{secret}"))]);
        }
        let is_local = self.target.base != Base::Prod;
        is_local.then(|| self.generated(&paths::secrets_of(name), CREDENTIALS, MountClass::Ignore))
    }
}
