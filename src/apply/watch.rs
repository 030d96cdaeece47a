//! The watcher at work: feeds events to [`Loops`] and does what it says. What it decides itself is nothing but when to
//! look.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::apply::copies::Copies;
use crate::apply::notify::tell;
use crate::apply::{engine_events, steps};
use crate::config::project::Project;
use crate::digest::Fingerprint;
use crate::error::{Error, Result};
use crate::host::changes::Changes;
use crate::host::engine::Engine;
use crate::host::watch::{self as files, Held};
use crate::names::PartName;
use crate::plan::loops::{Action, End, Event, Loops};
use crate::plan::notify;
use crate::plan::parts::{Environment, MountSource};
use crate::plan::watch::{Change, Outcome, Rules, Run, Step, length, rules};

/// Between two looks at what has no events: settings, the lock, the wall clock.
const LOOK: Duration = Duration::from_secs(1);
/// A wall clock that is this far ahead of ours has seen the machine sleep.
const SLEPT: Duration = Duration::from_secs(5);
/// Lines of a step that are remembered.
const LINES: usize = 40;

/// Everything that the watcher works from; read again when a setting changes.
pub struct Setting {
    /// The checkout's folder.
    pub root: PathBuf,
    /// The configuration.
    pub project: Project,
    /// What runs.
    pub environment: Environment,
    /// The stamp of each module's dependencies.
    pub stamps: BTreeMap<PartName, String>,
    /// Files that decide all this.
    pub files: Vec<PathBuf>,
}

/// Why the watcher stopped for a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A file that decides settings has changed.
    Settings,
    /// The checkout is gone, or its `.devenv` is.
    Gone,
}

/// What tasks tell the watcher.
pub(crate) enum Message {
    /// The containers that run, by part; `None` while the engine cannot be reached.
    Containers(Option<BTreeMap<PartName, String>>),
    /// A step has a process group.
    Began(PartName, u64, i64),
    /// A step has printed a line.
    Line(PartName, String),
    /// A module's command has ended soon after its restart, although it was ready.
    Died(PartName, Run),
    /// A step has ended.
    Ended { module: PartName, run: u64, step: Step, end: End, record: Run },
}

/// A step that runs.
struct Running {
    run: u64,
    step: Step,
    container: String,
    group: Option<i64>,
    task: JoinHandle<()>,
    cancelled: bool,
}

/// The watcher.
pub struct Watcher {
    engine: Engine,
    setting: Arc<Setting>,
    loops: Loops,
    changes: Changes,
    watched: (BTreeSet<PathBuf>, BTreeSet<PathBuf>),
    held: Held,
    containers: BTreeMap<PartName, String>,
    copies: Copies,
    running: BTreeMap<PartName, Running>,
    outbox: UnboundedSender<Message>,
    inbox: UnboundedReceiver<Message>,
    begin: Instant,
    clock: (Instant, SystemTime),
    times: Vec<Option<SystemTime>>,
    settings_changed: bool,
    shown: BTreeMap<PartName, (Option<Step>, Option<String>)>,
    events: JoinHandle<()>,
    say: Box<dyn Fn(&str) + Send + Sync>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.events.abort();
    }
}

impl Watcher {
    /// Begins to watch. `say` prints a line into the log.
    pub async fn new(
        engine: Engine,
        setting: Setting,
        held: Held,
        say: Box<dyn Fn(&str) + Send + Sync>,
    ) -> Result<Self> {
        let (outbox, inbox) = unbounded_channel();
        let watched = trees(&setting);
        let changes = Changes::open(&watched.0, watched.1.clone());
        let events =
            tokio::spawn(engine_events::follow(engine.clone(), setting.environment.id.clone(), outbox.clone()));
        let times = times(&setting.files);
        let mut watcher = Self {
            engine,
            setting: Arc::new(setting),
            loops: Loops::default(),
            changes,
            watched,
            held,
            containers: BTreeMap::new(),
            copies: Copies::default(),
            running: BTreeMap::new(),
            outbox,
            inbox,
            begin: Instant::now(),
            clock: (Instant::now(), SystemTime::now()),
            times,
            settings_changed: false,
            shown: BTreeMap::new(),
            events,
            say,
        };
        let wanted = rules(&watcher.setting.project, &watcher.setting.environment);
        watcher.configure_loops(&wanted);
        watcher.catch_up(&wanted).await?;
        watcher.tell_ready(&wanted)?;
        Ok(watcher)
    }

