//! One released image: the source goes into a container of the module's image, the commands run there, and what they leave
//! becomes a layer on the image below.

use std::collections::{BTreeMap, VecDeque};

use crate::apply::session::checkout::Checkout;
use crate::config::model::values::RelPath;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::engine::archive::Found;
use crate::host::engine::builds::Progress;
use crate::host::engine::release::Workshop;
use crate::host::random;
use crate::host::release::layer::{Artifact, Layer, Writer};
use crate::host::release::source::Tree;
use crate::host::release::source_archive::{self, Beside, Readers, SourceTarget};
use crate::plan::environment::machine::Machine;
use crate::plan::environment::modules::cache_volume;
use crate::plan::environment::variables::{CA_BUNDLE, surroundings};
use crate::plan::images::Hierarchy;
use crate::plan::mounts::{Volume, VolumeClass};
use crate::plan::release::artifacts::ArtifactError;
use crate::plan::release::recipe::Recipe;
use crate::plan::release::selection::Selection;
use crate::plan::release::source::{SourceError, SourceState, check_entries};
use crate::render;

/// Runs the first `$1` of the scripts that follow with the secrets, and the others without. Each is a shell of its own, whose
/// exit code alone counts. The secrets come in a file that is gone before the first begins: in a variable of the container
/// or of this shell, a build could read them.
const SCRIPT: &str = "\
many=$1; given=; shift
if [ -f /tmp/devenv-secrets ]; then
  given=$(cat /tmp/devenv-secrets); rm -f /tmp/devenv-secrets
