//! The journal grows with what is new, however long a run is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;
use victor_workflow_protocol::{
    Body, RunOutcome, StartRun, Step, Workflow, WorkflowJournal, WorkflowRunner,
};

use super::lives::Life;
use super::{Hand, Handlers, World, calm, succeed};

pub(super) async fn check<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    let mut per_step = Vec::new();
    for steps in [200_u64, 10_000] {
        let journal = world.journal().await;
        let life = Arc::new(Life::new(Arc::clone(&journal)));
        let hand = Hand::default();
        let runner = (world.make)(
            Arc::clone(&life) as Arc<dyn WorkflowJournal>,
            hand.handlers(),
        );
        let conversation = json!({ "document": "{{ input }}", "number": "{{ iteration }}" });
        let body = Body::new([Step::call("say", "echo", conversation)]);
        let max = u32::try_from(steps).unwrap_or(u32::MAX);
        succeed(runner.register(Workflow::new(
            "long",
            [Step::repeat("again", "false", max, body)],
        )));
        // More than a step may cost.
        let input = "x".repeat(4_000);
        let (_, outcome) = succeed(calm(runner.run(&StartRun::new("long", input))).await);
        law!(
            matches!(&outcome, RunOutcome::Finished(value) if value["number"] == steps - 1),
            "a long run comes to its end",
            "{outcome:?}"
        );
        law!(
            life.calls() < 2 * steps + 50,
            "a step costs one commit",
            "{} calls of the journal for {steps} steps",
            life.calls()
        );
        per_step.push(life.written.load(Ordering::SeqCst) / steps);
    }
    law!(
        per_step[1] < 2_000 && per_step[1] <= per_step[0] + per_step[0] / 10,
        "the journal grows with what is new",
        "{per_step:?} bytes a step"
    );
}
