//! What repairs a machine, as values: `plan::doctor::repair_plan` decides on them, `apply::doctor` says and carries them out.

use std::fmt;
use std::path::PathBuf;

use crate::plan::machine::{MachineFacts, Means, Rank, Sudo};

/// All that repairs a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fixes {
    /// What devenv can do, in this order.
    pub fixes: Vec<Fix>,
    /// What only a person can do, a sentence each.
    pub by_hand: Vec<String>,
}

/// An aim, and the ways to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The aim, for people.
    pub why: String,
    /// Who must do it. The actions become root by themselves where the user can.
    pub by: Rank,
    /// The ways, tried in this order until one leads there.
    pub ways: Vec<Way>,
    /// What holds afterwards; if all of it holds before, there is nothing to do.
    pub done: Vec<Check>,
}

/// One way to an aim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// When it makes sense.
    pub when: When,
    /// What to do, in this order.
    pub actions: Vec<RepairAction>,
    /// Where it says why it failed.
    pub log: Option<PathBuf>,
}

/// When a way makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// When the log of the way before has this text.
    LogSays(PathBuf, &'static str),
}

/// When the effect of fixes is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// At once.
    Now,
    /// In sessions that begin later.
    NextLogin,
}

/// One thing to do. Shown as lines for a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepairAction {
    /// Runs a program.
    Run(Vec<String>),
    /// Runs a program that may fail.
    Try(Vec<String>),
    /// Makes a directory, which is removed when the way ends, however it ends.
    Scratch(PathBuf),
    /// Writes a file.
    Write(PathBuf, String),
}

/// Something that can be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// The program is there.
    Program(String),
    /// `docker compose` is there and new enough.
    Compose,
    /// `docker buildx` is there.
    Buildx,
    /// The engine runs: it answers, or says that this user may not ask.
    EngineRuns,
    /// The user database has the user in group `docker`.
    InDockerGroup,
}

/// How a call becomes root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootAccess {
    /// We are.
    Already,
    /// With sudo.
    BySudo,
    /// It cannot.
    Never,
}

impl RootAccess {
    /// How this user can.
    #[must_use]
    pub fn of(facts: &MachineFacts, means: &Means) -> Self {
        match (facts.user.rank, means.sudo) {
            (Rank::Root, _) => Self::Already,
            (Rank::Normal, Sudo::Absent) => Self::Never,
            (Rank::Normal, Sudo::Free | Sudo::Asks) => Self::BySudo,
        }
    }

    /// A call as root, as far as that can be.
    pub(crate) fn call(self, argv: &[&str]) -> RepairAction {
        let sudo = (self == Self::BySudo).then_some("sudo");
        RepairAction::run(&sudo.into_iter().chain(argv.iter().copied()).collect::<Vec<_>>())
    }
}

impl RepairAction {
    /// The same call, but it may fail.
    pub(crate) fn may_fail(self) -> Self {
        match self {
            Self::Run(argv) => Self::Try(argv),
            other => other,
        }
    }

    /// Runs `argv`.
    pub(crate) fn run(argv: &[&str]) -> Self {
        Self::Run(argv.iter().map(|word| (*word).to_owned()).collect())
    }
}

impl Way {
    /// The way that makes sense always.
    #[must_use]
    pub fn of(actions: Vec<RepairAction>) -> Self {
        Self { when: When::Always, actions, log: None }
    }
}

impl fmt::Display for RepairAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(argv) => f.write_str(&line(argv)),
            Self::Try(argv) => write!(f, "{} || true", line(argv)),
            Self::Scratch(path) => f.write_str(&line(["mkdir", "-p", &path.to_string_lossy()])),
            Self::Write(path, text) => write!(f, "cat > {} <<'END'\n{text}END", line([path.to_string_lossy()])),
        }
    }
}

/// For the eyes and for a shell: each aim, its first way, and the other ways as comments.
impl fmt::Display for Fixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fix in &self.fixes {
            writeln!(f, "# {}", fix.why)?;
            for (number, way) in fix.ways.iter().enumerate() {
                let prefix = if number == 0 { "" } else { "#   " };
                match &way.when {
                    When::Always if number == 0 => {}
                    When::Always => writeln!(f, "# if that does not help:")?,
                    When::LogSays(log, text) => writeln!(f, "# if {} says {text}:", log.display())?,
                }
                for action in &way.actions {
                    writeln!(f, "{prefix}{action}")?;
                }
                for action in &way.actions {
                    if let RepairAction::Scratch(path) = action {
                        writeln!(f, "{prefix}{}", line(["rm", "-r", &path.to_string_lossy()]))?;
                    }
                }
            }
        }
        self.by_hand.iter().try_for_each(|sentence| writeln!(f, "# by hand: {sentence}"))
    }
}

/// Words as a person would type them; words with a NUL, which no call can have, are shown bare.
fn line<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    let words: Vec<_> = words.iter().map(AsRef::as_ref).collect();
    shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "))
}
