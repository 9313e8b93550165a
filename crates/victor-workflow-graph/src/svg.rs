//! A picture in SVG.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;
use victor_workflow_protocol::Workflow;

use crate::diagram::{Diagram, Node, Shape, diagrams};
use crate::layout::{Layout, Point, Size, Way, layout};

/// The width of a character: all text is in a font in which they are equally wide.
const CHARACTER: f64 = 7.25;
/// The same of small text.
const SMALL: f64 = 6.65;
/// The height of a line.
const LINE: f64 = 17.0;
/// The distance between the words of a node and its border.
const PADDING: f64 = 12.0;
/// The margin around the picture.
const MARGIN: f64 = 16.0;
/// The most characters of a name on one line.
const NAME: usize = 34;

const STYLE: &str = "\
svg.workflow { --paper: #ffffff; --ink: #1f2328; --faint: #59636e; --line: #818b98; --node: #f6f8fa; --group: #ffffff;
  --work: #0969da; --value: #818b98; --choice: #bc4c00; --question: #8250df; --wait: #1a7f37; }
@media (prefers-color-scheme: dark) {
  svg.workflow { --paper: #0d1117; --ink: #e6edf3; --faint: #9198a1; --line: #7d8590; --node: #161b22; --group: #0d1117;
    --work: #4493f8; --value: #7d8590; --choice: #db8b3a; --question: #ab7df8; --wait: #3fb950; }
}
svg.workflow text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, \"DejaVu Sans Mono\", monospace;
  fill: var(--ink); text-anchor: middle; }
svg.workflow text.small { font-size: 11px; fill: var(--faint); }
svg.workflow text.edge { font-size: 11px; fill: var(--faint); }
svg.workflow text.name { font-weight: 600; }
svg.workflow .paper { fill: var(--paper); }
svg.workflow .node { fill: var(--node); stroke-width: 1.5; }
svg.workflow .group { fill: var(--group); stroke-width: 1.5; }
svg.workflow .way { fill: none; stroke: var(--line); stroke-width: 1.3; }
svg.workflow marker path { fill: var(--line); }
svg.workflow .work { stroke: var(--work); }
svg.workflow .value { stroke: var(--value); }
svg.workflow .choice { stroke: var(--choice); }
svg.workflow .question { stroke: var(--question); }
svg.workflow .wait { stroke: var(--wait); }
svg.workflow .conditional { stroke-dasharray: 5 4; }
";

/// Returns the definition as a picture in SVG: one element, with its style and without a script, for a file or to be put
/// into a page.
#[must_use]
pub fn svg(workflow: &Workflow) -> String {
    let parts: Vec<_> = diagrams(workflow)
        .into_iter()
        .map(|(name, diagram)| match name {
            None => (None, Drawing::new(diagram)),
            Some(name) => (
                Some(Lines::new(name, &["sub-workflow".to_owned()])),
                Drawing::new(diagram),
            ),
        })
        .collect();
    let mut size = Size::default();
    let mut places = Vec::new();
    for (title, drawing) in &parts {
        let part = match title {
            None => drawing.layout.size,
            Some(title) => title.around(drawing.layout.size),
        };
        places.push((MARGIN, MARGIN + size.height));
        size.width = size.width.max(part.width);
        size.height += part.height + 2.0 * MARGIN;
    }
    let (width, height) = (size.width + 2.0 * MARGIN, size.height);
    let mut text = String::new();
    let mut out = Out(&mut text);
    out.line(&format!(
        "<svg class=\"workflow\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"workflow {}\">",
        escaped(&workflow.name)
    ));
    out.line(&format!("<style>\n{STYLE}</style>"));
    out.line(
        "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>",
    );
    out.line("<rect class=\"paper\" width=\"100%\" height=\"100%\"/>");
    for ((title, drawing), (x, y)) in parts.iter().zip(places) {
        match title {
            None => drawing.draw(&mut out, (x, y)),
            Some(title) => title.group(
                &mut out,
                "work",
                drawing,
                (x, y),
                title.around(drawing.layout.size),
            ),
        }
    }
    out.line("</svg>");
    text
}

