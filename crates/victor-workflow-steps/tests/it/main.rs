//! The handlers through their public API.

mod agents;
mod tools;

use std::sync::Arc;

use serde_json::Value;
use victor_core::{Lock, RunId};
use victor_workflow_steps::protocol::{
    StepAnswer, StepContext, StepError, StepOutcome, StepPath, StepPause, Wait,
};

fn context() -> StepContext {
    StepContext::new(RunId::generate(), "test", StepPath::new("work"))
}

fn answered(pause: &StepPause, answer: Value) -> StepContext {
    context()
        .with_attempt(2)
        .with_answer(StepAnswer::new(pause.state.clone(), answer, 0))
}

fn output(outcome: Result<StepOutcome, StepError>) -> Value {
    match outcome {
        Ok(StepOutcome::Finished(output)) => output.value,
        other => panic!("{other:?}"),
    }
}

/// The wait of a step, with its question and what is shown with it.
fn pause(outcome: Result<StepOutcome, StepError>) -> (StepPause, String, Value) {
    let Ok(StepOutcome::Waiting(pause)) = outcome else {
        panic!("{outcome:?}");
    };
    let Wait::Answer { prompt, show } = pause.wait.clone() else {
        panic!("{pause:?}");
    };
    (pause, prompt, show)
}

/// The message of a failure, and whether another attempt may help.
fn failure(outcome: Result<StepOutcome, StepError>) -> (String, bool) {
    match outcome {
        Err(error) => (victor_core::with_causes(&error), error.is_transient),
        other => panic!("{other:?}"),
    }
}

/// A list that a fake writes and a test reads.
type Seen<T> = Arc<Lock<Vec<T>>>;
