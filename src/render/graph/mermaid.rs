//! A graph in the language of Mermaid, which code hosts draw.

use std::fmt::Write as _;

use crate::plan::graph::{Graph, NEEDS};
use crate::plan::states::Severity;
use crate::render::graph::{colours, plain};

/// The drawing.
#[must_use]
pub fn mermaid(graph: &Graph) -> String {
    let mut text = format!("flowchart LR\n  subgraph running[\"{}\"]\n", quoted(&graph.host));
    let part = |name: &str| graph.parts.iter().position(|part| part.name == name);
    for (at, part) in graph.parts.iter().enumerate() {
        let (name, state) = (quoted(&part.name), quoted(&part.text));
        let _ = writeln!(text, "    p{at}[\"{name}<br/>{state}\"]:::{}", class(part.verdict));
    }
    for edge in &graph.edges {
        let (Some(from), Some(to)) = (part(&edge.from), part(&edge.to)) else { continue };
        let label = if edge.label == NEEDS { String::new() } else { format!("|\"{}\"|", quoted(&edge.label)) };
        let _ = writeln!(text, "    p{from} -->{label} p{to}");
    }
    text.push_str("  end\n  subgraph images[\"Images\"]\n");
    let image = |name: &str| graph.images.iter().position(|image| image.name == name);
    for (at, node) in graph.images.iter().enumerate() {
        let _ = writeln!(text, "    i{at}[\"{}\"]:::{}", quoted(&node.name), class(node.verdict));
        if let Some(parent) = node.parent.as_deref().and_then(image) {
            let _ = writeln!(text, "    i{parent} --> i{at}");
        }
    }
    text.push_str("  end\n");
    for verdict in [Severity::Good, Severity::Off, Severity::Waiting, Severity::Bad] {
        let (fill, border) = colours(verdict);
        let _ = writeln!(text, "  classDef {} fill:{fill},stroke:{border},color:#1f2933", class(verdict));
    }
    text
}

fn class(verdict: Severity) -> &'static str {
    match verdict {
        Severity::Good => "good",
        Severity::Off => "off",
        Severity::Waiting => "waiting",
        Severity::Bad => "bad",
    }
}

/// A text between quotes; Mermaid takes entities with `#` in place of `&`.
fn quoted(text: &str) -> String {
    plain(text)
        .replace('#', "#35;")
        .replace('"', "#quot;")
        .replace('<', "#lt;")
        .replace('>', "#gt;")
        .replace('&', "#amp;")
}
