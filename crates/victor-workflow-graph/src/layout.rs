//! Places for nodes and ways for edges.
//!
//! Each step is on a layer below those before it. An edge over several layers, and one with words, goes through a place
//! of its own on every layer between, so that no edge crosses a node. Which places stand beside each other, and where,
//! is computed by `rust_sugiyama`.

use rust_sugiyama::configure::Config;
use rust_sugiyama::from_vertices_and_edges;

use crate::diagram::Diagram;

/// The distance between two layers.
const GAP: f64 = 38.0;
/// The distance between two nodes of a layer.
const SPACING: f64 = 22.0;
/// The length of the straight end of an edge, which its arrow takes.
const ARROW: f64 = 9.0;
/// The width of the way of an edge through a layer.
const WAY: f64 = 8.0;

/// Width and height.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Size {
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// A point; for a node, its middle.
pub(crate) type Point = (f64, f64);

/// The way of an edge.
#[derive(Debug)]
pub(crate) struct Way {
    /// Begin, then where each layer between is entered and left, then the end.
    pub(crate) points: Vec<Point>,
    /// The middle of the words.
    pub(crate) label: Option<Point>,
}

/// A body that was laid out.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) size: Size,
    pub(crate) nodes: Vec<Point>,
    pub(crate) ways: Vec<Way>,
}

/// A node, or the way of an edge through a layer.
struct Place {
    layer: usize,
    size: Size,
    x: f64,
}

/// Lays out nodes of these sizes, and edges with words of these sizes.
pub(crate) fn layout(diagram: &Diagram<'_>, nodes: &[Size], labels: &[Option<Size>]) -> Layout {
    let layers = layers(diagram, labels);
    let place = |(layer, size): (&usize, &Size)| Place {
        layer: *layer,
        size: *size,
        x: 0.0,
    };
    let mut places: Vec<_> = layers.iter().zip(nodes).map(place).collect();
    // For each edge its places between, from above.
    let mut between: Vec<std::ops::Range<usize>> = Vec::new();
    let mut links: Vec<(u32, u32)> = Vec::new();
    for (edge, label) in diagram.edges.iter().zip(labels) {
        let first = places.len();
        for layer in layers[edge.from] + 1..layers[edge.to] {
            let way = Size {
                width: WAY,
                height: 0.0,
            };
            let size = label.filter(|_| places.len() == first).unwrap_or(way);
            places.push(Place {
                layer,
                size,
                x: 0.0,
            });
        }
        let chain = std::iter::once(edge.from)
            .chain(first..places.len())
            .chain([edge.to]);
        let chain: Vec<_> = chain
            .map(|place| u32::try_from(place).unwrap_or(u32::MAX))
            .collect();
        links.extend(chain.windows(2).map(|pair| (pair[0], pair[1])));
        between.push(first..places.len());
    }
    let width = arrange(&mut places, &links);
    let rows = rows(&places);
    let middle = |place: usize| {
        let row = &rows[places[place].layer];
        (places[place].x, (row.0 + row.1) / 2.0)
    };
    let nodes_at: Vec<_> = (0..nodes.len()).map(middle).collect();
    let ways = diagram
        .edges
        .iter()
        .zip(&between)
        .zip(labels)
        .map(|((edge, between), label)| {
            let mut points = Vec::new();
            let (x, y) = nodes_at[edge.from];
            points.extend([
                (x, y + nodes[edge.from].height / 2.0),
                (x, rows[layers[edge.from]].1),
            ]);
            for place in between.clone() {
                let (x, row) = (places[place].x, rows[places[place].layer]);
                points.extend([(x, row.0), (x, row.1)]);
            }
            let (x, y) = nodes_at[edge.to];
            points.extend([
                (x, rows[layers[edge.to]].0 - ARROW),
                (x, y - nodes[edge.to].height / 2.0),
            ]);
            Way {
                points,
                label: label.and(between.clone().next()).map(middle),
            }
        });
    let ways = ways.collect();
    let height = rows.last().map_or(0.0, |row| row.1);
    Layout {
        size: Size { width, height },
        nodes: nodes_at,
        ways,
    }
}

/// The layer of each node. A name is given to no two steps and edges make no cycle in a definition that can be run; in
/// another one, edges that lead back count as little as they can.
fn layers(diagram: &Diagram<'_>, labels: &[Option<Size>]) -> Vec<usize> {
    let mut layers = vec![0; diagram.nodes.len()];
    for _ in 0..diagram.nodes.len() {
        let mut is_settled = true;
        for (edge, label) in diagram.edges.iter().zip(labels) {
            let least = layers[edge.from] + 1 + usize::from(label.is_some());
            if layers[edge.to] < least {
                layers[edge.to] = least;
                is_settled = false;
            }
        }
        if is_settled {
            break;
        }
    }
    layers
}

