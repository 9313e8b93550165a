//! The laws of runners of workflows.

mod crashes;
mod definitions;
mod failures;
mod growth;
mod lives;
mod steps;
mod waits;

use std::sync::Arc;

use serde_json::Value;
use victor_core::RunId;
use victor_workflow_protocol::{
    RunOutcome, StartRun, StepHandler, Wait, Workflow, WorkflowError, WorkflowEvent,
    WorkflowJournal, WorkflowRunner,
};

use self::lives::{Hand, Life};
use super::{calm, succeed};

/// The handlers of a runner, with their names.
pub type Handlers = Vec<(&'static str, Arc<dyn StepHandler>)>;

/// Checks a runner. `journal` makes a new and empty journal, `make` a runner over a journal that has these handlers.
/// Several are made over one journal, as by several processes or one after the other.
///
/// Runs are killed at every call of the journal, before it and after it, and driven on by the next process. How
/// processes that are really killed leave a journal behind is for the tests of that journal.
///
/// # Panics
///
/// A law is broken, or there is no tokio runtime with time.
pub async fn workflow_runner<R: WorkflowRunner>(
    journal: impl AsyncFn() -> Arc<dyn WorkflowJournal>,
    make: impl Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
) {
    let world = World { journal, make };
    steps::check(&world).await;
    failures::check(&world).await;
    waits::check(&world).await;
    definitions::check(&world).await;
    crashes::check(&world).await;
    growth::check(&world).await;
}

/// The maker of journals and runners for a suite.
struct World<J, M> {
    journal: J,
    make: M,
}

impl<J, M, R> World<J, M>
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    async fn journal(&self) -> Arc<dyn WorkflowJournal> {
        (self.journal)().await
    }

    /// A runner, as of a process that begins after the end of the others.
    fn runner(&self, journal: &Arc<dyn WorkflowJournal>, hand: &Hand) -> R {
        let life = Life::new(Arc::clone(journal));
        (self.make)(Arc::new(life), hand.handlers())
    }

    /// Runs a workflow undisturbed, answering all that it asks.
    async fn outcome(&self, workflow: Workflow, input: Value, hand: &Hand) -> RunOutcome {
        let journal = self.journal().await;
        let runner = self.runner(&journal, hand);
        let request = StartRun::new(workflow.name.clone(), input);
        succeed(runner.register(workflow));
        let run = succeed(calm(runner.start(&request)).await).id;
        succeed(to_end(&runner, run).await)
    }
}

/// Drives a run to its end. A question is answered with the step that asks, an event has its own name as payload.
async fn to_end<R: WorkflowRunner>(runner: &R, run: RunId) -> Result<RunOutcome, WorkflowError> {
    loop {
        let pending = match calm(runner.drive(run)).await? {
            RunOutcome::Waiting { pending, .. } => pending,
            outcome => return Ok(outcome),
        };
        for wait in pending {
            let signal = match &wait.wait {
                Wait::Event { name } => {
                    victor_workflow_protocol::Signal::event(name, wait.step.as_str(), name.as_str())
                }
                _ => wait.answer(wait.step.as_str()),
            };
            calm(runner.signal(run, &signal)).await?;
        }
    }
}

/// The events of a run.
async fn events(journal: &dyn WorkflowJournal, run: RunId) -> Vec<WorkflowEvent> {
    let records = succeed(calm(journal.records(run, 0, usize::MAX)).await);
    records.into_iter().map(|record| record.event).collect()
}
