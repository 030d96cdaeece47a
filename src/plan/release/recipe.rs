//! How one released image is made: what runs where, on what the result is laid, and the fingerprint of all that.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::config::model::module::{Module, Release};
use crate::config::model::values::RelPath;
use crate::config::project::Project;
use crate::digest::{self, Fingerprint};
use crate::labels;
use crate::names::{ImageName, PartName};
use crate::plan::images::inputs::short;
use crate::plan::images::{Hierarchy, Node};
use crate::plan::release::names;
use crate::plan::release::recipe_error::{FilledIn, RecipeError};
use crate::plan::release::source::{Source, SourceState};
use crate::plan::source_folder::directory;

/// The way in which layers are made; another one gives other bytes for the same inputs.
const FORMAT: &str = "1";

/// Variables of every build, so that the same source gives the same bytes.
const STEADY: [(&str, &str); 2] = [("PYTHONHASHSEED", "0"), ("TZ", "UTC")];

/// How each part is released, or why it cannot be.
pub type Releases = BTreeMap<PartName, Result<Recipe, RecipeError>>;

/// How one released image is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The module.
    pub part: PartName,
    /// Its folder below the checkout.
    pub path: RelPath,
    /// The image that it is built in.
    pub builder: ImageName,
    /// The image that the result is laid on.
    pub parent: ImageName,
    /// The tag of that image.
    pub parent_tag: String,
    /// The module's folder in containers.
    pub dir: String,
    /// Shell commands that install, in the module's folder; only they see the secrets.
    pub install: Vec<String>,
    /// Shell commands that follow, and build.
    pub build: Vec<String>,
    /// Variables of the build.
    pub build_env: BTreeMap<String, String>,
    /// Variables of the host that only the installation sees.
    pub secrets: Vec<String>,
    /// Folders of downloads, such as `~/.cache/pip`.
    pub caches: Vec<String>,
    /// Paths below the module's folder that are released.
    pub artifacts: Vec<RelPath>,
    /// Patterns of what is left out of them.
    pub without: Vec<String>,
    /// Folders of dependencies, of which nothing is left out.
    pub whole: Vec<String>,
    /// Files of ours that are laid beside them: paths below `/`, and their text.
    pub files: BTreeMap<String, String>,
    /// What the result runs; empty for what its parent runs.
    pub command: Vec<String>,
    /// Variables of the result.
    pub env: BTreeMap<String, String>,
    /// The source.
    pub source: Source,
    /// Digest of all inputs.
    pub fingerprint: Fingerprint,
    /// What the engine calls the result.
    pub reference: String,
    /// Labels of the result.
    pub labels: BTreeMap<String, String>,
}

/// Variables of images, the later ones over the earlier, where the source is at `dir` and its user is at home.
fn with_home<'a>(all: impl IntoIterator<Item = &'a BTreeMap<String, String>>, dir: &str) -> BTreeMap<String, String> {
    let home = ("HOME".to_owned(), "/home/app".to_owned());
    let all = all.into_iter().flatten().map(|(key, value)| (key.clone(), value.replace("{dir}", dir)));
    all.chain([home]).collect()
}

