//! What is recorded plays again.

use serde_json::json;
use victor_core::{Context, Message, ModelId, Part, Role, ToolCall, ToolOutcome, ToolResult};
use victor_provider_protocol::{
    ChatProvider, ChatRequest, CompletionEvent, ProviderError, ProviderErrorKind,
};
use victor_testkit::{Recorder, ScriptedModel};

use crate::{panic_of, request};

/// A request with a tool call, under new identifiers each time.
fn conversation(answer: &str) -> ChatRequest {
    let mut call = ToolCall::new("c", "read", "{}");
    call.idempotency_key = Message::user("").id().to_string();
    ChatRequest::new(
        "model",
        Context::from_iter([
            Message::user("read"),
            Message::new(Role::Assistant, vec![Part::from(call.clone())]),
            Message::tool_results_of([ToolResult::new(&call, ToolOutcome::Success, answer)]),
        ]),
    )
}

async fn outline(model: &impl ChatProvider, request: &ChatRequest) -> String {
    match model.stream_chat(request).await {
        Err(error) => format!(
            "failed {} {:?}",
            error.kind,
            error.source.map(|source| source.to_string())
        ),
        Ok(mut stream) => {
            let mut found = Vec::new();
            while let Some(event) = stream.next().await {
                found.push(match event {
                    Ok(event) => format!("{event:?}"),
                    Err(error) => format!("{} {:?}", error, error.status),
                });
            }
            found.join("\n")
        }
    }
}

#[tokio::test]
async fn a_recording_plays_again() {
    let cause = std::io::Error::other("cable");
    let lost = ProviderError::new(ProviderErrorKind::Connection, "p", "lost").with_source(cause);
    let late = ProviderError::new(ProviderErrorKind::Server, "p", "late").with_status(500);
    let recorder = Recorder::new(
        ScriptedModel::new()
            .calls("read", json!({}))
            .fails_with(lost)
            .streams([Ok(CompletionEvent::TextDelta("a".into())), Err(late)])
            .says("Two notes"),
    );
    let mut first = vec![outline(&recorder, &request("read")).await];
    for _ in 0..2 {
        first.push(outline(&recorder, &conversation("notes")).await);
    }
    let chat = recorder.chat(&conversation("notes")).await.unwrap();

    let replay = recorder.replay();
    let mut again = vec![outline(&replay, &request("read")).await];
    for _ in 0..2 {
        again.push(outline(&replay, &conversation("notes")).await);
    }
    assert_eq!(first, again);
    assert_eq!(first[1], r#"failed connection Some("cable")"#);
    assert!(first[2].ends_with("p: late Some(500)"), "{first:?}");
    assert_eq!(replay.chat(&conversation("notes")).await.unwrap(), chat);
    replay.assert_finished();
}

#[tokio::test]
async fn another_request_does_not_fit_the_recording() {
    let recorder = Recorder::new(ScriptedModel::new().says("Done"));
    recorder.chat(&conversation("two notes")).await.unwrap();
    let check = async |request: ChatRequest, drift: &str| {
        let error = recorder.replay().chat(&request).await.unwrap_err();
        assert_eq!(error.kind, ProviderErrorKind::InvalidRequest);
        assert!(error.message.contains(drift), "{}", error.message);
    };
    check(
        request("read"),
        "found `nothing` where it had `assistant message: ",
    )
    .await;
    check(conversation("no notes"), "no notes").await;
    let mut hot = conversation("two notes");
    hot.temperature = Some(2.0);
    check(
        hot,
        "found `temperature: Some(2.0)` where it had `temperature: None`",
    )
    .await;
}

#[tokio::test]
async fn a_stream_that_was_dropped_plays_as_far_as_it_was_read() {
    let recorder = Recorder::new(ScriptedModel::new().says("one two three"));
    let mut stream = recorder.stream_chat(&request("count")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    let replay = recorder.replay();
    let mut stream = replay.stream_chat(&request("count")).await.unwrap();
    assert_eq!(
        stream.next().await.unwrap().unwrap(),
        CompletionEvent::TextDelta("one ".into())
    );
    assert_eq!(
        stream.next().await.unwrap().unwrap_err().kind,
        ProviderErrorKind::Truncated
    );
}

#[tokio::test]
async fn it_forwards_everything_and_shows_what_it_has() {
    let recorder = Recorder::new(
        ScriptedModel::new()
            .named("p")
            .fails(ProviderErrorKind::Quota),
    );
    assert_eq!(recorder.name(), "p");
    assert_eq!(recorder.default_model(), Some(ModelId::new("p")));
    assert!(recorder.capabilities(&ModelId::new("m")).thinking);
    recorder.chat(&request("hello")).await.unwrap_err();
    let exchanges = recorder.exchanges();
    assert_eq!(exchanges.len(), 1);
    assert_eq!(
        exchanges[0].error.as_ref().unwrap().kind,
        ProviderErrorKind::Quota
    );
    assert!(exchanges[0].events.is_empty());
    assert!(panic_of(|| recorder.replay().assert_finished()).contains("p left its script"));
}
