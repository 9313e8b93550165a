//! Lists of models, and what is known of them.

use victor_openai::{Dialect, Server};
use victor_provider_protocol::{Capabilities, CapabilitySource, ChatProvider, ProviderErrorKind};

use crate::fake::{Fake, Reply};

async fn list(fake: &Fake) -> Vec<String> {
    let provider = fake.provider(Server::OLLAMA, Dialect::ChatCompletions);
    let models = provider.models().await.unwrap();
    models.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn both_lists_are_read() {
    let fake = Fake::saying(Reply::json(
        r#"{"object":"list","data":[{"id":"b"},{"id":"a","x":1}]}"#,
    ))
    .await;
    assert_eq!(list(&fake).await, ["b", "a"]);
    assert_eq!(fake.asked()[0].path, "/v1/models");

    let twice = r#"{"models":[{"name":"tiny"}],"object":"list","data":[{"id":"tiny"}]}"#;
    assert_eq!(
        list(&Fake::saying(Reply::json(twice)).await).await,
        ["tiny"]
    );

    let fake = Fake::new(|asked| match &*asked.path {
        "/api/tags" => Reply::json(r#"{"models":[{"name":"qwen3:8b","model":"qwen3:8b"}]}"#),
        _ => Reply::new(404, "text/plain", "404 page not found"),
    })
    .await;
    assert_eq!(list(&fake).await, ["qwen3:8b"]);
}

#[tokio::test]
async fn a_list_that_is_none_is_an_error() {
    for (reply, kind, message) in [
        (
            Reply::new(404, "text/plain", "404 page not found"),
            ProviderErrorKind::NotFound,
            "404 page not found",
        ),
        (
            Reply::new(401, "application/json", r#"{"error":"no"}"#),
            ProviderErrorKind::Authentication,
            "no",
        ),
        (
            Reply::json("[]}"),
            ProviderErrorKind::Malformed,
            "the list of models cannot be read",
        ),
    ] {
        let fake = Fake::saying(reply).await;
        let provider = fake.provider(Server::OLLAMA, Dialect::ChatCompletions);
        let error = provider.models().await.unwrap_err();
        assert_eq!(error.kind, kind);
        assert!(error.message.starts_with(message), "{error}");
    }
}

#[tokio::test]
async fn what_is_declared_goes_before_the_table() {
    let fake = Fake::saying(Reply::json("{}")).await;
    let mut declared = Capabilities::default();
    declared.context_window = Some(2_048);
    let provider = fake
        .builder(Server::VLLM, Dialect::ChatCompletions)
        .capabilities("gpt-4o", Capabilities::default())
        .capabilities("gpt-4o", declared.clone())
        .default_model("gpt-4o")
        .build()
        .unwrap();
    declared.source = CapabilitySource::Declared;
    assert_eq!(provider.capabilities(&"gpt-4o".into()), declared);
    assert_eq!(
        provider.capabilities(&"gpt-4o-mini".into()).context_window,
        Some(128_000)
    );
    assert_eq!(
        (provider.name(), provider.default_model()),
        ("vllm", Some("gpt-4o".into()))
    );
}