/// Places all side by side within their layers, and returns the width.
fn arrange(places: &mut [Place], links: &[(u32, u32)]) -> f64 {
    let vertices: Vec<_> = (0..)
        .zip(&*places)
        .map(|(id, place)| (id, (place.size.width, place.size.height)))
        .collect();
    let config = Config {
        vertex_spacing: SPACING,
        ..Config::default()
    };
    let mut end = 0.0;
    for (vertices, _, _) in from_vertices_and_edges(&vertices, links, &config) {
        let left = |(id, (x, _)): &(usize, (f64, f64))| x - places[*id].size.width / 2.0;
        let first = vertices.iter().map(left).fold(f64::INFINITY, f64::min);
        let mut right = end;
        for (id, (x, _)) in vertices {
            places[id].x = end + x - first;
            right = f64::max(right, places[id].x + places[id].size.width / 2.0);
        }
        end = right + SPACING;
    }
    (end - SPACING).max(0.0)
}

/// Top and bottom of each layer.
fn rows(places: &[Place]) -> Vec<(f64, f64)> {
    let count = places
        .iter()
        .map(|place| place.layer + 1)
        .max()
        .unwrap_or(0);
    let mut rows = Vec::with_capacity(count);
    let mut top = 0.0;
    for layer in 0..count {
        let heights = places
            .iter()
            .filter(|place| place.layer == layer)
            .map(|place| place.size.height);
        let bottom = top + heights.fold(0.0, f64::max);
        rows.push((top, bottom));
        top = bottom + GAP;
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use victor_workflow_protocol::{Step, Workflow};

    use super::*;
    use crate::diagram::diagrams;

    /// Steps with edges from earlier ones, and the sizes of the steps.
    fn bodies() -> impl Strategy<Value = (Workflow, Vec<Size>)> {
        let size = (10..400u32, 20..300u32).prop_map(|(width, height)| Size {
            width: f64::from(width),
            height: f64::from(height),
        });
        let step = (
            proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
            size,
        );
        proptest::collection::vec(step, 1..40).prop_map(|steps| {
            let (before, sizes): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
            let steps = before.into_iter().enumerate().map(|(place, before)| {
                let before = before
                    .iter()
                    .filter(|_| place > 0)
                    .map(|index| format!("s{}", index.index(place)));
                Step::transform(format!("s{place}"), "").after(before)
            });
            (Workflow::new("w", steps), sizes)
        })
    }

    proptest! {
        #[test]
        fn nothing_overlaps(bodies in bodies(), is_labelled: bool) {
            let (workflow, sizes) = bodies;
            let (_, diagram) = diagrams(&workflow).remove(0);
            let label = is_labelled.then_some(Size { width: 90.0, height: 17.0 });
            let labels = vec![label; diagram.edges.len()];
            let found = layout(&diagram, &sizes, &labels);
            let again = layout(&diagram, &sizes, &labels);
            prop_assert_eq!(&found.nodes, &again.nodes, "a definition has one picture");
            let edge = |((x, y), size): (&Point, &Size)| {
                (x - size.width / 2.0, x + size.width / 2.0, y - size.height / 2.0, y + size.height / 2.0)
            };
            let mut boxes: Vec<_> = found.nodes.iter().zip(&sizes).map(edge).collect();
            boxes.extend(found.ways.iter().filter_map(|way| Some(edge((way.label.as_ref()?, &label?)))));
            for (place, (left, right, top, bottom)) in boxes.iter().enumerate() {
                prop_assert!(*left > -0.1 && *right < found.size.width + 0.1, "{left} {right} {:?}", found.size);
                prop_assert!(*top > -0.1 && *bottom < found.size.height + 0.1);
                for (other_left, other_right, other_top, other_bottom) in &boxes[..place] {
                    let is_beside = *right < other_left + 0.1 || *other_right < left + 0.1;
                    let is_below = *bottom < other_top + 0.1 || *other_bottom < top + 0.1;
                    prop_assert!(is_beside || is_below);
                }
            }
            for (edge, way) in diagram.edges.iter().zip(&found.ways) {
                prop_assert_eq!(way.points.len() % 2, 0);
                prop_assert!(found.nodes[edge.from].1 < found.nodes[edge.to].1, "edges lead down");
                prop_assert!(way.points.windows(2).all(|pair| pair[0].1 <= pair[1].1 + 0.1));
            }
        }
    }
}
