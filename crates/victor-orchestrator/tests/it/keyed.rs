//! Messages that come more than once under a key.

use std::sync::Arc;

use victor_core::SessionId;
use victor_orchestrator::chat::{Approval, ChatErrorKind, ChatInput, TurnEventKind, TurnOutcome};
use victor_orchestrator::provider::{ProviderError, ProviderErrorKind};
use victor_testkit::ScriptedModel;

use crate::recovery::Disk;
use crate::{AskAlways, Note, builder, orchestrator};

fn keyed(text: &str, key: &str) -> ChatInput {
    ChatInput::from(text).with_key(key)
}

#[tokio::test]
async fn a_message_that_comes_again_under_its_key_is_answered_once() {
    let model = ScriptedModel::new().says("one").says("two");
    let orchestrator = orchestrator(model);
    let first = orchestrator.chat(keyed("a", "k1")).await.unwrap();
    assert!(!first.repeated);
    let second = orchestrator.chat(keyed("a", "k2")).await.unwrap();
    assert_ne!(first.turn, second.turn);
    for (response, key) in [(&first, "k1"), (&second, "k2")] {
        let mut stream = orchestrator.stream_chat(keyed("a", key));
        assert_eq!(stream.turn(), response.turn);
        let event = stream.next().await.unwrap().unwrap();
        let TurnEventKind::TurnFinished(finished) = event.kind else {
            panic!("{event:?}")
        };
        let again = finished.response;
        assert!(again.repeated);
        assert_eq!(again.messages, response.messages);
        assert_eq!(again.content(), response.content());
        assert_eq!(again.outcome, TurnOutcome::Completed);
    }
    let session = orchestrator.session(SessionId::default());
    let transcript = session.transcript();
    assert_eq!(transcript.await.unwrap().len(), 4);
    // Another session has keys of its own.
    let other = orchestrator.session("other").stream_chat(keyed("a", "k1"));
    assert_ne!(other.turn(), first.turn);
}

#[tokio::test]
async fn a_turn_that_failed_goes_on_when_its_message_comes_again() {
    let disk = Disk::after(&[]).await;
    let failure = ProviderError::new(ProviderErrorKind::InvalidRequest, "scripted", "no");
    let model = ScriptedModel::new().fails_with(failure).says("one");
    let (_, builder) = builder(model);
    let orchestrator = builder.session_store(disk).build().unwrap();
    let error = orchestrator.chat(keyed("a", "k")).await.unwrap_err();
    assert!(
        matches!(error.kind(), ChatErrorKind::Provider(_)),
        "{error:?}"
    );
    let response = orchestrator.chat(keyed("a", "k")).await.unwrap();
    assert_eq!((&*response.content(), response.repeated), ("one", false));
    let again = orchestrator.chat(keyed("a", "k")).await.unwrap();
    assert_eq!((&*again.content(), again.repeated), ("one", true));
    let session = orchestrator.session(SessionId::default());
    let transcript = session.transcript();
    assert_eq!(transcript.await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_turn_that_waits_for_a_person_waits_for_whoever_sends_its_message_again() {
    let disk = Disk::after(&[]).await;
    let model = ScriptedModel::new()
        .calls("note", serde_json::json!({ "text": "x" }))
        .says("done");
    let (_, builder) = builder(model);
    let note = Note::new("note");
    let builder = builder.session_store(disk).tool(note.clone());
    let orchestrator = builder
        .approval_policy(Arc::new(AskAlways))
        .build()
        .unwrap();
    let first = orchestrator.chat(keyed("a", "k")).await.unwrap();
    assert_eq!(first.outcome, TurnOutcome::AwaitingApproval);
    let again = orchestrator.chat(keyed("a", "k")).await.unwrap();
    assert_eq!(again.outcome, TurnOutcome::AwaitingApproval);
    let turn = *again.suspended.unwrap();
    let approvals: Vec<_> = turn
        .approvals
        .iter()
        .map(|pending| Approval::approve(pending.call.id.clone()))
        .collect();
    let response = orchestrator
        .resume(turn, approvals)
        .response()
        .await
        .unwrap();
    assert_eq!(response.content(), "done");
    assert_eq!(note.calls().len(), 1);
}
