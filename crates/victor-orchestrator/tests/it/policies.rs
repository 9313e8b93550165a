//! What happens to a message that comes while a turn runs.

use std::sync::Arc;
use std::time::Duration;

use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::{ChatError, ChatErrorKind, ChatResponse, TurnOutcome};
use victor_orchestrator::session::{SessionError, TurnPolicy};
use victor_testkit::{Expect, ScriptedModel};

use crate::builder;

/// Sends messages in one session, a second apart, where a model needs a minute for an answer.
async fn send(
    model: ScriptedModel,
    policy: TurnPolicy,
    messages: &[&'static str],
) -> Vec<Result<ChatResponse, ChatError>> {
    let (model, builder) = builder(model);
    let orchestrator: Arc<AgentOrchestrator> =
        Arc::new(builder.turn_policy(policy).build().unwrap());
    let mut turns = Vec::new();
    for &message in messages {
        let orchestrator = orchestrator.clone();
        turns.push(tokio::spawn(
            async move { orchestrator.chat(message).await },
        ));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut ended = Vec::new();
    for turn in turns {
        ended.push(turn.await.unwrap());
    }
    model.assert_finished();
    orchestrator
        .session("default")
        .context()
        .messages()
        .validate()
        .unwrap();
    ended
}

fn slow() -> ScriptedModel {
    ScriptedModel::new().after(Duration::from_secs(60))
}

fn outcomes(ended: &[Result<ChatResponse, ChatError>]) -> Vec<TurnOutcome> {
    ended
        .iter()
        .map(|ended| ended.as_ref().unwrap().outcome.clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn it_waits() {
    let ended = send(slow().says("1").says("2"), TurnPolicy::Queue, &["a", "b"]).await;
    assert_eq!(
        outcomes(&ended),
        [TurnOutcome::Completed, TurnOutcome::Completed]
    );
    assert_eq!(ended[1].as_ref().unwrap().content(), "2");
}

#[tokio::test(start_paused = true)]
async fn it_is_refused() {
    let ended = send(slow().says("1"), TurnPolicy::Reject, &["a", "b"]).await;
    assert_eq!(ended[0].as_ref().unwrap().content(), "1");
    let Err(error @ ChatError::Conflict { source, .. }) = &ended[1] else {
        panic!("{ended:?}")
    };
    assert_eq!(error.kind(), ChatErrorKind::Conflict);
    assert_eq!(
        error.report(),
        "somebody else has the session: send the message again: session `default` is busy: a turn runs in it"
    );
    let source = source.downcast_ref::<SessionError>().unwrap();
    assert!(
        matches!(source, SessionError::Busy(session) if session.as_str() == "default"),
        "{source}"
    );
}

#[tokio::test(start_paused = true)]
async fn it_interrupts() {
    let model = slow()
        .says("1")
        .expecting(Expect::user_text_contains("b"))
        .says("2");
    let ended = send(model, TurnPolicy::Interrupt, &["a", "b"]).await;
    assert_eq!(
        outcomes(&ended),
        [TurnOutcome::Cancelled, TurnOutcome::Completed]
    );
}

#[tokio::test(start_paused = true)]
async fn those_that_wait_become_one() {
    let model = slow()
        .says("1")
        .expecting(Expect::user_text_contains("c"))
        .says("2");
    let ended = send(model, TurnPolicy::Merge, &["a", "b", "c"]).await;
    let wanted = [
        TurnOutcome::Completed,
        TurnOutcome::Completed,
        TurnOutcome::Merged,
    ];
    assert_eq!(outcomes(&ended), wanted);
    let [_, Ok(second), Ok(third)] = &ended[..] else {
        panic!()
    };
    assert_eq!(third.merged_into, Some(second.turn));
    assert_eq!(second.messages[0].text(), "bc");
    assert!(third.messages.is_empty());
}
