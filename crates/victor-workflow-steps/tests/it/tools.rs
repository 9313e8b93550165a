//! Calls of tools.

use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::{Lock, Part, ToolCall, ToolOutcome, ToolResult, ToolSpec};
use victor_workflow_steps::ToolHandler;
use victor_workflow_steps::protocol::{StepContext, StepHandler, StepOutcome};
use victor_workflow_steps::tool::{MockToolExecutor, ToolResults, ToolScope, Verdict};

use crate::{Seen, answered, context, failure, output, pause};

/// An executor that gives these verdicts and results, one after the other, and the calls that it was given.
fn handler(
    verdicts: impl IntoIterator<Item = Verdict>,
    results: impl IntoIterator<Item = (ToolOutcome, Vec<Part>)>,
) -> (ToolHandler, Seen<ToolCall>, Seen<ToolScope>) {
    let (calls, scopes) = (Seen::default(), Seen::default());
    let (seen_calls, seen_scopes) = (Arc::clone(&calls), Arc::clone(&scopes));
    let verdicts = Lock::new(verdicts.into_iter().collect::<Vec<_>>());
    let results = Lock::new(results.into_iter().collect::<Vec<_>>());
    let mut tools = MockToolExecutor::new();
    tools.expect_review_tool_calls().returning(move |_, scope| {
        seen_scopes.lock().push(scope.clone());
        vec![verdicts.lock().remove(0)]
    });
    tools
        .expect_run_tool_calls()
        .returning(move |mut batch, _| {
            let call = batch.remove(0);
            let (outcome, parts) = results.lock().remove(0);
            let result = ToolResult::with_parts(&call, outcome, parts);
            seen_calls.lock().push(call);
            ToolResults::new(futures_util::stream::iter([result]))
        });
    (ToolHandler::new(Arc::new(tools)), calls, scopes)
}

fn text(outcome: ToolOutcome, text: &str) -> (ToolOutcome, Vec<Part>) {
    (outcome, vec![Part::text(text)])
}

fn input() -> Value {
    json!({ "name": "note", "arguments": { "text": "a" } })
}

async fn call(
    handler: &ToolHandler,
    cx: &StepContext,
) -> Result<StepOutcome, victor_workflow_steps::protocol::StepError> {
    handler.call(cx, input()).await
}

#[tokio::test]
async fn the_result_is_the_output() {
    for (result, expected) in [
        ("noted", json!({ "text": "noted" })),
        ("[1]", json!({ "text": "[1]", "json": [1] })),
    ] {
        let (handler, calls, scopes) =
            handler([Verdict::Run], [text(ToolOutcome::Success, result)]);
        let cx = context();
        assert_eq!(output(call(&handler, &cx).await), expected);
        let made = calls.lock().remove(0);
        assert_eq!(
            (made.name.as_str(), made.arguments.as_str()),
            ("note", "{\"text\":\"a\"}")
        );
        assert_eq!(made.idempotency_key, cx.idempotency_key);
        assert_eq!(scopes.lock()[0].session.as_str(), cx.run.to_string());
    }
}

#[tokio::test]
async fn an_attempt_after_a_failure_has_a_receipt_of_its_own() {
    let failed = || text(ToolOutcome::Error, "no disk");
    let (handler, calls, _) = handler(
        [Verdict::Run, Verdict::Run, Verdict::Run],
        [failed(), failed(), failed()],
    );
    for (attempt, failures) in [(1, 0), (2, 0), (3, 1)] {
        let cx = StepContext::new(context().run, "test", "work".into())
            .with_attempt(attempt)
            .with_failures(failures);
        assert_eq!(
            failure(call(&handler, &cx).await),
            ("tool `note` failed: no disk".into(), true)
        );
        let key = calls.lock().remove(0).idempotency_key;
        let expected = if failures == 0 {
            cx.idempotency_key
        } else {
            format!("{}#1", cx.idempotency_key)
        };
        assert_eq!(key, expected);
    }
}

#[tokio::test]
async fn a_call_that_a_person_approves_is_reviewed_with_the_evidence() {
    let spec = Arc::new(ToolSpec::new("note", "Takes a note", json!({})));
    let ask = |evidence: &str| {
        Verdict::ask("note it?").with_evidence(None, Some(evidence.into()), Arc::clone(&spec))
    };
    let (handler, calls, scopes) = handler(
        [ask("1"), ask("2"), Verdict::Run],
        [text(ToolOutcome::Success, "noted")],
    );
    let (first, prompt, show) = pause(call(&handler, &context()).await);
    assert_eq!(
        (prompt.as_str(), &show["calls"][0]["tool"]),
        ("note it?", &json!("note"))
    );
    // It would do something else by now, so it is asked about again.
    let (second, ..) = pause(call(&handler, &answered(&first, json!(true))).await);
    assert_eq!(
        output(call(&handler, &answered(&second, json!({ "approved": true }))).await)["text"],
        "noted"
    );
    let given = scopes.lock()[2].approvals[0].clone();
    assert_eq!(
        (given.evidence.as_deref(), given.definition.as_ref()),
        (Some("2"), Some(&spec))
    );
    assert_eq!(calls.lock()[0].evidence.as_deref(), Some("2"));
    let (message, is_transient) = failure(call(&handler, &answered(&second, json!(false))).await);
    assert!(
        message.starts_with("tool `note` was not called: ") && !is_transient,
        "{message}"
    );
}

#[tokio::test]
async fn a_call_that_was_cut_off_runs_again_if_a_person_wants_it() {
    let results = [
        text(ToolOutcome::Interrupted, "it may have had its effect"),
        text(ToolOutcome::Success, "noted"),
    ];
    let (handler, calls, _) = handler([Verdict::Run, Verdict::Run], results);
    let (asked, prompt, _) = pause(call(&handler, &context().with_attempt(2)).await);
    assert_eq!(prompt, "it may have had its effect. Is it to run again?");
    assert_eq!(
        output(call(&handler, &answered(&asked, json!(true))).await)["text"],
        "noted"
    );
    let keys: Vec<_> = calls
        .lock()
        .iter()
        .map(|call| call.idempotency_key.ends_with("#1"))
        .collect();
    assert_eq!(keys, [false, true]);
}

#[tokio::test]
async fn a_call_that_may_not_run_fails_for_good() {
    let deny = Verdict::Deny {
        reason: "not in `plan`".into(),
    };
    let reject = Verdict::Reject {
        reason: "no such tool".into(),
    };
    for (verdict, reason) in [(deny, "not in `plan`"), (reject, "no such tool")] {
        let (handler, calls, _) = handler([verdict], []);
        let (message, is_transient) = failure(call(&handler, &context()).await);
        assert!(message.contains(reason) && !is_transient, "{message}");
        assert!(calls.lock().is_empty());
    }
}
