//! What goes wrong, by its class.

use std::time::Duration;

use serde_json::Value;
use victor_core::{Context, Message, Part, StopReason};
use victor_http::{HttpOptions, HttpProxy};
use victor_openai::{Dialect, OpenAiProvider, Server};
use victor_provider_protocol::{
    ChatProvider, ChatRequest, Completion, ProviderError, ProviderErrorKind as Kind,
};

use crate::cassettes;
use crate::fake::{Fake, Reply};

fn request() -> ChatRequest {
    ChatRequest::new("m", Context::from_iter([Message::user("hello")]))
}

async fn ask(reply: Reply, dialect: Dialect) -> Result<Completion, ProviderError> {
    let fake = Fake::saying(reply).await;
    fake.provider(Server::COMPATIBLE, dialect)
        .stream_chat(&request())
        .await?
        .completion()
        .await
}

/// Both dialects fail in one way.
#[track_caller]
fn failed(answer: Result<Completion, ProviderError>, kind: &Kind, message: &str) {
    let error = answer.unwrap_err();
    assert_eq!(&error.kind, kind, "{error}");
    assert!(error.message.contains(message), "{error}");
    assert_eq!(&*error.provider, "openai-compatible");
}

async fn check(reply: Reply, kind: Kind, message: &str) {
    for dialect in [Dialect::ChatCompletions, Dialect::Responses] {
        failed(ask(reply.clone(), dialect).await, &kind, message);
    }
}

