//! A definition as nodes and edges with their words.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use victor_text::excerpt;
use victor_workflow_protocol::{Join, OnFailure, Step, StepAction, WaitStep, Workflow};

/// The most characters of a condition at an edge.
const EDGE_WORDS: usize = 30;
/// The most characters of a line in a node.
const NODE_WORDS: usize = 40;

/// Steps with their edges.
#[derive(Debug)]
pub(crate) struct Diagram<'w> {
    pub(crate) nodes: Vec<Node<'w>>,
    pub(crate) edges: Vec<Edge>,
}

/// A step.
#[derive(Debug)]
pub(crate) struct Node<'w> {
    pub(crate) id: &'w str,
    pub(crate) shape: Shape,
    /// The lines below the name.
    pub(crate) lines: Vec<String>,
    /// Everything that is cut in the lines.
    pub(crate) whole: String,
    /// Whether the step may be skipped by its own condition.
    pub(crate) is_conditional: bool,
    pub(crate) body: Option<Diagram<'w>>,
}

/// The kind of a step, as it is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Work that happens outside: a call, a turn, a tool, a sub-workflow.
    Work,
    /// A value is computed.
    Value,
    /// A way is chosen.
    Choice,
    /// A person is asked.
    Question,
    /// Something is waited for.
    Wait,
    /// Steps are within it.
    Group,
}

/// An edge between two steps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The condition under which a branch takes it.
    pub(crate) label: Option<String>,
}

/// The workflow itself, and its sub-workflows under their names.
pub(crate) fn diagrams(workflow: &Workflow) -> Vec<(Option<&str>, Diagram<'_>)> {
    let main = (None, Diagram::new(&workflow.steps));
    let others = workflow.workflows.iter();
    let others = others.map(|(name, body)| (Some(name.as_str()), Diagram::new(&body.steps)));
    std::iter::once(main).chain(others).collect()
}

impl<'w> Diagram<'w> {
    fn new(steps: &'w [Step]) -> Self {
        Self {
            nodes: steps.iter().map(Node::new).collect(),
            edges: edges(steps),
        }
    }
}

/// The edges of a body, as the runner draws them. Names that are not there are left out.
fn edges(steps: &[Step]) -> Vec<Edge> {
    let find = |name: &str| steps.iter().position(|step| step.id == name);
    let mut edges: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
    for (from, step) in steps.iter().enumerate() {
        if let StepAction::Branch(branch) = &step.action {
            let cases = branch
                .cases
                .iter()
                .map(|case| (case.when.as_str(), &case.then));
            let cases = cases.chain(branch.otherwise.iter().map(|to| ("else", to)));
            for (when, to) in cases {
                if let Some(to) = find(to) {
                    edges
                        .entry((from, to))
                        .or_default()
                        .push(excerpt(when, EDGE_WORDS));
                }
            }
        }
    }
    for (to, step) in steps.iter().enumerate() {
        let is_target = edges
            .iter()
            .any(|((_, target), words)| *target == to && !words.is_empty());
        let before: Vec<_> = match &step.after {
            Some(names) => names.iter().filter_map(|name| find(name)).collect(),
            None if is_target => Vec::new(),
            None => to.checked_sub(1).into_iter().collect(),
        };
        for from in before {
            edges.entry((from, to)).or_default();
        }
    }
    let edge = |((from, to), words): (_, Vec<String>)| {
        let label = (!words.is_empty()).then(|| excerpt(&words.join(", "), EDGE_WORDS));
        Edge { from, to, label }
    };
    edges.into_iter().map(edge).collect()
}

impl<'w> Node<'w> {
    fn new(step: &'w Step) -> Self {
        let (shape, work) = work(&step.action);
        let mut lines = vec![work];
        if let Some(when) = &step.when {
            lines.push(format!("if {when}"));
        }
        let join = match step.join {
            Join::All => Some("joins all".to_owned()),
            Join::Any => Some("joins any".to_owned()),
            Join::AtLeast(count) => Some(format!("joins {count}")),
            _ => None,
        };
        let retry = step
            .retry
            .as_ref()
            .map(|retry| format!("{} attempts", retry.attempts));
        let limit = step.timeout.map(|time| format!("within {}", length(time)));
        let goes_on = (step.on_failure == OnFailure::Continue).then(|| "may fail".to_owned());
        let undo = step
            .compensate
            .as_ref()
            .map(|call| format!("undone by {}", call.handler));
        let more: Vec<_> = [join, retry, limit, goes_on, undo]
            .into_iter()
            .flatten()
            .collect();
        if !more.is_empty() {
            lines.push(more.join(", "));
        }
        let body = match &step.action {
            StepAction::Map(map) => Some(&map.steps),
            StepAction::Loop(repeat) => Some(&repeat.steps),
            _ => None,
        };
        Self {
            id: &step.id,
            shape,
            whole: lines.join("\n"),
            lines: lines.iter().map(|line| excerpt(line, NODE_WORDS)).collect(),
            is_conditional: step.when.is_some(),
            body: body.map(|steps| Diagram::new(steps)),
        }
    }
}

/// The shape of a step and its work in words.
fn work(action: &StepAction) -> (Shape, String) {
    match action {
        StepAction::Call(call) => (Shape::Work, format!("call {}", call.handler)),
        StepAction::Agent(agent) => match &agent.agent {
            Some(name) => (Shape::Work, format!("agent {name}: {}", agent.prompt)),
            None => (Shape::Work, format!("agent: {}", agent.prompt)),
        },
        StepAction::Tool(tool) => (Shape::Work, format!("tool {}", tool.name)),
        StepAction::Transform(_) => (Shape::Value, "transform".to_owned()),
        StepAction::Branch(_) => (Shape::Choice, "branch".to_owned()),
        StepAction::Map(map) => (Shape::Group, format!("for each of {}", map.over)),
        StepAction::Loop(repeat) => match &repeat.until {
            Some(until) => (
                Shape::Group,
                format!("until {until}, at most {} times", repeat.max),
            ),
            None => (Shape::Group, format!("{} times", repeat.max)),
        },
        StepAction::Approval(approval) => {
            (Shape::Question, format!("approval: {}", approval.prompt))
        }
        StepAction::Wait(WaitStep {
            event, time, until, ..
        }) => {
            let object = match (event, time, until) {
                (Some(event), _, _) => format!("wait for {event}"),
                (_, Some(time), _) => format!("wait {}", length(*time)),
                (_, _, Some(until)) => format!("wait until {until}"),
                _ => "wait".to_owned(),
            };
            (Shape::Wait, object)
        }
        StepAction::Workflow(sub) => (Shape::Work, format!("workflow {}", sub.name)),
        other => (Shape::Work, other.kind().to_owned()),
    }
}

/// A length of time as definitions write it.
fn length(time: Duration) -> String {
    format!(
        "{:#}",
        SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
    )
}