/// A body with its places.
struct Drawing<'w> {
    diagram: Diagram<'w>,
    blocks: Vec<Block<'w>>,
    layout: Layout,
}

/// A node with its size.
struct Block<'w> {
    lines: Lines,
    size: Size,
    inner: Option<Drawing<'w>>,
}

impl<'w> Drawing<'w> {
    fn new(mut diagram: Diagram<'w>) -> Self {
        let blocks: Vec<_> = diagram.nodes.iter_mut().map(Block::new).collect();
        let sizes: Vec<_> = blocks.iter().map(|node| node.size).collect();
        let label = |label: &String| Size {
            width: label.width() as f64 * SMALL + 8.0,
            height: LINE,
        };
        let labels: Vec<_> = diagram
            .edges
            .iter()
            .map(|edge| edge.label.as_ref().map(label))
            .collect();
        let layout = layout(&diagram, &sizes, &labels);
        Self {
            diagram,
            blocks,
            layout,
        }
    }

    fn draw(&self, out: &mut Out<'_>, (left, top): Point) {
        for (edge, way) in self.diagram.edges.iter().zip(&self.layout.ways) {
            out.line(&format!(
                "<path class=\"way\" marker-end=\"url(#arrow)\" d=\"{}\"/>",
                path(way, (left, top))
            ));
            if let (Some(label), Some((x, y))) = (&edge.label, way.label) {
                let width = label.width() as f64 * SMALL + 4.0;
                let size = Size {
                    width,
                    height: LINE,
                };
                out.rect(
                    "paper",
                    (left + x - width / 2.0, top + y - LINE / 2.0),
                    size,
                    2.0,
                );
                out.text("edge", (left + x, top + y + 4.0), label);
            }
        }
        let nodes = self
            .diagram
            .nodes
            .iter()
            .zip(&self.blocks)
            .zip(&self.layout.nodes);
        for ((node, drawn), (x, y)) in nodes {
            drawn.draw(
                out,
                node,
                (
                    left + x - drawn.size.width / 2.0,
                    top + y - drawn.size.height / 2.0,
                ),
            );
        }
    }
}

impl<'w> Block<'w> {
    fn new(node: &mut Node<'w>) -> Self {
        let lines = Lines::new(node.id, &node.lines);
        let inner = node.body.take().map(Drawing::new);
        let mut size = match &inner {
            Some(inner) => lines.around(inner.layout.size),
            None => lines.size(),
        };
        // The corners of these shapes are cut off.
        if inner.is_none() && matches!(node.shape, Shape::Choice | Shape::Question | Shape::Wait) {
            size.width += 20.0;
        }
        Self { lines, size, inner }
    }

    fn draw(&self, out: &mut Out<'_>, node: &Node<'_>, (x, y): Point) {
        let kind = match node.shape {
            Shape::Work | Shape::Group => "work",
            Shape::Value => "value",
            Shape::Choice => "choice",
            Shape::Question => "question",
            Shape::Wait => "wait",
        };
        let class = if node.is_conditional {
            format!("{kind} conditional")
        } else {
            kind.to_owned()
        };
        out.line("<g>");
        out.line(&format!(
            "<title>{}\n{}</title>",
            escaped(node.id),
            escaped(&node.whole)
        ));
        if let Some(inner) = &self.inner {
            self.lines.group(out, &class, inner, (x, y), self.size);
        } else {
            let Size { width, height } = self.size;
            let corner = match node.shape {
                Shape::Wait => height / 2.0,
                Shape::Value => 9.0,
                _ => 3.0,
            };
            match node.shape {
                Shape::Choice | Shape::Question => {
                    let (right, bottom, cut) = (x + width, y + height, 12.0);
                    out.line(&format!(
                        "<path class=\"node {class}\" d=\"M{:.1} {y:.1}H{:.1}L{right:.1} {m:.1}L{:.1} {bottom:.1}H{:.1}\
                         L{x:.1} {m:.1}z\"/>",
                        x + cut,
                        right - cut,
                        right - cut,
                        x + cut,
                        m = y + height / 2.0,
                    ));
                }
                _ => out.rect(&format!("node {class}"), (x, y), self.size, corner),
            }
            self.lines.draw(out, (x + width / 2.0, y + PADDING / 2.0));
        }
        out.line("</g>");
    }
}

