//! Errors, and answers that are not what they should be.

use std::time::Duration;

use victor_core::{Context, Message};
use victor_http::{HttpOptions, HttpProxy};
use victor_provider_protocol::{
    ChatProvider, ChatRequest, CompletionEvent, ListModels, ProviderError,
};

use crate::cassettes::errors;
use crate::server::Server;
use victor_testkit::Reply;

fn request() -> ChatRequest {
    let mut request = ChatRequest::new("claude", Context::from_iter([Message::user("hello")]));
    request.max_output_tokens = Some(100);
    request
}

async fn streamed(answer: Reply) -> Result<String, ProviderError> {
    let server = Server::answering(answer).await;
    let mut stream = server.provider().stream_chat(&request()).await?;
    let mut text = String::new();
    while let Some(event) = stream.next().await {
        if let CompletionEvent::TextDelta(delta) = event? {
            text += &delta;
        }
    }
    Ok(text)
}

async fn whole(answer: Reply) -> Result<String, ProviderError> {
    let completion = Server::answering(answer)
        .await
        .provider()
        .chat(&request())
        .await?;
    Ok(Message::new(victor_core::Role::Assistant, completion.parts)
        .text()
        .into_owned())
}

#[tokio::test]
async fn errors_have_the_class_that_is_expected() {
    for item in errors() {
        let status = u16::try_from(item["status"].as_u64().unwrap()).unwrap();
        let body = item["body"]
            .as_str()
            .map_or_else(|| item["body"].to_string(), str::to_owned);
        let mut answer = Reply::new(status, item["content_type"].as_str().unwrap(), body);
        for (name, value) in item["headers"].as_object().unwrap() {
            answer = answer.with_header(name, value.as_str().unwrap());
        }
        let expected = match item["expect"]["kind"].as_str().unwrap() {
            "context_overflow" | "request_too_large" => "context_too_long",
            "auth" => "authentication",
            kind if kind.starts_with("truncated") => "truncated",
            kind => kind,
        };
        let error = streamed(answer.clone()).await.unwrap_err();
        assert_eq!(error.kind.as_str(), expected, "{error}");
        if let Some(retryable) = item["expect"]["retryable"].as_bool() {
            // A context that is made smaller is another request.
            assert_eq!(error.kind.is_transient(), retryable, "{error}");
        }
        let delay = item["headers"]
            .get("retry-after")
            .map(|_| Duration::from_secs(12));
        assert_eq!(error.retry_after, delay);
        if status == 200 {
            assert_eq!(error.usage.input, 10, "what was used is told");
        } else {
            assert_eq!(error.status, Some(status));
            assert_eq!(whole(answer).await.unwrap_err().kind.as_str(), expected);
        }
    }
}

#[tokio::test]
async fn answers_of_the_wrong_kind_are_told_apart() {
    let overloaded =
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let page = "<html><title>Welcome</title></html>";
    for (content_type, body, kind) in [
        ("application/json", overloaded, "overloaded"),
        ("text/html", page, "malformed"),
        ("application/json", "", "malformed"),
        (
            "application/json",
            "{\"type\":\"message\",\"content\":7}",
            "malformed",
        ),
        ("application/json", "{\"type\":\"new\"}", "malformed"),
    ] {
        let answer = Reply::new(200, content_type, body);
        for error in [
            streamed(answer.clone()).await.unwrap_err(),
            whole(answer).await.unwrap_err(),
        ] {
            assert_eq!(error.kind.as_str(), kind, "{body}: {error}");
            assert!(
                kind != "malformed"
                    || error
                        .message
                        .ends_with(&format!("(content type `{content_type}`)")),
                "{error}"
            );
        }
    }
    let not_utf8 = Reply::new(200, "application/json", [b'"', 0xFF, b'"']);
    assert_eq!(
        whole(not_utf8).await.unwrap_err().kind.as_str(),
        "malformed"
    );
    let not_utf8 = Reply::new(200, "text/event-stream", *b"data: \xFF\n\n");
    assert_eq!(
        streamed(not_utf8).await.unwrap_err().kind.as_str(),
        "malformed"
    );
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let message =
        r#"{"type":"message","content":[{"type":"text","text":"hi"}],"usage":{"output_tokens":1}}"#;
    assert_eq!(
        streamed(Reply::new(200, "application/json", message))
            .await
            .unwrap(),
        "hi"
    );
}

