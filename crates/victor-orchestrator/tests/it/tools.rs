//! Tools and approvals through the facade.

use std::sync::Arc;

use serde_json::json;
use victor_core::ToolOutcome;
use victor_orchestrator::chat::{Approval, ChatError, SuspendedTurn, TurnOutcome};
use victor_testkit::{Expect, ScriptedModel};

use crate::{AskAlways, Note, builder};

#[tokio::test]
async fn a_tool_is_called_and_its_result_comes_back_to_the_model() {
    let model = ScriptedModel::new()
        .expecting(Expect::tools(["note"]))
        .calls("note", json!({"text": "milk"}))
        .expecting(Expect::tool_result_contains("noted"))
        .says("I have noted it");
    let (model, builder) = builder(model);
    let note = Note::new("note");
    let response = builder
        .tool(note.clone())
        .build()
        .unwrap()
        .chat("Note: milk")
        .await
        .unwrap();
    model.assert_finished();
    assert_eq!(response.content(), "I have noted it");
    let calls = note.calls();
    assert_eq!(calls[0].1, json!({"text": "milk"}));
    assert_eq!(calls[0].0, format!("{}/1/0", response.turn));
}

#[tokio::test]
async fn calls_that_cannot_run_are_explained_to_the_model() {
    let model = ScriptedModel::new()
        .calls_all([
            ("nonte", json!({})),
            ("note", json!({"text": 7})),
            ("note", json!({"text": "fine"})),
        ])
        .says("two of three");
    let note = Note::new("note");
    let (model, builder) = builder(model);
    let response = builder
        .tool(note.clone())
        .build()
        .unwrap()
        .chat("go")
        .await
        .unwrap();
    model.assert_finished();
    let results: Vec<_> = response.messages[2].tool_results().collect();
    assert_eq!(results[0].outcome, ToolOutcome::Rejected);
    assert!(
        results[0].text().contains("`note`"),
        "{}",
        results[0].text()
    );
    assert!(results[1].text().contains("text"), "{}", results[1].text());
    assert_eq!(results[2].outcome, ToolOutcome::Success);
    assert_eq!(note.calls().len(), 1);
}

async fn paused() -> (
    Arc<Note>,
    victor_orchestrator::AgentOrchestrator,
    SuspendedTurn,
) {
    let model = ScriptedModel::new()
        .calls("note", json!({"text": "x"}))
        .says("done");
    let note = Note::new("note");
    let (_, builder) = builder(model);
    let orchestrator = builder
        .tool(note.clone())
        .approval_policy(Arc::new(AskAlways))
        .build()
        .unwrap();
    let response = orchestrator.chat("go").await.unwrap();
    assert_eq!(response.outcome, TurnOutcome::AwaitingApproval);
    assert!(note.calls().is_empty());
    let turn = *response.suspended.unwrap();
    assert_eq!(turn.approvals[0].question, "run note?");
    (note, orchestrator, turn)
}

#[tokio::test]
async fn an_approved_call_runs_once() {
    let (note, orchestrator, turn) = paused().await;
    let approvals = vec![Approval::approve(turn.approvals[0].call.id.clone())];
    let response = orchestrator
        .resume(turn.clone(), approvals.clone())
        .response()
        .await
        .unwrap();
    assert_eq!(response.content(), "done");
    assert_eq!(note.calls().len(), 1);
    let error = orchestrator
        .resume(turn, approvals)
        .response()
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the turn cannot be taken up again: the conversation has gone on without it"
    );
    assert_eq!(note.calls().len(), 1, "it does not run again");
}

#[tokio::test]
async fn a_denied_call_does_not_run() {
    let (note, orchestrator, turn) = paused().await;
    let call = turn.approvals[0].call.id.clone();
    let denied = vec![Approval::Denied {
        call,
        reason: "not today".into(),
    }];
    let response = orchestrator.resume(turn, denied).response().await.unwrap();
    assert_eq!(
        response.messages[2].tool_results().next().unwrap().text(),
        "not today"
    );
    assert!(note.calls().is_empty());
}

#[tokio::test]
async fn a_turn_that_waits_is_gone_once_the_conversation_goes_on() {
    let (_, orchestrator, turn) = paused().await;
    orchestrator.chat("never mind").await.unwrap();
    let error = orchestrator
        .resume(turn, vec![])
        .response()
        .await
        .unwrap_err();
    assert!(matches!(error, ChatError::Resume { .. }));
}
