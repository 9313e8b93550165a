//! The state of a run: what follows from its records, without I/O.
//!
//! A run that is driven and one that is replayed take the same way, [`State::apply`]; so where a process ends between
//! two records makes no difference. Expressions are not evaluated here: what they gave is in the records.

mod apply;
mod backward;
mod node;
mod signals;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use serde_json::Value as Json;
use victor_core::{RunId, Timestamp};
use victor_workflow_protocol::{PendingWait, RunOutcome, StepPath};

pub(crate) use apply::value_of;
pub(crate) use node::{Attempts, NodeState};
pub(crate) use signals::Signals;

use crate::data::ScopeData;
use crate::expression::{self, Value};
use crate::graph::{Action, BodyId, Graph, Node, NodeId};

/// The number of a scope: a body that runs. Numbers are not used again within a state.
pub(crate) type ScopeId = u32;
/// A step that runs.
pub(crate) type Place = (ScopeId, NodeId);

/// The scope of the workflow itself.
pub(crate) const ROOT: ScopeId = 0;

/// The state of a run.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) graph: Arc<Graph>,
    pub(crate) run: RunId,
    pub(crate) phase: Phase,
    scopes: BTreeMap<ScopeId, Scope>,
    by_path: HashMap<StepPath, ScopeId>,
    next_scope: ScopeId,
    work: VecDeque<Work>,
    /// Calls that have begun and not ended.
    pub(crate) running: BTreeSet<Place>,
    /// Calls that are to be made again.
    pub(crate) retrying: BTreeSet<Place>,
    /// Steps that wait, in the order in which they began to.
    pub(crate) waiting: Vec<Place>,
    pub(crate) signals: Signals,
    /// The steps that can be undone, in the order in which they have ended.
    pub(crate) undo: Vec<Undo>,
}

/// A body that runs.
#[derive(Debug)]
pub(crate) struct Scope {
    /// Its place; none for the workflow itself.
    pub(crate) path: Option<StepPath>,
    pub(crate) body: BodyId,
    pub(crate) data: Arc<ScopeData>,
    nodes: Vec<NodeState>,
    /// Number of steps that are not settled.
    open: usize,
    /// The step that it belongs to, and its number in it.
    pub(crate) parent: Option<(Place, u32)>,
}

/// The phase of a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Phase {
    /// Nothing has been read.
    New,
    /// Steps are worked on.
    Forward,
    /// A step has failed, and with it the run.
    Failed {
        step: Option<StepPath>,
        message: String,
    },
    /// Steps are undone, the last one first.
    Compensating {
        step: Option<StepPath>,
        reason: String,
        cancelled: bool,
    },
    /// Nothing more happens.
    Ended(RunOutcome),
}

/// Something to decide.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Work {
    /// A step can begin.
    Node(Place),
    /// A step with a body can go on.
    Parent(Place),
    /// All steps of a scope are settled.
    Scope(ScopeId),
    /// A step in the body of this one has failed.
    Fail(Place, String),
}

/// A step that can be undone.
#[derive(Debug)]
pub(crate) struct Undo {
    pub(crate) path: StepPath,
    pub(crate) node: (BodyId, NodeId),
    pub(crate) data: Arc<ScopeData>,
    pub(crate) output: Value,
    pub(crate) state: UndoState,
}

/// The state of a call that undoes a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum UndoState {
    Open(Attempts),
    Running(Attempts),
    Retrying(Attempts, Timestamp),
    Done,
    Failed(String),
}

impl State {
    pub(crate) fn new(run: RunId, graph: Arc<Graph>) -> Self {
        Self {
            graph,
            run,
            phase: Phase::New,
            scopes: BTreeMap::new(),
            by_path: HashMap::new(),
            next_scope: ROOT,
            work: VecDeque::new(),
            running: BTreeSet::new(),
            retrying: BTreeSet::new(),
            waiting: Vec::new(),
            signals: Signals::default(),
            undo: Vec::new(),
        }
    }

