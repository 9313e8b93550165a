//! The one way in which a record changes the state.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use victor_core::Timestamp;
use victor_workflow_protocol::{
    Join, OnFailure, RunOutcome, StepAnswer, StepPath, StepWaiting, StoredValue, WorkflowEvent,
};

use super::node::{Attempts, Expansion, NodeState, Pause, Repetition};
use super::{Phase, Place, ROOT, State, Undo, UndoState, Work};
use crate::data::ScopeData;
use crate::expression::{Value, from_json};
use crate::graph::{Action, NodeId, WaitFor};

/// The value that an event has, if it has one.
pub(crate) fn value_of(event: &WorkflowEvent) -> Option<&StoredValue> {
    match event {
        WorkflowEvent::RunStarted(event) => Some(&event.input),
        WorkflowEvent::StepFinished(event) => Some(&event.output),
        WorkflowEvent::StepWaiting(event) => event.state.as_ref(),
        WorkflowEvent::StepExpanded(event) => Some(&event.items),
        WorkflowEvent::ScopeStarted(event) => event.input.as_ref(),
        WorkflowEvent::ScopeFinished(event) => Some(&event.output),
        WorkflowEvent::RunFinished(event) => Some(&event.output),
        _ => None,
    }
}

impl State {
    /// Changes the state by a record, whose value was read.
    ///
    /// # Errors
    ///
    /// The definition does not lead to the record at this point.
    pub(crate) fn apply(
        &mut self,
        number: u64,
        event: &WorkflowEvent,
        value: Json,
    ) -> Result<(), String> {
        match event {
            WorkflowEvent::Signal(signal) => {
                self.signals.put(number, signal);
                return Ok(());
            }
            WorkflowEvent::Unknown(_) => {
                return Err(format!(
                    "it is a `{}`, which this build does not know: use a later version of Victor",
                    event.kind()
                ));
            }
            WorkflowEvent::RunStarted(_) => {
                self.expect(self.phase == Phase::New, "a run begins once")?;
                self.phase = Phase::Forward;
                let run = json!({ "id": self.run, "workflow": self.graph.workflow.name });
                let given = vec![("input", from_json(&value)), ("run", from_json(&run))];
                self.open_scope(None, ROOT as usize, ScopeData::new(given, None), None);
                return Ok(());
            }
            WorkflowEvent::RunMigrated(_) => return Ok(()),
            _ => {}
        }
        match self.phase {
            Phase::Compensating { .. } => self.apply_backward(event),
            _ => self.apply_forward(event, value),
        }
    }

    fn expect(&self, holds: bool, message: &str) -> Result<(), String> {
        if holds {
            Ok(())
        } else {
            Err(message.to_owned())
        }
    }

