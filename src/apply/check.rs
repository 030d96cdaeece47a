//! What `devenv check` looks at, collected from the checkout's files, git and a linter. Chooses nothing.

use std::collections::BTreeMap;
use std::path::Path;

use tokio::task::JoinHandle;

use crate::apply::deploy::swarm_engine;
use crate::apply::session::checkout::Checkout;
use crate::apply::session::credentials;
use crate::assets::AssetOrigin;
use crate::config::model::environment::Deploy;
use crate::error::Result;
use crate::host::clock::unix_time;
use crate::host::machine::hadolint;
use crate::host::{files, git};
use crate::plan::certs::x509;
use crate::plan::check::certs::Certificate;
use crate::plan::check::dockerfiles::Lint;
use crate::plan::check::facts::{CheckFacts, Checked};
use crate::plan::check::finding::Finding;
use crate::plan::check::secrets as secret_rules;
use crate::plan::deploy::cluster::Secret;
use crate::plan::environment::target::{self, Base, Target};
use crate::plan::environment::unplaced::Files;
use crate::render::differences::{self, Rendered};

/// The largest file that is searched for secrets.
const MOST_TEXT: u64 = 256 << 10;
/// How many files are searched.
const MOST_FILES: usize = 20_000;
/// The shortest credential of the checkout that is searched for.
const SHORTEST: usize = 12;

/// What was collected.
pub struct Collected {
    environments: Vec<Checked>,
    secrets: BTreeMap<String, BTreeMap<String, Secret>>,
    locks: BTreeMap<String, String>,
    committed: Vec<Finding>,
    certificates: Vec<Certificate>,
    lint: Lint,
    now: i64,
    /// Files in which a comment may silence a finding.
    pub texts: BTreeMap<String, String>,
    /// Lines about what could not be looked at.
    pub notes: Vec<String>,
}

/// What takes time and needs nothing but the checkout: asked for before everything else.
pub struct Begun {
    secrets: JoinHandle<Answers>,
    committed: JoinHandle<Committed>,
}

/// The secrets of each cluster, or why they are not known.
type Answers = BTreeMap<String, Result<BTreeMap<String, Secret>>>;

/// What was found in files that git tracks.
#[derive(Default)]
struct Committed {
    findings: Vec<Finding>,
    /// The files with findings.
    texts: BTreeMap<String, String>,
    notes: Vec<String>,
}

impl Begun {
    /// Begins to ask.
    #[must_use]
    pub fn of(checkout: &Checkout) -> Self {
        let project = &checkout.project;
        let deploy = |name: String| Some((name.clone(), Target::of(project, &name).ok()?.settings.deploy?));
        let deployed: BTreeMap<String, Deploy> = target::names(project).into_iter().filter_map(deploy).collect();
        let root = checkout.root.clone();
        Self {
            secrets: tokio::spawn(async move { swarm_engine::secrets(&deployed).await }),
            committed: tokio::task::spawn_blocking(move || committed(&root)),
        }
    }
}

