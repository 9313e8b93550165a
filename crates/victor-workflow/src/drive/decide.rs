//! Decisions: what follows from the state, and from the values of expressions.

use serde_json::Value as Json;
use victor_core::Timestamp;
use victor_workflow_protocol::{
    BranchTaken, RunCancelled, RunCompensating, RunFailed, RunFinished, ScopeFinished,
    ScopeStarted, StepContext, StepError, StepExpanded, StepFailed, StepFinished, StepPath,
    StepSkipped, StepStarted, StepWaiting, Wait, WorkflowError, WorkflowEvent,
};

use super::calls::{Launch, Target};
use super::{Driver, end_of};
use crate::expression::to_json;
use crate::graph::{Action, Node, WaitFor};
use crate::state::{Attempts, NodeState, Phase, Place, ROOT, ScopeId, State, Work};

impl Driver<'_> {
    /// Decides all that can be decided.
    pub(super) fn decide(&mut self) -> Result<(), WorkflowError> {
        loop {
            match self.state.phase.clone() {
                Phase::Forward => {
                    if let Some(reason) = self.state.signals.cancel().map(str::to_owned) {
                        self.turn_back(reason, None, true)?;
                        continue;
                    }
                    self.wake()?;
                    let Some(work) = self.next_work() else {
                        return Ok(());
                    };
                    self.decide_one(work)?;
                }
                Phase::Failed { step, message } => self.turn_back(message, step, false)?,
                Phase::Compensating {
                    step,
                    reason,
                    cancelled,
                } => {
                    if !self.undo_next()? {
                        return self.end_backward(step, reason, cancelled);
                    }
                    return Ok(());
                }
                Phase::New | Phase::Ended(_) => return Ok(()),
            }
        }
    }

    /// The next thing to decide, except for calls that there is no room for.
    fn next_work(&mut self) -> Option<Work> {
        let mut put_off = Vec::new();
        let work = loop {
            let Some(work) = self.state.next_work() else {
                break None;
            };
            let is_call = match &work {
                Work::Node(place) => self
                    .state
                    .node(*place)
                    .is_some_and(|node| matches!(node.action, Action::Call(_))),
                _ => false,
            };
            if is_call && !self.has_room() {
                put_off.push(work);
            } else {
                break Some(work);
            }
        };
        put_off
            .into_iter()
            .for_each(|work| self.state.put_off(work));
        work
    }

    fn has_room(&self) -> bool {
        self.state.running.len() < self.state.graph.concurrency
    }

    /// Ends the run, or undoes steps first.
    fn turn_back(
        &mut self,
        reason: String,
        step: Option<StepPath>,
        cancelled: bool,
    ) -> Result<(), WorkflowError> {
        if self.state.undo.is_empty() {
            return self.end_backward(step, reason, cancelled);
        }
        self.emit(RunCompensating::new(reason, cancelled), Json::Null)
    }

    fn end_backward(
        &mut self,
        step: Option<StepPath>,
        reason: String,
        cancelled: bool,
    ) -> Result<(), WorkflowError> {
        let mut message = match &step {
            Some(step) if !cancelled => format!("step `{step}` failed: {reason}"),
            _ => reason,
        };
        for (step, why) in self.state.not_undone() {
            message.push_str(&format!("; step `{step}` could not be undone: {why}"));
        }
        match cancelled {
            true => self.emit(RunCancelled::new(message), Json::Null),
            false => self.emit(RunFailed::new(message).step(step), Json::Null),
        }
    }

    fn decide_one(&mut self, work: Work) -> Result<(), WorkflowError> {
        match work {
            Work::Node(place) => self.begin(place),
            Work::Parent(place) => self.go_on(place),
            Work::Scope(scope) => self.close(scope),
            Work::Fail(place, message) => self.emit(
                StepFailed::new(self.state.path(place), 1, message),
                Json::Null,
            ),
        }
    }

    /// Begins a step.
    fn begin(&mut self, place: Place) -> Result<(), WorkflowError> {
        let Some(node) = self.state.node(place) else {
            return Ok(());
        };
        if let Action::Call(_) = node.action {
            let is_skipped = match (&node.when, self.state.data(place.0)) {
                (Some(when), Some(data)) => when.is_true(&data.value()).map(|is_true| !is_true),
                _ => Ok(false),
            };
            return match is_skipped {
                Ok(false) => self.start(place, &Attempts::default(), None),
                Ok(true) => self.emit(StepSkipped::new(self.state.path(place)), Json::Null),
                Err(message) => self.emit(
                    StepFailed::new(self.state.path(place), 1, message),
                    Json::Null,
                ),
            };
        }
        match first_event(&self.state, place, node) {
            Ok((event, value)) => self.emit_stored(event, value),
            Err(message) => self.emit(
                StepFailed::new(self.state.path(place), 1, message),
                Json::Null,
            ),
        }
    }

    /// Stores the value of an event, and emits it.
    fn emit_stored(&mut self, event: Event, value: Json) -> Result<(), WorkflowError> {
        let event: WorkflowEvent = match event {
            Event::Finished(path) => StepFinished::new(path, self.writer.store(&value)).into(),
            Event::Answered(path, signal) => StepFinished::new(path, self.writer.store(&value))
                .signal(signal)
                .into(),
            Event::Expanded(path, count) => {
                StepExpanded::new(path, self.writer.store(&value), count).into()
            }
            Event::ScopeStarted(path, true) => ScopeStarted::new(path)
                .input(self.writer.store(&value))
                .into(),
            Event::ScopeStarted(path, false) => ScopeStarted::new(path).into(),
            Event::ScopeFinished(path) => {
                ScopeFinished::new(path, self.writer.store(&value)).into()
            }
            Event::RunFinished => RunFinished::new(self.writer.store(&value)).into(),
            Event::Plain(event) => event,
        };
        self.emit(event, value)
    }

    /// Goes on with a step that has a body.
    fn go_on(&mut self, place: Place) -> Result<(), WorkflowError> {
        let path = self.state.path(place);
        match next_event(&self.state, place, &path) {
            Ok(None) => Ok(()),
            Ok(Some((event, value))) => {
                self.state.put_off(Work::Parent(place));
                self.emit_stored(event, value)
            }
            Err(message) => self.emit(StepFailed::new(path, 1, message), Json::Null),
        }
    }

    /// Ends a scope whose steps are settled.
    fn close(&mut self, scope: ScopeId) -> Result<(), WorkflowError> {
        let output = self.state.output(scope);
        let parts = self
            .state
            .scope(scope)
            .map(|scope| (scope.path.clone(), scope.parent));
        let (path, parent) = parts.unwrap_or_default();
        match (output, path, parent) {
            (Ok(output), Some(path), _) => self.emit_stored(Event::ScopeFinished(path), output),
            (Ok(output), None, _) if scope == ROOT => self.emit_stored(Event::RunFinished, output),
            (Err(message), _, Some((parent, _))) => self.emit(
                StepFailed::new(self.state.path(parent), 1, message),
                Json::Null,
            ),
            (Err(message), ..) => {
                self.state.fail_output(format!("the output: {message}"));
                Ok(())
            }
            (Ok(_), None, _) => Ok(()),
        }
    }

    /// Ends waits that are over, and makes calls again whose time has come.
    fn wake(&mut self) -> Result<(), WorkflowError> {
        let now = Timestamp::now();
        let retrying: Vec<_> = self.state.retrying.iter().copied().collect();
        for place in retrying {
            if let Some(NodeState::Retrying(attempts, at)) = self.state.state(place)
                && *at <= now
                && self.has_room()
            {
                self.start(place, &attempts.clone(), None)?;
            }
        }
        for place in self.state.waiting.clone() {
            self.end_wait(place, now)?;
        }
        Ok(())
    }

    fn end_wait(&mut self, place: Place, now: Timestamp) -> Result<(), WorkflowError> {
        let Some(NodeState::Waiting(pause)) = self.state.state(place) else {
            return Ok(());
        };
        let (path, signals) = (self.state.path(place), &self.state.signals);
        let signal = match &pause.wait {
            Wait::Answer { .. } => signals.answer(&path, pause.attempts.epoch),
            Wait::Event { name } => signals.event(name),
            _ => None,
        };
        let is_over = pause.until.is_some_and(|until| until <= now);
        let signal = signal.cloned();
        if signal.is_none() && !is_over {
            return Ok(());
        }
        let is_call = self
            .state
            .node(place)
            .is_some_and(|node| matches!(node.action, Action::Call(_)));
        if is_call {
            let attempts = pause.attempts.clone();
            return match self.has_room() {
                true => self.start(place, &attempts, signal.map(|(number, _)| number)),
                false => Ok(()),
            };
        }
        match (signal, &pause.wait) {
            (Some((number, payload)), _) => {
                self.emit_stored(Event::Answered(path, number), payload)
            }
            (None, Wait::Time) => self.emit_stored(Event::Finished(path), Json::Null),
            (None, wait) => {
                let message = match wait {
                    Wait::Event { name } => format!("event `{name}` has not come in time"),
                    _ => "nobody has answered in time".to_owned(),
                };
                self.emit(StepFailed::new(path, 1, message), Json::Null)
            }
        }
    }

    /// Makes the call of a step, when its record is written.
    fn start(
        &mut self,
        place: Place,
        attempts: &Attempts,
        signal: Option<u64>,
    ) -> Result<(), WorkflowError> {
        let path = self.state.path(place);
        self.emit(
            StepStarted::new(path, attempts.begun + 1).signal(signal),
            Json::Null,
        )?;
        self.prepare(place)
    }

    /// Prepares the call of a step that has begun.
    fn prepare(&mut self, place: Place) -> Result<(), WorkflowError> {
        let (Some(node), Some(data)) = (self.state.node(place), self.state.data(place.0)) else {
            return Ok(());
        };
        let (Action::Call(call), Some(NodeState::Running(attempts))) =
            (&node.action, self.state.state(place))
        else {
            return Ok(());
        };
        let attempts = attempts.clone();
        match call.input.eval(&data.value()) {
            Ok(input) => {
                let workflow = self.state.graph.workflow.name.clone();
                let cx = StepContext::new(self.run, workflow, self.state.path(place))
                    .with_attempt(attempts.begun)
                    .with_failures(attempts.failed)
                    .with_answer(attempts.answer);
                let launch = Launch {
                    target: Target::Step(place),
                    handler: call.handler.clone(),
                    cx,
                    input,
                    timeout: node.timeout,
                };
                self.calls.push(launch);
                Ok(())
            }
            Err(message) => self.fail(place, &attempts, &StepError::permanent(message)),
        }
    }

    /// Makes the calls again that the end of their process has cut off.
    pub(super) fn call_again(&mut self) -> Result<(), WorkflowError> {
        for place in self.state.running.clone() {
            let Some(NodeState::Running(attempts)) = self.state.state(place) else {
                continue;
            };
            let attempts = attempts.clone();
            let waited = attempts.epoch;
            if attempts.begun.saturating_sub(attempts.failed + waited)
                > self.shared.options.cut_off_limit
            {
                let message = format!(
                    "its process has ended in {} attempts, so it may be what ends it",
                    attempts.begun - attempts.failed - waited
                );
                self.fail(place, &attempts, &StepError::permanent(message))?;
            } else {
                self.start(place, &attempts, None)?;
            }
        }
        Ok(())
    }
}

