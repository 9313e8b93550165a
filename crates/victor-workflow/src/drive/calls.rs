//! Calls of handlers that run.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;

use futures_util::future::{AbortHandle, Abortable, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::Value as Json;
use victor_core::Timestamp;
use victor_guard::{Fault, call};
use victor_workflow_protocol::{
    StepContext, StepError, StepFailed, StepFinished, StepOutcome, StepWaiting, WorkflowError,
    WorkflowEvent,
};

use super::Driver;
use crate::coordinator::Shared;
use crate::state::{Attempts, NodeState, Phase, Place, State, UndoState};

/// The reason of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// A step.
    Step(Place),
    /// The call that undoes a step.
    Undo(usize),
}

/// A call that is to be made when its record is written.
pub(super) struct Launch {
    pub(super) target: Target,
    pub(super) handler: Box<str>,
    pub(super) cx: StepContext,
    pub(super) input: Json,
    pub(super) timeout: Option<std::time::Duration>,
}

/// The end of a call.
pub(super) struct Ended {
    target: Target,
    result: Result<StepOutcome, StepError>,
}

type Running = Pin<Box<dyn Future<Output = Option<Ended>> + Send>>;

/// Calls of handlers that run.
#[derive(Default)]
pub(super) struct Calls {
    launches: Vec<Launch>,
    running: FuturesUnordered<Running>,
    /// Calls that have ended while something else was waited for.
    ended: VecDeque<Ended>,
    handles: HashMap<Target, AbortHandle>,
}

impl Calls {
    /// Whether there is no call that is to be made or runs.
    pub(super) fn are_made(&self) -> bool {
        self.launches.is_empty() && self.handles.is_empty()
    }

    pub(super) fn has(&self, target: Target) -> bool {
        self.handles.contains_key(&target)
            || self.launches.iter().any(|launch| launch.target == target)
    }

    pub(super) fn push(&mut self, launch: Launch) {
        self.launches.push(launch);
    }

    /// Drops the calls that nothing waits for any more.
    pub(super) fn retain(&mut self, state: &State) {
        if self.handles.is_empty() {
            return;
        }
        self.handles.retain(|target, handle| {
            let is_wanted = is_wanted(*target, state);
            if !is_wanted {
                handle.abort();
            }
            is_wanted
        });
    }

    /// Makes the calls whose records are written.
    pub(super) fn launch(&mut self, shared: &Shared, state: &State) {
        for launch in std::mem::take(&mut self.launches) {
            let Launch {
                target,
                handler,
                cx,
                input,
                timeout,
            } = launch;
            // All handlers that a definition names are there, or it is not driven.
            let handler = shared.handlers.read().get(&*handler).cloned();
            let Some(handler) = handler.filter(|_| is_wanted(target, state)) else {
                continue;
            };
            let limit = timeout.unwrap_or(shared.options.step_timeout);
            let work = async move {
                let outcome = call(limit, || handler.call(&cx, input)).await;
                let result = outcome.unwrap_or_else(|fault| Err(failure(&fault)));
                Ended { target, result }
            };
            let (handle, registration) = AbortHandle::new_pair();
            let work = Abortable::new(work, registration).map(Result::ok);
            self.running.push(Box::pin(work));
            self.handles.insert(target, handle);
        }
    }

    /// Waits for the end of a call.
    pub(super) async fn next(&mut self) -> Ended {
        loop {
            let ended = match self.ended.pop_front() {
                Some(ended) => Some(ended),
                None => match self.running.next().await {
                    Some(ended) => ended,
                    None => std::future::pending().await,
                },
            };
            if let Some(ended) = ended.filter(|ended| self.handles.remove(&ended.target).is_some())
            {
                return ended;
            }
        }
    }

    /// Waits for something while the calls go on: one of them may hold what it waits for, such as the right to write to
    /// the database that both use.
    pub(super) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                Some(ended) = self.running.next(), if !self.running.is_empty() => self.ended.extend(ended),
            }
        }
    }

    /// Returns a call that has ended already.
    pub(super) fn next_now(&mut self) -> Option<Ended> {
        self.next().now_or_never()
    }
}

