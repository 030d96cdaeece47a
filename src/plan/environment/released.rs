//! Parts that run from released images: no source, no volumes of dependencies, the user of the image. Pure.

use std::collections::BTreeMap;

use crate::config::model::module::Module;
use crate::config::model::values::Port;
use crate::names::{PartName, is_for_shells};
use crate::paths;
use crate::plan::environment::container;
use crate::plan::environment::errors::EnvironmentError;
use crate::plan::environment::modules::task_rules;
use crate::plan::environment::needs::Variables;
use crate::plan::environment::target::{Base, Placement};
use crate::plan::environment::{Setup, probe};
use crate::plan::features::{FLAGD, FOLDER};
use crate::plan::images::Node;
use crate::plan::mounts::{Mount, MountClass};
use crate::plan::parts::{Environment, ImageRef, Part, PartKind};
use crate::plan::release::names;
use crate::plan::release::recipe::Recipe;

impl Setup<'_> {
    /// How the released image of a part is made, which the environment knows from then on.
    pub(in crate::plan) fn recipe(
        &self,
        name: &PartName,
        environment: &mut Environment,
    ) -> Result<&Recipe, EnvironmentError> {
        match self.contents.releases.get(name) {
            Some(Ok(recipe)) => {
                environment.releases.insert(name.clone(), recipe.clone());
                Ok(recipe)
            }
            Some(Err(error)) => Err(error.clone().into()),
            None => Err(EnvironmentError::Release(name.clone())),
        }
    }

    /// A released image, as `push` names it where there is a registry.
    pub(in crate::plan) fn released_image(&self, recipe: &Recipe) -> ImageRef {
        let tag = names::tag(&recipe.fingerprint, recipe.source.state);
        ImageRef::Released(recipe.parent.clone(), self.shared(recipe.part.as_str(), &tag))
    }

    /// An image of the hierarchy that a service runs in, as `push` names it where there is a registry.
    pub(in crate::plan) fn deployed_image(&self, node: &Node) -> ImageRef {
        ImageRef::Released(node.name.clone(), self.shared(node.name.as_str(), node.fingerprint.as_str()))
    }

    fn shared(&self, name: &str, tag: &str) -> String {
        let registry = self.target.registry(self.project);
        names::reference(registry.unwrap_or(self.project.file.project.as_str()), name, tag)
    }

    /// The variables of a module, without and with secrets: what it needs, what its image says, its own, and the
    /// environment's, each over the one before.
    pub(in crate::plan) fn module_env(
        &self,
        (name, module): (&PartName, &Module),
        node: &Node,
        dir: &str,
    ) -> Result<Variables, EnvironmentError> {
        let mut variables = self.wiring(&module.needs)?;
        variables.extend(node.env.iter().map(|(key, value)| (key.clone(), value.replace("{dir}", dir))));
        variables.extend([("HOME".to_owned(), "/home/app".to_owned())]);
        variables.extend(self.target.features.iter().map(|(name, state)| (name.variable(), state.to_string())));
        if !self.features().is_empty() {
            variables.extend([(FLAGD.to_owned(), format!("{FOLDER}/flags.json"))]);
        }
        self.set_written(name, &module.env, &mut variables)?;
        if let Some(env) = self.target.settings.env.get(name) {
            self.set_written(name, env, &mut variables)?;
        }
        Ok(variables)
    }

    /// The states of features as a folder, where this machine has one and the project has any.
    pub(in crate::plan) fn features(&self) -> Vec<Mount> {
        let is_platform = self.target.base == Base::Prod && self.placement == Placement::Elsewhere;
        if is_platform || self.target.features.is_empty() {
            return Vec::new();
        }
        vec![self.generated(paths::FEATURES, FOLDER, MountClass::Ignore)]
    }

    /// A module as released image.
    pub(in crate::plan) fn released_module(
        &self,
        name: &PartName,
        module: &Module,
        environment: &mut Environment,
    ) -> Result<Part, EnvironmentError> {
        let data = self.data(name, module, environment);
        let recipe = self.recipe(name, environment)?;
        let (node, _) = self.image(name, &recipe.parent)?;
        let mut variables = self.module_env((name, module), node, &recipe.dir)?;
        let secrets = self.own_secrets(name, module, &mut variables, environment);
        let Variables { plain: env, secret: secret_env } = variables;
        let script = recipe.command.last().map(String::as_str).unwrap_or_default();
        let port = module.port.map(Port::get);
        // What the one drops, the other hands on.
        let shell = if env.keys().all(|name| is_for_shells(name)) { "sh" } else { "bash" };
        let is_local = self.target.base != Base::Prod;
        Ok(Part {
            command: Some([shell, "-c", script].map(str::to_owned).into()),
            dir: Some(recipe.dir.clone()),
            env,
            dev_env: if is_local { self.machine.proxy.clone() } else { BTreeMap::new() },
            secret_env,
            mounts: self.features().into_iter().chain(secrets).collect(),
            publish: if is_local { self.published(name, module) } else { Vec::new() },
            extra: container::keys(module),
            data,
            probe: if module.is_task() { None } else { probe(module.health.as_ref(), port) },
            needs: self.running_needs(&module.needs),
            once: task_rules(module),
            inputs: self.contents.sources.get(name).filter(|_| module.is_task()).cloned(),
            ..Part::new(
                name.clone(),
                if module.is_task() { PartKind::Task } else { PartKind::Module },
                self.released_image(recipe),
            )
        })
    }
}
