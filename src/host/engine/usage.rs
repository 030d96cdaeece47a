//! What a container uses of the machine, as the engine's counters say.

use std::collections::HashMap;
use std::time::Duration;

use bollard::query_parameters::{EventsOptionsBuilder, StatsOptions};
use futures_util::StreamExt;

use crate::host::engine::Engine;

/// Counters of a container at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Nanoseconds of a core that it has used, and that all cores have passed.
    pub cpu: (u64, u64),
    /// How many cores there are.
    pub cores: u64,
    /// Bytes of memory, without what the kernel can take back.
    pub memory: u64,
}

impl Engine {
    /// The counters of a running container now; none where it does not run any more.
    pub async fn counters(&self, id: &str) -> Option<Counters> {
        let options = StatsOptions { stream: false, one_shot: true };
        let seen = self.docker.stats(id, Some(options)).next().await?.ok()?;
        let (cpu, memory) = (seen.cpu_stats?, seen.memory_stats?);
        let kinds = memory.stats.unwrap_or_default();
        // Files that were read once are in memory as long as nobody needs that: cgroup v2 and v1.
        let files = kinds.get("inactive_file").or_else(|| kinds.get("total_inactive_file")).copied();
        Some(Counters {
            cpu: (cpu.cpu_usage?.total_usage?, cpu.system_cpu_usage?),
            cores: cpu.online_cpus.map_or(1, u64::from),
            memory: memory.usage?.saturating_sub(files.unwrap_or_default()),
        })
    }

    /// Whether somebody has asked the engine to stop a container, between two moments since 1970.
    pub async fn was_stopped(&self, id: &str, from: Duration, until: Duration) -> bool {
        let moment = |at: Duration| format!("{}.{:09}", at.as_secs(), at.subsec_nanos());
        let (from, until) = (moment(from), moment(until));
        let filters = HashMap::from([("container", vec![id]), ("event", vec!["stop"])]);
        let options = EventsOptionsBuilder::default().since(&from).until(&until).filters(&filters).build();
        self.docker.events(Some(options)).next().await.is_some_and(|event| event.is_ok())
    }
}