impl Recipe {
    /// Decides how the module `name` is released from `source`. The project is the team's, without one developer's settings.
    pub fn new(
        project: &Project,
        images: &Hierarchy,
        (name, module): (&PartName, &Module),
        source: &Source,
    ) -> Result<Self, RecipeError> {
        let place = |keys: &[&str]| {
            let path = ["modules", name.as_str()].into_iter().chain(keys.iter().copied()).collect::<Vec<_>>();
            let place = project.place(&path).or_else(|| project.place(&path[..2]));
            place.map(|place| format!("{place}: ")).unwrap_or_default()
        };
        let chain = images.ancestry(&module.image);
        let own = module.release.clone().unwrap_or_default();
        let no_ancestor = |key: &[&str], wanted| RecipeError::NotAncestor {
            place: place(key),
            module: name.clone(),
            wanted,
            image: module.image.clone(),
        };
        let Some(builder) = chain.first().copied() else {
            return Err(no_ancestor(&["image"], module.image.clone()));
        };
        let usual = &builder.release;
        let wanted = own.image.clone().or_else(|| usual.image.clone()).unwrap_or_else(|| module.image.clone());
        let Some(parent) = chain.iter().copied().find(|node| node.name == wanted) else {
            return Err(no_ancestor(&["release", "image"], wanted));
        };
        refuse_filled_in(project, name, &own, place)?;
        let run = released_run(module, usual.run.iter());
        check_program(&run, name, (&chain, parent), || place(&["run"]))?;
        let dir = directory(&module.path, project.file.project.as_str());
        let (artifacts, without) = if own.artifacts.is_empty() {
            (usual.artifacts.clone(), usual.without.clone())
        } else {
            (own.artifacts.clone(), Vec::new())
        };
        if artifacts.is_empty() {
            return Err(RecipeError::NoArtifacts { place: place(&[]), module: name.clone() });
        }
        let deps = module.deps.as_ref();
        let into = deps.map(|deps| &deps.into).filter(|into| !into.is_empty()).unwrap_or(&builder.deps.into);
        // A folder of which only parts are named is not whole.
        let is_parted =
            |folder: &RelPath| artifacts.iter().any(|path| path.as_str().starts_with(&format!("{folder}/")));
        let whole = into.iter().filter(|folder| !is_parted(folder)).map(ToString::to_string).collect();
        let caches = deps.map(|deps| &deps.cache).filter(|cache| !cache.is_empty()).unwrap_or(&builder.deps.cache);
        let install = own.install.clone().or_else(|| deps.map(|deps| deps.install.clone()));
        let prepare = builder.deps.prepare.clone().filter(|_| install.is_some());
        let build = own.build.clone().or_else(|| usual.build.clone()).or_else(|| module.build.clone());
        let build = build.or_else(|| usual.default_build.clone());
        let install: Vec<String> = [prepare, install].into_iter().flatten().collect();
        let build: Vec<String> = [build, usual.finish.clone()].into_iter().flatten().collect();
        let is_fixed = |key: &str| project.template(&["modules", name.as_str(), "env", key]).is_none();
        let fixed = module.env.clone().into_iter().filter(|(key, _)| is_fixed(key));
        let mut build_env = with_home([&builder.env, &usual.env], &dir);
        build_env.extend(fixed.chain(STEADY.map(|(name, value)| (name.to_owned(), value.to_owned()))));
        build_env.insert("SOURCE_DATE_EPOCH".to_owned(), source.commit.time.to_string());
        let env = with_home([&parent.env], &dir);
        let command = ["sh".to_owned(), "-c".to_owned(), run];
        let mut recipe = Self {
            part: name.clone(),
            path: module.path.clone(),
            builder: builder.name.clone(),
            parent: parent.name.clone(),
            parent_tag: parent.tag.clone(),
            dir,
            install,
            build,
            build_env,
            secrets: deps.map(|deps| deps.secrets.clone()).unwrap_or_default(),
            caches: if deps.is_some() { caches.clone() } else { Vec::new() },
            artifacts,
            without,
            whole,
            files: BTreeMap::new(),
            command: command.into(),
            env,
            source: source.clone(),
            fingerprint: Fingerprint::of(""),
            reference: String::new(),
            labels: BTreeMap::new(),
        };
        recipe.name(project.file.project.as_str(), builder, parent, images);
        Ok(recipe)
    }

    /// Decides how the gateway's image is released, with the configuration `text` at `path` below `/`. Nothing runs for it.
    pub fn of_gateway(
        project: &Project,
        images: &Hierarchy,
        name: &PartName,
        node: &Node,
        (path, text): (&str, &str),
        source: &Source,
    ) -> Self {
        let mut recipe = Self {
            part: name.clone(),
            path: RelPath::default(),
            builder: node.name.clone(),
            parent: node.name.clone(),
            parent_tag: node.tag.clone(),
            dir: "/srv".to_owned(),
            install: Vec::new(),
            build: Vec::new(),
            build_env: BTreeMap::new(),
            secrets: Vec::new(),
            caches: Vec::new(),
            artifacts: Vec::new(),
            without: Vec::new(),
            whole: Vec::new(),
            files: BTreeMap::from([(path.to_owned(), text.to_owned())]),
            command: Vec::new(),
            env: BTreeMap::new(),
            source: source.clone(),
            fingerprint: Fingerprint::of(""),
            reference: String::new(),
            labels: BTreeMap::new(),
        };
        recipe.name(project.file.project.as_str(), node, node, images);
        recipe
    }

