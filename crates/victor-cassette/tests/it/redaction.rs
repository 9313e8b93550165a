//! No secret gets into the file.

use proptest::prelude::*;
use serde_json::json;
use victor_core::{
    Message, Opaque, Part, Role, Thinking, ToolCall, ToolOutcome, ToolResult, ToolSpec, Usage,
};
use victor_provider_protocol::{
    ChatProvider, ChatRequest, Completion, CompletionEvent, ProviderError, ProviderErrorKind,
};
use victor_testkit::{ScriptedModel, drive};

use crate::{ask, drain, place};

/// A request with a text in every place that there is.
fn request_with(text: &str) -> ChatRequest {
    let call = ToolCall::new(
        "c1",
        "t",
        json!({"command": format!("run {text}\n{text}")}).to_string(),
    );
    let result = ToolResult::new(&call, ToolOutcome::Error, text);
    let thinking = Thinking::new(text);
    let mut request = ask(text);
    request.context.push(Message::new(
        Role::Assistant,
        vec![thinking.into(), Part::text(text), call.into()],
    ));
    request.context.push(Message::tool_results_of([result]));
    request.system = Some(format!("Use {text}.").into());
    request.tools = [ToolSpec::new(
        "t",
        text,
        json!({"description": text, "enum": [text]}),
    )]
    .into();
    request.stop_sequences = vec![text.to_owned()];
    request
        .extra
        .insert("metadata".into(), json!({text: [text]}));
    request
}

/// An answer with a text in every place that there is, streamed in pieces of so many characters.
fn answer_with(text: &str, size: usize) -> Vec<Result<CompletionEvent, ProviderError>> {
    let pieces = |of: fn(String) -> CompletionEvent| {
        let said = format!("It is {text}.");
        let chars: Vec<char> = said.chars().collect();
        chars
            .chunks(size)
            .map(|piece| Ok(of(piece.iter().collect())))
            .collect::<Vec<_>>()
    };
    let said = format!("It is {text}.");
    let call = ToolCall::new("c2", "t", json!({"value": text}).to_string());
    let thinking = Thinking::new(said.clone());
    let parts = vec![thinking.into(), Part::text(said), call.into()];
    let mut completion = Completion::new("m".into(), parts, Usage::new(1, 1));
    completion.id = Some(format!("msg_{text}"));
    completion.extra.insert("note", text);
    let mut events = pieces(CompletionEvent::ThinkingDelta);
    events.extend(pieces(CompletionEvent::TextDelta));
    events.push(Ok(CompletionEvent::finished(completion)));
    events
}

fn failure_with(text: &str) -> ProviderError {
    ProviderError::new(
        ProviderErrorKind::Authentication,
        "p",
        format!("wrong key: {text}"),
    )
    .with_source(format!("sent {text}"))
}

