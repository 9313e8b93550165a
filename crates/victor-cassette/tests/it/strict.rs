//! What is not what was recorded is refused.

use std::sync::Arc;

use victor_core::{Context, Message};
use victor_provider_protocol::{
    ChatProvider, ChatRequest, ProviderErrorKind, ResponseFormat, ToolChoice,
};
use victor_testkit::ScriptedModel;

use crate::{Place, ask, place};

async fn recorded(requests: &[ChatRequest]) -> Place {
    let place = place();
    let script = requests
        .iter()
        .fold(ScriptedModel::new(), |script, _| script.says("yes"));
    let recorder = place.record(script);
    for request in requests {
        recorder.chat(request).await.unwrap();
    }
    place
}

#[track_caller]
fn panics_with(act: impl FnOnce() + std::panic::UnwindSafe, expected: &str) {
    let panic = std::panic::catch_unwind(act).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains(expected), "{text}");
}

#[tokio::test]
async fn a_request_that_differs_is_told_where_and_keeps_the_exchange() {
    let place = recorded(&[ask("one"), ask("two")]).await;
    let player = place.player();
    assert_eq!(player.next_model(), Some("any".into()));
    player.chat(&ask("one")).await.unwrap();
    for _ in 0..2 {
        let error = player.chat(&ask("three")).await.unwrap_err();
        assert_eq!(
            (&error.kind, &*error.provider),
            (&ProviderErrorKind::InvalidRequest, "scripted")
        );
        let expected = r#"at `/messages/0/parts/0/text` was `"two"`, and now is `"three"`"#;
        assert!(
            error
                .message
                .starts_with("request 2 is not that of the cassette "),
            "{error}"
        );
        assert!(error.message.contains(expected), "{error}");
        assert_eq!(player.remaining(), 1);
    }
    player.chat(&ask("two")).await.unwrap();
    assert_eq!((player.remaining(), player.next_model()), (0, None));
    let player = std::panic::AssertUnwindSafe(player);
    panics_with(
        || player.assert_finished(),
        "was `\"two\"`, and now is `\"three\"`",
    );
}

#[tokio::test]
async fn one_more_request_is_refused() {
    let place = recorded(&[ask("one")]).await;
    let player = place.player();
    player.chat(&ask("one")).await.unwrap();
    let error = player.chat(&ask("one")).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::InvalidRequest);
    assert!(
        error
            .message
            .starts_with("request 2 has no recording: the cassette "),
        "{error}"
    );
    assert!(error.message.contains("ends after 1"), "{error}");
    let player = std::panic::AssertUnwindSafe(player);
    panics_with(|| player.assert_finished(), "request 2 has no recording");
}

#[tokio::test]
async fn exchanges_that_are_left_are_told() {
    let place = recorded(&[ask("one"), ask("two")]).await;
    let player = std::panic::AssertUnwindSafe(place.player());
    panics_with(
        || player.assert_finished(),
        "2 of 2 exchanges were not asked for",
    );
}

#[tokio::test]
async fn whatever_differs_is_seen() {
    let base = || ask("x");
    let place = recorded(&[base()]).await;
    let player = place.player();
    let check = async |pointer: &str, change: fn(&mut ChatRequest)| {
        let mut request = base();
        change(&mut request);
        let error = player.chat(&request).await.unwrap_err();
        assert!(
            error.message.contains(&format!("at `{pointer}` was ")),
            "{error}"
        );
    };
    check("/model", |request| request.model = Some("other".into())).await;
    check("/system", |request| request.system = Some("s".into())).await;
    check("/tool_choice", |request| {
        request.tool_choice = ToolChoice::Required;
    })
    .await;
    check("/max_output_tokens", |request| {
        request.max_output_tokens = Some(1);
    })
    .await;
    check("/temperature", |request| request.temperature = Some(0.5)).await;
    check("/stop_sequences", |request| {
        request.stop_sequences = vec!["x".into()];
    })
    .await;
    let format = |request: &mut ChatRequest| {
        request.response_format = Some(Arc::new(ResponseFormat::new("sum", true.into())));
    };
    check("/response_format", format).await;
    check("/extra", |request| {
        drop(request.extra.insert("k".into(), 1.into()));
    })
    .await;
    check("/messages/0/role", |request| {
        request.context = Context::from_iter([Message::system("x")]);
    })
    .await;
    check("/messages/1", |request| {
        request.context.push(Message::user("more"));
    })
    .await;
    player.chat(&base()).await.unwrap();
}