/// An event whose value is yet to be stored.
pub(crate) enum Event {
    Finished(StepPath),
    Answered(StepPath, u64),
    Expanded(StepPath, u32),
    ScopeStarted(StepPath, bool),
    ScopeFinished(StepPath),
    RunFinished,
    Plain(WorkflowEvent),
}

/// The first event of a step that is no call, with its value.
pub(crate) fn first_event(
    state: &State,
    place: Place,
    node: &Node,
) -> Result<(Event, Json), String> {
    let path = state.path(place);
    let data = state.data(place.0).ok_or("there is no such step")?.value();
    if let Some(when) = &node.when
        && !when.is_true(&data)?
    {
        return Ok((Event::Plain(StepSkipped::new(path).into()), Json::Null));
    }
    Ok(match &node.action {
        Action::Call(_) => return Err("it is a call".into()),
        Action::Transform(template) => (Event::Finished(path), template.eval(&data)?),
        Action::Branch { cases, otherwise } => {
            let mut to = *otherwise;
            for (when, then) in cases {
                if when.is_true(&data)? {
                    to = Some(*then);
                    break;
                }
            }
            let to = to
                .and_then(|to| state.node((place.0, to)))
                .map(|node| node.id.to_string());
            (
                Event::Plain(BranchTaken::new(path).to(to).into()),
                Json::Null,
            )
        }
        Action::Map { over, .. } => {
            let items = to_json(&over.eval(&data)?)?;
            let Json::Array(list) = &items else {
                return Err(format!("`over` must give a list, and is {items}")
                    .chars()
                    .take(500)
                    .collect());
            };
            let count = u32::try_from(list.len()).map_err(|_| "the list is too long")?;
            (Event::Expanded(path, count), items)
        }
        Action::Loop { .. } => (Event::ScopeStarted(path.number(0), false), Json::Null),
        Action::Workflow { input, .. } => (
            Event::ScopeStarted(path.number(0), true),
            input.eval(&data)?,
        ),
        Action::Approval { prompt, show } => {
            let (prompt, show) = (prompt.text(&data)?, show.eval(&data)?);
            let event = StepWaiting::new(path, 0, Wait::Answer { prompt, show });
            (
                Event::Plain(event.until(end_of(node.timeout)).into()),
                Json::Null,
            )
        }
        Action::Wait(wait) => {
            let (wait, until) = match wait {
                WaitFor::Event(name) => (Wait::Event { name: name.clone() }, end_of(node.timeout)),
                WaitFor::Time(time) => (Wait::Time, end_of(Some(*time))),
                WaitFor::Until(until) => {
                    let until = to_json(&until.eval(&data)?)?;
                    let time = until
                        .as_str()
                        .and_then(|text| text.parse::<Timestamp>().ok());
                    let time = time.ok_or_else(|| {
                        format!(
                            "`until` must give a time such as 2026-11-30T15:55:08Z, and is {until}"
                        )
                    })?;
                    (Wait::Time, Some(time))
                }
            };
            (
                Event::Plain(StepWaiting::new(path, 0, wait).until(until).into()),
                Json::Null,
            )
        }
    })
}