    fn apply_forward(&mut self, event: &WorkflowEvent, value: Json) -> Result<(), String> {
        let is_forward = self.phase == Phase::Forward;
        match event {
            WorkflowEvent::RunCompensating(event) => {
                let step = match &self.phase {
                    Phase::Failed { step, .. } => step.clone(),
                    Phase::Forward if event.cancelled || self.is_settled() => None,
                    _ => return Err("nothing has failed".into()),
                };
                self.stop();
                self.phase = Phase::Compensating {
                    step,
                    reason: event.reason.clone(),
                    cancelled: event.cancelled,
                };
                return Ok(());
            }
            WorkflowEvent::RunFailed(event) => {
                // A run fails by a step, or by its output.
                let has_failed = matches!(self.phase, Phase::Failed { .. }) || self.is_settled();
                self.expect(has_failed, "nothing has failed")?;
                self.end(RunOutcome::Failed {
                    message: event.message.clone(),
                    step: event.step.clone(),
                });
                return Ok(());
            }
            WorkflowEvent::RunCancelled(event) if is_forward => {
                self.end(RunOutcome::Cancelled(event.reason.clone()));
                return Ok(());
            }
            _ => self.expect(is_forward, "the run does not work on steps at this point")?,
        }
        match event {
            WorkflowEvent::StepStarted(event) => {
                self.step_started(&event.step, event.attempt, event.signal)
            }
            WorkflowEvent::StepFinished(event) => {
                self.step_finished(&event.step, &value, event.signal)
            }
            WorkflowEvent::StepFailed(event) => {
                self.step_failed(&event.step, &event.message, event.retry_at)
            }
            WorkflowEvent::StepWaiting(event) => self.step_waiting(event, value),
            WorkflowEvent::StepSkipped(event) => {
                let place = self.ready(&event.step)?;
                let has_condition = self.node(place).is_some_and(|node| node.when.is_some());
                self.expect(has_condition, "the step has no condition")?;
                self.settle(place, false, None);
                Ok(())
            }
            WorkflowEvent::BranchTaken(event) => {
                self.branch_taken(&event.step, event.to.as_deref())
            }
            WorkflowEvent::StepExpanded(event) => {
                let place = self.ready(&event.step)?;
                self.expect_kind(place, |action| matches!(action, Action::Map { .. }))?;
                let Json::Array(items) = value else {
                    return Err("the items are no list".into());
                };
                self.set(
                    place,
                    NodeState::Map(Expansion {
                        outputs: vec![None; items.len()],
                        items: items.iter().map(from_json).collect(),
                        next: 0,
                        open: 0,
                    }),
                );
                self.work.push_back(Work::Parent(place));
                Ok(())
            }
            WorkflowEvent::ScopeStarted(event) => self.scope_started(&event.scope, &value),
            WorkflowEvent::ScopeFinished(event) => self.scope_finished(&event.scope, &value),
            WorkflowEvent::RunFinished(_) => {
                self.expect(self.is_settled(), "steps of the definition have not ended")?;
                self.end(RunOutcome::Finished(value));
                Ok(())
            }
            other => Err(format!("a `{}` has no place here", other.kind())),
        }
    }

    /// Whether every step of the workflow is settled.
    fn is_settled(&self) -> bool {
        self.scopes.get(&ROOT).is_some_and(|scope| scope.open == 0)
    }

    fn end(&mut self, outcome: RunOutcome) {
        self.stop();
        self.phase = Phase::Ended(outcome);
    }

    /// Stops all steps.
    fn stop(&mut self) {
        self.running.clear();
        self.retrying.clear();
        self.waiting.clear();
        self.work.clear();
    }

    fn set(&mut self, (scope, node): Place, state: NodeState) {
        if let Some(slot) = self
            .scopes
            .get_mut(&scope)
            .and_then(|scope| scope.nodes.get_mut(node))
        {
            *slot = state;
        }
    }

    /// The step of a path, if it can begin.
    fn ready(&self, path: &StepPath) -> Result<Place, String> {
        let place = self.find(path)?;
        let is_ready = matches!(self.state(place), Some(NodeState::Ready));
        self.expect(
            is_ready,
            &format!("step `{path}` does not begin at this point"),
        )?;
        Ok(place)
    }

    fn expect_kind(&self, place: Place, is: impl Fn(&Action) -> bool) -> Result<(), String> {
        match self.node(place) {
            Some(node) if is(&node.action) => Ok(()),
            Some(node) => Err(format!(
                "step `{}` is a `{}` now",
                self.path(place),
                node.kind
            )),
            None => Err("there is no such step".into()),
        }
    }

    fn step_started(
        &mut self,
        path: &StepPath,
        attempt: u32,
        signal: Option<u64>,
    ) -> Result<(), String> {
        let place = self.find(path)?;
        self.expect_kind(place, |action| matches!(action, Action::Call(_)))?;
        let mut attempts = match self.state(place) {
            Some(NodeState::Ready) => Attempts::default(),
            Some(NodeState::Running(attempts) | NodeState::Retrying(attempts, _)) => {
                attempts.clone()
            }
            Some(NodeState::Waiting(pause)) => {
                let pause = pause.clone();
                let answer = match signal {
                    Some(number) => self.signals.take(number).ok_or("there is no such signal")?,
                    None => Json::Null,
                };
                let mut attempts = pause.attempts;
                attempts.answer = Some(StepAnswer::new(pause.state, answer, attempts.epoch));
                attempts.epoch += 1;
                attempts
            }
            _ => return Err(format!("step `{path}` does not begin at this point")),
        };
        self.expect(
            attempt == attempts.begun + 1,
            "attempts are counted otherwise",
        )?;
        attempts.begun = attempt;
        self.waiting.retain(|other| *other != place);
        self.retrying.remove(&place);
        self.running.insert(place);
        self.set(place, NodeState::Running(attempts));
        Ok(())
    }

