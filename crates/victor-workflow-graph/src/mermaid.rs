//! A flowchart in Mermaid.

use std::fmt::Write as _;

use victor_workflow_protocol::Workflow;

use crate::diagram::{Diagram, Node, Shape, diagrams};

/// Returns the definition as a flowchart in Mermaid, without the fence that Markdown puts around it.
#[must_use]
pub fn mermaid(workflow: &Workflow) -> String {
    let mut chart = Chart {
        text: "flowchart TD\n".to_owned(),
        next: 0,
    };
    for (name, diagram) in diagrams(workflow) {
        match name {
            None => chart.body(&diagram, 1),
            Some(name) => chart.group(&text(&[&format!("workflow {name}")]), &diagram, 1),
        }
    }
    chart.text
}

struct Chart {
    text: String,
    /// Number of the next node, since a name may be a word of Mermaid.
    next: usize,
}

impl Chart {
    fn line(&mut self, depth: usize, line: &str) {
        // A `String` takes everything.
        let _ = writeln!(self.text, "{:1$}{line}", "", depth * 4);
    }

    fn body(&mut self, diagram: &Diagram<'_>, depth: usize) {
        let mut names = Vec::new();
        for node in &diagram.nodes {
            let mut words = vec![node.id];
            words.extend(node.lines.iter().map(String::as_str));
            let words = text(&words);
            names.push(match &node.body {
                Some(body) => self.group_of(&words, body, depth),
                None => {
                    let name = self.name();
                    self.line(depth, &format!("{name}{}", shape(node, &words)));
                    name
                }
            });
            if node.is_conditional {
                let line = format!("style {} stroke-dasharray: 4 4", names[names.len() - 1]);
                self.line(depth, &line);
            }
        }
        for edge in &diagram.edges {
            let (from, to) = (&names[edge.from], &names[edge.to]);
            let line = match &edge.label {
                Some(label) => format!("{from} -->|{}| {to}", text(&[label])),
                None => format!("{from} --> {to}"),
            };
            self.line(depth, &line);
        }
    }

    fn group(&mut self, words: &str, diagram: &Diagram<'_>, depth: usize) {
        self.group_of(words, diagram, depth);
    }

    fn group_of(&mut self, words: &str, diagram: &Diagram<'_>, depth: usize) -> String {
        let name = self.name();
        self.line(depth, &format!("subgraph {name} [{words}]"));
        self.body(diagram, depth + 1);
        self.line(depth, "end");
        name
    }

    fn name(&mut self) -> String {
        self.next += 1;
        format!("n{}", self.next - 1)
    }
}

fn shape(node: &Node<'_>, words: &str) -> String {
    match node.shape {
        Shape::Work | Shape::Group => format!("[{words}]"),
        Shape::Value => format!("({words})"),
        Shape::Choice => format!("{{{words}}}"),
        Shape::Question => format!("{{{{{words}}}}}"),
        Shape::Wait => format!("([{words}])"),
    }
}

/// Lines as a quoted text of Mermaid, in which nothing is markup.
fn text(lines: &[&str]) -> String {
    let mut text = "\"".to_owned();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            text += "<br/>";
        }
        for c in line.chars() {
            match c {
                '"' | '<' | '>' | '&' | '#' | '`' | ';' | '\\' => {
                    // A `String` takes everything.
                    let _ = write!(text, "#{};", u32::from(c));
                }
                c => text.push(c),
            }
        }
    }
    text + "\""
}