    fn tell_ready(&self, wanted: &Rules) -> Result<()> {
        let copied = self.setting.environment.parts.values().filter(|part| part.is_copied());
        let names: BTreeSet<&str> = wanted.keys().chain(copied.map(|part| &part.name)).map(PartName::as_str).collect();
        let names: Vec<&str> = names.into_iter().collect();
        (self.say)(&format!("watching {} ({} files)", names.join(", "), self.changes.files()));
        if let Some(trouble) = self.changes.trouble() {
            (self.say)(trouble);
        }
        let trouble = self.changes.trouble().map(str::to_owned);
        files::update(&self.setting.root, |state| {
            state.ready = Some(std::process::id());
            state.trouble = trouble;
        })
    }

    /// Ends what an earlier watcher has left, and finds out what it has missed.
    async fn catch_up(&mut self, wanted: &Rules) -> Result<()> {
        let root = self.setting.root.clone();
        for (module, known) in files::state(&root).modules {
            if let Some((container, group)) = known.group {
                // Its container may be gone, and the group with it.
                let _ = self.engine.end_stale_group(&container, group).await;
            }
            if !wanted.contains_key(&module) {
                continue;
            }
            let now = self.mark(&module);
            if known.runs.is_some() || (known.mark.is_some() && known.mark != now) {
                let at = self.begin.elapsed();
                self.take(Event::Missed(at, module));
            }
        }
        let marks: Vec<(PartName, Option<String>)> =
            wanted.keys().map(|module| (module.clone(), self.mark(module))).collect();
        files::update(&root, |state| {
            for known in state.modules.values_mut() {
                (known.runs, known.waits, known.group) = (None, None, None);
            }
            for (module, mark) in marks {
                state.modules.entry(module).or_default().mark = mark;
            }
        })
    }

    fn mark(&self, module: &PartName) -> Option<String> {
        let module = self.setting.project.file.modules.get(module)?;
        Some(format!("{:016x}", self.changes.mark(&self.setting.root.join(module.path.as_str()))))
    }

    /// Takes new settings; what they do not touch goes on.
    pub fn configure(&mut self, setting: Setting) -> Result<()> {
        self.copies.keep(&setting.environment);
        self.times = times(&setting.files);
        let watched = trees(&setting);
        let is_other = watched != self.watched;
        self.setting = Arc::new(setting);
        let wanted = rules(&self.setting.project, &self.setting.environment);
        self.configure_loops(&wanted);
        if is_other {
            self.changes = Changes::open(&watched.0, watched.1.clone());
            self.watched = watched;
            self.tell_ready(&wanted)?;
        }
        Ok(())
    }

    /// Has the settings read again although their files are as they were: they could not be read.
    pub fn read_settings_again(&mut self) {
        self.settings_changed = true;
    }

    fn configure_loops(&mut self, wanted: &Rules) {
        self.take(Event::Configured(wanted.clone()));
        for (module, rule) in wanted {
            // The stamp is what was installed; its text is the fingerprint's.
            let stamp = self.setting.stamps.get(module);
            let installed = rule.install.clone().filter(|wish| stamp.is_some_and(|stamp| stamp == wish.as_str()));
            let other = stamp.filter(|_| installed.is_none()).map(|stamp| Fingerprint::of(stamp));
            self.take(Event::Installed(module.clone(), installed.or(other)));
        }
    }