/// The next event of a step that has a body; none while its steps are worked on.
fn next_event(
    state: &State,
    place: Place,
    path: &StepPath,
) -> Result<Option<(Event, Json)>, String> {
    let (Some(node), Some(data)) = (state.node(place), state.data(place.0)) else {
        return Ok(None);
    };
    let start = |number| Some((Event::ScopeStarted(path.number(number), false), Json::Null));
    let finish = |output| Some((Event::Finished(path.clone()), output));
    Ok(match (state.state(place), &node.action) {
        (Some(NodeState::Map(map)), Action::Map { limit, .. }) => {
            if (map.next as usize) < map.items.len() {
                start(map.next).filter(|_| map.open < *limit)
            } else if map.open == 0 {
                let outputs = map.outputs.iter().flatten().map(to_json);
                finish(outputs.collect::<Result<_, _>>()?)
            } else {
                None
            }
        }
        (Some(NodeState::Loop(repeat)), Action::Loop { until, max, .. }) => match &repeat.last {
            _ if repeat.is_open => None,
            None => start(0),
            Some(last) => {
                let given = vec![
                    ("last", last.clone()),
                    ("iteration", (repeat.next - 1).into()),
                ];
                let is_over = match until {
                    Some(until) => until.is_true(&data.with(given))?,
                    None => false,
                };
                if is_over || repeat.next >= *max {
                    finish(to_json(last)?)
                } else {
                    start(repeat.next)
                }
            }
        },
        (Some(NodeState::Sub(Some(output))), _) => finish(to_json(output)?),
        _ => None,
    })
}
