//! What was recorded comes back.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use victor_core::{
    Context, Message, Opaque, Part, Role, Thinking, ToolCall, ToolOutcome, ToolResult, ToolSpec,
    Usage,
};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, ProviderError,
    ProviderErrorKind,
};
use victor_testkit::faults::{Faulty, ModelFault};
use victor_testkit::{ScriptedModel, cancel_at_every_poll, conformance};

use crate::{ask, drain, place, words};

/// Records what the model says to this request, and holds against it what is replayed, streamed and whole.
async fn check(model: impl Fn() -> ScriptedModel, request: &ChatRequest) {
    let streamed = place();
    let recorder = streamed.record(model());
    let said = match recorder.stream_chat(request).await {
        Ok(stream) => drain(stream).await,
        Err(error) => vec![Err(words(&error))],
    };
    assert_eq!(recorder.recorded().unwrap(), 1);
    let player = streamed.player();
    let replayed = match player.stream_chat(request).await {
        Ok(stream) => drain(stream).await,
        Err(error) => vec![Err(words(&error))],
    };
    assert_eq!(replayed, said);
    player.assert_finished();

    let whole = place();
    let said = whole
        .record(model())
        .chat(request)
        .await
        .map_err(|error| words(&error));
    let player = whole.player();
    let replayed = player.chat(request).await.map_err(|error| words(&error));
    assert_eq!(replayed, said);
    player.assert_finished();
}

#[tokio::test]
async fn texts_thoughts_and_calls() {
    check(
        || ScriptedModel::new().says("Four, as ever."),
        &ask("2 + 2?"),
    )
    .await;
    check(
        || ScriptedModel::new().thinks("well well", "Four."),
        &ask("2 + 2?"),
    )
    .await;
    let calls = || {
        let calls = [("add", json!({"a": 2})), ("add", json!({"b": [1.5, null]}))];
        ScriptedModel::new().says_and_calls("Let me see.", calls)
    };
    check(calls, &ask("2 + 2?")).await;
    check(|| ScriptedModel::new().says(""), &ask("")).await;
}

#[tokio::test]
async fn seals_and_what_only_the_provider_understands_byte_for_byte() {
    let sealed = || {
        let thinking = Thinking::new("hm")
            .with_signature("EqQB+/sk-abcdefgh12345678\u{1f600}\\\"\n==".to_owned())
            .with_provider("p".to_owned());
        let opaque = Opaque::new(
            "p",
            "reasoning",
            r#"{ "id" : "rs_1","n":1.10, "api_key": "secret123456" }"#,
        );
        let parts = vec![thinking.into(), opaque.into(), Part::text("done")];
        let mut completion = Completion::new("exact-name".into(), parts, Usage::new(3, 4));
        completion.usage.cache_read = 7;
        completion.usage.extra.insert("searches", 2);
        completion.extra.insert("tier", "standard");
        ScriptedModel::new().completes(completion)
    };
    check(sealed, &ask("think")).await;
}

#[tokio::test]
async fn errors_before_the_stream_and_within_it() {
    let full = || {
        ProviderError::new(ProviderErrorKind::RateLimit, "p", "slow down")
            .with_status(429)
            .with_retry_after(Duration::from_millis(1_500))
            .with_overflow(Some(1024), Some(2048))
            .with_usage(Usage::new(1, 2))
    };
    check(
        || ScriptedModel::new().fails(ProviderErrorKind::Server),
        &ask("x"),
    )
    .await;
    let before = move || ScriptedModel::new().fails_with(full());
    check(before, &ask("x")).await;
    let within = move || {
        let events = [
            Ok(CompletionEvent::TextDelta("so".into())),
            Ok(CompletionEvent::Working),
            Err(full()),
        ];
        ScriptedModel::new().streams(events)
    };
    check(within, &ask("x")).await;
    let unknown = || ScriptedModel::new().fails(ProviderErrorKind::from("from_a_later_version"));
    check(unknown, &ask("x")).await;

    // Of a source, only the words are kept.
    let place = place();
    let source =
        ProviderError::new(ProviderErrorKind::Connection, "p", "down").with_source("no route");
    let _ = place
        .record(ScriptedModel::new().fails_with(source))
        .chat(&ask("x"))
        .await;
    let replayed = place.player().chat(&ask("x")).await.unwrap_err();
    assert_eq!(replayed.source.unwrap().to_string(), "no route");
}