    /// Whether its source is as committed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.source.state == SourceState::Clean
    }

    /// Makes fingerprint, reference and labels from everything else.
    fn name(&mut self, project: &str, builder: &Node, parent: &Node, images: &Hierarchy) {
        let digest = |text: &str| short(&digest::hex(text.as_bytes()));
        let list = |items: &[String]| items.iter().map(|item| format!("{item}\0")).collect::<String>();
        let pairs = |env: &BTreeMap<String, String>| env.iter().map(|(k, v)| format!("{k}={v}\0")).collect::<String>();
        let paths: Vec<String> = self.artifacts.iter().map(ToString::to_string).collect();
        let result = format!("{}\n{}\n{}", list(&self.command), pairs(&self.env), self.dir);
        let inputs: BTreeMap<String, String> = [
            ("commit", self.source.commit.id.clone()),
            ("source", self.source.tree.clone()),
            ("built in", builder.fingerprint.to_string()),
            ("laid on", parent.fingerprint.to_string()),
            ("steps", digest(&[list(&self.install), list(&self.build)].join("\n"))),
            ("variables of the build", digest(&pairs(&self.build_env))),
            ("artifacts", digest(&[list(&paths), list(&self.without), list(&self.whole)].join("\n"))),
            ("files", digest(&pairs(&self.files))),
            ("command and variables", digest(&result)),
            ("format", FORMAT.to_owned()),
        ]
        .into_iter()
        .map(|(input, digest)| (input.to_owned(), digest))
        .collect();
        let lines: String = inputs.iter().map(|(input, digest)| format!("{input}\0{digest}\n")).collect();
        self.fingerprint = Fingerprint::of(&lines);
        self.reference =
            names::reference(project, self.part.as_str(), &names::tag(&self.fingerprint, self.source.state));
        let parents: Vec<String> = images.ancestry(&parent.name).into_iter().map(Node::id).collect();
        let created = OffsetDateTime::from_unix_timestamp(self.source.commit.time).ok();
        let created = created.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default();
        let mut all: Vec<(&str, String)> = vec![
            (labels::RELEASE, self.part.to_string()),
            (labels::RELEASE_FINGERPRINT, self.fingerprint.to_string()),
            (labels::RELEASE_INPUTS, serde_json::to_string(&inputs).unwrap_or_default()),
            (labels::RELEASE_PARENTS, parents.join(" ")),
            (labels::RELEASE_SOURCE, self.source.state.to_string()),
            (labels::oci::TITLE, format!("{project}/{}", self.part)),
            (labels::oci::REVISION, revision(&self.source)),
            (labels::oci::VERSION, self.fingerprint.to_string()),
            (labels::oci::CREATED, created),
            (labels::oci::BASE_NAME, parent.tag.clone()),
        ];
        all.extend(self.source.origin.iter().map(|origin| (labels::oci::SOURCE, origin.clone())));
        self.labels = all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    }
}

/// The commit as the label has it.
fn revision(source: &Source) -> String {
    match source.state {
        SourceState::Clean => source.commit.id.clone(),
        SourceState::Dirty => format!("{}-dirty", source.commit.id),
        SourceState::Uncommitted => String::new(),
    }
}

/// The command of the released module: its own, or that of dev with the paths that its language has elsewhere.
fn released_run<'a>(module: &Module, moved: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    if let Some(run) = module.release.as_ref().and_then(|release| release.run.clone()) {
        return if module.is_task() { format!("set -e\n{run}") } else { run };
    }
    moved.fold(module.script(), |run, (from, to)| run.replace(from, to))
}

/// Refuses texts that this machine has filled in: they would stand in the image, and give it another name elsewhere.
fn refuse_filled_in(
    project: &Project,
    module: &PartName,
    own: &Release,
    place: impl Fn(&[&str]) -> String,
) -> Result<(), RecipeError> {
    let keys: [(&[&str], bool); 4] = [
        (&["release"], true),
        (&["run"], own.run.is_none()),
        (&["build"], own.build.is_none()),
        (&["deps", "install"], own.install.is_none()),
    ];
    for (key, _) in keys.into_iter().filter(|(_, is_used)| *is_used) {
        let path: Vec<&str> = ["modules", module.as_str()].into_iter().chain(key.iter().copied()).collect();
        if let Some(written) = project.first_template(&path) {
            let (module, written) = (module.clone(), written.to_owned());
            return Err(RecipeError::Machine(FilledIn { place: place(key), module, key: key.join("."), written }));
        }
    }
    Ok(())
}

/// Refuses a command that begins with a program which only the image has that it is built in.
fn check_program(
    run: &str,
    name: &PartName,
    (chain, parent): (&[&Node], &Node),
    place: impl Fn() -> String,
) -> Result<(), RecipeError> {
    let mut words = run.lines().last().unwrap_or_default().split_whitespace();
    let is_setting = |word: &&str| *word == "exec" || word.split_once('=').is_some_and(|(name, _)| !name.contains('/'));
    let Some(program) = words.find(|word| !is_setting(word)) else { return Ok(()) };
    let has = |nodes: &[&Node]| nodes.iter().any(|node| node.programs.iter().any(|one| one == program));
    let at = chain.iter().position(|node| node.name == parent.name).unwrap_or_default();
    if has(&chain[..at]) && !has(&chain[at..]) {
        let (program, parent) = (program.to_owned(), parent.name.clone());
        return Err(RecipeError::NoProgram { place: place(), module: name.clone(), program, parent });
    }
    Ok(())
}

#[cfg(test)]
#[path = "recipe_tests.rs"]
mod tests;
