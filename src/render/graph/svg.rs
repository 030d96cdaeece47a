//! A graph as SVG: what runs above, the images that it runs in below, states as colours. It needs no script and no font.

use std::fmt::Write as _;

use crate::plan::graph::{Edge, Graph, NEEDS};
use crate::plan::states::Severity;
use crate::render::graph::layout::{Layout, Spot, layout};
use crate::render::graph::{colours, plain};

/// Size of a box, and the room between two.
const BOX: (usize, usize) = (148, 46);
const GAP: (usize, usize) = (64, 18);
/// Around everything, and above each of the two drawings.
const MARGIN: usize = 20;
const HEADING: usize = 34;
/// Characters that a line in a box has room for.
const ROOM: usize = 23;

/// A box: its two lines and its colour.
struct Label {
    first: String,
    second: String,
    verdict: Severity,
}

/// The drawing.
#[must_use]
pub fn svg(graph: &Graph) -> String {
    let number = |name: &str| graph.parts.iter().position(|part| part.name == name);
    let edges: Vec<(usize, usize, &Edge)> =
        graph.edges.iter().filter_map(|edge| Some((number(&edge.from)?, number(&edge.to)?, edge))).collect();
    let pairs: Vec<(usize, usize)> = edges.iter().map(|(from, to, _)| (*from, *to)).collect();
    let labels: Vec<String> =
        edges.iter().map(|(_, _, edge)| if edge.label == NEEDS { String::new() } else { edge.label.clone() }).collect();
    let running = layout(graph.parts.len(), &pairs);
    let parts: Vec<Label> = graph
        .parts
        .iter()
        .map(|part| Label {
            first: part.name.clone(),
            second: format!("{} · {}", part.image, part.text),
            verdict: part.verdict,
        })
        .collect();
    let number = |name: &str| graph.images.iter().position(|image| image.name == name);
    let pairs: Vec<(usize, usize)> =
        (0..graph.images.len()).filter_map(|at| Some((number(graph.images[at].parent.as_deref()?)?, at))).collect();
    let hierarchy = layout(graph.images.len(), &pairs);
    let images: Vec<Label> = graph
        .images
        .iter()
        .map(|image| Label { first: image.name.clone(), second: image.state.to_owned(), verdict: image.verdict })
        .collect();

    let width = extent(running.size.0.max(hierarchy.size.0), BOX.0, GAP.0).max(320) + 2 * MARGIN;
    let [above, below] = [&running, &hierarchy].map(|drawing| extent(drawing.size.1 / 2, BOX.1, GAP.1) + HEADING);
    let height = above + below + 3 * MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"system-ui,sans-serif\" font-size=\"13\">\n\
         <title>{}</title>\n\
         <defs><marker id=\"end\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#5c6773\"/></marker></defs>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#ffffff\"/>\n",
        escaped(&graph.host),
    );
    drawing(&mut text, &format!("What runs: {}", graph.host), MARGIN, (&running, &parts, &labels));
    let none = vec![String::new(); hierarchy.edges.len()];
    drawing(&mut text, "Images", 2 * MARGIN + above, (&hierarchy, &images, &none));
    text.push_str("</svg>\n");
    text
}

fn extent(count: usize, size: usize, gap: usize) -> usize {
    (count * (size + gap)).saturating_sub(gap)
}

/// One of the two drawings, `top` below the upper edge.
fn drawing(text: &mut String, heading: &str, top: usize, drawn: (&Layout, &[Label], &[String])) {
    let (layout, boxes, labels) = drawn;
    let y = top + 14;
    let _ = writeln!(
        text,
        "<text x=\"{MARGIN}\" y=\"{y}\" font-weight=\"600\" fill=\"#1f2933\">{}</text>",
        escaped(heading)
    );
    let top = top + HEADING;
    for (way, label) in layout.edges.iter().zip(labels) {
        edge(text, way, label, top);
    }
    for (spot, label) in layout.boxes.iter().zip(boxes) {
        let (x, y) = corner(*spot, top);
        let (fill, border) = colours(label.verdict);
        let (width, height) = BOX;
        let _ = writeln!(
            text,
            "<g><title>{}: {}</title><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\" \
             fill=\"{fill}\" stroke=\"{border}\" stroke-width=\"1.5\"/>\
             <text x=\"{}\" y=\"{}\" font-weight=\"600\" fill=\"#1f2933\">{}</text>\
             <text x=\"{}\" y=\"{}\" font-size=\"11\" fill=\"#3e4c59\">{}</text></g>",
            escaped(&label.first),
            escaped(&label.second),
            x + 10,
            y + 19,
            escaped(&cut(&label.first, ROOM - 3)),
            x + 10,
            y + 36,
            escaped(&cut(&label.second, ROOM)),
        );
    }
}

/// The left upper corner of a box.
fn corner((column, row): Spot, top: usize) -> (usize, usize) {
    (MARGIN + column * (BOX.0 + GAP.0), top + row * (BOX.1 + GAP.1) / 2)
}

/// A curve from the right of the first box to the left of the last, level where it passes a column.
fn edge(text: &mut String, way: &[Spot], label: &str, top: usize) {
    let middle = |spot: &Spot| (corner(*spot, top).0, corner(*spot, top).1 + BOX.1 / 2);
    let Some((x, y)) = way.first().map(middle) else { return };
    let mut path = format!("M{} {y}", x + BOX.0);
    let (mut at, last) = ((x + BOX.0, y), way.len() - 1);
    for (number, spot) in way.iter().enumerate().skip(1) {
        let (x, y) = middle(spot);
        let half = at.0.midpoint(x);
        let _ = write!(path, "C{half} {} {half} {y} {x} {y}", at.1);
        if number < last {
            let _ = write!(path, "H{}", x + BOX.0);
        }
        at = (x + BOX.0, y);
    }
    let _ = writeln!(
        text,
        "<path d=\"{path}\" fill=\"none\" stroke=\"#5c6773\" stroke-width=\"1.3\" marker-end=\"url(#end)\"/>"
    );
    if let (false, Some((x, y))) = (label.is_empty(), way.last().map(middle)) {
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{}\" font-size=\"11\" text-anchor=\"end\" fill=\"#3e4c59\">{}</text>",
            x - 10,
            y - 6,
            escaped(&cut(label, 9))
        );
    }
}

/// A text that fits.
fn cut(text: &str, most: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
