//! The tool box of `devenv debug`: whose namespaces it joins, what it may do, and what it finds at hand. Pure.

pub mod scripts;

use std::collections::BTreeMap;

use crate::error::{Error, Kind};
use crate::paths;
use crate::plan::environment::proxies;
use crate::plan::environment::variables::CA_VARIABLES;
use crate::plan::images::Hierarchy;
use crate::plan::login::{Login, Protocol, protocol};
use crate::plan::observed::{Container, ContainerState, Network, NoContainer, Observed};
use crate::plan::parts::secret_variable::SecretVariable;
use crate::plan::parts::{Ask, Environment, GATEWAY_PORTS, Part, PartKind, Probe};

/// What the names of tool boxes have before the random end.
const MARK: &str = "-debug-";
/// Becomes the command, and leaves its number for [`LIFELINE`].
const BEGIN: &str = "echo $$ > /run/tool-box; exec \"$@\"";
/// Runs beside the command and ends it when the input ends, which it does with the process that holds it: a command that
/// was killed leaves neither a shell nor a terminal that shows no keys.
pub const LIFELINE: &str = "cat > /dev/null; kill -KILL \"$(cat /run/tool-box)\"";
/// Where the files of the part are.
pub const FILES: &str = "/target";
/// Where devenv's own scripts are mounted.
pub const SCRIPTS: &str = "/usr/local/lib/devenv/scripts";
/// Where the team's scripts are mounted.
pub const TEAM_SCRIPTS: &str = "/usr/local/lib/devenv/team";
/// Where scripts write what is to stay.
pub const CAPTURES: &str = "/captures";
/// Where the machine's CA certificates are mounted, as in modules.
const AUTHORITIES: &str = "/usr/local/share/devenv/host";

/// Where the tool box is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// In the network of the environment.
    Environment(&'a Network),
    /// In the network and among the processes of a running container.
    Running(&'a Part, &'a Container),
    /// In the network of the environment, with a copy of the files of a container that is not running.
    Ended(&'a Part, &'a Container, &'a Network),
}

/// Why there can be no tool box.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoToolBox {
    /// Nothing was started yet.
    #[error("this environment has no network, so there is nothing to look into")]
    NoNetwork,
    /// The part has no container.
    #[error(transparent)]
    NoContainer(NoContainer),
    /// There would be nobody to type.
    #[error("`devenv debug` without a command is a shell, which needs a terminal")]
    NoTerminal,
}

impl From<NoToolBox> for Error {
    fn from(error: NoToolBox) -> Self {
        let hint = match &error {
            NoToolBox::NoNetwork => "`devenv up` creates it".to_owned(),
            NoToolBox::NoContainer(error) => error.hint(),
            NoToolBox::NoTerminal => "`devenv debug [NAME] -- COMMAND` needs none".to_owned(),
        };
        let kind = if error == NoToolBox::NoTerminal { Kind::Usage } else { Kind::Failed };
        Self::new(kind, error).hint(hint)
    }
}

impl<'a> Target<'a> {
    /// Where the tool box for a part is, or for the whole environment.
    pub fn of(part: Option<&'a Part>, observed: &'a Observed) -> Result<Self, NoToolBox> {
        let network = || observed.networks.first().ok_or(NoToolBox::NoNetwork);
        let Some(part) = part else { return Ok(Self::Environment(network()?)) };
        let mut all: Vec<&Container> = observed.containers_of(&part.name).collect();
        all.sort_by_key(|container| !matches!(container.state, ContainerState::Running | ContainerState::Paused));
        match all.first() {
            Some(container) if matches!(container.state, ContainerState::Running | ContainerState::Paused) => {
                Ok(Self::Running(part, container))
            }
            Some(container) => Ok(Self::Ended(part, container, network()?)),
            None => Err(NoToolBox::NoContainer(NoContainer(part.name.clone()))),
        }
    }

    /// The part that it is about.
    #[must_use]
    pub fn part(&self) -> Option<&'a Part> {
        match self {
            Self::Environment(_) => None,
            Self::Running(part, _) | Self::Ended(part, ..) => Some(part),
        }
    }

    /// What a person should know of a container that is not running.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let Self::Ended(part, container, _) = self else { return None };
        let state = match container.state {
            ContainerState::Created => "was never started".to_owned(),
            ContainerState::Exited(code) => format!("ended with code {code}"),
            ContainerState::Restarting => "is being restarted".to_owned(),
            _ => "is not running".to_owned(),
        };
        Some(format!(
            "`{}` {state}: {FILES} is a copy of its files, its volumes are at their own paths, and the network is the \
             environment's",
            part.name
        ))
    }
}

/// Which network capabilities the tool box has on top of the engine's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// None: it listens and asks.
    Default,
    /// It may change addresses, routes and queues.
    Admin,
}