#[tokio::test]
async fn answers_that_end_too_soon_are_truncated() {
    let begun = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n";
    for (body, cut_off) in [
        ("", false),
        (begun, false),
        (begun, true),
        (&*format!("{begun}data: {{\"type\":\"mess"), false),
    ] {
        let answer = Reply::events(body);
        let answer = if cut_off { answer.broken() } else { answer };
        assert_eq!(
            streamed(answer).await.unwrap_err().kind.as_str(),
            "truncated",
            "{body}"
        );
    }
    let answer = Reply::new(200, "application/json", "{").broken();
    assert_eq!(whole(answer).await.unwrap_err().kind.as_str(), "truncated");
}

#[tokio::test]
async fn errors_of_the_exchange_are_told() {
    let redirect =
        Reply::new(307, "text/plain", "").with_header("location", "https://elsewhere/v1");
    assert_eq!(
        streamed(redirect).await.unwrap_err().kind.as_str(),
        "not_found"
    );

    let server = Server::answering(Reply::new(200, "application/json", vec![b' '; 300])).await;
    let options = HttpOptions::default()
        .with_proxy(HttpProxy::None)
        .with_max_body_bytes(200)
        .with_max_event_bytes(20);
    let provider = server
        .settings()
        .http_options(options.clone())
        .build()
        .unwrap();
    assert_eq!(
        provider.chat(&request()).await.unwrap_err().kind.as_str(),
        "malformed"
    );
    let server = Server::answering(Reply::events("data: {\"type\":\"a long name\"}\n\n")).await;
    let provider = server.settings().http_options(options).build().unwrap();
    let error = provider
        .stream_chat(&request())
        .await
        .unwrap()
        .completion()
        .await
        .unwrap_err();
    assert_eq!(error.kind.as_str(), "malformed");

    let nobody = server
        .settings()
        .base_url("http://127.0.0.1:1")
        .build()
        .unwrap();
    assert_eq!(
        nobody.chat(&request()).await.unwrap_err().kind.as_str(),
        "connection"
    );
    assert_eq!(
        nobody
            .count_tokens(&request())
            .await
            .unwrap_err()
            .kind
            .as_str(),
        "connection"
    );
    let no_address = server.settings().base_url("nonsense").build();
    assert_eq!(no_address.unwrap_err().kind.as_str(), "invalid_request");
    let no_count = Server::answering(Reply::new(200, "application/json", "{}")).await;
    assert_eq!(
        no_count
            .provider()
            .count_tokens(&request())
            .await
            .unwrap_err()
            .kind
            .as_str(),
        "malformed"
    );
}

#[tokio::test]
async fn the_models_are_named() {
    let list = r#"{"data":[{"type":"model","id":"new","display_name":"New"},{"type":"model","id":"old"}],"has_more":false}"#;
    let server = Server::start(move |request| match &*request.path {
        "/v1/models?limit=1000" => Reply::new(200, "application/json", list),
        _ => Reply::new(500, "text/plain", "wrong"),
    })
    .await;
    let models = server.provider().models().await.unwrap();
    assert_eq!(models, ["new".into(), "old".into()]);
    assert_eq!(
        (&*server.last().method, server.last().header("x-api-key")),
        ("GET", crate::server::KEY)
    );

    for (answer, kind) in [
        (Reply::new(200, "application/json", "{}"), "malformed"),
        (Reply::new(404, "text/plain", "no"), "not_found"),
    ] {
        let server = Server::answering(answer).await;
        let error = server.provider().models().await.unwrap_err();
        assert_eq!(error.kind.as_str(), kind, "{error}");
    }
}
