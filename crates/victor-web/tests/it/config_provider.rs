//! Settings from an HTTP service.

use std::time::Duration;

use serde_json::{Value, json};
use victor_core::{SessionId, with_causes};
use victor_testkit::{ApiRequest, FakeApi, Reply, conformance};
use victor_web::config::{ConfigMap, ConfigProvider};
use victor_web::{HttpConfigProvider, HttpConfigProviderBuilder};

/// Asks a service that answers like this for the settings of session `a`.
async fn ask(reply: Reply) -> Result<Value, String> {
    ask_with(reply, |builder| builder).await
}

async fn ask_with(
    reply: Reply,
    change: impl FnOnce(HttpConfigProviderBuilder) -> HttpConfigProviderBuilder,
) -> Result<Value, String> {
    let api = FakeApi::answering(reply).await.unwrap();
    let provider = change(HttpConfigProvider::builder(api.url()))
        .build()
        .unwrap();
    let values = provider.get_config(&"a".into()).await;
    values
        .map(Value::Object)
        .map_err(|error| with_causes(&error))
}

#[tokio::test]
async fn an_object_of_settings_is_the_answer() {
    for body in [
        r#"{"temperature": 0.5}"#,
        r#"{"temperature": 0.5, "session_id": "a"}"#,
        r#"{"session_id": "a", "config": {"temperature": 0.5}}"#,
    ] {
        assert_eq!(
            ask(Reply::json(body)).await,
            Ok(json!({ "temperature": 0.5 })),
            "{body}"
        );
    }
    for kind in [
        "application/json; charset=utf-8",
        "application/vnd.settings+json",
        "text/plain",
        "",
    ] {
        let found = ask(Reply::new(200, kind, r#"{"model": "m"}"#)).await;
        assert_eq!(found, Ok(json!({ "model": "m" })), "{kind}");
    }
}

#[tokio::test]
async fn where_the_service_has_nothing_to_say_the_next_provider_is_asked() {
    for reply in [
        Reply::new(404, "text/html", "<h1>Not found</h1>"),
        Reply::new(204, "", ""),
        Reply::json("{}"),
        Reply::json(r#"{"session_id": "a", "config": null}"#),
    ] {
        assert_eq!(ask(reply.clone()).await, Ok(json!({})), "{reply:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_settings_is_refused() {
    async fn check(reply: Reply, expected: &str) {
        let shown = format!("{reply:?}");
        let error = ask(reply).await.unwrap_err();
        assert!(
            error.starts_with("config provider http, at 127.0.0.1, cannot be read: "),
            "{error}"
        );
        assert!(error.contains(expected), "{shown}: {error}");
    }
    check(
        Reply::new(200, "text/html; charset=utf-8", "<html>Log in</html>"),
        "text/html and not JSON",
    )
    .await;
    check(Reply::new(200, "text/html", "{}"), "text/html and not JSON").await;
    check(Reply::json("<html>"), "not valid JSON").await;
    check(Reply::json(r#"{"model": "#), "not valid JSON").await;
    check(Reply::json(b"\xff\xfe".to_vec()), "not valid JSON").await;
    check(Reply::json("[]"), "no JSON object").await;
    check(Reply::json(r#"{"config": []}"#), "no JSON object").await;
    check(
        Reply::json(r#"{"session_id": "b"}"#),
        "for session `b` and not",
    )
    .await;
    check(
        Reply::json(r#"{"session_id": "b", "config": {"model": "m"}}"#),
        "for session `b` and not",
    )
    .await;
    check(
        Reply::json(r#"{"session_id": 7}"#),
        "for session `7` and not",
    )
    .await;
    check(
        Reply::new(401, "application/json", "{}"),
        "status 401: check the token",
    )
    .await;
    check(Reply::new(500, "text/plain", "oh"), "status 500").await;
    check(Reply::new(304, "", ""), "status 304, although nothing").await;
    check(
        Reply::new(302, "", "").with_header("location", "http://h/login?t=1"),
        "redirects to http://h/login ",
    )
    .await;
    check(Reply::json(r#"{"model": "m"}"#).broken(), "ended too soon").await;
    check(Reply::unsent(), "ended too soon").await;
    check(Reply::json(vec![b' '; (1 << 20) + 1]), "larger than").await;
}

#[tokio::test]
async fn an_answer_that_must_name_its_session_does() {
    let ask = |body: &str| {
        ask_with(
            Reply::json(body),
            HttpConfigProviderBuilder::requires_session_id,
        )
    };
    let error = ask(r#"{"model": "m"}"#).await.unwrap_err();
    assert!(error.contains("`session_id` is missing"), "{error}");
    assert_eq!(ask(r#"{"session_id": "a"}"#).await, Ok(json!({})));
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up() {
    let limit = Duration::from_millis(50);
    let reply = Reply::json(r#"{"model": "#).stalled();
    let error = ask_with(reply, |builder| builder.timeout(limit))
        .await
        .unwrap_err();
    assert!(
        error.contains("did not complete the answer within 50ms"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_sent() {
    let api = FakeApi::answering(Reply::json("{}")).await.unwrap();
    let url = format!("{}/v1?tenant=t", api.url());
    let provider = HttpConfigProvider::builder(url)
        .bearer_token("sk-12345\n")
        .header("X-Team", "blue");
    let provider = provider.path("/of/{session}/config").build().unwrap();
    for (session, path) in [
        ("user-1", "/v1/of/user-1/config?tenant=t"),
        ("a/../b?c#d", "/v1/of/a%2F..%2Fb%3Fc%23d/config?tenant=t"),
        ("münchen 1", "/v1/of/m%C3%BCnchen%201/config?tenant=t"),
        ("%2e%2e", "/v1/of/%252e%252e/config?tenant=t"),
    ] {
        provider.get_config(&session.into()).await.unwrap();
        assert_eq!(api.last().path, path, "{session}");
    }
    let request = api.last();
    assert_eq!(request.method, "GET");
    assert_eq!(request.header("authorization"), "Bearer sk-12345");
    assert_eq!(request.header("x-team"), "blue");
    assert_eq!(request.header("accept"), "application/json");
    for session in [".", ".."] {
        let error = provider.get_config(&session.into()).await.unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("the session's name cannot be part of a path"),
            "{error}"
        );
    }
    assert_eq!(api.requests().len(), 4);
    let shown = format!("{provider:?}");
    assert!(
        !shown.contains("sk-12345") && !shown.contains("blue"),
        "{shown}"
    );
}

#[tokio::test]
async fn an_answer_with_a_validator_is_sent_once() {
    let rule = |request: &ApiRequest| {
        let session = request.path.rsplit('/').next().unwrap_or_default();
        let etag = format!("\"of-{session}\"");
        match request.header("if-none-match") {
            known if known == etag => Reply::new(304, "", "").with_header("etag", &etag),
            "" => Reply::json(format!(r#"{{"extra": {{"of": "{session}"}}}}"#))
                .with_header("etag", &etag),
            _ => Reply::new(500, "", ""), // that of another session
        }
    };
    let api = FakeApi::start(rule).await.unwrap();
    let provider = HttpConfigProvider::builder(api.url()).build().unwrap();
    for round in 0..3 {
        for session in ["a", "b"] {
            let values = provider.get_config(&session.into()).await.unwrap();
            assert_eq!(
                Value::Object(values),
                json!({ "extra": { "of": session } }),
                "round {round}"
            );
        }
    }
    let sent = api
        .requests()
        .iter()
        .filter(|request| request.header("if-none-match").is_empty())
        .count();
    assert_eq!((sent, api.requests().len()), (2, 6));
}

#[tokio::test]
async fn a_validator_is_forgotten_with_its_answer() {
    let rule = |request: &ApiRequest| match request.header("x-n") {
        "" if request.header("if-none-match").is_empty() => {
            Reply::json("{}").with_header("etag", "W/\"1\"")
        }
        _ => Reply::new(404, "", ""),
    };
    let api = FakeApi::start(rule).await.unwrap();
    let provider = HttpConfigProvider::builder(api.url()).build().unwrap();
    let mut sent = Vec::new();
    for _ in 0..3 {
        assert_eq!(
            provider.get_config(&"a".into()).await.unwrap(),
            ConfigMap::new()
        );
        sent.push(api.last().header("if-none-match").to_owned());
    }
    assert_eq!(sent, ["", "W/\"1\"", ""]);
}

#[tokio::test]
async fn it_follows_the_laws_of_providers() {
    let rule = |request: &ApiRequest| match request.path.as_str() {
        "/config/tuned" => {
            Reply::json(r#"{"session_id": "tuned", "config": {"max_tool_calls": 3}}"#)
        }
        "/config/kept" => match request.header("if-none-match") {
            "" => Reply::json(r#"{"model": "m"}"#).with_header("etag", "\"1\""),
            _ => Reply::new(304, "", ""),
        },
        _ => Reply::new(404, "", ""),
    };
    let api = FakeApi::start(rule).await.unwrap();
    let provider = HttpConfigProvider::builder(api.url()).build().unwrap();
    conformance::config_provider(
        &provider,
        &["tuned", "kept", "unknown"].map(SessionId::from),
    )
    .await;
}

#[test]
fn what_is_wrong_with_the_builder_is_told() {
    let check = |builder: HttpConfigProviderBuilder, expected: &str| {
        let error = with_causes(&builder.build().unwrap_err());
        assert!(error.contains(expected), "{error}");
    };
    let builder = || HttpConfigProvider::builder("http://h").name("tenants");
    check(
        HttpConfigProvider::builder("ftp://h"),
        "`ftp://h` is not a URL of an HTTP server",
    );
    check(
        builder().path("/config"),
        "config provider tenants cannot be read: the path `/config` must have {session}",
    );
    check(
        builder().bearer_token("a\nb"),
        "the token has characters that no header may have",
    );
    check(
        builder().header("a b", "c"),
        "`a b` cannot be the name of a header",
    );
}