    fn step_finished(
        &mut self,
        path: &StepPath,
        value: &Json,
        signal: Option<u64>,
    ) -> Result<(), String> {
        let place = self.find(path)?;
        let node = self.node(place).ok_or("there is no such step")?;
        let is_due = match (self.state(place), &node.action) {
            (Some(NodeState::Running(_)), Action::Call(_))
            | (Some(NodeState::Ready), Action::Transform(_)) => true,
            (Some(NodeState::Waiting(_)), Action::Approval { .. } | Action::Wait(_)) => true,
            (Some(NodeState::Map(map)), Action::Map { .. }) => {
                map.outputs.iter().all(Option::is_some)
            }
            (Some(NodeState::Loop(repeat)), Action::Loop { .. }) => {
                !repeat.is_open && repeat.last.is_some()
            }
            (Some(NodeState::Sub(output)), Action::Workflow { .. }) => output.is_some(),
            _ => false,
        };
        self.expect(
            is_due,
            &format!(
                "step `{path}`, a `{}`, does not end at this point",
                node.kind
            ),
        )?;
        if let Some(number) = signal {
            self.signals.take(number).ok_or("there is no such signal")?;
        }
        self.finish(place, from_json(value));
        Ok(())
    }

    /// Ends a step well.
    fn finish(&mut self, place: Place, output: Value) {
        let path = self.path(place);
        self.running.remove(&place);
        self.waiting.retain(|other| *other != place);
        if let Some(scope) = self.scopes.get(&place.0) {
            let node = self.graph.node(scope.body, place.1);
            scope.data.put(&node.id, output.clone());
            if node.compensate.is_some() {
                self.undo.push(Undo {
                    path,
                    node: (scope.body, place.1),
                    data: Arc::clone(&scope.data),
                    output,
                    state: UndoState::Open(Attempts::default()),
                });
            }
        }
        self.settle(place, true, None);
    }

    fn step_failed(
        &mut self,
        path: &StepPath,
        message: &str,
        retry_at: Option<Timestamp>,
    ) -> Result<(), String> {
        let place = self.find(path)?;
        let (retries, on_failure) = match self.node(place) {
            Some(node) => (node.retry.is_some(), node.on_failure),
            None => return Err("there is no such step".into()),
        };
        match self.state(place) {
            Some(NodeState::Running(attempts)) => {
                let mut attempts = attempts.clone();
                attempts.failed += 1;
                if let Some(at) = retry_at {
                    self.expect(retries, "the step has no further attempts")?;
                    self.running.remove(&place);
                    self.retrying.insert(place);
                    self.set(place, NodeState::Retrying(attempts, at));
                    return Ok(());
                }
            }
            Some(state)
                if matches!(state, NodeState::Ready | NodeState::Waiting(_))
                    || state.has_body() => {}
            _ => return Err(format!("step `{path}` does not fail at this point")),
        }
        self.close_within(place);
        self.running.remove(&place);
        self.waiting.retain(|other| *other != place);
        if on_failure == OnFailure::Continue {
            if let Some(scope) = self.scopes.get(&place.0) {
                let id = &self.graph.node(scope.body, place.1).id;
                scope.data.put(id, from_json(&Json::Null));
                scope.data.put_error(id, message);
            }
            self.settle(place, true, None);
            return Ok(());
        }
        let parent = self.scopes.get(&place.0).and_then(|scope| scope.parent);
        match parent {
            // It is no longer waited for, and the step around it fails next.
            Some((parent, _)) => {
                let message = format!("step `{path}` failed: {message}");
                self.work.push_front(Work::Fail(parent, message));
            }
            None => {
                self.stop();
                self.phase = Phase::Failed {
                    step: Some(path.clone()),
                    message: message.to_owned(),
                };
            }
        }
        self.set(place, NodeState::Settled);
        Ok(())
    }

