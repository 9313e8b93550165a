//! Runs that wait, and are answered in every order across restarts.

use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::RunId;
use victor_workflow_protocol::{
    Body, PendingWait, RunOutcome, Signal, StartRun, Step, Wait, Workflow, WorkflowError,
    WorkflowEvent, WorkflowJournal, WorkflowRunner,
};

use super::{Hand, Handlers, World, calm, events, succeed};

/// Orders in which three questions are answered; those in one list at once.
const ORDERS: [&[&[usize]]; 13] = [
    &[&[0], &[1], &[2]],
    &[&[0], &[2], &[1]],
    &[&[1], &[0], &[2]],
    &[&[1], &[2], &[0]],
    &[&[2], &[0], &[1]],
    &[&[2], &[1], &[0]],
    &[&[0, 1], &[2]],
    &[&[2, 0], &[1]],
    &[&[1, 2], &[0]],
    &[&[0], &[1, 2]],
    &[&[1], &[2, 0]],
    &[&[2], &[1, 0]],
    &[&[2, 1, 0]],
];

pub(super) async fn check<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    let ask = |id: &str| Step::approval(id, "?").after(["first"]);
    let join = json!("{{ [steps.a, steps.b, steps.c] }}");
    let branches = Workflow::new(
        "branches",
        [
            Step::call("first", "echo", json!(1)),
            ask("a"),
            ask("b"),
            ask("c"),
            Step::call("join", "echo", join.clone()).after(["a", "b", "c"]),
        ],
    );
    let handlers = Workflow::new(
        "handlers",
        [
            Step::call("first", "echo", json!(1)),
            Step::call("a", "ask", json!(1)).after(["first"]),
            Step::call("b", "ask", json!(1)).after(["first"]),
            Step::call("c", "ask", json!(1)).after(["first"]),
            Step::call("join", "echo", join).after(["a", "b", "c"]),
        ],
    );
    let items = Body::new([
        Step::call("before", "echo", "{{ item }}"),
        Step::approval("ask", "?"),
    ]);
    let map = Workflow::new("map", [Step::map("all", "['a', 'b', 'c']", items)]);
    let inner = Body::new([
        Step::call("before", "echo", "{{ input }}"),
        Step::approval("ask", "?"),
    ]);
    let subs = Workflow::new(
        "subs",
        [Step::map(
            "all",
            "['a', 'b', 'c']",
            Body::new([Step::workflow("sub", "inner", "{{ item }}")]),
        )],
    )
    .with_workflow("inner", inner);
    for workflow in [branches, handlers, map, subs] {
        for order in ORDERS {
            answered(world, &workflow, order).await;
        }
    }
    looping(world).await;
    events_are_taken_once(world).await;
    answers_count_once(world).await;
    two_processes(world).await;
    followed(world).await;
}

/// Answers the questions of a workflow in an order, each time after a restart.
async fn answered<J, M, R>(world: &World<J, M>, workflow: &Workflow, order: &[&[usize]])
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    let (journal, hand) = (world.journal().await, Hand::default());
    let runner = world.runner(&journal, &hand);
    succeed(runner.register(workflow.clone()));
    let (run, first) =
        succeed(calm(runner.run(&StartRun::new(&*workflow.name, json!(null)))).await);
    let questions = pending(&first);
    law!(
        questions.len() == 3,
        "steps beside each other wait at the same time",
        "{first:?}"
    );
    let rounds = if workflow.name == "handlers" { 2 } else { 1 };
    let mut outcome = first;
    for round in 0..rounds {
        for (at, some) in order.iter().enumerate() {
            let runner = world.runner(&journal, &hand);
            let open = succeed(calm(runner.pending(run)).await);
            for place in *some {
                let step = &questions[*place].step;
                let wait = open
                    .iter()
                    .find(|wait| wait.step == *step && wait.epoch == round);
                law!(
                    wait.is_some(),
                    "who comes late sees what is pending",
                    "{step} in {open:?}"
                );
                if let Some(wait) = wait {
                    let answer = wait.answer(format!("{step} {round}"));
                    law!(
                        succeed(calm(runner.signal(run, &answer)).await),
                        "an answer is taken"
                    );
                }
            }
            let before = hand.steps();
            outcome = succeed(calm(world.runner(&journal, &hand).drive(run)).await);
            let still = pending(&outcome);
            let expected = questions.iter().enumerate().filter(|(place, _)| {
                !order[..=at].iter().any(|some| some.contains(place)) || round + 1 < rounds
            });
            law!(
                still.len() == expected.count(),
                "what was answered is not asked again",
                "{}, {order:?}: {still:?}",
                workflow.name
            );
            let called = hand.steps().split_off(before.len());
            law!(
                called.iter().all(|step| step == "join"
                    || some
                        .iter()
                        .any(|place| questions[*place].step.as_str() == step)),
                "an answer wakes its own step, and repeats nothing",
                "{}, {order:?}: {called:?}",
                workflow.name
            );
        }
    }
    let answer = |place: usize| {
        let step = &questions[place].step;
        match rounds {
            1 => json!(format!("{step} 0")),
            _ => json!([format!("{step} 0"), format!("{step} 1")]),
        }
    };
    let expected = json!([answer(0), answer(1), answer(2)]);
    law!(
        outcome == RunOutcome::Finished(expected.clone()),
        "each answer reaches its own branch, in every order",
        "{}, {order:?}: {outcome:?} and not {expected}",
        workflow.name
    );
}