/// Works a conversation as an agent does: it answers calls, asks again after an error that may pass, and goes on.
async fn converse(model: &dyn ChatProvider) -> Vec<Completion> {
    let mut context = Context::from_iter([Message::user("What is in notes.txt?")]);
    let mut answers = Vec::new();
    let mut attempts = 0;
    while answers.len() < 3 {
        attempts += 1;
        assert!(attempts < 10, "{answers:?}");
        let mut request = ChatRequest::new(model.default_model().unwrap(), context.clone());
        request.system = Some("Be brief.".into());
        request.tools = Arc::new([ToolSpec::new("read", "reads", json!({"type": "object"}))]);
        let completion = match model.stream_chat(&request).await {
            Ok(stream) => stream.completion().await,
            Err(error) => Err(error),
        };
        let completion = match completion {
            Err(error) if error.kind.is_transient() => continue,
            completion => completion.unwrap(),
        };
        // The provider's own parts go back to it as they came, under new identifiers of Victor's.
        let mut message = Message::new(Role::Assistant, completion.parts.clone());
        if let Some(call) = completion.tool_calls().next() {
            let mut call: ToolCall = call.clone();
            call.idempotency_key = message.id().to_string();
            message = Message::new(Role::Assistant, vec![call.clone().into()]);
            context.push(message);
            let result =
                ToolResult::new(&call, ToolOutcome::Success, "the key is sk-proj-1234567890");
            context.push(Message::tool_results_of([result]));
        } else {
            context.push(message);
            context.push(Message::user("And then?"));
        }
        answers.push(completion);
    }
    answers
}

#[tokio::test]
async fn a_whole_conversation_with_tools_and_retries() {
    let place = place();
    let model = ScriptedModel::new()
        .fails(ProviderErrorKind::Overloaded)
        .calls("read", json!({"path": "notes.txt"}))
        .streams([
            Ok(CompletionEvent::Working),
            Err(ProviderError::new(ProviderErrorKind::Truncated, "p", "cut")),
        ])
        .thinks("what follows", "Nothing")
        .says("The end");
    let recorder = place.record(model);
    let said = converse(&recorder).await;
    assert_eq!(recorder.recorded().unwrap(), 5);
    for _ in 0..2 {
        let player = place.player();
        assert_eq!(player.remaining(), 5);
        assert_eq!(converse(&player).await, said);
        player.assert_finished();
    }
    assert!(!place.text().contains("sk-proj"), "{}", place.text());
}

#[tokio::test]
async fn name_default_model_and_abilities_are_those_of_the_provider() {
    #[derive(Debug)]
    struct Two;

    #[async_trait::async_trait]
    impl ChatProvider for Two {
        fn name(&self) -> &str {
            "two"
        }
        async fn stream_chat(
            &self,
            request: &ChatRequest,
        ) -> Result<victor_provider_protocol::CompletionStream, ProviderError> {
            ScriptedModel::new().says("yes").stream_chat(request).await
        }
        fn default_model(&self) -> Option<victor_core::ModelId> {
            Some("large".into())
        }
        fn capabilities(&self, model: &victor_core::ModelId) -> Capabilities {
            let mut able = Capabilities::default();
            able.context_window = Some(if model.as_str() == "large" { 200 } else { 8 });
            able
        }
    }

    let place = place();
    let recorder = place.record(Two);
    for _ in 0..2 {
        recorder.chat(&ask("x")).await.unwrap();
    }
    assert_eq!(place.text().matches("context_window\":8").count(), 1);
    let player = place.player();
    for provider in [&player as &dyn ChatProvider, &recorder] {
        assert_eq!(
            (provider.name(), provider.default_model()),
            ("two", Some("large".into()))
        );
        assert_eq!(
            provider.capabilities(&"large".into()).context_window,
            Some(200)
        );
        assert_eq!(provider.capabilities(&"any".into()).context_window, Some(8));
    }
    assert_eq!(
        player.capabilities(&"other".into()),
        Capabilities::default()
    );
}