    /// Works until something happens that others must see to.
    pub async fn run(&mut self) -> Result<Stop> {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let due = self.loops.due();
            let begin = self.begin;
            let tick = async {
                match due {
                    Some(due) => tokio::time::sleep_until((begin + due).into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(message) = self.inbox.recv() => self.hear(message).await?,
                changed = self.changes.next() => {
                    // A loop must not run on stale source.
                    self.mirror(&changed).await?;
                    self.changed(&changed);
                }
                () = tick => self.take(Event::Tick(begin.elapsed())),
                _ = look.tick() => if let Some(stop) = self.look()? { return Ok(stop) },
            }
            if std::mem::take(&mut self.settings_changed) {
                return Ok(Stop::Settings);
            }
            self.show()?;
        }
    }

    /// Ends all that runs, and leaves a state that says so.
    pub async fn end(&mut self) -> Result<()> {
        for running in std::mem::take(&mut self.running).into_values() {
            if let Some(group) = running.group {
                let _ = self.engine.end_group(&running.container, group).await;
            }
            running.task.abort();
        }
        if !self.held.is_there() {
            return Ok(());
        }
        files::update(&self.setting.root, |state| {
            (state.ready, state.trouble) = (None, None);
            for known in state.modules.values_mut() {
                (known.runs, known.waits, known.group, known.mark) = (None, None, None, None);
            }
        })
    }

    /// Brings changes into the copies of the modules that run on one.
    async fn mirror(&mut self, changed: &BTreeMap<PathBuf, Change>) -> Result<()> {
        let told = self.copies.send(&self.engine, &self.setting, &self.containers, changed).await;
        self.tell_mirrors(told)
    }

    fn tell_mirrors(&self, told: Vec<(PartName, String)>) -> Result<()> {
        for (part, status) in told {
            (self.say)(&format!("{part} mirror {status}"));
            files::update(&self.setting.root, |state| {
                state.modules.entry(part).or_default().mirror = Some(status);
            })?;
        }
        Ok(())
    }

    fn changed(&mut self, changed: &BTreeMap<PathBuf, Change>) {
        let root = &self.setting.root;
        let relative = |path: &Path| Some(path.strip_prefix(root).ok()?.to_string_lossy().into_owned());
        let paths: BTreeMap<String, Change> =
            changed.iter().filter_map(|(path, change)| Some((relative(path)?, *change))).collect();
        self.settings_changed |= changed.keys().any(|path| self.setting.files.contains(path));
        self.take(Event::Changed(self.begin.elapsed(), paths));
    }

    fn look(&mut self) -> Result<Option<Stop>> {
        if !self.held.is_there() {
            return Ok(Some(Stop::Gone));
        }
        let (then, wall) = self.clock;
        self.clock = (Instant::now(), SystemTime::now());
        let slept = self.clock.1.duration_since(wall).unwrap_or_default().saturating_sub(then.elapsed());
        if slept > SLEPT {
            (self.say)("the machine has slept: looking at everything again");
            self.changes.rescan();
        }
        self.changes.check_roots();
        files::rotate(&self.setting.root)?;
        if times(&self.setting.files) != self.times {
            self.times = times(&self.setting.files);
            return Ok(Some(Stop::Settings));
        }
        Ok(None)
    }

    async fn hear(&mut self, message: Message) -> Result<()> {
        match message {
            Message::Containers(None) => {
                (self.say)("the engine is away");
                self.containers.clear();
                self.take(Event::Away);
            }
            Message::Containers(Some(now)) => {
                self.take(Event::Back);
                let before = std::mem::replace(&mut self.containers, now.clone());
                self.mirror(&BTreeMap::new()).await?;
                for part in before.keys().filter(|part| before.get(*part) != now.get(*part)) {
                    self.take(Event::Down(part.clone()));
                }
                for part in now.into_keys() {
                    self.take(Event::Up(part));
                }
            }
            Message::Began(module, run, group) => {
                let Some(running) = self.running.get_mut(&module).filter(|running| running.run == run) else {
                    return Ok(());
                };
                running.group = Some(group);
                let container = running.container.clone();
                if running.cancelled {
                    self.cancel(&module, run);
                }
                files::update(&self.setting.root, |state| {
                    state.modules.entry(module).or_default().group = Some((container, group));
                })?;
            }
            Message::Died(module, record) => {
                record.lines.iter().for_each(|line| (self.say)(&format!("{module} | {line}")));
                self.ended(&module, Step::Restart, End::Failed, &record)?;
            }
            Message::Line(module, line) => (self.say)(&format!("{module} | {line}")),
            Message::Ended { module, run, step, end, record } => {
                let running = self.running.get(&module).is_some_and(|running| running.run == run);
                let cancelled = running && self.running.remove(&module).is_some_and(|running| running.cancelled);
                let end = if cancelled && step != Step::Deps { End::Cancelled } else { end };
                self.ended(&module, step, end, &record)?;
                self.take(Event::Ended(module, run, end));
            }
        }
        Ok(())
    }

    fn ended(&mut self, module: &PartName, step: Step, end: End, record: &Run) -> Result<()> {
        let took = length(record.took);
        (self.say)(&match end {
            End::Good if step == Step::Restart => format!("{module} restarted, healthy in {took}"),
            End::Good => format!("{module} {step} ok in {took}"),
            End::Failed => format!("{module} {step} FAILED (code {}) in {took}", record.code),
            End::Cancelled => format!("{module} {step} cancelled: something newer was saved"),
            End::Lost => format!("{module} {step} lost its container: it will be run again"),
        });
        let counts = matches!(end, End::Good | End::Failed);
        let before = files::update(&self.setting.root, |state| {
            let known = state.modules.entry(module.clone()).or_default();
            known.group = None;
            if counts { known.steps.insert(step, record.clone()).map(|run| run.result) } else { None }
        })?;
        let project = &self.setting.project.file;
        let Some(notify) = project.notify.clone().filter(|_| counts) else { return Ok(()) };
        let news = notify::decide(&notify, project.project.as_str(), (module, step), before, record);
        if let Some(news) = news {
            let (engine, containers, outbox) = (self.engine.clone(), self.containers.clone(), self.outbox.clone());
            let module = module.clone();
            tokio::spawn(async move {
                for error in tell(&engine, &notify, &containers, &news).await {
                    // Nobody listens where the watcher has ended.
                    let _ = outbox.send(Message::Line(module.clone(), format!("nobody was told: {error}")));
                }
            });
        }
        Ok(())
    }

    fn take(&mut self, event: Event) {
        for action in self.loops.take(event) {
            match action {
                Action::Run { module, run, step, cause } => {
                    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                    (self.say)(&format!("{module} {step}{cause}"));
                    self.start(module, run, step);
                }
                Action::Cancel { module, run } => self.cancel(&module, run),
                Action::Done(module) => {
                    let mark = self.mark(&module);
                    // The next one keeps it; until then a new watcher would only run once more.
                    let _ = files::update(&self.setting.root, |state| {
                        state.modules.entry(module).or_default().mark = mark;
                    });
                }
                Action::Say(module, text) => (self.say)(&format!("{module}: {text}")),
            }
        }
    }

    fn cancel(&mut self, module: &PartName, run: u64) {
        let Some(running) = self.running.get_mut(module).filter(|running| running.run == run) else { return };
        running.cancelled = true;
        if let Some(group) = running.group {
            let (engine, container) = (self.engine.clone(), running.container.clone());
            tokio::spawn(async move {
                // A container that is gone has no process left.
                let _ = engine.end_group(&container, group).await;
            });
        } else if running.step == Step::Restart {
            // Only the wait for it ends. A half installation is not worth the name: it goes on to its end.
            running.task.abort();
            let (module, step) = (module.clone(), running.step);
            let record = Run { result: Outcome::Failed, began: 0, took: 0, code: -1, lines: Vec::new() };
            let _ = self.outbox.send(Message::Ended { module, run, step, end: End::Cancelled, record });
        }
    }

    fn start(&mut self, module: PartName, run: u64, step: Step) {
        let container = self.containers.get(&module).cloned().unwrap_or_default();
        let work = Work {
            engine: self.engine.clone(),
            setting: Arc::clone(&self.setting),
            outbox: self.outbox.clone(),
            module: module.clone(),
            container: container.clone(),
            run,
            step,
        };
        let task = tokio::spawn(work.carry_out());
        self.running.insert(module, Running { run, step, container, group: None, task, cancelled: false });
    }

    /// Writes what runs and what waits, where that is another than before.
    fn show(&mut self) -> Result<()> {
        let modules: Vec<PartName> = self.setting.environment.parts.keys().cloned().collect();
        for module in modules {
            let now = (self.loops.runs(&module), self.loops.waits(&module));
            let before = self.shown.get(&module).cloned().unwrap_or_default();
            if now == before {
                continue;
            }
            if let (Some(what), true) = (&now.1, now.1 != before.1) {
                (self.say)(&format!("{module} waits for {what}"));
            }
            self.shown.insert(module.clone(), now.clone());
            files::update(&self.setting.root, |state| {
                let known = state.modules.entry(module).or_default();
                (known.runs, known.waits) = now;
            })?;
        }
        Ok(())
    }
}

/// One step, carried out.
struct Work {
    engine: Engine,
    setting: Arc<Setting>,
    outbox: UnboundedSender<Message>,
    module: PartName,
    container: String,
    run: u64,
    step: Step,
}

impl Work {
    async fn carry_out(self) {
        let begin = Instant::now();
        let began = seconds();
        let mut lines: Vec<String> = Vec::new();
        let ended = self.step(&mut lines).await;
        let (code, failed) = match ended {
            Ok(code) => (code, code != 0),
            Err(error) => {
                for line in error.to_string().lines() {
                    self.line(&mut lines, line);
                }
                (-1, true)
            }
        };
        let end = match failed {
            false => End::Good,
            true if self.is_lost(code).await => End::Lost,
            true => End::Failed,
        };
        let result = if failed { Outcome::Failed } else { Outcome::Good };
        let lines = lines.split_off(lines.len().saturating_sub(LINES));
        let took = u64::try_from(begin.elapsed().as_millis()).unwrap_or_default();
        let record = Run { result, began, took, code, lines };
        let Self { module, run, step, .. } = self;
        // Nobody listens where the watcher has ended.
        let _ = self.outbox.send(Message::Ended { module, run, step, end, record });
    }

