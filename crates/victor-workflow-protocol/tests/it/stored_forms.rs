//! What is stored and sent stays readable.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use victor_core::Timestamp;
use victor_testkit::{check_golden, check_refused, check_survives, check_unknown_fields};
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{
    AgentStep, Body, BranchTaken, Join, OnFailure, Retry, RunCancelled, RunCompensating, RunFailed,
    RunFinished, RunMigrated, RunRecord, RunStarted, ScopeFinished, ScopeStarted, Signal, Step,
    StepExpanded, StepFailed, StepFinished, StepPath, StepSkipped, StepStarted, StepWaiting,
    StoredValue, ToolStep, Wait, WaitStep, Workflow, WorkflowEvent,
};

fn value() -> StoredValue {
    StoredValue::Value(json!({ "a": [1, null] }))
}

fn events() -> Vec<WorkflowEvent> {
    let (step, hash) = (StepPath::new("files/3/read"), ContentHash::of(b"text"));
    let at = Timestamp::UNIX_EPOCH;
    let wait = Wait::Answer {
        prompt: "Ship it?".into(),
        show: json!({ "diff": "+1" }),
    };
    let names = BTreeMap::from([
        ("old".to_owned(), Some("new".to_owned())),
        ("gone".to_owned(), None),
    ]);
    vec![
        RunStarted::new("review".into(), hash, value()).into(),
        StepStarted::new(step.clone(), 1).into(),
        StepStarted::new(step.clone(), 2).signal(7).into(),
        StepFinished::new(step.clone(), StoredValue::Ref(hash))
            .signal(7)
            .into(),
        StepFailed::new(step.clone(), 2, "no such file".into())
            .retry_at(at)
            .into(),
        StepWaiting::new(step.clone(), 0, wait)
            .until(at)
            .state(value())
            .into(),
        StepWaiting::new(
            step.clone(),
            1,
            Wait::Event {
                name: "paid".into(),
            },
        )
        .into(),
        StepWaiting::new(step.clone(), 2, Wait::Time)
            .until(at)
            .into(),
        StepSkipped::new(step.clone()).into(),
        BranchTaken::new(step.clone())
            .to("publish".to_owned())
            .into(),
        StepExpanded::new(step.clone(), value(), 2).into(),
        ScopeStarted::new(step.number(0)).input(value()).into(),
        ScopeFinished::new(step.number(0), value()).into(),
        Signal::answer(step.clone(), 0, "yes")
            .with_sender("Ada")
            .into(),
        Signal::event("paid", "1", 5).into(),
        Signal::cancel("no longer needed").into(),
        RunCompensating::new("step `read` failed".into(), false).into(),
        RunMigrated::new(hash, names).into(),
        RunFinished::new(value()).into(),
        RunFailed::new("step `read` failed".into())
            .step(step)
            .into(),
        RunCancelled::new("no longer needed".into()).into(),
    ]
}

#[test]
fn records() {
    let records: Vec<_> = events()
        .into_iter()
        .zip(0..)
        .map(|(event, number)| {
            let mut record = RunRecord::new(number, event);
            record.at = Timestamp::UNIX_EPOCH;
            record
        })
        .collect();
    let kinds: std::collections::BTreeSet<_> =
        records.iter().map(|record| record.event.kind()).collect();
    assert_eq!(
        kinds.len(),
        WorkflowEvent::KINDS.len(),
        "every event is here"
    );
    check_golden(env!("CARGO_MANIFEST_DIR"), "records", &records);
}

#[test]
fn events_keep_what_they_do_not_know() {
    for event in events() {
        let closed = [
            "value", "output", "input", "items", "state", "a", "wait", "answer", "event", "show",
            "to", "steps", "cancel",
        ];
        check_unknown_fields(event.kind(), &event, &closed);
    }
    check_survives::<WorkflowEvent>(&json!({ "type": "later", "step": "a" }));
    check_refused::<WorkflowEvent>(&json!({ "type": "step_skipped" }), "in `step_skipped`");
}

