//! Containers of a checkout: what there is, and the calls that start, stop and remove one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::errors::Error as ApiError;
use bollard::models::ContainerSummary;
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptions, ListContainersOptionsBuilder,
    ListNetworksOptions, LogsOptionsBuilder, RemoveContainerOptionsBuilder, StopContainerOptions, TopOptions,
};
use futures_util::StreamExt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::{Error, Kind, Result};
use crate::host::engine::orphaned::Ending;
use crate::host::engine::{Engine, failed, is_missing};
use crate::host::process;
use crate::labels;
use crate::plan::observed::{Container, ContainerState, EngineHealth, Network, Role};

/// A container in detail, as far as its readiness is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// What it does.
    pub state: ContainerState,
    /// Whether the kernel ended it for want of memory.
    pub out_of_memory: bool,
    /// Its memory limit in bytes; 0 for none.
    pub memory_limit: i64,
    /// Its address in the environment's network.
    pub address: Option<String>,
    /// When it was started, in the engine's words.
    pub started_at: String,
    /// When it ended last, in the engine's words.
    pub finished_at: String,
    /// How often the engine has started it again.
    pub restarts: i64,
    /// Whether the engine starts it again when it ends.
    pub is_restarted: bool,
    /// What its own health check says, where it has one.
    pub check: Option<Check>,
    /// Its variables, as `NAME=value`.
    pub env: Vec<String>,
}

/// The engine's own health check of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it says.
    pub health: EngineHealth,
    /// What it printed last.
    pub output: String,
}

/// Between two looks at a container that somebody else removes, and for how long.
const BEING_REMOVED: Duration = Duration::from_millis(50);
const REMOVED_WITHIN: Duration = Duration::from_secs(30);
/// How long the engine may take to see that a container has ended, and between two looks.
const ENDING: Duration = Duration::from_secs(1);
const ENDING_PAUSE: Duration = Duration::from_millis(100);

impl Detail {
    /// When it was started, in whole seconds since 1970; none where it never was.
    #[must_use]
    pub fn started(&self) -> Option<i32> {
        i32::try_from(self.time()?.unix_timestamp()).ok()
    }

    /// When it was started, as the time since 1970; none where it never was.
    #[must_use]
    pub fn started_at(&self) -> Option<Duration> {
        Duration::try_from(self.time()? - OffsetDateTime::UNIX_EPOCH).ok()
    }

    /// When it ended last, as the time since 1970; none where it never did.
    #[must_use]
    pub fn ended_at(&self) -> Option<Duration> {
        Duration::try_from(moment(&self.finished_at)? - OffsetDateTime::UNIX_EPOCH).ok()
    }

    /// Since when it does what it does, in whole seconds since 1970; none where it was never started.
    #[must_use]
    pub fn since(&self) -> Option<i64> {
        let began = if self.state.is_alive() { &self.started_at } else { &self.finished_at };
        moment(began).map(OffsetDateTime::unix_timestamp)
    }

    fn time(&self) -> Option<OffsetDateTime> {
        moment(&self.started_at)
    }
}

/// A time in the engine's words; of what never happened it says the year 1.
fn moment(words: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(words, &Rfc3339).ok().filter(|moment| moment.unix_timestamp() > 0)
}

impl Engine {
    /// All containers with a label, `value` of which may be left out.
    pub async fn containers(&self, label: &str) -> Result<Vec<Container>> {
        self.labelled(vec![label]).await
    }

    /// The containers of one part of a checkout, whatever they are there for.
    pub async fn containers_of(&self, checkout: &str, part: &str) -> Result<Vec<Container>> {
        self.labelled(vec![&labels::of_checkout(checkout), &format!("{}={part}", labels::PART)]).await
    }