/// The words of a node: a name, perhaps on several lines, and smaller lines below it.
struct Lines {
    name: Vec<String>,
    more: Vec<String>,
}

impl Lines {
    fn new(name: &str, more: &[String]) -> Self {
        Self {
            name: wrapped(name),
            more: more.to_vec(),
        }
    }

    fn size(&self) -> Size {
        let names = self.name.iter().map(|line| line.width() as f64 * CHARACTER);
        let more = self.more.iter().map(|line| line.width() as f64 * SMALL);
        Size {
            width: names.chain(more).fold(0.0, f64::max) + 2.0 * PADDING,
            height: (self.name.len() + self.more.len()) as f64 * LINE + PADDING,
        }
    }

    /// The size of a group with these words above its steps.
    fn around(&self, inner: Size) -> Size {
        let words = self.size();
        Size {
            width: words.width.max(inner.width + 2.0 * PADDING),
            height: words.height + inner.height + PADDING * 1.5,
        }
    }

    fn group(
        &self,
        out: &mut Out<'_>,
        class: &str,
        inner: &Drawing<'_>,
        (x, y): Point,
        size: Size,
    ) {
        out.rect(&format!("group {class}"), (x, y), size, 8.0);
        self.draw(out, (x + size.width / 2.0, y + PADDING / 2.0));
        let left = x + (size.width - inner.layout.size.width) / 2.0;
        inner.draw(out, (left, y + self.size().height + PADDING / 2.0));
    }

    /// Draws the lines below each other.
    fn draw(&self, out: &mut Out<'_>, (middle, top): Point) {
        let names = self.name.iter().map(|line| ("name", line));
        let more = self.more.iter().map(|line| ("small", line));
        let mut y = top;
        for (class, line) in names.chain(more) {
            y += LINE;
            out.text(class, (middle, y - 4.5), line);
        }
    }
}

/// A name in lines, broken behind `_` and `-` where that is possible.
fn wrapped(name: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = name;
    while let Some((cut, _)) = rest.char_indices().nth(NAME) {
        let end = rest[..cut].rfind(['_', '-']).map_or(cut, |place| place + 1);
        lines.push(rest[..end].to_owned());
        rest = &rest[end..];
    }
    lines.push(rest.to_owned());
    lines
}

/// A way as straight pieces through layers and curves between them.
fn path(way: &Way, (left, top): Point) -> String {
    let mut path = String::new();
    for (index, (x, y)) in way
        .points
        .iter()
        .map(|(x, y)| (x + left, y + top))
        .enumerate()
    {
        // A `String` takes everything.
        let _ = match index {
            0 => write!(path, "M{x:.1} {y:.1}"),
            _ if index % 2 == 1 => write!(path, "V{y:.1}"),
            _ => {
                let (from, above) = way.points[index - 1];
                let middle = (above + top + y) / 2.0;
                match (from + left - x).abs() < 0.1 {
                    true => write!(path, "V{y:.1}"),
                    false => write!(
                        path,
                        "C{:.1} {middle:.1} {x:.1} {middle:.1} {x:.1} {y:.1}",
                        from + left
                    ),
                }
            }
        };
    }
    path
}

/// The text of the picture.
struct Out<'t>(&'t mut String);

impl Out<'_> {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn rect(&mut self, class: &str, (x, y): Point, Size { width, height }: Size, corner: f64) {
        self.line(&format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{corner:.1}\"/>"
        ));
    }

    fn text(&mut self, class: &str, (x, y): Point, text: &str) {
        self.line(&format!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
            escaped(text)
        ));
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