fn is_wanted(target: Target, state: &State) -> bool {
    match (target, &state.phase) {
        (Target::Step(place), Phase::Forward) => {
            matches!(state.state(place), Some(NodeState::Running(_)))
        }
        (Target::Undo(index), Phase::Compensating { .. }) => {
            let undo = state.undo.get(index);
            undo.is_some_and(|undo| matches!(undo.state, UndoState::Running(_)))
        }
        _ => false,
    }
}

/// A handler that gave no answer.
fn failure(fault: &Fault) -> StepError {
    StepError::new(format!("the handler {fault}"))
}

impl Driver<'_> {
    /// Takes the end of a call.
    pub(super) async fn finish(&mut self, ended: Ended) -> Result<(), WorkflowError> {
        match ended.target {
            Target::Step(place) => self.finish_step(place, ended.result).await,
            Target::Undo(index) => self.finish_undo(index, ended.result),
        }
    }

    async fn finish_step(
        &mut self,
        place: Place,
        result: Result<StepOutcome, StepError>,
    ) -> Result<(), WorkflowError> {
        let Some(NodeState::Running(attempts)) = self.state.state(place) else {
            return Ok(());
        };
        let (attempts, path) = (attempts.clone(), self.state.path(place));
        match result {
            Ok(StepOutcome::Finished(output)) => {
                let stored = self.writer.store(&output.value);
                let event: WorkflowEvent = StepFinished::new(path, stored).into();
                if output.writes.is_empty() {
                    return self.emit(event, output.value);
                }
                self.finish_with(place, &attempts, event, output).await
            }
            Ok(StepOutcome::Waiting(pause)) => {
                let state = self.writer.store(&pause.state);
                let event = StepWaiting::new(path, attempts.epoch, pause.wait);
                self.emit(event.until(pause.until).state(state), pause.state)
            }
            Ok(_) => {
                let error =
                    StepError::permanent("the handler is of a later version than the runner");
                self.fail(place, &attempts, &error)
            }
            Err(error) => self.fail(place, &attempts, &error),
        }
    }

    /// Writes the output of a step together with writes of its handler.
    async fn finish_with(
        &mut self,
        place: Place,
        attempts: &Attempts,
        event: WorkflowEvent,
        output: victor_workflow_protocol::StepOutput,
    ) -> Result<(), WorkflowError> {
        use victor_workflow_protocol::{JournalError, WorkflowJournal};
        if !self.shared.journal.takes_writes() {
            let error =
                StepError::permanent("the journal takes no writes of steps: use one in a database");
            return self.fail(place, attempts, &error);
        }
        if !self.events.is_empty() {
            self.commit(victor_workflow_protocol::RunCommit::default())
                .await?;
        }
        match self.commit_with(&event, output.writes).await {
            Ok(()) => {
                let number = self.records - 1;
                let applied = self.state.apply(number, &event, output.value);
                applied.map_err(|message| {
                    victor_workflow_protocol::Divergence::new(self.run, number, message)
                })?;
                Ok(())
            }
            Err(WorkflowError::Journal(JournalError::Write { message })) => {
                self.fail(place, attempts, &StepError::permanent(message))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a failed attempt at a step.
    pub(super) fn fail(
        &mut self,
        place: Place,
        attempts: &Attempts,
        error: &StepError,
    ) -> Result<(), WorkflowError> {
        let retry = self.state.node(place).and_then(|node| node.retry.clone());
        let failed = attempts.failed + 1;
        let delay = retry.filter(|retry| error.is_transient && failed < retry.attempts);
        let retry_at = delay.map(|retry| Timestamp::now() + retry.delay_after(failed));
        let event = StepFailed::new(
            self.state.path(place),
            attempts.begun,
            victor_core::with_causes(error),
        );
        self.emit(event.retry_at(retry_at), Json::Null)
    }
}