    async fn labelled(&self, all: Vec<&str>) -> Result<Vec<Container>> {
        let filters = HashMap::from([("label", all)]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = self.docker.list_containers(Some(options)).await.map_err(failed("cannot list containers"))?;
        Ok(listed.into_iter().map(container).collect())
    }

    /// The running container, of whomever, that a port of this machine leads to.
    pub async fn publisher(&self, port: u16) -> Option<Container> {
        let listed = self.docker.list_containers(None::<ListContainersOptions>).await.ok()?;
        let publishes = |seen: &ContainerSummary| {
            let ports = seen.ports.iter().flatten();
            ports.filter_map(|one| one.public_port).any(|public| public == port)
        };
        listed.into_iter().find(publishes).map(container)
    }

    /// All networks of the engine.
    pub async fn networks(&self) -> Result<Vec<Network>> {
        let listed = self.docker.list_networks(None::<ListNetworksOptions>).await;
        let listed = listed.map_err(failed("cannot list networks"))?;
        Ok(listed.into_iter().map(network).collect())
    }

    /// Removes a network.
    pub async fn remove_network(&self, id: &str) -> Result<()> {
        match self.docker.remove_network(id).await {
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => {
                let options = None::<bollard::query_parameters::InspectNetworkOptions>;
                let seen = self.docker.inspect_network(id, options).await.unwrap_or_default();
                let users: Vec<String> =
                    seen.containers.unwrap_or_default().into_values().filter_map(|one| one.name).collect();
                let name = seen.name.unwrap_or_else(|| id.to_owned());
                match users.is_empty() {
                    true => Err(failed(format!("cannot remove the network {name}"))(error)),
                    false => Err(used(&name, &users)),
                }
            }
            Ok(()) => Ok(()),
        }
    }

    /// A container in detail.
    pub async fn detail(&self, id: &str) -> Result<Detail> {
        let seen = self.docker.inspect_container(id, None::<InspectContainerOptions>).await;
        let seen = seen.map_err(failed("cannot inspect the container"))?;
        let state = seen.state.unwrap_or_default();
        let exit = state.exit_code.unwrap_or_default();
        let doing = match state.status.map(|status| status.to_string()).as_deref() {
            Some("created") => ContainerState::Created,
            Some("running") => ContainerState::Running,
            Some("exited") => ContainerState::Exited(exit),
            word => other_state(word),
        };
        let networks = seen.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
        let host = seen.host_config.unwrap_or_default();
        let policy = host.restart_policy.and_then(|policy| policy.name).map(|name| name.to_string());
        Ok(Detail {
            state: doing,
            out_of_memory: state.oom_killed.unwrap_or_default(),
            memory_limit: host.memory.unwrap_or_default(),
            address: networks.into_values().find_map(|network| network.ip_address.filter(|ip| !ip.is_empty())),
            started_at: state.started_at.unwrap_or_default(),
            finished_at: state.finished_at.unwrap_or_default(),
            restarts: seen.restart_count.unwrap_or_default(),
            is_restarted: policy.is_some_and(|name| !matches!(name.as_str(), "" | "no")),
            check: state.health.and_then(check),
            env: seen.config.and_then(|config| config.env).unwrap_or_default(),
        })
    }

    /// A container in detail, looked at again until `has_ended` says so of it: the processes of a container are gone a
    /// while before the engine knows. The last look is returned where nothing of that kind was seen.
    pub async fn detail_at_end(&self, id: &str, has_ended: impl Fn(&Detail) -> bool) -> Result<Detail> {
        let begin = Instant::now();
        loop {
            let detail = self.detail(id).await?;
            if has_ended(&detail) || begin.elapsed() >= ENDING {
                return Ok(detail);
            }
            tokio::time::sleep(ENDING_PAUSE).await;
        }
    }

    /// Whether a container has processes: they are gone a while before the engine knows of its end. An engine that cannot
    /// tell is believed.
    pub async fn has_processes(&self, id: &str) -> bool {
        match self.docker.top_processes(id, None::<TopOptions>).await {
            Ok(seen) => seen.processes.is_some_and(|all| !all.is_empty()),
            // It has ended meanwhile, or is about to start again.
            Err(ApiError::DockerResponseServerError { status_code: 409, .. }) => false,
            Err(_) => true,
        }
    }

    /// Starts a container, or lets a paused one go on; one that runs is left alone.
    pub async fn start(&self, id: &str) -> Result<()> {
        let options = None::<bollard::query_parameters::StartContainerOptions>;
        let started = match self.docker.start_container(id, options).await {
            Err(ApiError::DockerResponseServerError { message, .. }) if message.contains("paused") => {
                self.docker.unpause_container(id).await
            }
            started => started,
        };
        started.map_err(failed("cannot start the container"))
    }

    /// Stops a container within its own grace period; one that is stopped or gone is left alone.
    pub async fn stop(&self, id: &str) -> Result<()> {
        self.asking(Ending::Stop, id);
        match self.docker.stop_container(id, None::<StopContainerOptions>).await {
            Err(error) if is_missing(&error) => Ok(()),
            Err(ApiError::DockerResponseServerError { status_code: 304, .. }) => Ok(()),
            answer => answer.map_err(failed("cannot stop the container")),
        }?;
        self.done(Ending::Stop, id);
        Ok(())
    }

    /// Removes a container with its anonymous volumes; one that is gone is left alone.
    pub async fn remove(&self, id: &str) -> Result<()> {
        self.asking(Ending::Remove, id);
        self.removed(id).await?;
        self.done(Ending::Remove, id);
        Ok(())
    }

    async fn removed(&self, id: &str) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let begin = Instant::now();
        loop {
            return match self.docker.remove_container(id, Some(options.clone())).await {
                Err(error) if is_missing(&error) => Ok(()),
                // Somebody else does it: a command that was interrupted, or another one beside us.
                Err(ApiError::DockerResponseServerError { status_code: 409, message })
                    if message.contains("in progress") && begin.elapsed() < REMOVED_WITHIN =>
                {
                    tokio::time::sleep(BEING_REMOVED).await;
                    continue;
                }
                answer => answer.map_err(failed("cannot remove the container")),
            };
        }
    }

    /// Sends a signal to a container's first process.
    pub async fn signal(&self, id: &str, signal: &str) -> Result<()> {
        let options = KillContainerOptionsBuilder::default().signal(signal).build();
        self.docker.kill_container(id, Some(options)).await.map_err(failed(format!("cannot send {signal}")))
    }