#[tokio::test]
async fn handwritten_errors_have_their_class() {
    let Some(folder) = cassettes::folder() else {
        return;
    };
    let text = std::fs::read_to_string(folder.join("sse/errors_HANDWRITTEN.json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let items = file["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["provider"] == "openai");
    let mut count = 0;
    for item in items {
        let status = item["status"].as_u64().unwrap().try_into().unwrap();
        let mut reply = Reply::new(status, "application/json", item["body"].to_string());
        let wait = item["headers"]["retry-after"].as_str();
        if let Some(wait) = wait {
            reply = reply.with_header("retry-after", wait);
        }
        let error = ask(reply, Dialect::ChatCompletions).await.unwrap_err();
        let kind = match item["expect"]["kind"].as_str().unwrap() {
            "context_overflow" => Kind::ContextTooLong,
            "auth" => Kind::Authentication,
            same => Kind::from(same),
        };
        assert_eq!(error.kind, kind, "{error}");
        assert_eq!(
            error.kind.is_transient(),
            item["expect"]["retryable"] == true,
            "{error}"
        );
        assert_eq!(
            error.retry_after,
            wait.map(|wait| Duration::from_secs(wait.parse().unwrap()))
        );
        assert_eq!(
            error.message,
            item["body"]["error"]["message"].as_str().unwrap()
        );
        count += 1;
    }
    assert_eq!(count, 7);
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    check(
        Reply::events("data: {\"choices\":\n\n"),
        Kind::Malformed,
        "could not be read",
    )
    .await;
    check(
        Reply::events("data: [1]\n\n"),
        Kind::Malformed,
        "could not be read",
    )
    .await;
    check(
        Reply::events(b"data: {\"a\":\"\xff\"}\n\n"),
        Kind::Malformed,
        "not valid UTF-8",
    )
    .await;
    check(Reply::events(""), Kind::Truncated, "before it was whole").await;
    check(
        Reply::events("data: {\"unfinished\":"),
        Kind::Truncated,
        "before it was whole",
    )
    .await;
    let page = Reply::new(200, "text/html", "<html>Log in</html>");
    check(page, Kind::Malformed, "(content type `text/html`)").await;
    check(
        Reply::json("{"),
        Kind::Malformed,
        "(content type `application/json`)",
    )
    .await;
    let redirect = Reply::new(307, "", "").with_header("location", "http://elsewhere/");
    check(redirect, Kind::NotFound, "redirects to http://elsewhere/").await;
    check(
        Reply::new(502, "text/html", "<p>"),
        Kind::Server,
        "a web page",
    )
    .await;
    let broken = Reply::events("data: {}\n\n").broken();
    check(broken, Kind::Truncated, "ended too soon").await;
}

#[tokio::test]
async fn an_error_within_an_answer_of_status_200_is_an_error() {
    let body = r#"{"error":{"message":"Rate limit reached","code":429}}"#;
    check(Reply::json(body), Kind::RateLimit, "Rate limit reached").await;
    check(
        Reply::events(format!("data: {body}\n\n")),
        Kind::RateLimit,
        "Rate limit reached",
    )
    .await;
    let failed = |data: &str| Reply::events(format!("data: {data}\n\n"));
    for (data, kind, message) in [
        (
            r#"{"type":"error","code":"server_error","message":"boom","param":null}"#,
            Kind::Server,
            "boom",
        ),
        (
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"}}"#,
            Kind::InvalidRequest,
            "no",
        ),
        (
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow"},"usage":{"input_tokens":7}}}"#,
            Kind::RateLimit,
            "slow",
        ),
        (
            r#"{"type":"response.failed","response":{}}"#,
            Kind::Server,
            "failed",
        ),
        (
            r#"{"type":"response.cancelled","response":{}}"#,
            Kind::Server,
            "cancelled",
        ),
    ] {
        self::failed(ask(failed(data), Dialect::Responses).await, &kind, message);
    }
    for (finish, kind) in [
        ("error", Kind::Server),
        ("insufficient_system_resource", Kind::Overloaded),
    ] {
        let data = format!(
            r#"{{"choices":[{{"delta":{{}},"finish_reason":"{finish}"}}],"usage":{{"prompt_tokens":7}}}}"#
        );
        let error = ask(failed(&data), Dialect::ChatCompletions)
            .await
            .unwrap_err();
        assert_eq!((error.kind, error.usage.input), (kind, 7));
    }
}

#[tokio::test]
async fn a_call_without_a_name_is_no_answer() {
    let data = r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#;
    let answer = ask(Reply::events(data), Dialect::ChatCompletions).await;
    failed(answer, &Kind::Truncated, "no call came whole");
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_last_word_loses_nothing() {
    let data =
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n";
    for reply in [Reply::events(data).broken(), Reply::events(data)] {
        let completion = ask(reply, Dialect::ChatCompletions).await.unwrap();
        assert_eq!(completion.parts, [Part::text("Hi")]);
        assert_eq!(
            (completion.stop_reason, completion.model.as_str()),
            (StopReason::EndTurn, "m")
        );
    }
}

#[tokio::test]
async fn streams_are_read_whatever_they_are_called() {
    for kind in [
        "",
        "text/plain",
        "application/octet-stream",
        "text/event-stream;charset=UTF-8",
    ] {
        let data = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        let completion = ask(Reply::new(200, kind, data), Dialect::ChatCompletions)
            .await
            .unwrap();
        assert_eq!(completion.parts, [Part::text("Hi")]);
    }
    // And an answer that came whole although a stream was asked for.
    let body = r#"{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}"#;
    let completion = ask(Reply::json(body), Dialect::ChatCompletions)
        .await
        .unwrap();
    assert_eq!(completion.parts, [Part::text("Hi")]);
}

#[tokio::test]
async fn a_server_that_is_dead_or_falls_silent() {
    let options = HttpOptions::default()
        .with_proxy(HttpProxy::None)
        .with_idle_timeout(Duration::from_millis(50));
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let provider = |url: String| {
        OpenAiProvider::builder()
            .server(Server::COMPATIBLE)
            .base_url(url)
            .http_options(options.clone())
            .build()
            .unwrap()
    };
    let dead = provider(format!("http://127.0.0.1:{port}/v1"))
        .chat(&request())
        .await;
    failed(dead, &Kind::Connection, "cannot connect to 127.0.0.1");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        let head = "HTTP/1.1 200 x\r\ncontent-type: text/event-stream\r\ncontent-length: 999\r\n\r\n: wait\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    });
    let mut stream = provider(url).stream_chat(&request()).await.unwrap();
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind, Kind::Timeout, "{error}");
    assert!(stream.next().await.is_none());
    silent.abort();
}

#[tokio::test]
async fn the_responses_api_is_not_asked_what_it_cannot_do() {
    let fake = Fake::saying(Reply::json("{}")).await;
    let mut request = request();
    request.stop_sequences = vec!["END".to_owned()];
    let provider = fake.provider(Server::COMPATIBLE, Dialect::Responses);
    failed(
        provider.chat(&request).await,
        &Kind::InvalidRequest,
        "no stop sequences",
    );
    assert!(fake.asked().is_empty());
}

#[tokio::test]
async fn the_request_can_be_found_again() {
    let reply = Reply::new(500, "application/json", r#"{"error":"boom"}"#)
        .with_header("x-request-id", "req_1");
    check(reply, Kind::Server, "boom (request req_1)").await;
}