    fn step_waiting(&mut self, event: &StepWaiting, state: Json) -> Result<(), String> {
        let place = self.find(&event.step)?;
        let node = self.node(place).ok_or("there is no such step")?;
        let attempts = match (self.state(place), &node.action) {
            (Some(NodeState::Ready), Action::Approval { .. } | Action::Wait(_)) => {
                Attempts::default()
            }
            (Some(NodeState::Running(attempts)), Action::Call(_)) => attempts.clone(),
            _ => {
                return Err(format!(
                    "step `{}`, a `{}`, does not wait at this point",
                    event.step, node.kind
                ));
            }
        };
        if let (victor_workflow_protocol::Wait::Event { name }, Action::Wait(WaitFor::Event(now))) =
            (&event.wait, &node.action)
        {
            self.expect(
                name == now,
                &format!("step `{}` waits for `{now}` now", event.step),
            )?;
        }
        self.expect(event.epoch == attempts.epoch, "waits are counted otherwise")?;
        self.running.remove(&place);
        self.waiting.push(place);
        let pause = Pause {
            attempts,
            wait: event.wait.clone(),
            until: event.until,
            state,
        };
        self.set(place, NodeState::Waiting(pause));
        Ok(())
    }

    fn branch_taken(&mut self, path: &StepPath, to: Option<&str>) -> Result<(), String> {
        let place = self.ready(path)?;
        self.expect_kind(place, |action| matches!(action, Action::Branch { .. }))?;
        let scope = self.scopes.get(&place.0).ok_or("there is no such step")?;
        let body = &self.graph.bodies[scope.body];
        let chosen = match to {
            None => None,
            Some(to) => {
                let chosen = body.ids.get(to).copied();
                let is_edge = |chosen: &NodeId| {
                    body.nodes[place.1]
                        .next
                        .iter()
                        .any(|edge| edge.is_choice && edge.to == *chosen)
                };
                Some(
                    chosen
                        .filter(is_edge)
                        .ok_or_else(|| format!("branch `{path}` leads to `{to}` no more"))?,
                )
            }
        };
        scope
            .data
            .put(&body.nodes[place.1].id, from_json(&json!(to)));
        self.settle(place, true, chosen);
        Ok(())
    }

    /// The step and the number of a scope that begins or ends.
    fn scope_place(&self, path: &StepPath) -> Result<(Place, u32), String> {
        let parts = path.as_str().rsplit_once('/');
        let parts =
            parts.and_then(|(step, number)| Some((StepPath::new(step), number.parse().ok()?)));
        let (step, number) = parts.ok_or_else(|| format!("`{path}` is no place in a step"))?;
        Ok((self.find(&step)?, number))
    }

    fn scope_started(&mut self, path: &StepPath, input: &Json) -> Result<(), String> {
        let (place, number) = self.scope_place(path)?;
        let refused = || format!("`{path}` does not begin at this point");
        let body = self.body_of(place).ok_or_else(refused)?;
        let is_loop = matches!(
            self.node(place).map(|node| &node.action),
            Some(Action::Loop { .. })
        );
        let is_ready = matches!(self.state(place), Some(NodeState::Ready));
        if is_ready
            && number == 0
            && !matches!(
                self.node(place).map(|node| &node.action),
                Some(Action::Map { .. })
            )
        {
            self.set(
                place,
                match is_loop {
                    true => NodeState::Loop(Repetition {
                        next: 0,
                        is_open: false,
                        last: None,
                    }),
                    false => NodeState::Sub(None),
                },
            );
        } else if is_ready {
            return Err(refused());
        }
        let scope = self.scopes.get_mut(&place.0).ok_or_else(refused)?;
        let outer = Arc::clone(&scope.data);
        let data = match scope.nodes.get_mut(place.1) {
            Some(NodeState::Map(map))
                if number == map.next && (number as usize) < map.items.len() =>
            {
                map.next += 1;
                map.open += 1;
                let item = map.items[number as usize].clone();
                ScopeData::new(vec![("item", item), ("index", number.into())], Some(outer))
            }
            Some(NodeState::Loop(repeat)) if number == repeat.next && !repeat.is_open => {
                repeat.next += 1;
                repeat.is_open = true;
                let last = repeat
                    .last
                    .clone()
                    .unwrap_or_else(|| from_json(&Json::Null));
                ScopeData::new(
                    vec![("last", last), ("iteration", number.into())],
                    Some(outer),
                )
            }
            Some(NodeState::Sub(None)) if number == 0 && is_ready => {
                let run = json!({ "id": self.run, "workflow": self.graph.workflow.name });
                ScopeData::new(
                    vec![("input", from_json(input)), ("run", from_json(&run))],
                    None,
                )
            }
            _ => return Err(refused()),
        };
        self.open_scope(Some(path.clone()), body, data, Some((place, number)));
        Ok(())
    }