    /// Returns the next thing to decide.
    pub(crate) fn next_work(&mut self) -> Option<Work> {
        loop {
            let work = self.work.pop_front()?;
            let is_due = match &work {
                Work::Node(place) => matches!(self.state(*place), Some(NodeState::Ready)),
                Work::Parent(place) => self.state(*place).is_some_and(NodeState::has_body),
                Work::Scope(scope) => self.scopes.get(scope).is_some_and(|scope| scope.open == 0),
                Work::Fail(place, _) => self.state(*place).is_some_and(NodeState::has_body),
            };
            if is_due {
                return Some(work);
            }
        }
    }

    /// Puts something off.
    pub(crate) fn put_off(&mut self, work: Work) {
        self.work.push_back(work);
    }

    pub(crate) fn scope(&self, id: ScopeId) -> Option<&Scope> {
        self.scopes.get(&id)
    }

    pub(crate) fn state(&self, (scope, node): Place) -> Option<&NodeState> {
        self.scopes.get(&scope)?.nodes.get(node)
    }

    pub(crate) fn node(&self, (scope, node): Place) -> Option<&Node> {
        let scope = self.scopes.get(&scope)?;
        self.graph.bodies[scope.body].nodes.get(node)
    }

    /// The place of a step as records name it.
    pub(crate) fn path(&self, (scope, node): Place) -> StepPath {
        let Some(scope) = self.scopes.get(&scope) else {
            return StepPath::new("");
        };
        let id = &self.graph.node(scope.body, node).id;
        match &scope.path {
            Some(path) => path.step(id),
            None => StepPath::new(Arc::clone(id)),
        }
    }

    /// The data that expressions of a scope see.
    pub(crate) fn data(&self, scope: ScopeId) -> Option<&Arc<ScopeData>> {
        self.scopes.get(&scope).map(|scope| &scope.data)
    }

    /// The output of a scope whose steps are settled.
    pub(crate) fn output(&self, scope: ScopeId) -> Result<Json, String> {
        let Some(scope) = self.scopes.get(&scope) else {
            return Ok(Json::Null);
        };
        let body = &self.graph.bodies[scope.body];
        match (&body.output, body.nodes.last()) {
            (Some(template), _) => template.eval(&scope.data.value()),
            (None, Some(last)) => match scope.data.output(&last.id) {
                Some(output) => expression::to_json(&output),
                None => Ok(Json::Null),
            },
            (None, None) => Ok(Json::Null),
        }
    }

    /// The waits that nothing has ended yet.
    pub(crate) fn pending(&self) -> Vec<PendingWait> {
        let open = self.waiting.iter().filter_map(|place| {
            let NodeState::Waiting(pause) = self.state(*place)? else {
                return None;
            };
            let path = self.path(*place);
            let is_answered = self.signals.answer(&path, pause.attempts.epoch).is_some();
            let wait =
                PendingWait::new(path, pause.attempts.epoch, pause.wait.clone(), pause.until);
            (!is_answered).then_some(wait)
        });
        match self.phase {
            Phase::Forward => open.collect(),
            _ => Vec::new(),
        }
    }

