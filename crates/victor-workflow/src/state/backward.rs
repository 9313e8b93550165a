//! The way back: finished steps are undone, the last one first.

use victor_workflow_protocol::{RunOutcome, StepPath, WorkflowEvent};

use super::{Attempts, Phase, State, UndoState};

impl State {
    /// The step that is to be undone next, or is being undone.
    pub(crate) fn undoing(&self) -> Option<usize> {
        let is_open = |state: &UndoState| !matches!(state, UndoState::Done | UndoState::Failed(_));
        self.undo.iter().rposition(|undo| is_open(&undo.state))
    }

    /// The steps that could not be undone, and why.
    pub(crate) fn not_undone(&self) -> impl Iterator<Item = (&StepPath, &str)> {
        self.undo.iter().filter_map(|undo| match &undo.state {
            UndoState::Failed(message) => Some((&undo.path, message.as_str())),
            _ => None,
        })
    }

    pub(super) fn apply_backward(&mut self, event: &WorkflowEvent) -> Result<(), String> {
        match event {
            WorkflowEvent::StepStarted(event) => {
                let attempts = match self.undo_of(&event.step)? {
                    UndoState::Open(attempts)
                    | UndoState::Running(attempts)
                    | UndoState::Retrying(attempts, _) => attempts.clone(),
                    _ => return Err("the step was undone".into()),
                };
                let begun = event.attempt;
                *self.undo_of(&event.step)? = UndoState::Running(Attempts { begun, ..attempts });
            }
            WorkflowEvent::StepFinished(event) => *self.undo_of(&event.step)? = UndoState::Done,
            WorkflowEvent::StepFailed(event) => {
                let state = self.undo_of(&event.step)?;
                *state = match (&*state, event.retry_at) {
                    (UndoState::Running(attempts), Some(at)) => {
                        let failed = attempts.failed + 1;
                        UndoState::Retrying(
                            Attempts {
                                failed,
                                ..attempts.clone()
                            },
                            at,
                        )
                    }
                    _ => UndoState::Failed(event.message.clone()),
                };
            }
            WorkflowEvent::RunFailed(event) if self.undoing().is_none() => {
                self.phase = Phase::Ended(RunOutcome::Failed {
                    message: event.message.clone(),
                    step: event.step.clone(),
                });
            }
            WorkflowEvent::RunCancelled(event) if self.undoing().is_none() => {
                self.phase = Phase::Ended(RunOutcome::Cancelled(event.reason.clone()));
            }
            other => {
                return Err(format!(
                    "a `{}` has no place here: steps are undone",
                    other.kind()
                ));
            }
        }
        Ok(())
    }

    /// The state of the call that undoes a step, which is the next one.
    fn undo_of(&mut self, path: &StepPath) -> Result<&mut UndoState, String> {
        let refused = || format!("`{path}` has no place here");
        let step = path.compensated().ok_or_else(refused)?;
        let next = self.undoing().ok_or_else(refused)?;
        let undo = self.undo.get_mut(next).filter(|undo| undo.path == step);
        undo.map(|undo| &mut undo.state).ok_or_else(refused)
    }
}
