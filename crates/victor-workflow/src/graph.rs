//! Definitions that were checked, in the form in which they are run.

mod check;
mod compile;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{InvalidWorkflow, Join, OnFailure, Retry, Workflow};

use crate::expression::{Expression, Template};

/// Name of the handler behind steps that have a turn of an agent.
pub(crate) const AGENT: &str = "agent";
/// Name of the handler behind steps that call a tool.
pub(crate) const TOOL: &str = "tool";

/// The place of a body among those of its workflow.
pub(crate) type BodyId = usize;
/// The place of a step among those of its body.
pub(crate) type NodeId = usize;

/// A definition that was checked.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) workflow: Workflow,
    pub(crate) hash: ContentHash,
    /// Number of calls at the same time.
    pub(crate) concurrency: usize,
    /// The first one is that of the workflow itself.
    pub(crate) bodies: Vec<BodyGraph>,
}

impl Graph {
    pub(crate) fn new(workflow: Workflow) -> Result<Self, InvalidWorkflow> {
        compile::compile(workflow, None)
    }

    /// Checks as well that there are no other handlers than these.
    #[cfg(feature = "yaml")]
    pub(crate) fn checked(
        workflow: Workflow,
        handlers: Option<&[&str]>,
    ) -> Result<Self, InvalidWorkflow> {
        compile::compile(workflow, handlers)
    }

    pub(crate) fn node(&self, body: BodyId, node: NodeId) -> &Node {
        &self.bodies[body].nodes[node]
    }

    /// The handlers that are needed, with the first step that needs each.
    pub(crate) fn handlers(&self) -> impl Iterator<Item = (&str, &str)> {
        let nodes = self.bodies.iter().flat_map(|body| &body.nodes);
        nodes.flat_map(|node| {
            let call = match &node.action {
                Action::Call(call) => Some(call),
                _ => None,
            };
            let calls = call.into_iter().chain(&node.compensate);
            calls.map(|call| (&*call.handler, &*node.id))
        })
    }
}

/// Steps with their edges.
#[derive(Debug)]
pub(crate) struct BodyGraph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) ids: HashMap<Arc<str>, NodeId>,
    /// The output; that of the last step if absent.
    pub(crate) output: Option<Template>,
}

/// A step with its edges.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: Arc<str>,
    pub(crate) kind: &'static str,
    pub(crate) action: Action,
    pub(crate) when: Option<Expression>,
    pub(crate) join: Join,
    /// Number of edges that lead here.
    pub(crate) edges: u32,
    /// The edges from here.
    pub(crate) next: Vec<Edge>,
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) on_failure: OnFailure,
    pub(crate) compensate: Option<Call>,
}

/// An edge to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) to: NodeId,
    /// Whether it is alive only if the branch from which it comes has chosen it.
    pub(crate) is_choice: bool,
}

/// The work of a step.
#[derive(Debug)]
pub(crate) enum Action {
    Call(Call),
    Transform(Template),
    Branch {
        cases: Vec<(Expression, NodeId)>,
        otherwise: Option<NodeId>,
    },
    Map {
        over: Expression,
        limit: u32,
        body: BodyId,
    },
    Loop {
        until: Option<Expression>,
        max: u32,
        body: BodyId,
    },
    Approval {
        prompt: Template,
        show: Template,
    },
    Wait(WaitFor),
    Workflow {
        input: Template,
        body: BodyId,
    },
}

/// The object of a wait.
#[derive(Debug)]
pub(crate) enum WaitFor {
    Event(String),
    Time(Duration),
    Until(Expression),
}

/// A call of a handler.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) handler: Box<str>,
    pub(crate) input: Template,
}
