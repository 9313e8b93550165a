//! Steps that fail, are attempted again, and are undone; runs that are cancelled.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use victor_workflow_protocol::{
    Body, OnFailure, Retry, RunOutcome, Signal, StartRun, Step, Workflow, WorkflowJournal,
    WorkflowRunner,
};

use super::{Hand, Handlers, World, calm, succeed, to_end};

pub(super) async fn check<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    let retry = Retry::new(3).with_delay(Duration::from_millis(1));
    let flaky = |failures: u32| Step::call("flaky", "flaky", json!({ "failures": failures }));
    let failing = || Step::call("bad", "flaky", json!({ "permanent": true }));
    let brief = Duration::from_millis(10);
    for (steps, expected, calls) in [
        (vec![flaky(0)], Ok(()), 1),
        (
            vec![flaky(1)],
            Err("step `flaky` failed: not yet: the tide"),
            1,
        ),
        (vec![flaky(2).retry(retry.clone())], Ok(()), 3),
        (vec![flaky(3).retry(retry.clone())], Err("not yet"), 3),
        (
            vec![failing().retry(retry.clone())],
            Err("step `bad` failed: no use"),
            1,
        ),
        (vec![failing().on_failure(OnFailure::Continue)], Ok(()), 1),
        (
            vec![Step::call("p", "panic", json!(1))],
            Err("panicked: out of cheese"),
            1,
        ),
        (
            vec![Step::call("p", "panic", json!(1)).retry(retry.clone())],
            Err("panicked: out of cheese"),
            3,
        ),
        (
            vec![Step::call("h", "hang", json!(1)).timeout(brief)],
            Err("gave no answer within 10ms"),
            1,
        ),
        (
            vec![Step::approval("a", "?").timeout(Duration::ZERO)],
            Err("nobody has answered in time"),
            0,
        ),
        (
            vec![Step::wait_for_event("e", "paid").timeout(Duration::ZERO)],
            Err("event `paid` has not come in time"),
            0,
        ),
        (
            vec![Step::transform("t", "{{ input.missing.field }}")],
            Err("step `t` failed: `input.missing.field`"),
            0,
        ),
        (
            vec![Step::transform("t", 1).when("input + {}")],
            Err("step `t` failed: `input + {}`"),
            0,
        ),
        (
            vec![Step::map("m", "input", Body::new([failing()]))],
            Err("step `m` failed: `over` must give a list"),
            0,
        ),
        (
            vec![Step::map(
                "m",
                "[1, 2]",
                Body::new([failing().when("item == 2")]),
            )],
            Err("step `m` failed: step `m/1/bad` failed: no use"),
            1,
        ),
        (
            vec![
                Step::map("m", "[1]", Body::new([failing()])).on_failure(OnFailure::Continue),
                Step::transform("t", "{{ errors.m }}"),
            ],
            Ok(()),
            1,
        ),
    ] {
        let hand = Hand::default();
        let workflow = Workflow::new("w", steps);
        let text = workflow.canonical();
        let outcome = world.outcome(workflow, json!({}), &hand).await;
        let is_right = match (&outcome, expected) {
            (RunOutcome::Finished(_), Ok(())) => true,
            (RunOutcome::Failed { message, .. }, Err(expected)) => message.contains(expected),
            _ => false,
        };
        law!(
            is_right,
            "a failure is what its step says",
            "{text} is {outcome:?} and not {expected:?}"
        );
        law!(
            hand.calls().len() == calls,
            "a step has the attempts that it asks for",
            "{text}: {:?}",
            hand.calls()
        );
        let keys: std::collections::BTreeSet<_> =
            hand.calls().into_iter().map(|call| call.key).collect();
        law!(
            keys.len() <= 1,
            "all attempts at a step have one idempotency key",
            "{keys:?}"
        );
    }
    undoing(world).await;
    cancelling(world).await;
}

fn booking() -> Workflow {
    let book = |id: &str| {
        Step::call(id, "echo", json!({ "seat": id })).compensate(
            "undo",
            json!({ "of": "{{ output.seat }}", "for": "{{ input }}" }),
        )
    };
    let stop = Step::call("pay", "flaky", json!({ "permanent": true }));
    Workflow::new(
        "trip",
        [
            book("flight"),
            Step::map(
                "rooms",
                "[1, 2]",
                Body::new([book("room").when("item == 1")]),
            ),
            Step::approval("sure", "Sure?").when("input == 'ask'"),
            stop.when("input != 'ask'").after(["rooms", "sure"]),
        ],
    )
}

async fn undoing<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    let hand = Hand::default();
    let outcome = world.outcome(booking(), json!("me"), &hand).await;
    law!(
        matches!(
            &outcome,
            RunOutcome::Failed { message, step: Some(step) } if message.contains("no use") && step.as_str() == "pay"
        ),
        "a failed run says which step has failed",
        "{outcome:?}"
    );
    law!(
        hand.steps()
            == [
                "flight",
                "rooms/0/room",
                "pay",
                "rooms/0/room/~undo",
                "flight/~undo"
            ],
        "finished steps are undone once, the last one first",
        "{:?}",
        hand.steps()
    );
    let last = hand.calls().pop().map(|call| call.input);
    law!(
        last == Some(json!({ "of": "flight", "for": "me" })),
        "a step is undone with its output",
        "{last:?}"
    );
}

async fn cancelling<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    let (journal, hand) = (world.journal().await, Hand::default());
    let runner = world.runner(&journal, &hand);
    succeed(runner.register(booking()));
    let (run, outcome) = succeed(calm(runner.run(&StartRun::new("trip", "ask"))).await);
    law!(
        matches!(outcome, RunOutcome::Waiting { .. }),
        "a run that only waits is left",
        "{outcome:?}"
    );
    succeed(calm(runner.signal(run, &Signal::cancel("changed my mind"))).await);
    let outcome = succeed(to_end(&runner, run).await);
    law!(
        outcome == RunOutcome::Cancelled("changed my mind".into()),
        "a run can be cancelled",
        "{outcome:?}"
    );
    law!(
        hand.steps()
            .ends_with(&["rooms/0/room/~undo".into(), "flight/~undo".into()]),
        "a run that is cancelled undoes its steps",
        "{:?}",
        hand.steps()
    );
    law!(
        succeed(calm(runner.outcome(run)).await) == outcome
            && succeed(calm(runner.drive(run)).await) == outcome,
        "the outcome of a run that has ended stays"
    );

    let hang = Workflow::new("hang", [Step::call("hang", "hang", json!(1))]);
    succeed(runner.register(hang));
    let run = succeed(calm(runner.start(&StartRun::new("hang", json!(null)))).await).id;
    let cancel = async {
        while hand.steps().last().is_none_or(|step| step != "hang") {
            tokio::task::yield_now().await;
        }
        succeed(calm(runner.signal(run, &Signal::cancel("enough"))).await);
    };
    let both = async {
        futures_util::future::join(calm(runner.drive(run)), cancel)
            .await
            .0
    };
    let outcome = succeed(both.await);
    law!(
        outcome == RunOutcome::Cancelled("enough".into()),
        "calls that run are stopped by a cancel",
        "{outcome:?}"
    );
}