impl Collected {
    /// Looks at everything once.
    pub async fn of(checkout: &Checkout, files: &Files<'_>, main: &str, begun: Begun) -> Result<Self> {
        let (root, project) = (&checkout.root, &checkout.project);
        let environments = environments(checkout, files)?;
        let mut locks = BTreeMap::new();
        for module in project.file.modules.values() {
            for path in module.deps.iter().flat_map(|deps| &deps.lock).map(|file| module.path.join(file)) {
                let text = files::read_text(&root.join(path.as_str()))?.unwrap_or_default();
                locks.insert(path.to_string(), text);
            }
        }
        let own = checkout.assets.all().filter(|(_, asset)| matches!(asset.origin, AssetOrigin::Project(_)));
        let own: Vec<(String, String)> = own
            .filter(|(_, asset)| asset.content.is_some())
            .map(|(path, asset)| (checkout.assets.place(path), asset.text().to_owned()))
            .collect();
        let dockerfiles = own.iter().map(|(path, _)| path).filter(|path| path.ends_with("/Dockerfile")).cloned();
        let dockerfiles: Vec<String> =
            dockerfiles.chain(checkout.assets.all_own().map(|build| build.dockerfile.clone())).collect();
        let pems = own.iter().filter(|(path, text)| path.ends_with(".pem") && text.contains("BEGIN CERTIFICATE"));
        let certificates =
            pems.map(|(path, text)| Certificate { path: path.clone(), facts: x509::CertFacts::of(text) }).collect();
        let mut texts = locks.clone();
        texts.extend(own);
        texts.extend(checkout.assets.all_own().map(|build| (build.dockerfile.clone(), build.text.clone())));
        texts.extend(checkout.sources.iter().map(|one| (one.name.clone(), String::from_utf8_lossy(&one.bytes).into())));
        texts.insert(main.to_owned(), files::read_text(&root.join(main))?.unwrap_or_default());
        let (lint, committed, answers) =
            tokio::join!(hadolint::lint(root, &dockerfiles), begun.committed, begun.secrets);
        let Committed { findings: committed, texts: found, mut notes } = committed.map_err(anyhow::Error::from)?;
        texts.extend(found);
        let secrets = known(answers.map_err(anyhow::Error::from)?, &mut notes);
        notes.extend(lint.note());
        let now = unix_time();
        Ok(Self { environments, secrets, locks, committed, certificates, lint, now, texts, notes })
    }

    /// The same for the rules.
    #[must_use]
    pub fn facts<'a>(&'a self, files: &Files<'a>) -> CheckFacts<'a> {
        CheckFacts {
            project: files.project,
            assets: files.assets,
            images: files.images,
            digests: &files.lock.images,
            environments: &self.environments,
            secrets: &self.secrets,
            locks: &self.locks,
            committed: &self.committed,
            certificates: &self.certificates,
            lint: &self.lint,
            now: self.now,
        }
    }
}

/// Each environment that the project has: the built-in ones that need no entry, and those that have one.
fn environments(checkout: &Checkout, files: &Files<'_>) -> Result<Vec<Checked>> {
    let dev = Target::dev(files.project);
    let environment = files.environment(&dev)?;
    let rendered = Rendered::of(files, dev.clone(), environment.clone())?;
    let mut all = vec![Checked { target: dev, environment: Ok(environment), differences: Vec::new() }];
    let is_there =
        |name: &String| name == Base::Ci.name() || files.project.file.environments.contains_key(name.as_str());
    let others = target::names(files.project).into_iter().filter(|name| name != Base::Dev.name() && is_there(name));
    for name in others {
        let target = Target::of(files.project, &name)?;
        let environment = files.environment(&target);
        let differences = match &environment {
            Ok(environment) => {
                let other = Rendered::of(files, target.clone(), environment.clone())?;
                differences::of(files, &checkout.sources, &rendered, &other)
            }
            Err(_) => Vec::new(),
        };
        all.push(Checked { target, environment, differences });
    }
    Ok(all)
}

/// The secrets that the clusters of deployed environments have; one that does not answer is reported.
fn known(answers: Answers, notes: &mut Vec<String>) -> BTreeMap<String, BTreeMap<String, Secret>> {
    let mut known = BTreeMap::new();
    for (name, answer) in answers {
        match answer {
            Ok(secrets) => drop(known.insert(name, secrets)),
            Err(error) => notes.push(format!("the secrets of {name} were not checked: {error}")),
        }
    }
    known
}

/// What git tracks and should not; a file with such a thing may have a comment that silences it.
fn committed(root: &Path) -> Committed {
    let mut all = Committed::default();
    let Some(tracked) = git::tracked(root) else {
        all.notes.push("committed files were not searched for secrets: this is not a git repository".to_owned());
        return all;
    };
    if tracked.len() > MOST_FILES {
        all.notes.push(format!("only the first {MOST_FILES} of {} files were searched for secrets", tracked.len()));
    }
    let mut known = credentials::kept_values(root);
    known.retain(|value| value.len() >= SHORTEST);
    for path in tracked.into_iter().take(MOST_FILES) {
        let Some(text) = files::plain_text(&root.join(&path), MOST_TEXT) else { continue };
        let found = secret_rules::committed(&path, &text, &known);
        if !found.is_empty() {
            all.texts.insert(path, text);
            all.findings.extend(found);
        }
    }
    all
}