#[tokio::test]
async fn an_answer_that_came_whole_is_streamed_too() {
    let place = place();
    place
        .record(ScriptedModel::new().thinks("hm", "Four."))
        .chat(&ask("x"))
        .await
        .unwrap();
    let events = drain(place.player().stream_chat(&ask("x")).await.unwrap()).await;
    assert_eq!(events[0], Ok(CompletionEvent::ThinkingDelta("hm".into())));
    assert_eq!(events[1], Ok(CompletionEvent::TextDelta("Four.".into())));
    assert!(matches!(&events[2..], [Ok(CompletionEvent::Finished(_))]));
}

#[tokio::test]
async fn a_dropped_stream_ends_where_it_was_dropped() {
    let place = place();
    let recorder = place.record(ScriptedModel::new().says("one two three").says("done"));
    let mut stream = recorder.stream_chat(&ask("x")).await.unwrap();
    stream.next().await;
    drop(stream);
    recorder.chat(&ask("y")).await.unwrap();
    let player = place.player();
    let mut stream = player.stream_chat(&ask("x")).await.unwrap();
    assert_eq!(
        stream.next().await.unwrap().unwrap(),
        CompletionEvent::TextDelta("one ".into())
    );
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Truncated);
    assert!(error.message.contains("the call was given up"), "{error}");
    player.chat(&ask("y")).await.unwrap();
    player.assert_finished();
}

#[tokio::test]
async fn a_call_that_was_given_up_before_it_was_answered_keeps_its_place() {
    let place = place();
    let recorder = place.record(Faulty::new(ScriptedModel::new(), ModelFault::Hang));
    let given_up = tokio::time::timeout(Duration::ZERO, recorder.chat(&ask("x"))).await;
    assert!(given_up.is_err());
    let error = place.player().chat(&ask("x")).await.unwrap_err();
    assert_eq!(
        error.kind,
        ProviderErrorKind::Truncated,
        "as the retry loop was told: it may pass"
    );
}

#[tokio::test]
async fn calls_side_by_side_are_in_the_order_in_which_they_began() {
    let place = place();
    let recorder = place.record(
        ScriptedModel::new()
            .says("first")
            .says("second")
            .says("third"),
    );
    let slow = recorder.stream_chat(&ask("1")).await.unwrap();
    let dropped = recorder.stream_chat(&ask("2")).await.unwrap();
    recorder.chat(&ask("3")).await.unwrap();
    drop(dropped);
    drain(slow).await;
    let player = place.player();
    for number in ["1", "2", "3"] {
        player.stream_chat(&ask(number)).await.unwrap();
    }
    player.assert_finished();
}

#[tokio::test]
async fn a_recorder_is_a_provider_as_good_as_the_one_behind_it() {
    let place = place();
    let recorder = place.record(ScriptedModelForever);
    conformance::chat_provider(&recorder, &ask("x")).await;
    // All that was asked, dropped at any point, is replayed.
    let exchanges = recorder.recorded().unwrap();
    assert_eq!(place.player().remaining(), exchanges);
    assert!(exchanges > 10);
}

#[tokio::test]
async fn a_call_may_be_dropped_at_every_poll() {
    let place = place();
    let recorder = place.record(ScriptedModelForever);
    let call = async || recorder.chat(&ask("x")).await;
    cancel_at_every_poll(call, async |_| {}).await.unwrap();
    let player = place.player();
    assert_eq!(player.remaining(), recorder.recorded().unwrap());
    while player.remaining() > 0 {
        let _ = player.chat(&ask("x")).await;
    }
    player.assert_finished();
}

/// Always says the same.
#[derive(Debug)]
struct ScriptedModelForever;

#[async_trait::async_trait]
impl ChatProvider for ScriptedModelForever {
    fn name(&self) -> &str {
        "forever"
    }
    async fn stream_chat(
        &self,
        request: &ChatRequest,
    ) -> Result<victor_provider_protocol::CompletionStream, ProviderError> {
        tokio::task::yield_now().await;
        ScriptedModel::new()
            .thinks("so it is", "as it was")
            .stream_chat(request)
            .await
    }
    fn capabilities(&self, _: &victor_core::ModelId) -> Capabilities {
        Capabilities::default()
    }
}