    async fn step(&self, lines: &mut Vec<String>) -> Result<i64> {
        let Some(part) = self.setting.environment.parts.get(&self.module) else { return Ok(0) };
        let project = &self.setting.environment.project;
        let each = |line: &str| self.line(lines, line);
        match self.step {
            Step::Deps => steps::install(&self.engine, project, part, &self.container, each).await,
            Step::Restart => {
                let (outbox, module, began) = (self.outbox.clone(), self.module.clone(), seconds());
                let died = move |error: Error| {
                    let lines = error.to_string().lines().map(str::to_owned).collect();
                    let record = Run { result: Outcome::Failed, began, took: 0, code: -1, lines };
                    // Nobody listens where the watcher has ended.
                    let _ = outbox.send(Message::Died(module, record));
                };
                steps::restart(&self.engine, part, &self.container, died).await?.map(|()| 0)
            }
            step => {
                let module = self.setting.project.file.modules.get(&self.module);
                let Some(script) = module.and_then(|module| step.command(module)) else { return Ok(0) };
                let began = |group| drop(self.outbox.send(Message::Began(self.module.clone(), self.run, group)));
                self.engine.step(&self.container, script, &[], began, each).await
            }
        }
    }

    fn line(&self, lines: &mut Vec<String>, line: &str) {
        lines.push(line.to_owned());
        if lines.len() > 4 * LINES {
            lines.drain(..2 * LINES);
        }
        let _ = self.outbox.send(Message::Line(self.module.clone(), line.to_owned()));
    }

