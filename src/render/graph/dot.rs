//! A graph in the language of Graphviz.

use std::fmt::Write as _;

use crate::plan::graph::{Graph, NEEDS};
use crate::plan::states::Severity;
use crate::render::graph::{colours, plain};

/// The drawing.
#[must_use]
pub fn dot(graph: &Graph) -> String {
    let mut text = format!(
        "digraph {} {{\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n",
        quoted(&graph.host)
    );
    let _ = writeln!(text, "  subgraph cluster_running {{\n    label={};", quoted(&graph.host));
    for part in &graph.parts {
        node(&mut text, ("part", &part.name), &format!("{}\n{}", part.name, part.text), part.verdict);
    }
    for edge in &graph.edges {
        let label = if edge.label == NEEDS { String::new() } else { format!(" [label={}]", quoted(&edge.label)) };
        let _ = writeln!(text, "    {} -> {}{label};", id("part", &edge.from), id("part", &edge.to));
    }
    text.push_str("  }\n  subgraph cluster_images {\n    label=\"Images\";\n");
    for image in &graph.images {
        node(&mut text, ("image", &image.name), &image.name, image.verdict);
        if let Some(parent) = &image.parent {
            let _ = writeln!(text, "    {} -> {};", id("image", parent), id("image", &image.name));
        }
    }
    text.push_str("  }\n}\n");
    text
}

fn node(text: &mut String, (kind, name): (&str, &str), label: &str, verdict: Severity) {
    let (fill, border) = colours(verdict);
    let label: Vec<String> = label.lines().map(inside).collect();
    let label = label.join("\\n");
    let _ = writeln!(text, "    {} [label=\"{label}\", fillcolor=\"{fill}\", color=\"{border}\"];", id(kind, name));
}

fn id(kind: &str, name: &str) -> String {
    quoted(&format!("{kind}:{name}"))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", inside(text))
}

fn inside(text: &str) -> String {
    plain(text).replace('\\', "\\\\").replace('"', "\\\"")
}
