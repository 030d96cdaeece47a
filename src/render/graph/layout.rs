//! Where the boxes of a drawing stand: in columns, so that edges lead to the right, with as few crossings as two sweeps by
//! the mean of the neighbours leave (Sugiyama's method).

/// A place: column, and row in halves, because shorter columns are centred.
pub(super) type Spot = (usize, usize);

/// Boxes and edges in their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// The place of each box.
    pub(super) boxes: Vec<Spot>,
    /// The places that each edge leads through, its ends included.
    pub(super) edges: Vec<Vec<Spot>>,
    /// Columns, and rows of the longest, in halves.
    pub(super) size: Spot,
}

/// Places `count` boxes that `edges` connect, which form no circle.
pub(super) fn layout(count: usize, edges: &[(usize, usize)]) -> Layout {
    let ranks = ranks(count, edges);
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); ranks.iter().max().map_or(0, |most| most + 1)];
    for (node, rank) in ranks.iter().enumerate() {
        columns[*rank].push(node);
    }
    // An edge that passes a column has a place of its own there, so that it leads around the boxes.
    let mut next = count;
    let mut ways: Vec<Vec<usize>> = Vec::new();
    for (from, to) in edges {
        let mut way = vec![*from];
        for column in columns.iter_mut().take(ranks[*to]).skip(ranks[*from] + 1) {
            column.push(next);
            way.push(next);
            next += 1;
        }
        way.push(*to);
        ways.push(way);
    }
    let links: Vec<(usize, usize)> =
        ways.iter().flat_map(|way| way.windows(2).map(|pair| (pair[0], pair[1]))).collect();
    let turned: Vec<(usize, usize)> = links.iter().map(|(from, to)| (*to, *from)).collect();
    for _ in 0..2 {
        for at in 1..columns.len() {
            sort(&mut columns, at, at - 1, &links);
        }
        for at in (1..columns.len()).rev() {
            sort(&mut columns, at - 1, at, &turned);
        }
    }
    let longest = columns.iter().map(Vec::len).max().unwrap_or_default();
    let mut spots = vec![(0, 0); next];
    for (column, nodes) in columns.iter().enumerate() {
        for (row, node) in nodes.iter().enumerate() {
            spots[*node] = (column, 2 * row + longest - nodes.len());
        }
    }
    Layout {
        edges: ways.into_iter().map(|way| way.into_iter().map(|node| spots[node]).collect()).collect(),
        size: (columns.len(), 2 * longest),
        boxes: spots.into_iter().take(count).collect(),
    }
}

/// The column of each box: one more than the last that leads to it.
fn ranks(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut ranks = vec![0; count];
    // In a cycle, which cannot occur, this ends too.
    for _ in 0..count {
        for (from, to) in edges {
            ranks[*to] = ranks[*to].max(ranks[*from] + 1).min(count);
        }
    }
    ranks
}

/// Sorts a column by the mean place of each one's neighbours in `other`; `links` lead from there to it.
fn sort(columns: &mut [Vec<usize>], at: usize, other: usize, links: &[(usize, usize)]) {
    let mean = |node: usize, own: usize| {
        let places = links.iter().filter(|(_, to)| *to == node);
        let places: Vec<usize> =
            places.filter_map(|(from, _)| columns[other].iter().position(|one| one == from)).collect();
        // In thousandths; what has no neighbour stays where it is.
        if places.is_empty() { own * 1_000 } else { places.iter().sum::<usize>() * 1_000 / places.len() }
    };
    let mut sorted: Vec<(usize, usize)> =
        columns[at].iter().enumerate().map(|(own, node)| (mean(*node, own), *node)).collect();
    sorted.sort_by_key(|(mean, _)| *mean);
    columns[at] = sorted.into_iter().map(|(_, node)| node).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_lead_to_the_right_and_around_boxes() {
        // 0 → 1 → 2, and 0 → 2 past 1.
        let found = layout(3, &[(0, 1), (1, 2), (0, 2)]);
        assert_eq!(found.boxes, [(0, 1), (1, 0), (2, 1)]);
        assert_eq!(found.edges[2], [(0, 1), (1, 2), (2, 1)]);
        assert_eq!(found.size, (3, 4));
    }

    #[test]
    fn neighbours_stand_beside_each_other() {
        // Two roots with a child each, in the wrong order.
        let found = layout(4, &[(0, 3), (1, 2)]);
        assert_eq!(found.boxes, [(0, 0), (0, 2), (1, 2), (1, 0)]);
    }

    #[test]
    fn nothing_is_a_drawing_too() {
        assert_eq!(layout(0, &[]).size, (0, 0));
    }
}