    /// The last lines of a container's log, both streams, from its last start on.
    pub async fn last_lines(&self, id: &str, lines: usize) -> Vec<String> {
        let tail = lines.to_string();
        let started = self.detail(id).await.ok().and_then(|detail| detail.started()).unwrap_or_default();
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&tail).since(started).build();
        let mut stream = self.docker.logs(id, Some(options));
        let mut text = String::new();
        while let Some(Ok(chunk)) = stream.next().await {
            text.push_str(&String::from_utf8_lossy(&chunk.into_bytes()));
        }
        text.lines().map(str::to_owned).collect()
    }
}

/// The error for a network that containers of others are connected to.
fn used(network: &str, users: &[String]) -> Error {
    let message = format!("the network {network} is still used by {}", users.join(", "));
    let error = Error::message(Kind::Failed, message);
    error.hint(format!(
        "disconnect it, `docker network disconnect --force {network} {}`, and run the command again",
        users[0]
    ))
}

fn container(seen: ContainerSummary) -> Container {
    let labels = seen.labels.unwrap_or_default();
    let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
    let status = seen.status.unwrap_or_default();
    let state = match seen.state.map(|state| state.to_string()).as_deref() {
        Some("created") => ContainerState::Created,
        Some("running") => ContainerState::Running,
        Some("exited") => ContainerState::Exited(exit_code(&status)),
        word => other_state(word),
    };
    let health = if status.contains("(health: starting)") {
        EngineHealth::Starting
    } else if status.contains("(healthy)") {
        EngineHealth::Healthy
    } else if status.contains("(unhealthy)") {
        EngineHealth::Unhealthy
    } else {
        EngineHealth::Unknown
    };
    let networks = seen.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    Container {
        id: seen.id.unwrap_or_default(),
        name: seen
            .names
            .unwrap_or_default()
            .first()
            .map(|name| name.trim_start_matches('/').to_owned())
            .unwrap_or_default(),
        checkout: label(labels::CHECKOUT),
        part: label(labels::PART),
        definition: label(labels::DEFINITION),
        role: role(&labels),
        state,
        health,
        status,
        address: networks.values().find_map(|network| network.ip_address.clone().filter(|ip| !ip.is_empty())),
        networks: networks.into_iter().map(|(name, network)| (name, network.network_id.unwrap_or_default())).collect(),
        volumes: seen.mounts.unwrap_or_default().into_iter().filter_map(|mount| mount.name).collect(),
        image: seen.image.unwrap_or_default(),
        image_id: seen.image_id.unwrap_or_default(),
    }
}

/// What a container does that neither runs nor has ended.
fn other_state(word: Option<&str>) -> ContainerState {
    match word {
        Some("paused") => ContainerState::Paused,
        Some("restarting") => ContainerState::Restarting,
        // `removing`; and `dead`, which the engine could not remove whole.
        _ => ContainerState::Removing,
    }
}

fn check(seen: bollard::models::Health) -> Option<Check> {
    let health = match seen.status.map(|status| status.to_string()).as_deref() {
        Some("healthy") => EngineHealth::Healthy,
        Some("unhealthy") => EngineHealth::Unhealthy,
        Some("starting") => EngineHealth::Starting,
        _ => return None,
    };
    let last = seen.log.unwrap_or_default().pop().and_then(|result| result.output);
    Some(Check { health, output: last.unwrap_or_default().trim().to_owned() })
}

fn role(labels: &HashMap<String, String>) -> Role {
    // It ends by itself, and whoever runs tasks next wants to know how, also when the process that began it is gone.
    if labels.get(labels::TASK_RUN).is_some_and(|run| !run.is_empty()) {
        return Role::InUse;
    }
    let is_used = labels.get(labels::OWNER).is_some_and(|owner| process::lives(owner));
    match labels.get(labels::ONE_OFF).map(String::as_str) {
        None => Role::Part,
        Some(_) if !is_used => Role::LeftOver,
        Some(labels::INSTALL) => Role::Installing,
        Some(_) => Role::InUse,
    }
}

fn network(seen: bollard::models::Network) -> Network {
    let configs = seen.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let mut all = seen.labels.unwrap_or_default();
    Network {
        id: seen.id.unwrap_or_default(),
        name: seen.name.unwrap_or_default(),
        // That of a task is none of the environment.
        checkout: all.remove(labels::CHECKOUT).filter(|_| !all.contains_key(labels::TASK_RUN)),
        project: all.remove(labels::COMPOSE_PROJECT),
        subnets: configs.into_iter().filter_map(|config| config.subnet).collect(),
    }
}

/// The code in the engine's words `Exited (137) 3 minutes ago`.
fn exit_code(status: &str) -> i64 {
    let code = status.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    code.and_then(|(code, _)| code.parse().ok()).unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_stands_in_the_engines_words() {
        assert_eq!(exit_code("Exited (137) 3 minutes ago"), 137);
        assert_eq!(exit_code("Exited (0) Less than a second ago"), 0);
        assert_eq!(exit_code("Dead"), -1);
    }
}