/// Plants a text everywhere, and reads what is in the file. What was recorded is replayed in the end.
fn recorded_with(text: &str, known: Option<&str>, size: usize) -> String {
    drive(async {
        let place = place();
        let cut = answer_with(text, size)
            .into_iter()
            .take(4)
            .chain([Err(failure_with(text))]);
        let script = ScriptedModel::new()
            .streams(answer_with(text, size))
            .streams(cut)
            .fails_with(failure_with(text));
        let mut recorder = place.record(script);
        if let Some(known) = known {
            recorder = recorder.redact(known);
        }
        for _ in 0..2 {
            drain(recorder.stream_chat(&request_with(text)).await.unwrap()).await;
        }
        recorder.chat(&request_with(text)).await.unwrap_err();
        let mut player = place.player();
        if let Some(known) = known {
            player = player.redact(known);
        }
        let mut deltas = String::new();
        let mut stream = player.stream_chat(&request_with(text)).await.unwrap();
        let answer = loop {
            match stream.next().await.unwrap().unwrap() {
                CompletionEvent::TextDelta(delta) => deltas += &delta,
                CompletionEvent::Finished(completion) => break completion,
                _ => {}
            }
        };
        assert_eq!(
            answer.parts[1],
            Part::text(&*deltas),
            "pieces add up after all"
        );
        assert_eq!(answer.id.unwrap(), "response-1");
        place.text()
    })
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_key_gets_into_the_file(
        key in prop_oneof![
            "sk-(ant-|proj-)?[A-Za-z]{6}[0-9][A-Za-z0-9_-]{8,30}",
            "gsk_[A-Za-z0-9]{20}[0-9]",
            "[a-z]{6}[0-9][A-Za-z0-9]{10}".prop_map(|value| format!("Bearer {value}")),
            "[a-z]{6}[0-9][A-Za-z0-9]{10}".prop_map(|value| format!("api_key={value}")),
        ],
        size in 1_usize..12,
    ) {
        let text = recorded_with(&key, None, size);
        let value = key.rsplit([' ', '=']).next().unwrap();
        prop_assert!(!text.contains(value), "{value}: {text}");
    }

    #[test]
    fn nor_does_what_was_handed_in(secret in "[a-zé]{3}[\"\\\\$% a-zé]{0,8}[xyz]{4}", size in 1_usize..12) {
        let text = recorded_with(&secret, Some(&secret), size);
        // Also not as it is written in a text of JSON, and in one within it.
        let once = serde_json::Value::from(&*secret).to_string();
        let twice = serde_json::Value::from(&once[1..once.len() - 1]).to_string();
        for form in [&*secret, &once[1..once.len() - 1], &twice[1..twice.len() - 1]] {
            prop_assert!(!text.contains(form), "{form}: {text}");
        }
    }
}

#[test]
fn nor_into_logs() {
    let place = place();
    let recorder = place.record(ScriptedModel::new()).redact("hush");
    let player = place.player().redact("hush");
    assert!(!format!("{recorder:?} {player:?}").contains("hush"));
}

#[test]
fn the_tests_above_can_fail() {
    assert!(recorded_with("nothing secret", None, 3).contains("nothing secret"));
}

#[tokio::test]
async fn another_key_replays_as_well() {
    let place = place();
    let recorder = place
        .record(ScriptedModel::new().says("ok").says("ok"))
        .redact("hunter two");
    recorder.chat(&ask("use sk-recorded-12345")).await.unwrap();
    recorder.chat(&ask("say hunter two")).await.unwrap();
    let player = place.player().redact("another word");
    player.chat(&ask("use sk-replayed-67890")).await.unwrap();
    let error = player.chat(&ask("say hunter two")).await.unwrap_err();
    assert!(
        error.message.contains("was `\"say [redacted]\"`"),
        "{error}"
    );
    player.chat(&ask("say another word")).await.unwrap();
}

#[tokio::test]
async fn what_must_stay_byte_for_byte_stays() {
    let sealed = "sk-abcdefgh12345678";
    let opaque = Opaque::new("p", "k", sealed);
    let thinking = Thinking::new(sealed).with_signature(sealed.to_owned());
    let parts = vec![Part::from(thinking), opaque.into()];
    let completion = Completion::new("m".into(), parts.clone(), Usage::new(1, 1));
    let mut request = ask("x");
    request.context.push(Message::new(Role::Assistant, parts));
    let place = place();
    place
        .record(ScriptedModel::new().completes(completion))
        .chat(&request)
        .await
        .unwrap();
    assert_eq!(place.text().matches(sealed).count(), 4, "{}", place.text());
    let replayed = place.player().chat(&request).await.unwrap();
    let [Part::Thinking(thinking), Part::Opaque(opaque)] = &replayed.parts[..] else {
        panic!("{replayed:?}")
    };
    assert_eq!(
        (thinking.signature.as_deref(), &*opaque.data),
        (Some(sealed), sealed)
    );
    assert_eq!(thinking.text, "[redacted]");
}