/// A folder of this machine in the tool box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxFolder {
    /// Where it comes from.
    pub source: String,
    /// Absolute path in the container.
    pub target: String,
    /// Whether the container may write.
    pub writable: bool,
}

/// Who removes a tool box that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Whoever has made it, when it knows how it ended.
    ByUser,
    /// The engine, so that nobody waits for it.
    ByEngine,
}

/// The container of a tool box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolBox {
    /// Its image.
    pub image: String,
    /// Its name.
    pub name: String,
    /// The checkout that it belongs to.
    pub checkout: String,
    /// The part that it is about; `debug` where it is about all.
    pub part: String,
    /// The network that it joins, or `container:ID`.
    pub network: String,
    /// The processes that it sees, as `container:ID`; its own where there is none.
    pub processes: Option<String>,
    /// The container whose volumes it has.
    pub volumes_from: Option<String>,
    /// Capabilities on top of the engine's defaults.
    pub capabilities: Vec<&'static str>,
    /// Folders of this machine that are mounted.
    pub folders: Vec<BoxFolder>,
    /// Those that are copied, since its engine does not see them.
    pub copied: Vec<BoxFolder>,
    /// Variables, credentials among them.
    pub env: BTreeMap<String, String>,
    /// What runs in it.
    pub argv: Vec<String>,
    /// Whether it has a terminal.
    pub terminal: bool,
    /// Who removes it.
    pub removal: Removal,
}

/// How a tool box comes to the scripts, and to the machine's CA certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoxFiles {
    /// They are mounted.
    Mounted,
    /// They are copied, since the engine does not share the checkout's files. What scripts leave stays in the box.
    Copied,
    /// It has none.
    Without,
}

/// What a tool box is decided from.
#[derive(Debug, Clone, Copy)]
pub struct ToolBoxRequest<'a> {
    /// Where it is.
    pub target: Target<'a>,
    /// The environment.
    pub environment: &'a Environment,
    /// The images of the project.
    pub images: &'a Hierarchy,
    /// Tag of its image.
    pub image: &'a str,
    /// The command; a shell where there is none.
    pub command: &'a [String],
    /// What it may do in the network.
    pub net: Net,
    /// Whether it has a terminal.
    pub terminal: bool,
    /// The end of its name.
    pub random: &'a str,
    /// The folder of the team's scripts, where there is one.
    pub team: Option<&'a str>,
    /// Owner of what it leaves in the checkout.
    pub owner: (u32, u32),
    /// How it comes to the checkout's files.
    pub files: BoxFiles,
    /// Whether the bundle of CA certificates has the machine's own too.
    pub has_bundle: bool,
}

