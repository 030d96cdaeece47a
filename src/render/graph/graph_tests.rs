use crate::plan::graph::{Edge, Graph, ImageNode, NEEDS, PartNode};
use crate::plan::parts::PartKind;
use crate::plan::states::Severity;
use crate::render::graph::{dot, mermaid, svg};

fn graph(text: &str) -> Graph {
    let part = |name: &str, kind, verdict, text: &str| PartNode {
        name: name.to_owned(),
        kind,
        image: "base".to_owned(),
        state: "running",
        text: text.to_owned(),
        verdict,
        url: None,
    };
    let edge =
        |from: &str, to: &str, label: &str| Edge { from: from.to_owned(), to: to.to_owned(), label: label.to_owned() };
    Graph {
        host: "shop.localhost".to_owned(),
        images: vec![
            ImageNode { name: "base".to_owned(), parent: None, state: "present", verdict: Severity::Good },
            ImageNode {
                name: "go".to_owned(),
                parent: Some("base".to_owned()),
                state: "missing",
                verdict: Severity::Off,
            },
        ],
        parts: vec![
            part("api", PartKind::Module, Severity::Bad, text),
            part("db", PartKind::Service, Severity::Good, "healthy"),
            part("gateway", PartKind::Gateway, Severity::Good, "healthy"),
        ],
        edges: vec![edge("gateway", "api", "/api"), edge("api", "db", NEEDS)],
    }
}

#[test]
fn mermaid_draws_parts_and_images_with_their_states_as_colours() {
    assert_eq!(
        mermaid::mermaid(&graph("ended with code 3")),
        "\
flowchart LR
  subgraph running[\"shop.localhost\"]
    p0[\"api<br/>ended with code 3\"]:::bad
    p1[\"db<br/>healthy\"]:::good
    p2[\"gateway<br/>healthy\"]:::good
    p2 -->|\"/api\"| p0
    p0 --> p1
  end
  subgraph images[\"Images\"]
    i0[\"base\"]:::good
    i1[\"go\"]:::off
    i0 --> i1
  end
  classDef good fill:#d7f0dc,stroke:#2e7d44,color:#1f2933
  classDef off fill:#eceff3,stroke:#7a8594,color:#1f2933
  classDef waiting fill:#ffefc4,stroke:#b07d00,color:#1f2933
  classDef bad fill:#f7c6c3,stroke:#b3261e,color:#1f2933
"
    );
}

#[test]
fn dot_draws_the_same() {
    assert_eq!(
        dot::dot(&graph("ended with code 3")),
        "\
digraph \"shop.localhost\" {
  rankdir=LR;
  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];
  subgraph cluster_running {
    label=\"shop.localhost\";
    \"part:api\" [label=\"api\\nended with code 3\", fillcolor=\"#f7c6c3\", color=\"#b3261e\"];
    \"part:db\" [label=\"db\\nhealthy\", fillcolor=\"#d7f0dc\", color=\"#2e7d44\"];
    \"part:gateway\" [label=\"gateway\\nhealthy\", fillcolor=\"#d7f0dc\", color=\"#2e7d44\"];
    \"part:gateway\" -> \"part:api\" [label=\"/api\"];
    \"part:api\" -> \"part:db\";
  }
  subgraph cluster_images {
    label=\"Images\";
    \"image:base\" [label=\"base\", fillcolor=\"#d7f0dc\", color=\"#2e7d44\"];
    \"image:go\" [label=\"go\", fillcolor=\"#eceff3\", color=\"#7a8594\"];
    \"image:base\" -> \"image:go\";
  }
}
"
    );
}

#[test]
fn svg_has_a_box_for_everything_and_an_edge_for_what_leads_there() {
    let drawn = svg::svg(&graph("ended with code 3"));
    for text in ["<title>api: base · ended with code 3</title>", ">/api</text>", "fill=\"#f7c6c3\""] {
        assert!(drawn.contains(text), "no {text} in\n{drawn}");
    }
    assert_eq!((drawn.matches("<g>").count(), drawn.matches("marker-end").count()), (5, 3));
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "a\"]--><script>&\u{1b}[2J\u{202e}\\";
    let drawn = svg::svg(&graph(hostile));
    assert!(drawn.contains("a&quot;]--&gt;&lt;script&gt;&amp;[2J\\") && !drawn.contains("<script"), "{drawn}");
    let drawn = mermaid::mermaid(&graph(hostile));
    assert!(drawn.contains("p0[\"api<br/>a#quot;]--#gt;#lt;script#gt;#amp;[2J\\\"]"), "{drawn}");
    let drawn = dot::dot(&graph(hostile));
    assert!(drawn.contains("[label=\"api\\na\\\"]--><script>&[2J\\\\\""), "{drawn}");
}
