//! Definitions that change while runs of them are open.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use victor_workflow_protocol::{
    Body, RunOutcome, RunQuery, StartRun, Step, Workflow, WorkflowError, WorkflowJournal,
    WorkflowRunner,
};

use super::{Hand, Handlers, World, calm, events, succeed, to_end};

fn old() -> Workflow {
    Workflow::new(
        "release",
        [
            Step::call("build", "echo", json!("built")),
            Step::approval("ok", "?"),
            Step::call("ship", "echo", json!("{{ steps.build }} and shipped")),
        ],
    )
}

/// The same, where what is still to come is another thing.
fn edited() -> Workflow {
    Workflow::new(
        "release",
        [
            Step::call("build", "echo", json!("built")),
            Step::approval("ok", "?"),
            Step::call("sign", "echo", json!("signed")),
            Step::call(
                "ship",
                "echo",
                json!("{{ steps.build }}, {{ steps.sign }} and shipped"),
            ),
        ],
    )
}

/// The same with other names.
fn renamed() -> Workflow {
    Workflow::new(
        "release",
        [
            Step::call("compile", "echo", json!("built")),
            Step::approval("ok", "?"),
            Step::call("ship", "echo", json!("{{ steps.compile }} and gone")),
        ],
    )
}

/// A workflow that computes, with one of its expressions changed.
fn computing(changed: &str) -> Workflow {
    let text = |place: &str, old: &'static str, new: &'static str| match place == changed {
        true => new,
        false => old,
    };
    let item = Body::new([Step::transform("one", "{{ item }}")]).with_output(text(
        "item",
        "{{ steps.one + 1 }}",
        "{{ steps.one + 2 }}",
    ));
    let steps = [
        Step::transform("total", text("total", "{{ input * 2 }}", "{{ input * 3 }}")),
        Step::branch(
            "route",
            [(
                text("route", "steps.total > 5", "steps.total > 50"),
                "large",
            )],
            Some("small"),
        ),
        Step::call("large", "echo", json!("large")),
        Step::call("small", "echo", json!("small")),
        Step::call("maybe", "echo", json!("maybe"))
            .when(text("maybe", "input == 4", "input == 5"))
            .after(["large", "small"]),
        Step::call("never", "echo", json!("never"))
            .when(text("never", "input == 5", "input == 4"))
            .after(["maybe"]),
        Step::map("items", text("items", "[1, 2]", "[1, 3]"), item).after(["maybe"]),
    ];
    let output = text("output", "{{ steps.items }}", "{{ steps.total }}");
    Workflow::new("computing", steps).with_output(output)
}

/// Checks that computed values are compared as well.
async fn check_computed<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    let journal = world.journal().await;
    let runner = world.runner(&journal, &Hand::default());
    succeed(runner.register(computing("")));
    let (run, outcome) = succeed(calm(runner.run(&StartRun::new("computing", 4))).await);
    law!(
        outcome == RunOutcome::Finished(json!([2, 3])),
        "a run ends with its output",
        "{outcome:?}"
    );
    for changed in [
        "", "total", "route", "maybe", "never", "items", "item", "output",
    ] {
        let verified = calm(runner.verify(run, &computing(changed))).await;
        let is_right = match &verified {
            Ok(()) => changed.is_empty(),
            Err(WorkflowError::Diverged(error)) => error.message.contains(changed),
            Err(_) => false,
        };
        law!(
            is_right,
            "a definition that computes something else is told",
            "{changed}: {verified:?}"
        );
    }
}

pub(super) async fn check<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    check_computed(world).await;
    let (journal, hand) = (world.journal().await, Hand::default());
    let runner = world.runner(&journal, &hand);
    let unknown = calm(runner.start(&StartRun::new("release", json!(null)))).await;
    law!(
        matches!(unknown, Err(WorkflowError::UnknownWorkflow(_))),
        "an unknown workflow is told",
        "{unknown:?}"
    );
    let broken = Workflow::new("broken", [Step::transform("a", "{{ steps.b }}")]);
    let refused = runner.register(broken);
    law!(
        matches!(&refused, Err(WorkflowError::Invalid(error)) if !error.faults.is_empty()),
        "a definition with faults is refused",
        "{refused:?}"
    );
    let hash = succeed(runner.register(old()));
    law!(hash == old().hash(), "a definition is known by its content");
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(succeed(calm(runner.run(&StartRun::new("release", json!(null)))).await).0);
    }
    let called = hand.calls().len();

    // A process that knows the edited definition alone.
    let runner = world.runner(&journal, &hand);
    succeed(runner.register(edited()));
    let open =
        succeed(calm(runner.find(&RunQuery::default().with_workflow("release").open())).await);
    law!(
        open.len() == 4 && open.iter().all(|run| run.definition == old().hash()),
        "open runs of an older definition are listed",
        "{open:?}"
    );
    for (workflow, is_history) in [(old(), true), (edited(), true), (renamed(), false)] {
        let verified = calm(runner.verify(runs[0], &workflow)).await;
        let is_right = match &verified {
            Ok(()) => is_history,
            Err(WorkflowError::Diverged(error)) => {
                !is_history && error.record == 1 && error.message.contains("build")
            }
            Err(_) => false,
        };
        law!(
            is_right,
            "a history is verified against a definition",
            "{verified:?}"
        );
    }
    let outcome = succeed(to_end(&runner, runs[0]).await);
    law!(
        outcome == RunOutcome::Finished(json!("built and shipped")),
        "a run finishes under the definition that it began under",
        "{outcome:?}"
    );
    law!(
        hand.calls().len() == called + 1,
        "to verify calls nothing, and nothing is repeated"
    );

    let migrated = succeed(calm(runner.migrate(runs[1], &BTreeMap::new())).await);
    law!(
        migrated.definition == edited().hash(),
        "a run that was migrated says so",
        "{migrated:?}"
    );
    let outcome = succeed(to_end(&runner, runs[1]).await);
    law!(
        outcome == RunOutcome::Finished(json!("built, signed and shipped")),
        "a run that was migrated goes on under the new definition",
        "{outcome:?}"
    );

    let runner = world.runner(&journal, &hand);
    succeed(runner.register(renamed()));
    let before = events(&*journal, runs[2]).await.len();
    let refused = calm(runner.migrate(runs[2], &BTreeMap::new())).await;
    law!(
        matches!(refused, Err(WorkflowError::Diverged(_)))
            && events(&*journal, runs[2]).await.len() == before,
        "a migration to which the history does not lead is refused, and changes nothing",
        "{refused:?}"
    );
    let names = BTreeMap::from([("build".to_owned(), Some("compile".to_owned()))]);
    succeed(calm(runner.migrate(runs[2], &names)).await);
    let outcome = succeed(to_end(&world.runner(&journal, &hand), runs[2]).await);
    law!(
        outcome == RunOutcome::Finished(json!("built and gone")),
        "a migration says how steps are called now",
        "{outcome:?}"
    );

    let called = hand.calls().len();
    let without = (world.make)(Arc::clone(&journal), Vec::new());
    let missing = calm(without.drive(runs[3])).await;
    law!(
        matches!(&missing, Err(WorkflowError::MissingHandler { step, .. }) if step == "build"),
        "a handler that is missing is told before anything runs",
        "{missing:?}"
    );
    let outcome = succeed(to_end(&runner, runs[3]).await);
    law!(
        outcome == RunOutcome::Finished(json!("built and shipped"))
            && hand.calls().len() == called + 1,
        "a run whose handler was missing goes on when it is there",
        "{outcome:?}"
    );
}