    /// Whether a step failed because its container or the engine went away.
    async fn is_lost(&self, code: i64) -> bool {
        if (0..128).contains(&code) || self.step == Step::Deps {
            return false;
        }
        let detail = tokio::time::timeout(Duration::from_secs(5), self.engine.detail(&self.container)).await;
        !matches!(detail, Ok(Ok(detail)) if detail.state == crate::plan::observed::State::Running)
    }
}

/// The trees that are watched, and what does not count in them: volumes of dependencies, mounted over the source.
fn trees(setting: &Setting) -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>) {
    let wanted = rules(&setting.project, &setting.environment);
    let copied = setting.environment.parts.values().filter(|part| part.is_copied());
    let copied = copied.filter_map(|part| part.mirror.as_ref()).map(|copy| &copy.folder);
    let all: BTreeSet<PathBuf> = wanted
        .values()
        .flat_map(|rule| &rule.folders)
        .chain(copied)
        .map(|path| join(&setting.root, path.as_str()))
        .collect();
    let outer = |path: &PathBuf| !all.iter().any(|other| other != path && path.starts_with(other));
    let mut skipped = BTreeSet::new();
    for part in setting.environment.parts.values() {
        let (Some(dir), Some(module)) = (&part.dir, setting.project.file.modules.get(&part.name)) else { continue };
        for mount in part.mounts.iter().filter(|mount| matches!(mount.source, MountSource::Volume(_))) {
            if let Some(below) = mount.target.strip_prefix(&format!("{dir}/")) {
                skipped.insert(join(&setting.root, module.path.as_str()).join(below));
            }
        }
    }
    (all.iter().filter(|path| outer(path)).cloned().collect(), skipped)
}

fn join(root: &Path, path: &str) -> PathBuf {
    if path == "." { root.to_owned() } else { root.join(path) }
}

fn times(files: &[PathBuf]) -> Vec<Option<SystemTime>> {
    files.iter().map(|file| std::fs::metadata(file).and_then(|file| file.modified()).ok()).collect()
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
