//! The graph of tasks as text that Mermaid draws.

use std::collections::BTreeMap;

use crate::names::TaskName;
use crate::plan::tasks::graph::TaskGraph;

/// A flow chart: an arrow from each task to those that need it. Groups have round corners.
#[must_use]
pub fn mermaid(graph: &TaskGraph) -> String {
    let numbers: BTreeMap<&TaskName, usize> = graph.0.keys().enumerate().map(|(at, name)| (name, at)).collect();
    let mut text = "flowchart LR\n".to_owned();
    for (name, node) in &graph.0 {
        let (open, close) = if !node.is_group() { ("[\"", "\"]") } else { ("([\"", "\"])") };
        text.push_str(&format!("  t{}{open}{name}{close}\n", numbers[name]));
    }
    for (name, node) in &graph.0 {
        for need in node.needs.iter().filter_map(|need| numbers.get(need)) {
            text.push_str(&format!("  t{need} --> t{}\n", numbers[name]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_leads_from_what_is_needed() {
        let file = serde_json::json!({"project": "shop", "tasks": {
            "all": {"needs": ["a"]}, "a": {"image": "base", "run": "true"},
        }});
        let graph = TaskGraph::of(&serde_json::from_value(file).unwrap());
        assert_eq!(mermaid(&graph), "flowchart LR\n  t0[\"a\"]\n  t1([\"all\"])\n  t0 --> t1\n");
    }
}
