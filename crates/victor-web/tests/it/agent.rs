//! Agents behind an HTTP service.

use std::time::Duration;

use serde_json::json;
use victor_testkit::{ApiRequest, FakeApi, Reply, conformance};
use victor_web::HttpAgent;
use victor_web::chat::{Agent, ChatInput, TurnOutcome};

/// A service that tells how often a conversation has been heard of.
async fn counting() -> FakeApi {
    let heard = std::sync::Mutex::new(std::collections::HashMap::<String, u32>::new());
    let api = FakeApi::start(move |request: &ApiRequest| {
        let session = request.json()["session_id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let mut heard = heard.lock().unwrap();
        let times = heard.entry(session.clone()).or_default();
        *times += 1;
        let content = format!("{session}: {times}");
        Reply::json(json!({ "content": content, "usage": { "input": 3, "output": 2 } }).to_string())
    });
    api.await.unwrap()
}

#[tokio::test]
async fn each_conversation_is_kept_by_the_service() {
    let api = counting().await;
    let agent = HttpAgent::builder(api.url())
        .header("x-key", "secret")
        .session("a")
        .name("remote")
        .build()
        .unwrap();
    assert_eq!(agent.name(), "remote");
    assert!(!format!("{agent:?}").contains("secret"));
    let said = async |agent: &HttpAgent, input: &str| agent.chat(input.into()).await.unwrap();
    assert_eq!(said(&agent, "one").await.content(), "a: 1");
    let other = agent.session("b");
    assert_eq!(said(&other, "one").await.content(), "b: 1");
    let second = said(&agent, "two").await;
    assert_eq!(
        (
            &*second.content(),
            second.usage.total_tokens(),
            second.messages.len()
        ),
        ("a: 2", 5, 2)
    );
    assert_eq!(api.last().path, "/chat");
    assert_eq!(api.last().header("x-key"), "secret");

    let input = ChatInput::from("three").with("task", "sums");
    agent.chat(input).await.unwrap();
    assert_eq!(
        api.last().json(),
        json!({ "session_id": "a", "message": "three", "facts": { "task": "sums" } })
    );
}

#[tokio::test]
async fn it_keeps_the_laws_of_agents() {
    let api = FakeApi::answering(Reply::json(r#"{"content": "Hello."}"#))
        .await
        .unwrap();
    conformance::agent(
        async || HttpAgent::builder(api.url()).build().unwrap(),
        "Hello!",
    )
    .await;
}

#[tokio::test]
async fn what_is_no_answer_is_told() {
    for (reply, expected) in [
        (
            Reply::new(500, "text/plain", "out of order"),
            "status 500 Internal Server Error: out of order",
        ),
        (
            Reply::new(200, "text/html", "<p>Log in</p>"),
            "has no `content`",
        ),
        (
            Reply::json(r#"{"text": "hello"}"#),
            "missing field `content`",
        ),
        (Reply::json("{}").broken(), ""),
    ] {
        let api = FakeApi::answering(reply).await.unwrap();
        let agent = HttpAgent::builder(api.url()).build().unwrap();
        let error = agent.chat("Hello!".into()).await.unwrap_err();
        assert!(
            error.report().contains("the agent's service failed"),
            "{}",
            error.report()
        );
        assert!(error.report().contains(expected), "{}", error.report());
        assert_eq!(api.requests().len(), 1, "nothing is sent twice");
    }
    let nobody = HttpAgent::builder("http://127.0.0.1:1").build().unwrap();
    assert!(nobody.chat("Hello!".into()).await.is_err());
    assert!(HttpAgent::builder("no url").build().is_err());
    assert!(
        HttpAgent::builder("http://a.b")
            .header("a b", "c")
            .build()
            .is_err()
    );
}

#[tokio::test]
async fn a_turn_ends_in_time_or_when_it_is_cancelled() {
    let api = FakeApi::answering(Reply::json("{}").stalled())
        .await
        .unwrap();
    let agent = HttpAgent::builder(api.url())
        .timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    assert!(agent.chat("Hello!".into()).await.is_err());

    let agent = HttpAgent::builder(api.url()).build().unwrap();
    let stream = agent.stream_chat("Hello!".into());
    let cancel = stream.cancel_handle();
    let turn = tokio::spawn(stream.response());
    tokio::time::sleep(Duration::from_millis(100)).await;
    cancel.cancel();
    assert_eq!(turn.await.unwrap().unwrap().outcome, TurnOutcome::Cancelled);
}
