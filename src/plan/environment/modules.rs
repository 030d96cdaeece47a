//! A module as a part: where its source is, how its dependencies are installed, and what it runs. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::config::model::memory_folder::MemoryFolder;
use crate::config::model::module::Module;
use crate::config::model::once::Once;
use crate::config::model::values::Duration;
use crate::digest::Fingerprint;
use crate::names::{ImageName, PartName, is_for_shells};
use crate::paths;
use crate::plan::definition::Definition;
use crate::plan::environment::certificate::CERTS;
use crate::plan::environment::errors::EnvironmentError;
use crate::plan::environment::needs::Variables;
use crate::plan::environment::target::Base;
use crate::plan::environment::{Setup, probe, volume_mount};
use crate::plan::environment::{container, git};
use crate::plan::images::Node;
use crate::plan::mirror::copy::{Copy, GitFile, Selection};
use crate::plan::mirror::{self, Way};
use crate::plan::mounts::{Mount, MountClass, MountSource, Volume, VolumeClass};
use crate::plan::parts::{Environment, ImageRef, Install, Part, PartKind, TaskRules};
use crate::plan::source_folder::{directory, directory_name};

impl Setup<'_> {
    pub(in crate::plan) fn module(
        &self,
        name: &PartName,
        module: &Module,
        environment: &mut Environment,
    ) -> Result<Part, EnvironmentError> {
        if self.target.base != Base::Dev {
            return self.released_module(name, module, environment);
        }
        if self.target.releases(module) {
            return self.released_in_dev(name, module, environment);
        }
        let (node, image) = self.image(name, &module.image)?;
        let dir = directory(&module.path, self.project.file.project.as_str());
        let port = module.port.map(crate::config::model::values::Port::get);
        let mut variables = self.module_env((name, module), node, &dir)?;
        let secrets = self.own_secrets(name, module, &mut variables, environment);
        let Variables { plain: env, secret: secret_env } = variables;
        let wish = module.mirror.clone().unwrap_or_default();
        let way = mirror::way(wish.mode, self.project.file.mirror, self.machine.engine_apart);
        let data = self.data(name, module, environment);
        let mut mounts = self.source((name, module), way, &dir, environment);
        mounts.push(self.generated("users", "/var/lib/extrausers", MountClass::Ignore));
        mounts.push(self.generated(paths::CERTS, CERTS, MountClass::Ignore));
        mounts.extend(self.features());
        mounts.extend(secrets);
        let install = self.install(module, node, &dir, &mut mounts, environment)?;
        mounts.extend(self.repository((name, module), way, &dir));
        let mirror = (way == Way::Sync).then(|| {
            let below = |mount: &Mount| mount.target.strip_prefix(&format!("{dir}/")).map(str::to_owned);
            let mounted: Vec<String> = mounts.iter().chain(&data).filter_map(below).collect();
            let repository = self.contents.repositories.get(name);
            let has_file = module.git && repository.is_some_and(git::Repository::has_file_in_module);
            let git_file = if has_file { GitFile::Counts } else { GitFile::LeftOut };
            let selection = Selection { also: wish.also.clone(), git_file, ..Selection::new(&wish.not, &mounted) };
            let (folder, outputs) = (module.path.clone(), module.outputs.clone());
            Copy { folder, volume: copy_of(name, environment), dir: dir.clone(), selection, outputs, mounted }
        });
        // Programs read it when they start. What a task has done is done.
        let trusted = match &self.contents.authorities {
            Some(digest) if !module.is_task() => MountClass::Recreate { what: "authorities", digest: digest.clone() },
            _ => MountClass::Ignore,
        };
        mounts.push(self.generated("ca", "/usr/local/share/devenv/host", trusted));
        mounts.extend(self.runner_files(node));
        let mut command = runner(node);
        if let Some(build) = &module.build {
            command.extend(["--build".to_owned(), build.clone()]);
        }
        command.push(with_all_variables(&env, &module.script()));
        Ok(Part {
            command: Some(command),
            dir: Some(dir),
            user: Some(format!("{}:{}", self.machine.uid, self.machine.gid)),
            env,
            dev_env: self.surroundings(),
            secret_env,
            folder: self.contents.folders.get(name).filter(|_| way == Way::Bind).cloned(),
            mounts,
            publish: self.published(name, module),
            extra: self.container(node, module),
            data,
            probe: if module.is_task() { None } else { probe(module.health.as_ref(), port) },
            needs: self.running_needs(&module.needs),
            install,
            mirror,
            once: task_rules(module),
            ..Part::new(name.clone(), if module.is_task() { PartKind::Task } else { PartKind::Module }, image)
        })
    }

    /// Its source at `dir`, and over it what no container may have or write.
    fn source(
        &self,
        (name, module): (&PartName, &Module),
        way: Way,
        dir: &str,
        environment: &mut Environment,
    ) -> Vec<Mount> {
        let class = match self.contents.sources.get(name) {
            Some(digest) if module.is_task() => MountClass::Recreate { what: "source", digest: digest.clone() },
            _ => MountClass::Ignore,
        };
        let mount = |source| Mount { source, target: dir.to_owned(), writable: true, class };
        if way == Way::Sync {
            let (copy, owner) = (copy_of(name, environment), Some((self.machine.uid, self.machine.gid)));
            let volume = Volume { name: copy.clone(), class: VolumeClass::Mirror, major: None, owner };
            environment.volumes.insert(copy.clone(), volume);
            return vec![mount(MountSource::Volume(copy))];
        }
        let mut mounts = vec![mount(MountSource::Folder(self.below_root(module.path.as_str())))];
        if module.path.as_str() == "." {
            // Keys and credentials of all parts are no module's source.
            let target = format!("{dir}/{}", paths::DEVENV);
            mounts.push(Mount { source: MountSource::Memory, target, writable: true, class: MountClass::Ignore });
        }
        mounts.extend(self.settings(name, module, dir));
        mounts
    }

    /// The repository that it is in, as far as it sees it.
    fn repository(&self, (name, module): (&PartName, &Module), way: Way, dir: &str) -> Vec<Mount> {
        let Some(repository) = self.contents.repositories.get(name) else { return Vec::new() };
        let request = git::GitRequest { wanted: module.git, way, dir, name };
        let mount = |mounted| match mounted {
            git::Mounted::Folder { source, target } => {
                let source = MountSource::Folder(source);
                Mount { source, target, writable: false, class: MountClass::Ignore }
            }
            git::Mounted::Generated { path, target } => self.generated(&path, &target, MountClass::Ignore),
        };
        git::mounts(repository, &request).into_iter().map(mount).collect()
    }

    /// A module that runs in its released image: no source, no dependencies, no loop.
    fn released_in_dev(
        &self,
        name: &PartName,
        module: &Module,
        environment: &mut Environment,
    ) -> Result<Part, EnvironmentError> {
        let data = self.data(name, module, environment);
        let recipe = self.recipe(name, environment)?.clone();
        let port = module.port.map(crate::config::model::values::Port::get);
        let mut variables = self.wiring(&module.needs)?;
        variables.extend(recipe.env.clone());
        self.set_written(name, &module.env, &mut variables)?;
        let secrets = self.own_secrets(name, module, &mut variables, environment);
        let Variables { plain: env, secret: secret_env } = variables;
        // Programs read it when they start. What a task has done is done.
        let trusted = match &self.contents.authorities {
            Some(digest) if !module.is_task() => MountClass::Recreate { what: "authorities", digest: digest.clone() },
            _ => MountClass::Ignore,
        };
        let image = ImageRef::Released(recipe.parent.clone(), recipe.reference.clone());
        let script = recipe.command.last().cloned().unwrap_or_default();
        let (node, _) = self.image(name, &recipe.parent)?;
        let mut command = runner(node);
        command.push(with_all_variables(&env, &script));
        Ok(Part {
            command: Some(command),
            dir: Some(recipe.dir.clone()),
            env,
            dev_env: self.surroundings(),
            secret_env,
            mounts: [
                self.generated(paths::CERTS, CERTS, MountClass::Ignore),
                self.generated("ca", "/usr/local/share/devenv/host", trusted),
            ]
            .into_iter()
            .chain(secrets)
            .chain(self.runner_files(node))
            .collect(),
            publish: self.published(name, module),
            extra: container::keys(module),
            data,
            probe: if module.is_task() { None } else { probe(module.health.as_ref(), port) },
            needs: self.running_needs(&module.needs),
            once: task_rules(module),
            ..Part::new(name.clone(), if module.is_task() { PartKind::Task } else { PartKind::Module }, image)
        })
    }

    /// The runner, for an image that does not have it.
    fn runner_files(&self, node: &Node) -> Option<Mount> {
        node.apart.then(|| self.generated(paths::RUNNER, RUNNER, MountClass::Ignore))
    }

    /// Keys of a module's container. Its folders in memory belong to whoever runs it: the engine gives one the mode of the
    /// image's folder when the container starts again, but keeps its owner. One is the home, where the image has none.
    fn container(&self, node: &Node, module: &Module) -> Map<String, Value> {
        let mut keys = container::keys(module);
        let home = node.apart.then_some("/home/app");
        let folders = module.tmpfs.iter().map(String::as_str).chain(home).map(MemoryFolder::of);
        let folders: Vec<String> = folders.map(|folder| folder.of_owner(self.machine.uid, self.machine.gid)).collect();
        if !folders.is_empty() {
            keys.insert("tmpfs".to_owned(), json!(folders));
        }
        keys
    }

    /// What stands in the source and decides what runs on the host, mounted over it for reading alone.
    fn settings(&self, name: &PartName, module: &Module, dir: &str) -> Vec<Mount> {
        let settings = self.contents.settings.get(name).into_iter().flatten();
        let read_only = |setting: &String| Mount {
            source: MountSource::Folder(format!("{}/{setting}", self.below_root(module.path.as_str()))),
            target: format!("{dir}/{setting}"),
            writable: false,
            class: MountClass::Ignore,
        };
        settings.map(read_only).collect()
    }

    /// Volumes and script for a module's dependencies.
    fn install(
        &self,
        module: &Module,
        node: &Node,
        dir: &str,
        mounts: &mut Vec<Mount>,
        environment: &mut Environment,
    ) -> Result<Option<Install>, EnvironmentError> {
        let Some(deps) = &module.deps else { return Ok(None) };
        let into = if deps.into.is_empty() { &node.deps.into } else { &deps.into };
        let cache = if deps.cache.is_empty() { &node.deps.cache } else { &deps.cache };
        let owner = Some((self.machine.uid, self.machine.gid));
        // A language that keeps everything in its cache still needs a place that says what was installed.
        let targets: Vec<(String, String)> = if into.is_empty() {
            vec![("stamp".to_owned(), "/var/lib/devenv".to_owned())]
        } else {
            into.iter().map(|folder| (folder.to_string(), format!("{dir}/{folder}"))).collect()
        };
        let mut first = None;
        for (folder, target) in targets {
            // Modules of one folder and image share what is installed: the same lock files make the same result.
            let key = Fingerprint::of(&format!("{}\0{}\0{folder}", module.path, module.image));
            let slug = slug(&format!("{}-{folder}", directory_name(&module.path, self.project.file.project.as_str())));
            let volume = format!("{}-deps-{slug}-{}", environment.project, &key.as_str()[..6]);
            mounts.push(volume_mount(&volume, &target));
            first.get_or_insert((volume.clone(), target));
            let made = Volume { name: volume.clone(), class: VolumeClass::Deps, major: None, owner };
            environment.volumes.insert(volume, made);
        }
        for folder in cache {
            let volume = cache_volume(self.machine.uid, &node.language, folder);
            mounts.push(volume_mount(&volume, &folder.replacen('~', "/home/app", 1)));
            let made = Volume { name: volume.clone(), class: VolumeClass::Cache, major: None, owner };
            environment.volumes.insert(volume, made);
        }
        let script = match &node.deps.prepare {
            Some(prepare) => format!("{prepare}\n{}", deps.install),
            None => deps.install.clone(),
        };
        let locks = deps.lock.iter().map(|file| {
            let digest = self.contents.files.get(&module.path.join(file)).map_or("absent", String::as_str);
            // In a label, a space and `=` mean something else.
            (file.as_str().replace([' ', '='], "_"), digest.to_owned())
        });
        let how = [
            ("image".to_owned(), node.fingerprint.to_string()),
            ("command".to_owned(), Fingerprint::of(&script).to_string()),
        ];
        Ok(first.map(|(volume, target)| Install {
            script,
            made_from: Definition::new(locks.chain(how).collect()),
            stamp: format!("{target}/.devenv-stamp"),
            volume,
            secrets: deps.secrets.clone(),
        }))
    }
}