    /// The next time at which something happens by itself.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        let undo = self.undo.iter().filter_map(|undo| match undo.state {
            UndoState::Retrying(_, at) => Some(at),
            _ => None,
        });
        if matches!(self.phase, Phase::Compensating { .. }) {
            return undo.min();
        }
        let places = self.retrying.iter().chain(&self.waiting);
        let times = places.filter_map(|place| match self.state(*place)? {
            NodeState::Retrying(_, at) => Some(*at),
            NodeState::Waiting(pause) => pause.until,
            _ => None,
        });
        times.min()
    }

    /// The outcome of the run as it stands; `waits` says whether it was parked because it only waits.
    pub(crate) fn outcome(&self, waits: bool) -> RunOutcome {
        match &self.phase {
            Phase::Ended(outcome) => outcome.clone(),
            _ if waits => RunOutcome::Waiting {
                pending: self.pending(),
                wake_at: self.wake_at(),
            },
            _ => RunOutcome::Running,
        }
    }

    /// Fails the run because its output has no value.
    pub(crate) fn fail_output(&mut self, message: String) {
        self.phase = Phase::Failed {
            step: None,
            message,
        };
    }

    /// The step of a path with its definition, if it can begin.
    pub(crate) fn ready_node(&self, path: &StepPath) -> Option<(Place, &Node)> {
        let place = self.find(path).ok()?;
        let is_ready = matches!(self.state(place), Some(NodeState::Ready));
        self.node(place)
            .filter(|_| is_ready)
            .map(|node| (place, node))
    }

    /// The scope at a place.
    pub(crate) fn scope_at(&self, path: &StepPath) -> Option<ScopeId> {
        self.by_path.get(path).copied()
    }

    /// Finds a step by its path.
    fn find(&self, path: &StepPath) -> Result<Place, String> {
        let unknown = || format!("there is no step `{path}` at this point");
        let (scope, id) = match path.as_str().rsplit_once('/') {
            Some((scope, id)) => (
                *self
                    .by_path
                    .get(&StepPath::new(scope))
                    .ok_or_else(unknown)?,
                id,
            ),
            None => (ROOT, path.as_str()),
        };
        let body = self.scopes.get(&scope).ok_or_else(unknown)?.body;
        let node = self.graph.bodies[body].ids.get(id).ok_or_else(unknown)?;
        Ok((scope, *node))
    }

    fn open_scope(
        &mut self,
        path: Option<StepPath>,
        body: BodyId,
        data: ScopeData,
        parent: Option<(Place, u32)>,
    ) {
        let id = self.next_scope;
        self.next_scope += 1;
        let nodes = &self.graph.bodies[body].nodes;
        let mut states = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            states.push(if node.edges == 0 {
                self.work.push_back(Work::Node((id, index)));
                NodeState::Ready
            } else {
                NodeState::Pending { alive: 0, dead: 0 }
            });
        }
        if let Some(path) = &path {
            self.by_path.insert(path.clone(), id);
        }
        let scope = Scope {
            path,
            body,
            data: Arc::new(data),
            open: states.len(),
            nodes: states,
            parent,
        };
        self.scopes.insert(id, scope);
    }

    fn close_scope(&mut self, id: ScopeId) {
        if let Some(Scope {
            path: Some(path), ..
        }) = self.scopes.remove(&id)
        {
            self.by_path.remove(&path);
        }
    }

    /// Removes all that runs within a step.
    fn close_within(&mut self, place: Place) {
        let mut within = vec![place];
        let mut closed = BTreeSet::new();
        while let Some(place) = within.pop() {
            let inner = self
                .scopes
                .iter()
                .filter(|(_, scope)| scope.parent.is_some_and(|(parent, _)| parent == place));
            for (id, scope) in inner {
                closed.insert(*id);
                within.extend(
                    (0..scope.nodes.len())
                        .map(|node| (*id, node))
                        .filter(|place| self.state(*place).is_some_and(NodeState::has_body)),
                );
            }
        }
        self.running.retain(|(scope, _)| !closed.contains(scope));
        self.retrying.retain(|(scope, _)| !closed.contains(scope));
        self.waiting.retain(|(scope, _)| !closed.contains(scope));
        closed.into_iter().for_each(|id| self.close_scope(id));
    }

    /// The body of a step that has one.
    fn body_of(&self, place: Place) -> Option<BodyId> {
        match self.node(place)?.action {
            Action::Map { body, .. }
            | Action::Loop { body, .. }
            | Action::Workflow { body, .. } => Some(body),
            _ => None,
        }
    }
}