fi
for script do
  if [ \"$many\" -gt 0 ]; then
    many=$((many - 1))
    (eval \"$given\"; exec sh -e -c \"$script\")
  else
    given=
    sh -e -c \"$script\"
  fi
done";
/// The file.
const SECRETS: &str = "/tmp/devenv-secrets";

/// Lines of a failed build that its error shows.
const SHOWN: usize = 20;

/// What every release needs to know.
#[derive(Clone, Copy)]
pub struct Releaser<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The checkout.
    pub checkout: &'a Checkout,
    /// Its id.
    pub id: &'a str,
    /// This machine.
    pub machine: &'a Machine,
    /// All images.
    pub images: &'a Hierarchy,
}

impl Releaser<'_> {
    /// Makes the image of a recipe.
    pub async fn release(&self, recipe: &Recipe, mut tell: impl FnMut(Progress)) -> Result<()> {
        let layer = self.layer(recipe, &mut tell).await?;
        tell(Progress::Step("making the image".to_owned()));
        let Some(parent) = self.engine.parent(&recipe.parent_tag).await? else {
            let message = format!("{} is missing", recipe.parent_tag);
            return Err(Error::message(Kind::Failed, message).hint("`devenv images build` creates it"));
        };
        let described = render::release::described(recipe, &parent, &layer.digest);
        self.engine.load(&recipe.reference, &layer, &described, render::release::LAYER).await
    }

    /// The layer of a recipe, built from its source.
    pub async fn layer(&self, recipe: &Recipe, mut tell: impl FnMut(Progress)) -> Result<Layer> {
        let mut writer = Writer::new(time(recipe))?;
        for (path, text) in &recipe.files {
            writer.file(path, text)?;
        }
        if !recipe.artifacts.is_empty() {
            let container = self.workshop(recipe).await?;
            let built = self.built(recipe, &container, writer, &mut tell).await;
            self.engine.remove_one_off(&container).await?;
            writer = built?;
        }
        writer.finish()
    }

    async fn workshop(&self, recipe: &Recipe) -> Result<String> {
        let project = self.checkout.project.file.project.as_str();
        let Machine { uid, gid, .. } = *self.machine;
        let language = self.images.get(&recipe.builder).map(|node| node.language.clone());
        let caches = recipe.caches.iter().zip(std::iter::repeat(language)).filter_map(|(folder, language)| {
            Some((cache_volume(uid, &language?, folder), folder.replacen('~', "/home/app", 1)))
        });
        let caches: Vec<(String, String)> = caches.collect();
        let Some(node) = self.images.get(&recipe.builder) else {
            return Err(Error::message(Kind::Bug, format!("the image {} is not in the hierarchy", recipe.builder)));
        };
        for (name, _) in &caches {
            let volume = Volume { name: name.clone(), class: VolumeClass::Cache, major: None, owner: Some((uid, gid)) };
            self.engine.make_volume(&volume, self.id, &self.machine.home).await?;
        }
        let mut env: BTreeMap<String, String> = surroundings(self.machine);
        // It names a file that this container does not have.
        env.remove("JAVA_TOOL_OPTIONS");
        env.extend(recipe.build_env.clone());
        let argv = ["sh", "-e", "-c", SCRIPT, "sh"].map(str::to_owned).into_iter();
        let argv = argv.chain([recipe.install.len().to_string()]);
        let argv = argv.chain(recipe.install.iter().chain(&recipe.build).cloned());
        let workshop = Workshop {
            name: format!("{project}-{}-release-{}", recipe.part, random::text(3)?),
            part: recipe.part.to_string(),
            image: node.tag.clone(),
            user: format!("{uid}:{gid}"),
            dir: recipe.dir.clone(),
            env: env.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
            argv: argv.collect(),
            caches: caches.clone(),
            checkout: self.id.to_owned(),
        };
        let container = self.engine.create_workshop(workshop).await?;
        for (_, target) in &caches {
            self.engine.own(&container, target, (uid, gid)).await?;
        }
        Ok(container)
    }

    async fn built(
        &self,
        recipe: &Recipe,
        container: &str,
        writer: Writer,
        tell: &mut impl FnMut(Progress),
    ) -> Result<Writer> {
        tell(Progress::Step("copying the source".to_owned()));
        self.put_source(recipe, container).await?;
        tell(Progress::Step("building".to_owned()));
        let mut last: VecDeque<String> = VecDeque::new();
        let code = self.engine.run_to_end(container, |line| {
            if last.len() == SHOWN {
                last.pop_front();
            }
            last.push_back(line.to_owned());
            tell(Progress::Log(line.to_owned()));
        });
        let code = code.await?;
        if code != 0 {
            let lines: String = last.iter().map(|line| format!("\n    {line}")).collect();
            let message = format!("the release of `{}` could not be built (code {code}){lines}", recipe.part);
            return Err(Error::message(Kind::Failed, message)
                .hint("no image was created; the build uses committed source only"));
        }
        tell(Progress::Step("reading what it left".to_owned()));
        self.collect(recipe, container, writer).await
    }

    async fn put_source(&self, recipe: &Recipe, container: &str) -> Result<()> {
        let root = &self.checkout.root;
        let tree = match recipe.source.state {
            SourceState::Clean => Tree::committed(root),
            SourceState::Dirty => Tree::working(root).await?,
            SourceState::Uncommitted => return Err(SourceError::NoCommit.into()),
        };
        if tree.id(&recipe.path).await?.as_deref() != Some(&recipe.source.tree) {
            let message = format!("the source of `{}` changed during the release", recipe.part);
            return Err(Error::message(Kind::Failed, message).hint("run the command again"));
        }
        let entries = tree.entries(&recipe.path).await?;
        check_entries(&recipe.path, &entries)?;
        let Machine { uid, gid, .. } = *self.machine;
        let users = render::users::files(uid, gid);
        let users =
            users.iter().map(|file| (file.path.replacen("users", "/var/lib/extrausers", 1), file.text.as_str()));
        let bundle = self.machine.ca.bundle().map(|text| (CA_BUNDLE.to_owned(), text));
        let files: Vec<(String, &str)> = users.chain(bundle).collect();
        let secrets = recipe.secrets.iter().filter_map(|name| Some((name.as_str(), std::env::var(name).ok()?)));
        let secrets = render::release::exports(secrets);
        let open = files.iter().map(|(path, text)| Beside { path, bytes: text.as_bytes(), readers: Readers::All });
        let mut further: Vec<Beside<'_>> = open.collect();
        if !secrets.is_empty() {
            further.push(Beside { path: SECRETS, bytes: secrets.as_bytes(), readers: Readers::Owner });
        }
        let place = SourceTarget { folder: &recipe.path, dir: &recipe.dir, owner: (uid, gid), time: time(recipe) };
        let packed = source_archive::pack(tree.contents(&entries).await?, &entries, place, &further)?;
        self.engine.unpack(container, packed).await
    }

    async fn collect(&self, recipe: &Recipe, container: &str, mut writer: Writer) -> Result<Writer> {
        let mut paths: Vec<(usize, &str)> = recipe.artifacts.iter().map(RelPath::as_str).enumerate().collect();
        paths.sort_by_key(|(_, path)| *path);
        for (number, path) in paths {
            let place = self.place(recipe, number);
            let inside = if path == "." { recipe.dir.clone() } else { format!("{}/{path}", recipe.dir) };
            let artifact = Artifact { path: path.to_owned(), place: place.clone() };
            let of = recipe.clone();
            let selection = Selection::new(&recipe.without, &recipe.whole);
            let taken = self.engine.read_archive(container, &inside, move |pipe| {
                writer.take(pipe, &artifact, &of, &selection)?;
                Ok(writer)
            });
            let (filled, found) = taken.await?;
            if found == Found::No {
                let (module, path) = (recipe.part.clone(), path.to_owned());
                return Err(ArtifactError::Missing { place, module, path }.into());
            }
            writer = filled;
        }
        Ok(writer)
    }

    /// Where an artifact is named; nothing where the image's defaults name it.
    fn place(&self, recipe: &Recipe, number: usize) -> String {
        let project = &self.checkout.project;
        let number = number.to_string();
        let place = project.place(&["modules", recipe.part.as_str(), "release", "artifacts", &number]);
        let place = place.or_else(|| project.place(&["modules", recipe.part.as_str()]));
        place.map(|place| format!("{place}: ")).unwrap_or_default()
    }
}

/// The time of every file.
fn time(recipe: &Recipe) -> u64 {
    u64::try_from(recipe.source.commit.time).unwrap_or_default()
}