fn workflow() -> Workflow {
    let body =
        Body::new([Step::transform("double", "{{ item * 2 }}")]).with_output("{{ steps.double }}");
    let agent = AgentStep {
        prompt: "Review {{ input.diff }}".into(),
        mode: Some("plan".into()),
        tools: Some(vec!["read".into()]),
        ..AgentStep::default()
    };
    let tool = ToolStep {
        name: "read".into(),
        arguments: json!({ "path": "a" }),
    };
    let until = WaitStep {
        until: Some("input.at".into()),
        ..WaitStep::default()
    };
    let retry = Retry::new(3).with_delay(Duration::from_millis(1500));
    Workflow::new(
        "everything",
        [
            Step::new("review", agent)
                .retry(retry)
                .timeout(Duration::from_secs(5400)),
            Step::new("read", tool)
                .on_failure(OnFailure::Continue)
                .when("input.read"),
            Step::call("book", "booking", json!({ "seat": 1 }))
                .compensate("cancel", "{{ output }}"),
            Step::map("all", "input.list", body.clone()),
            Step::repeat("polish", "last > 9", 5, body.clone()),
            Step::approval("ask", "Ship it?"),
            Step::wait_for_event("payment", "paid"),
            Step::wait("pause", Duration::from_secs(30)),
            Step::new("later", until),
            Step::branch("route", [("input.yes", "sub")], Some("done")),
            Step::workflow("sub", "double", 21),
            Step::transform("done", json!({ "all": "{{ steps.all }}" }))
                .after(["sub"])
                .join(Join::Any),
            Step::transform("two", 2)
                .after(["sub", "done"])
                .join(Join::AtLeast(2)),
        ],
    )
    .with_description("One of everything")
    .with_concurrency(4)
    .with_output("{{ steps.done }}")
    .with_workflow("double", body)
}

#[test]
fn a_definition() {
    check_golden(env!("CARGO_MANIFEST_DIR"), "workflow", &workflow());
}

#[test]
fn what_a_definition_does_not_know_is_refused() {
    let step = |step: serde_json::Value| json!({ "name": "w", "steps": [step] });
    for (form, expected) in [
        (
            json!({ "name": "w", "steps": [], "retries": 3 }),
            "unknown field `retries`",
        ),
        (
            json!({ "name": "w", "steps": [], "version": 2 }),
            "use a later version of Victor",
        ),
        (
            step(json!({ "id": "a", "call": { "handler": "h", "inptu": 1 } })),
            "unknown field `inptu`",
        ),
        (
            step(json!({ "id": "a" })),
            "step `a` must do one thing; expected one of call, agent",
        ),
        (
            step(json!({ "id": "a", "transform": 1, "tool": { "name": "t" } })),
            "found tool and transform",
        ),
        (
            step(json!({ "id": "a", "transform": 1, "timeout": "soon" })),
            "`soon` is no length of time",
        ),
        (
            step(json!({ "id": "a", "transform": 1, "timeout": "-3s" })),
            "`-3s` is no length of time",
        ),
        (
            step(json!({ "id": "a", "transform": 1, "join": "some" })),
            "unknown join `some`; expected merge, all, any or { at_least: 2 }",
        ),
    ] {
        check_refused::<Workflow>(&form, expected);
    }
}

#[test]
fn the_identity_of_a_definition_is_its_content() {
    let text = serde_json::to_string_pretty(&workflow()).unwrap();
    let again: Workflow = serde_json::from_str(&text).unwrap();
    assert_eq!(again.hash(), workflow().hash());
    let read: Workflow = serde_json::from_str(&workflow().canonical()).unwrap();
    assert_eq!(read, workflow());
    let one = r#"{"name":"w","steps":[{"id":"a","transform":{"x":1,"y":2}},{"id":"b","transform":3,"after":"a"}]}"#;
    let other = r#"{"steps":[{"transform":{"y":2,"x":1},"id":"a"},{"after":["a"],"id":"b","transform":3}],"name":"w"}"#;
    let hash = |text: &str| serde_json::from_str::<Workflow>(text).unwrap().hash();
    assert_eq!(hash(one), hash(other));
    assert_ne!(hash(one), hash(&one.replace(":3", ":4")));
}

#[test]
fn the_waits_between_attempts_double_up_to_a_limit() {
    let retry = Retry::new(9).with_delay(Duration::from_secs(2));
    let seconds: Vec<_> = (1..9)
        .map(|count| retry.delay_after(count).as_secs())
        .collect();
    assert_eq!(seconds, [2, 4, 8, 16, 32, 60, 60, 60]);
    assert_eq!(Retry::new(2).delay_after(u32::MAX).as_secs(), 60);
}
