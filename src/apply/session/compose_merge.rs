//! The definition that all compose files make together, as compose merges them: asked once, kept under the digest of
//! everything that it depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::config::compose_file;
use crate::config::inputs::InputFile;
use crate::digest;
use crate::error::{Error, Kind, Result};
use crate::host::docker::compose;
use crate::host::files;
use crate::host::files::leftovers;
use crate::paths;
use crate::render::{Access, Generated};

/// Where the generated files stand while they are merged.
const FOLDER: &str = "devenv-merge-";

/// What is merged.
pub struct Merge<'a> {
    /// Where the engine is.
    pub endpoint: &'a str,
    /// The checkout's folder.
    pub root: &'a Path,
    /// The folder whose `.devenv` the environment has.
    pub home: &'a Path,
    /// Name of the compose project.
    pub project: &'a str,
    /// The generated files.
    pub generated: &'a [Generated],
    /// The team's files, in their order.
    pub fragments: &'a [InputFile],
    /// Variables that the team's files may use.
    pub env: &'a BTreeMap<String, String>,
    /// The user's key: nobody else can have written what is kept under it. Empty where there is none yet.
    pub key: &'a str,
}

impl Merge<'_> {
    /// The merged definition, and the file that keeps it.
    pub async fn run(&self) -> Result<(Value, Generated)> {
        let inputs = self.inputs();
        let mark = |merged: &Value| digest::keyed(self.key.as_bytes(), format!("{inputs}\n{merged}").as_bytes());
        let kept = files::read_text(&paths::devenv(self.home).join(paths::MERGED))?;
        let kept: Option<Value> = kept.and_then(|text| serde_json::from_str(&text).ok());
        let kept = kept.as_ref().and_then(|kept| Some((kept.get("merged")?, kept.get("mark")?.as_str()?)));
        let merged = match kept.filter(|(merged, written)| !self.key.is_empty() && mark(merged) == *written) {
            Some((merged, _)) => merged.clone(),
            None => self.ask().await?,
        };
        let text = json!({"mark": mark(&merged), "merged": merged}).to_string() + "\n";
        Ok((merged, Generated { path: paths::MERGED.to_owned(), text, access: Access::Private }))
    }

    /// A digest of everything that the definition depends on.
    fn inputs(&self) -> String {
        let generated = self.generated.iter().map(|file| digest::hex(file.text.as_bytes()));
        let fragments = self.fragments.iter().map(|fragment| digest::hex(&fragment.bytes));
        // Only variables that a fragment names can matter.
        let texts: Vec<_> = self.fragments.iter().map(|fragment| String::from_utf8_lossy(&fragment.bytes)).collect();
        let used = self.env.iter().filter(|(name, _)| texts.iter().any(|text| text.contains(name.as_str())));
        let used = used.map(|(name, value)| format!("{name}={value}"));
        // Compose reads them, and tells what stood in them as if the definition said so.
        let variables = self.fragments.iter().flat_map(compose_file::variable_files).map(|(_, path)| {
            let bytes = files::read(&self.root.join(&path)).ok().flatten().unwrap_or_default();
            format!("{path} {}", digest::hex(&bytes))
        });
        digest::hex(generated.chain(fragments).chain(used).chain(variables).collect::<Vec<_>>().join("\n").as_bytes())
    }

    async fn ask(&self) -> Result<Value> {
        compose::version().await?;
        leftovers::remove(&std::env::temp_dir(), FOLDER);
        let folder = tempfile::Builder::new().prefix(&leftovers::name(FOLDER)).tempdir();
        let folder = folder.map_err(files::failed("write", &std::env::temp_dir()))?;
        let mut paths = Vec::new();
        for (at, file) in self.generated.iter().enumerate() {
            let path = folder.path().join(format!("{at}.yaml"));
            files::write(&path, without_env_files(&file.text).as_bytes(), Access::Private)?;
            paths.push(path.display().to_string());
        }
        for (number, fragment) in self.fragments.iter().enumerate() {
            // What was checked, whatever its file has become.
            let name = fragment.name.rsplit('/').next().unwrap_or_default();
            let path = folder.path().join(format!("fragment-{number}-{name}"));
            files::write(&path, &fragment.bytes, Access::Private)?;
            paths.push(path.display().to_string());
        }
        let call = compose::config(compose::call(self.endpoint, self.root, self.project, &paths)).envs(self.env);
        let mut unset = BTreeSet::new();
        let merged = compose::run(&call, |line| unset.extend(compose::unset_variable(line)))
            .await
            .map_err(|error| self.named(&error, &paths))?;
        // Those of fragments were told with their places before.
        if !unset.is_empty() {
            let names: Vec<String> = unset.iter().map(|name| format!("`{name}`")).collect();
            let error =
                Error::message(Kind::Usage, format!("the compose files use {}, which is not set", names.join(", ")));
            return Err(error.hint("set it, give a default with ${NAME:-…}, or write $$ for a literal $"));
        }
        serde_json::from_str(&merged).map_err(|error| Error::message(Kind::Failed, format!("compose config: {error}")))
    }

    /// An error of compose's with the names that the team's files have in the checkout.
    fn named(&self, error: &Error, paths: &[String]) -> Error {
        let copies = paths.iter().skip(self.generated.len());
        let named = |text: &str| {
            let pairs = copies.clone().zip(self.fragments);
            pairs.fold(text.to_owned(), |text, (path, fragment)| text.replace(path.as_str(), &fragment.name))
        };
        let renamed = Error::message(Kind::Usage, named(&error.to_string()));
        error.hints.iter().fold(renamed, |renamed, hint| renamed.hint(named(hint)))
    }
}

/// The generated text without the files that hold secrets: they are compared in their own way, and kept nowhere else.
fn without_env_files(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("env_file:")).map(|line| format!("{line}\n")).collect()
}