/// The volume that has the copy of its source.
fn copy_of(name: &PartName, environment: &Environment) -> String {
    format!("{}-mirror-{name}", environment.project)
}

/// Where a container finds the runner that has none in its image.
const RUNNER: &str = "/run/devenv/runner";

/// The command of the runner, which stands before a module's own.
fn runner(node: &Node) -> Vec<String> {
    if node.apart { vec!["sh".to_owned(), format!("{RUNNER}/devenv-run")] } else { vec!["devenv-run".to_owned()] }
}

/// When a module runs again that runs to completion.
pub(in crate::plan) fn task_rules(module: &Module) -> Option<TaskRules> {
    match module.once {
        Once::No => None,
        Once::Per(per) => {
            let (narrowed, max) = (!module.inputs.is_empty(), module.max.map(Duration::get));
            Some(TaskRules { per, narrowed, max })
        }
    }
}

/// The command that runs with all variables, also those that a shell before it would drop.
fn with_all_variables(env: &BTreeMap<String, String>, run: &str) -> String {
    let dropped = env.iter().filter(|(name, _)| !is_for_shells(name));
    let set: Vec<String> = dropped.map(|(name, value)| format!("{name}={value}")).collect();
    if set.is_empty() {
        return run.to_owned();
    }
    let words = ["exec", "env"].into_iter().chain(set.iter().map(String::as_str)).chain(["bash", "-e", "-c", run]);
    shlex::try_join(words).unwrap_or_else(|_| run.to_owned())
}

/// The volume of a folder of downloads, which all modules of a language share.
#[must_use]
pub fn cache_volume(uid: u32, language: &ImageName, folder: &str) -> String {
    format!("devenv-cache-{uid}-{language}-{}", slug(folder))
}

fn slug(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_a_shell_would_drop_is_set_behind_it() {
        let env = |name: &str| BTreeMap::from([(name.to_owned(), "a b".to_owned()), ("X".to_owned(), "1".to_owned())]);
        assert_eq!(with_all_variables(&env("Y"), "serve | tee log"), "serve | tee log");
        assert_eq!(
            with_all_variables(&env("discovery.type"), "serve | tee log"),
            "exec env 'discovery.type=a b' bash -e -c 'serve | tee log'"
        );
    }
}
