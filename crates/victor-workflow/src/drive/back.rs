//! The way back: calls that undo finished steps.

use serde_json::Value as Json;
use victor_core::{Timestamp, with_causes};
use victor_workflow_protocol::{
    StepContext, StepError, StepFailed, StepFinished, StepOutcome, StepStarted, StoredValue,
    WorkflowError,
};

use super::Driver;
use super::calls::{Launch, Target};
use crate::state::UndoState;

impl Driver<'_> {
    /// Undoes the next step, unless that is under way. Returns whether there is one.
    pub(super) fn undo_next(&mut self) -> Result<bool, WorkflowError> {
        while let Some(index) = self.state.undoing() {
            let attempts = match &self.state.undo[index].state {
                UndoState::Running(_) if self.calls.has(Target::Undo(index)) => return Ok(true),
                UndoState::Retrying(_, at) if *at > Timestamp::now() => return Ok(true),
                UndoState::Open(attempts)
                | UndoState::Running(attempts)
                | UndoState::Retrying(attempts, _) => attempts.clone(),
                UndoState::Done | UndoState::Failed(_) => return Ok(true),
            };
            let path = self.state.undo[index].path.compensation();
            let begun = attempts.begun + 1;
            self.emit(StepStarted::new(path.clone(), begun), Json::Null)?;
            let undo = &self.state.undo[index];
            let node = self.state.graph.node(undo.node.0, undo.node.1);
            let Some(call) = &node.compensate else {
                return Ok(true);
            };
            let data = undo.data.with(vec![("output", undo.output.clone())]);
            match call.input.eval(&data) {
                Ok(input) => {
                    let workflow = self.state.graph.workflow.name.clone();
                    let launch = Launch {
                        target: Target::Undo(index),
                        handler: call.handler.clone(),
                        cx: StepContext::new(self.run, workflow, path)
                            .with_attempt(begun)
                            .with_failures(attempts.failed),
                        input,
                        timeout: node.timeout,
                    };
                    self.calls.push(launch);
                    return Ok(true);
                }
                Err(message) => self.emit(StepFailed::new(path, begun, message), Json::Null)?,
            }
        }
        Ok(false)
    }

    /// Takes the end of a call that undoes a step.
    pub(super) fn finish_undo(
        &mut self,
        index: usize,
        result: Result<StepOutcome, StepError>,
    ) -> Result<(), WorkflowError> {
        let undo = &self.state.undo[index];
        let UndoState::Running(attempts) = &undo.state else {
            return Ok(());
        };
        let path = undo.path.compensation();
        let error = match result {
            Ok(StepOutcome::Finished(_)) => {
                let nothing = StoredValue::Value(Json::Null);
                return self.emit(StepFinished::new(path, nothing), Json::Null);
            }
            Ok(_) => StepError::permanent("a call that undoes a step cannot wait"),
            Err(error) => error,
        };
        let node = self.state.graph.node(undo.node.0, undo.node.1);
        let failed = attempts.failed + 1;
        let retry = node
            .retry
            .as_ref()
            .filter(|retry| error.is_transient && failed < retry.attempts);
        let retry_at = retry.map(|retry| Timestamp::now() + retry.delay_after(failed));
        let event = StepFailed::new(path, attempts.begun, with_causes(&error));
        self.emit(event.retry_at(retry_at), Json::Null)
    }
}