fn pending(outcome: &RunOutcome) -> Vec<PendingWait> {
    match outcome {
        RunOutcome::Waiting { pending, .. } => pending.clone(),
        _ => Vec::new(),
    }
}

/// An answer to one repetition is none to the next.
async fn looping<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    let body = Body::new([
        Step::call("draft", "echo", "{{ iteration }}"),
        Step::approval("ok", "?"),
    ]);
    let workflow = Workflow::new("loop", [Step::repeat("again", "last == 'yes'", 5, body)]);
    let (journal, hand) = (world.journal().await, Hand::default());
    let runner = world.runner(&journal, &hand);
    succeed(runner.register(workflow));
    let (run, mut outcome) = succeed(calm(runner.run(&StartRun::new("loop", json!(null)))).await);
    for (number, answer) in ["no", "no", "yes"].into_iter().enumerate() {
        let open = pending(&outcome);
        let step = format!("again/{number}/ok");
        law!(
            open.len() == 1 && open[0].step.as_str() == step,
            "each repetition asks for itself",
            "{open:?} and not {step}"
        );
        let runner = world.runner(&journal, &hand);
        succeed(calm(runner.signal(run, &open[0].answer(answer))).await);
        outcome = succeed(calm(runner.drive(run)).await);
    }
    law!(
        outcome == RunOutcome::Finished(json!("yes")),
        "a loop ends when its condition is true",
        "{outcome:?}"
    );
    law!(
        hand.steps() == ["again/0/draft", "again/1/draft", "again/2/draft"],
        "a wait in a loop repeats nothing",
        "{:?}",
        hand.steps()
    );
}

/// Each event is taken by one step, also one that comes before it is waited for.
async fn events_are_taken_once<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    let wait = |id: &str| Step::wait_for_event(id, "paid");
    let workflow = Workflow::new(
        "events",
        [
            wait("a"),
            wait("b"),
            Step::transform("both", "{{ [steps.a, steps.b] }}"),
        ],
    );
    let (journal, hand) = (world.journal().await, Hand::default());
    let runner = world.runner(&journal, &hand);
    succeed(runner.register(workflow));
    let run = succeed(calm(runner.start(&StartRun::new("events", json!(null)))).await).id;
    for (key, payload, is_new) in [("1", 10, true), ("1", 99, false)] {
        let event = Signal::event("paid", key, payload);
        law!(
            succeed(calm(runner.signal(run, &event)).await) == is_new,
            "an event of a key is taken once"
        );
    }
    let outcome = succeed(calm(runner.drive(run)).await);
    law!(
        pending(&outcome)
            .iter()
            .map(|wait| wait.step.as_str())
            .eq(["b"]),
        "an event ends one wait, also if it comes before it",
        "{outcome:?}"
    );
    let runner = world.runner(&journal, &hand);
    succeed(calm(runner.signal(run, &Signal::event("paid", "2", 20))).await);
    let outcome = succeed(calm(runner.drive(run)).await);
    law!(
        outcome == RunOutcome::Finished(json!([10, 20])),
        "events are taken in their order",
        "{outcome:?}"
    );
}