impl ToolBoxRequest<'_> {
    /// Decides the container; `fill` puts the credentials of a service into a text.
    #[must_use]
    pub fn tool_box(&self, fill: impl Fn(&SecretVariable) -> String) -> ToolBox {
        let (network, joined) = match self.target {
            Target::Environment(network) => (network.id.clone(), None),
            Target::Running(_, container) => (format!("container:{}", container.id), Some(container.id.clone())),
            Target::Ended(_, container, network) => (network.id.clone(), Some(container.id.clone())),
        };
        let processes = matches!(self.target, Target::Running(..)).then(|| network.clone());
        let part = self.target.part().map(|part| part.name.to_string());
        let project = &self.environment.project;
        let middle = part.as_ref().map(|part| format!("-{part}")).unwrap_or_default();
        let shell: &[String] = &["bash".to_owned()];
        let command = if self.command.is_empty() { shell } else { self.command };
        // A program that is not there is the shell's message, and its code 127.
        let argv = ["sh", "-c", BEGIN, "debug"].map(str::to_owned).into_iter().chain(command.iter().cloned());
        let mut capabilities = vec!["SYS_PTRACE"];
        if self.net == Net::Admin {
            capabilities.extend(["NET_ADMIN", "NET_RAW"]);
        }
        ToolBox {
            image: self.image.to_owned(),
            name: format!("{project}{middle}{MARK}{}", self.random),
            checkout: self.environment.id.clone(),
            network,
            processes,
            volumes_from: joined,
            capabilities,
            folders: if self.files == BoxFiles::Mounted { self.folders() } else { Vec::new() },
            copied: if self.files == BoxFiles::Copied { self.folders() } else { Vec::new() },
            env: self.env(fill, part.as_deref()),
            argv: argv.collect(),
            terminal: self.terminal,
            removal: Removal::ByUser,
            part: part.unwrap_or_else(|| "debug".to_owned()),
        }
    }

    fn folders(&self) -> Vec<BoxFolder> {
        let own = |path: &str| paths::below(&self.environment.root, path);
        let folder =
            |source: String, target: &str, writable: bool| BoxFolder { source, target: target.into(), writable };
        let mut folders = vec![
            folder(own(paths::DEBUG_SCRIPTS), SCRIPTS, false),
            folder(own(paths::DEBUG_CAPTURES), CAPTURES, true),
            folder(own("ca"), AUTHORITIES, false),
        ];
        folders.extend(self.team.map(|team| folder(team.to_owned(), TEAM_SCRIPTS, false)));
        folders
    }

    /// Variables: what each client needs to log in, what the part's own program has for its needs, and what scripts know.
    fn env(&self, fill: impl Fn(&SecretVariable) -> String, part: Option<&str>) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        let mut given = |name: &str, text: &SecretVariable| {
            env.entry(name.to_owned()).or_insert_with(|| fill(text));
        };
        for login in self.logins() {
            for (name, template) in login.variables() {
                given(name, &SecretVariable::of(&login.service, &template));
            }
        }
        if let Some(part) = self.target.part() {
            for (name, variable) in &part.secret_env {
                given(name, variable);
            }
            for (name, value) in part.env.iter().filter(|(name, _)| is_of_need(name, part)) {
                env.entry(name.clone()).or_insert_with(|| value.clone());
            }
            for name in proxies::names() {
                let value = part.env.get(&name).or(part.dev_env.get(&name)).cloned();
                env.extend(value.map(|value| (name, value)));
            }
        }
        let parts: Vec<String> =
            self.environment.parts.values().filter_map(|part| address(part, self.images)).collect();
        env.insert("DEVENV_PARTS".to_owned(), parts.join(" "));
        env.insert("DEVENV_PART".to_owned(), part.unwrap_or_default().to_owned());
        env.insert("DEVENV_DOMAIN".to_owned(), self.environment.domain.clone());
        env.insert("DEVENV_OWNER".to_owned(), format!("{}:{}", self.owner.0, self.owner.1));
        // What Debian's shells show before the prompt.
        env.insert("debian_chroot".to_owned(), part.map_or("debug".to_owned(), |part| format!("debug {part}")));
        env.insert("HOME".to_owned(), "/root".to_owned());
        if self.files != BoxFiles::Without && self.has_bundle {
            let bundle = format!("{AUTHORITIES}/ca-certificates.crt");
            env.extend(CA_VARIABLES.iter().map(|name| ((*name).to_owned(), bundle.clone())));
        }
        env
    }

    /// Services that clients log in to: the part itself, else what it needs, else all.
    #[must_use]
    pub fn logins(&self) -> Vec<Login> {
        let of = |part: &Part| Login::of(part, self.environment, self.images);
        match self.target.part() {
            Some(part) => match of(part) {
                Some(own) => vec![own],
                None => part.needs.iter().filter_map(|need| of(self.environment.parts.get(need)?)).collect(),
            },
            None => self.environment.parts.values().filter_map(of).collect(),
        }
    }

    /// What a person in front of a shell should know.
    #[must_use]
    pub fn greeting(&self) -> String {
        let place = match self.target {
            Target::Environment(_) => "in the network of the environment".to_owned(),
            Target::Running(part, _) => {
                format!("in the network and among the processes of `{}`, whose files are at {FILES}", part.name)
            }
            Target::Ended(part, ..) => format!("beside `{}`, which is not running", part.name),
        };
        let mut reached: BTreeMap<&str, String> = BTreeMap::new();
        for login in self.logins() {
            reached.entry(login.protocol.client()).or_insert_with(|| format!("`{}`", login.service));
        }
        let reached: Vec<String> =
            reached.into_iter().map(|(client, service)| format!("{client} is on {service}")).collect();
        let scripts = "`devenv debug --list` shows the scripts";
        [place].into_iter().chain(reached).chain([scripts.to_owned()]).collect::<Vec<_>>().join("; ")
    }
}

/// Whether a variable tells a part of one that it needs.
fn is_of_need(name: &str, part: &Part) -> bool {
    part.needs.iter().any(|need| name.strip_prefix(&need.variable()).is_some_and(|rest| rest.starts_with('_')))
}

/// A part as scripts read it: `NAME:PORT:PROTOCOL`; none for one that has no port.
fn address(part: &Part, images: &Hierarchy) -> Option<String> {
    let is_http = matches!(part.probe, Some(Probe { ask: Ask::Http { .. }, .. }));
    let word = match protocol(part, images) {
        Some(Protocol::Postgres) => "postgres",
        Some(Protocol::Redis) => "redis",
        Some(Protocol::MariaDb) => "mariadb",
        None if is_http || part.kind == PartKind::Gateway => "http",
        None => "tcp",
    };
    let port = if part.kind == PartKind::Gateway { GATEWAY_PORTS.1 } else { part.port()?.container };
    Some(format!("{}:{port}:{word}", part.name))
}

/// Whether a container is a tool box, by its name.
#[must_use]
pub fn is_tool_box(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(before, _)| format!("{before}-").ends_with(MARK))
}

#[cfg(test)]
mod tests;