    fn scope_finished(&mut self, path: &StepPath, output: &Json) -> Result<(), String> {
        let refused = || format!("`{path}` does not end at this point");
        let id = *self.by_path.get(path).ok_or_else(refused)?;
        let scope = self.scopes.get(&id).filter(|scope| scope.open == 0);
        let (place, number) = scope.and_then(|scope| scope.parent).ok_or_else(refused)?;
        self.close_scope(id);
        let output = from_json(output);
        let parent = self
            .scopes
            .get_mut(&place.0)
            .and_then(|scope| scope.nodes.get_mut(place.1));
        match parent {
            Some(NodeState::Map(map)) => {
                map.open -= 1;
                map.outputs[number as usize] = Some(output);
            }
            Some(NodeState::Loop(repeat)) => {
                repeat.is_open = false;
                repeat.last = Some(output);
            }
            Some(NodeState::Sub(slot)) => *slot = Some(output),
            _ => return Err(refused()),
        }
        self.work.push_back(Work::Parent(place));
        Ok(())
    }

    /// Settles a step, and what follows from it: steps that can begin, and steps that nothing leads to any more.
    fn settle(&mut self, place: Place, is_alive: bool, chosen: Option<NodeId>) {
        let (id, node) = place;
        let Some(scope) = self.scopes.get_mut(&id) else {
            return;
        };
        let nodes = &self.graph.bodies[scope.body].nodes;
        scope.nodes[node] = NodeState::Settled;
        scope.open -= 1;
        let mut settled = vec![(node, is_alive, chosen)];
        while let Some((from, is_alive, chosen)) = settled.pop() {
            for edge in &nodes[from].next {
                let lives = is_alive && (!edge.is_choice || chosen == Some(edge.to));
                let NodeState::Pending { alive, dead } = &mut scope.nodes[edge.to] else {
                    continue;
                };
                *(if lives { &mut *alive } else { &mut *dead }) += 1;
                match decide(nodes[edge.to].join, nodes[edge.to].edges, *alive, *dead) {
                    Some(true) => {
                        scope.nodes[edge.to] = NodeState::Ready;
                        self.work.push_back(Work::Node((id, edge.to)));
                    }
                    Some(false) => {
                        scope.nodes[edge.to] = NodeState::Settled;
                        scope.open -= 1;
                        settled.push((edge.to, false, None));
                    }
                    None => {}
                }
            }
        }
        if scope.open == 0 {
            self.work.push_back(Work::Scope(id));
        }
    }
}

/// Whether a step begins, or never does; none while that is open.
fn decide(join: Join, edges: u32, alive: u32, dead: u32) -> Option<bool> {
    let wanted = match join {
        Join::All => edges,
        Join::AtLeast(count) => count,
        Join::Merge if alive + dead < edges => return None,
        _ => 1,
    };
    if alive >= wanted {
        Some(true)
    } else if edges - dead < wanted {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_completes_or_never_does() {
        let cases = [
            (Join::Merge, 2, 1, 0, None),
            (Join::Merge, 2, 1, 1, Some(true)),
            (Join::Merge, 2, 0, 2, Some(false)),
            (Join::All, 2, 1, 0, None),
            (Join::All, 2, 2, 0, Some(true)),
            (Join::All, 2, 0, 1, Some(false)),
            (Join::Any, 3, 1, 0, Some(true)),
            (Join::Any, 3, 0, 2, None),
            (Join::Any, 3, 0, 3, Some(false)),
            (Join::AtLeast(2), 3, 1, 1, None),
            (Join::AtLeast(2), 3, 2, 0, Some(true)),
            (Join::AtLeast(2), 3, 1, 2, Some(false)),
        ];
        for (join, edges, alive, dead, expected) in cases {
            assert_eq!(
                decide(join, edges, alive, dead),
                expected,
                "{join:?} {alive} {dead}"
            );
        }
    }
}
