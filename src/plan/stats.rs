//! What a container uses of the machine, and the words for it. Pure.

use crate::amounts::bytes;

use serde::Serialize;

/// What a part uses of this machine, all its containers together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Percent of one core.
    pub cpu: f64,
    /// Bytes of memory, without what the kernel can take back.
    pub memory: u64,
    /// The limit for it, of all containers together; none where one has none.
    pub memory_limit: Option<u64>,
    /// Bytes in its data volumes; none where they could not be counted.
    pub disk: Option<u64>,
}

impl Usage {
    /// The sum of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            memory: self.memory + other.memory,
            memory_limit: self.memory_limit.zip(other.memory_limit).map(|(one, another)| one + another),
            disk: self.disk.or(other.disk),
        }
    }

    /// As cells of a table: CPU, memory, disk.
    #[must_use]
    pub fn cells(&self) -> [String; 3] {
        let limit = self.memory_limit.map(|limit| format!(" of {}", bytes(limit))).unwrap_or_default();
        let disk = self.disk.map(bytes).unwrap_or_default();
        [format!("{:.1} %", self.cpu), format!("{}{limit}", bytes(self.memory)), disk]
    }
}

/// The share of a core, in percent, between two readings of the engine: nanoseconds of the container and of all cores.
#[must_use]
pub fn cpu(container: (u64, u64), machine: (u64, u64), cores: u64) -> f64 {
    let used = container.1.saturating_sub(container.0);
    let all = machine.1.saturating_sub(machine.0);
    // Numbers of nanoseconds between two looks are far below the 2^52 that a float holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let share = if all == 0 { 0.0 } else { used as f64 / all as f64 * cores.max(1) as f64 };
    share * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_a_core_is_the_difference_of_two_readings() {
        let half = cpu((1_000, 2_000), (10_000, 14_000), 2);
        assert!((half - 50.0).abs() < 0.001, "{half}");
        assert!(cpu((5, 5), (7, 7), 2).abs() < f64::EPSILON);
        assert!(cpu((9, 5), (7, 8), 2).abs() < f64::EPSILON, "a container that was restarted between them");
    }

    #[test]
    fn memory_of_replicas_is_set_against_the_sum_of_their_limits() {
        let one = |limit| Usage { cpu: 1.0, memory: 10, memory_limit: limit, disk: Some(4) };
        let both = Usage { cpu: 2.0, memory: 20, memory_limit: Some(200), disk: Some(4) };
        assert_eq!(one(Some(100)).and(one(Some(100))), both);
        assert_eq!(one(Some(100)).and(one(None)).memory_limit, None);
    }

    #[test]
    fn memory_stands_beside_its_limit() {
        let usage = Usage { cpu: 12.34, memory: 78_000_000, memory_limit: Some(512_000_000), disk: None };
        assert_eq!(usage.cells(), ["12.3 %", "78 MB of 512 MB", ""]);
    }
}
