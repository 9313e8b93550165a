//! Runs are killed at every call of the journal, and go on as if nothing had happened.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use victor_core::RunId;
use victor_workflow_protocol::{
    Body, Retry, RunOutcome, StartRun, Step, Workflow, WorkflowEvent, WorkflowJournal,
    WorkflowRunner,
};

use super::lives::Life;
use super::{Hand, Handlers, World, calm, events, succeed, to_end};

pub(super) async fn check<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    for workflow in [everything(), trip()] {
        let undisturbed = world
            .outcome(workflow.clone(), json!([1, 2, 3]), &Hand::default())
            .await;
        let mut death = 0;
        while killed(world, &workflow, death, &undisturbed).await {
            death += 1;
        }
        law!(
            death > 20,
            "a run is in the journal at each of its steps",
            "{} was killed {death} times",
            workflow.name
        );
    }
}

/// Something of every kind.
fn everything() -> Workflow {
    let retry = Retry::new(3).with_delay(Duration::ZERO);
    let item = Body::new([
        Step::call("double", "echo", "{{ item * 2 }}"),
        Step::approval("ok", "?").when("item == 2"),
        Step::transform("result", "{{ [steps.double, steps.ok | default('-')] }}")
            .after(["double", "ok"]),
    ]);
    let again = Body::new([Step::call(
        "grow",
        "echo",
        "{{ (last or []) + [iteration] }}",
    )]);
    let sub = Body::new([
        Step::wait_for_event("wait", "paid"),
        Step::call("note", "echo", "{{ [input, steps.wait] }}"),
    ]);
    Workflow::new(
        "everything",
        [
            Step::call(
                "first",
                "echo",
                json!({ "text": "x".repeat(2_000), "list": "{{ input }}" }),
            ),
            Step::call("flaky", "flaky", json!({ "failures": 1 }))
                .retry(retry)
                .after(["first"]),
            Step::map("items", "steps.first.list", item).after(["first"]),
            Step::repeat("again", "last | length > 2", 9, again).after(["first"]),
            Step::workflow("sub", "sub", "{{ steps.first.list | length }}").after(["first"]),
            Step::call("asks", "ask", json!(1)).after(["first"]),
            Step::branch(
                "route",
                [("steps.again | length > 5", "never")],
                Some("join"),
            )
            .after(["again"]),
            Step::call("never", "echo", json!("never")),
            Step::call(
                "join",
                "echo",
                json!(
                    "{{ [steps.items, steps.again, steps.sub, steps.asks, steps.flaky.failures] }}"
                ),
            )
            .after(["flaky", "items", "sub", "asks", "route"]),
            Step::transform(
                "end",
                json!({ "join": "{{ steps.join }}", "size": "{{ steps.first.text | length }}" }),
            ),
        ],
    )
    .with_workflow("sub", sub)
}

/// A run that fails, and is undone.
fn trip() -> Workflow {
    let book = |id: &str| Step::call(id, "echo", json!(id)).compensate("undo", "{{ output }}");
    let pay = Step::call("pay", "flaky", json!({ "permanent": true }));
    Workflow::new(
        "trip",
        [
            book("flight"),
            Step::map("rooms", "input", Body::new([book("room")])),
            Step::approval("sure", "?"),
            book("car"),
            pay,
        ],
    )
}

/// Kills a run once, and drives it to its end. Returns whether it came to that.
async fn killed<J, M, R>(
    world: &World<J, M>,
    workflow: &Workflow,
    death: u64,
    undisturbed: &RunOutcome,
) -> bool
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    let (journal, hand) = (world.journal().await, Hand::default());
    let request = StartRun::new(&*workflow.name, json!([1, 2, 3])).with_key("k");
    let life = Arc::new(Life::new(Arc::clone(&journal)).until(death));
    let first = (world.make)(
        Arc::clone(&life) as Arc<dyn WorkflowJournal>,
        hand.handlers(),
    );
    succeed(first.register(workflow.clone()));
    let work = async {
        let run = calm(first.start(&request)).await?.id;
        to_end(&first, run).await
    };
    let was_killed = work.await.is_err();
    let death_calls = hand.calls().len();
    let finished = finished(&*journal).await;

    // The store fails at the first calls of the recovery, too.
    for fault in 0..4 {
        let life = Arc::new(Life::new(Arc::clone(&journal)).until(2 * fault));
        let runner = (world.make)(life as Arc<dyn WorkflowJournal>, hand.handlers());
        succeed(runner.register(workflow.clone()));
        let work = async {
            let run = calm(runner.start(&request)).await?.id;
            calm(runner.drive(run)).await
        };
        let _ = work.await;
    }
    let recovered = hand.calls().len();

    let second = world.runner(&journal, &hand);
    succeed(second.register(workflow.clone()));
    let run: RunId = succeed(calm(second.start(&request)).await).id;
    let outcome = succeed(to_end(&second, run).await);
    law!(
        outcome == *undisturbed,
        "a run that is killed has the outcome of one that is not",
        "{} at {death}: {outcome:?} and not {undisturbed:?}",
        workflow.name
    );
    let again: Vec<_> = hand.calls()[death_calls.min(recovered)..]
        .iter()
        .map(|call| call.step.clone())
        .filter(|step| finished.contains(step))
        .collect();
    law!(
        again.is_empty(),
        "a step that has finished is never done again",
        "{} at {death}: {again:?}",
        workflow.name
    );
    let mut ended = BTreeSet::new();
    for event in events(&*journal, run).await {
        if let WorkflowEvent::StepFinished(event) = event {
            law!(
                ended.insert(event.step.clone()),
                "a step finishes once",
                "{} at {death}: {}",
                workflow.name,
                event.step
            );
        }
    }
    was_killed
}

/// The steps of the only run that have finished.
async fn finished(journal: &dyn WorkflowJournal) -> BTreeSet<String> {
    let runs = succeed(calm(journal.find(&victor_workflow_protocol::RunQuery::default())).await);
    let mut finished = BTreeSet::new();
    for run in runs {
        for event in events(journal, run.id).await {
            if let WorkflowEvent::StepFinished(event) = event {
                finished.insert(event.step.as_str().to_owned());
            }
        }
    }
    finished
}