async fn answers_count_once<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    let (journal, hand) = (world.journal().await, Hand::default());
    let runner = world.runner(&journal, &hand);
    succeed(runner.register(Workflow::new(
        "ask",
        [Step::approval("ask", "Ship {{ input.what }}?")],
    )));
    let (run, outcome) =
        succeed(calm(runner.run(&StartRun::new("ask", json!({ "what": "it" })))).await);
    let open = pending(&outcome);
    law!(
        matches!(&open[..], [PendingWait { wait: Wait::Answer { prompt, .. }, .. }] if prompt == "Ship it?"),
        "a question has its words",
        "{open:?}"
    );
    let early = calm(runner.signal(run, &Signal::answer("nobody", 0, 1))).await;
    law!(
        matches!(early, Err(WorkflowError::NotWaiting { .. })),
        "an answer that nobody waits for is refused",
        "{early:?}"
    );
    succeed(calm(runner.signal(run, &open[0].answer("yes"))).await);
    let second = calm(runner.signal(run, &open[0].answer("no"))).await;
    law!(
        matches!(&second, Err(WorkflowError::NotWaiting { answered: Some(answer), .. }) if answer == "yes"),
        "of two answers the first counts, and the second is told so",
        "{second:?}"
    );
    let outcome = succeed(calm(world.runner(&journal, &hand).drive(run)).await);
    law!(
        outcome == RunOutcome::Finished(json!("yes")),
        "an answer outlives its process",
        "{outcome:?}"
    );
}

/// Of two processes that drive one run, one does.
async fn two_processes<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    use victor_workflow_protocol::JournalError;
    let (journal, hand) = (world.journal().await, Hand::default());
    let steps = (0..4).map(|number| Step::call(format!("s{number}"), "slow", json!(number)));
    let workflow = Workflow::new("both", steps);
    let runners = [0, 1].map(|_| (world.make)(Arc::clone(&journal), hand.handlers()));
    for runner in &runners {
        succeed(runner.register(workflow.clone()));
    }
    let request = StartRun::new("both", json!(null)).with_key("one");
    let run = succeed(calm(runners[0].start(&request)).await).id;
    let same = succeed(calm(runners[1].start(&request)).await).id;
    law!(
        run == same,
        "a start with a key that exists returns that run"
    );
    let both = futures_util::future::join(calm(runners[0].drive(run)), calm(runners[1].drive(run)));
    let (one, other) = both.await;
    let done = |result: &Result<RunOutcome, WorkflowError>| matches!(result, Ok(RunOutcome::Finished(value)) if *value == json!(3));
    let held = |result: &Result<RunOutcome, WorkflowError>| {
        matches!(
            result,
            Err(WorkflowError::Journal(JournalError::Held { .. }))
        )
    };
    law!(
        done(&one) && held(&other) || held(&one) && done(&other),
        "of two processes that drive one run, one does",
        "{one:?}, {other:?}"
    );
    law!(
        hand.steps() == ["s0", "s1", "s2", "s3"],
        "nothing is done twice",
        "{:?}",
        hand.steps()
    );
}

/// The events of a run are one numbered stream, followed from any number by whoever wants.
async fn followed<J, M, R>(world: &World<J, M>)
where
    J: AsyncFn() -> Arc<dyn WorkflowJournal>,
    M: Fn(Arc<dyn WorkflowJournal>, Handlers) -> R,
    R: WorkflowRunner,
{
    let (journal, hand) = (world.journal().await, Hand::default());
    let (runner, listener) = (world.runner(&journal, &hand), world.runner(&journal, &hand));
    let steps = (0..5).map(|number| Step::call(format!("s{number}"), "slow", json!(number)));
    succeed(runner.register(Workflow::new("followed", steps)));
    let run: RunId = succeed(calm(runner.start(&StartRun::new("followed", Value::Null))).await).id;
    let listen = async {
        let mut found = Vec::new();
        loop {
            let records = succeed(calm(listener.follow(run, found.len() as u64, 3)).await);
            if records.is_empty() {
                return found;
            }
            found.extend(records);
        }
    };
    let (outcome, found) = futures_util::future::join(calm(runner.drive(run)), listen).await;
    succeed(outcome);
    let numbers = found.iter().map(|record| record.number);
    let all = events(&*journal, run).await;
    law!(
        numbers.eq(0..all.len() as u64) && found.iter().map(|record| &record.event).eq(&all),
        "the events of a run can be followed from any number",
        "{} of {}",
        found.len(),
        all.len()
    );
    law!(
        matches!(all.last(), Some(WorkflowEvent::RunFinished(_))),
        "the last event is the end of the run",
        "{:?}",
        all.last()
    );
}
