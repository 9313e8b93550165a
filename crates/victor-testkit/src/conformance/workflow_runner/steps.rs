//! Steps of every kind do what they say.

use std::sync::Arc;

use serde_json::{Value, json};
use victor_workflow_protocol::{
    Body, Join, RunOutcome, Step, Workflow, WorkflowJournal, WorkflowRunner,
};

use super::{Hand, Handlers, World};

pub(super) async fn check<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    for (steps, input, expected) in cases() {
        let hand = Hand::default();
        let workflow = Workflow::new("case", steps).with_workflow("double", double());
        // A definition names no workflow that no step runs.
        let workflow = match workflow.canonical().contains("\"name\":\"double\"") {
            true => workflow,
            false => {
                let mut workflow = workflow;
                workflow.workflows.clear();
                workflow
            }
        };
        let text = workflow.canonical();
        let outcome = world.outcome(workflow, input, &hand).await;
        law!(
            outcome == RunOutcome::Finished(expected.clone()),
            "steps do what their kind says",
            "{text} is {outcome:?} and not {expected}"
        );
    }
    limits(world).await;
}

fn double() -> Body {
    Body::new([Step::call("double", "echo", "{{ input * 2 }}")])
}

fn cases() -> Vec<(Vec<Step>, Value, Value)> {
    let echo = |id: &str, input: Value| Step::call(id, "echo", input);
    let route = |otherwise| {
        Step::branch(
            "route",
            [("input > 5", "big"), ("input > 2", "middle")],
            otherwise,
        )
    };
    let branches = |otherwise| {
        vec![
            route(otherwise),
            echo("big", json!("big")),
            echo("middle", json!("middle")),
            echo("small", json!("small")),
            Step::transform(
                "all",
                json!(["{{ steps.route }}", "{{ steps.big | default('-') }}"]),
            )
            .after(["big", "middle", "small"]),
        ]
    };
    vec![
        (
            vec![echo("a", json!({ "n": "{{ input + 1 }}" }))],
            json!(1),
            json!({ "n": 2 }),
        ),
        (
            vec![
                echo("a", json!(1)),
                Step::transform("b", "{{ steps.a + 1 }}"),
                echo("c", json!("{{ [steps.a, steps.b] }}")),
            ],
            json!(null),
            json!([1, 2]),
        ),
        (
            vec![echo("a", json!(1)).when("input"), echo("b", json!(2))],
            json!(false),
            json!(null),
        ),
        (
            vec![
                echo("a", json!(1)).when("input"),
                echo("b", json!(2)).after(Vec::<String>::new()),
                echo("c", json!(3)).after(["a", "b"]),
            ],
            json!(false),
            json!(3),
        ),
        (branches(Some("small")), json!(9), json!(["big", "big"])),
        (branches(Some("small")), json!(3), json!(["middle", "-"])),
        (branches(Some("small")), json!(1), json!(["small", "-"])),
        (
            vec![
                echo("a", json!(1)),
                route(None),
                echo("big", json!(2)),
                echo("middle", json!(3)).after(Vec::<String>::new()),
            ],
            json!(1),
            json!(null),
        ),
        (
            vec![Step::map(
                "all",
                "input",
                Body::new([echo("one", json!("{{ item * 10 + index }}"))]),
            )],
            json!([1, 2, 3]),
            json!([10, 21, 32]),
        ),
        (
            vec![Step::map(
                "all",
                "input",
                Body::new([echo("one", json!(1))]),
            )],
            json!([]),
            json!([]),
        ),
        (
            vec![Step::map(
                "rows",
                "input",
                Body::new([Step::map(
                    "cells",
                    "item",
                    Body::new([Step::transform("cell", "{{ item + 1 }}")]),
                )]),
            )],
            json!([[1, 2], [], [3]]),
            json!([[2, 3], [], [4]]),
        ),
        (
            vec![Step::repeat(
                "again",
                "last > 20",
                9,
                Body::new([echo("next", json!("{{ (last or input) * 2 }}"))]),
            )],
            json!(3),
            json!(24),
        ),
        (
            vec![Step::repeat(
                "again",
                "false",
                4,
                Body::new([echo("next", json!("{{ iteration }}"))]),
            )],
            json!(null),
            json!(3),
        ),
        (
            vec![Step::workflow("sub", "double", "{{ input + 1 }}")],
            json!(20),
            json!(42),
        ),
        (
            vec![Step::map(
                "all",
                "input",
                Body::new([Step::workflow("sub", "double", "{{ item }}")]),
            )],
            json!([1, 2]),
            json!([2, 4]),
        ),
        (
            vec![Step::approval("ask", "Ship {{ input }}?")],
            json!("it"),
            json!("ask"),
        ),
        (
            vec![Step::wait_for_event("wait", "paid")],
            json!(null),
            json!("paid"),
        ),
        (
            vec![Step::call("twice", "ask", json!(1))],
            json!(null),
            json!(["twice", "twice"]),
        ),
        (
            vec![
                Step::wait("pause", std::time::Duration::from_millis(5)),
                Step::transform("after", "{{ steps.pause is none }}"),
            ],
            json!(null),
            json!(true),
        ),
        (
            vec![
                echo("a", json!(1)).after(Vec::<String>::new()),
                Step::approval("b", "?").after(Vec::<String>::new()),
                echo("c", json!(3)).after(["a", "b"]).join(Join::All),
            ],
            json!(null),
            json!(3),
        ),
        (
            vec![
                echo("a", json!(1)).after(Vec::<String>::new()),
                Step::approval("b", "?").after(Vec::<String>::new()),
                Step::transform("c", "{{ steps.b is defined }}")
                    .after(["a", "b"])
                    .join(Join::Any),
            ],
            json!(null),
            json!(false),
        ),
        (
            vec![
                echo("a", json!(1)).after(Vec::<String>::new()),
                echo("b", json!(1)).after(Vec::<String>::new()),
                echo("c", json!(1))
                    .after(Vec::<String>::new())
                    .when("false"),
                echo("d", json!("{{ steps.a + steps.b }}"))
                    .after(["a", "b", "c"])
                    .join(Join::AtLeast(2)),
            ],
            json!(null),
            json!(2),
        ),
    ]
}

/// At most so many calls run at the same time, and at least two where two may.
async fn limits<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    let body = || Body::new([Step::call("one", "slow", "{{ item }}")]);
    let items = json!((0..12).collect::<Vec<_>>());
    let mut map = Step::map("all", "input", body());
    if let victor_workflow_protocol::StepAction::Map(map) = &mut map.action {
        map.concurrency = Some(3);
    }
    for (workflow, limit) in [
        (Workflow::new("w", [map]), 3),
        (
            Workflow::new("w", [Step::map("all", "input", body())]).with_concurrency(4),
            4,
        ),
        (Workflow::new("w", [Step::map("all", "input", body())]), 12),
    ] {
        let hand = Hand::default();
        let outcome = world.outcome(workflow, items.clone(), &hand).await;
        law!(
            outcome == RunOutcome::Finished(items.clone()),
            "a map keeps the order of its items",
            "{outcome:?}"
        );
        law!(
            hand.most() <= limit && hand.most() > 1,
            "calls run at the same time, and within their limits",
            "{} of {limit}",
            hand.most()
        );
    }
}
