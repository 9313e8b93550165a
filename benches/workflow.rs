//! Workflows whose steps do nothing, in memory.

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_workflow::WorkflowCoordinator;
use victor_workflow::protocol::{
    InMemoryJournal, Step, StepContext, StepError, StepHandler, StepOutcome, Workflow,
    WorkflowRunner as _,
};

/// The name of the workflow of [`steps_in_a_row`].
pub const STEPS_IN_A_ROW: &str = "row";

/// Returns a runner with a workflow of so many calls, each with the output of the one before.
///
/// # Panics
///
/// Panics if the definition is wrong.
#[must_use]
pub fn steps_in_a_row(count: usize) -> WorkflowCoordinator {
    let input = |n: usize| match n {
        0 => json!(0),
        n => format!("{{{{ steps.s{} }}}}", n - 1).into(),
    };
    let steps = (0..count).map(|n| Step::call(format!("s{n}"), "count", input(n)));
    let runner = WorkflowCoordinator::builder(InMemoryJournal::default())
        .handler("count", Count)
        .build();
    let registered = runner.register(Workflow::new(STEPS_IN_A_ROW, steps));
    registered.expect("a definition without faults");
    runner
}

/// Adds one.
#[derive(Debug)]
struct Count;

#[async_trait]
impl StepHandler for Count {
    async fn call(&self, _: &StepContext, input: Value) -> Result<StepOutcome, StepError> {
        Ok(json!(input.as_u64().unwrap_or(0) + 1).into())
    }
}
