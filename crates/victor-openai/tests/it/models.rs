//! Lists of models, and what is known of them.

use victor_openai::{Dialect, Server};
use victor_provider_protocol::{
    Capabilities, CapabilitySource, ChatProvider, ListModels, ProviderErrorKind,
};

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
async fn the_windows_of_a_list_are_known_from_then_on() {
    for (model, window) in [
        (
            r#"{"id":"m","meta":{"n_ctx":1024,"n_ctx_train":8192}}"#,
            1024,
        ),
        (r#"{"id":"m","max_model_len":32768}"#, 32_768),
        (
            r#"{"id":"m","max_context_length":131072,"loaded_context_length":4096}"#,
            4096,
        ),
        (r#"{"id":"m","context_length":200000}"#, 200_000),
        (r#"{"id":"m","context_window":16384}"#, 16_384),
    ] {
        let others = r#"{"id":"n","context_length":5},{"id":"o","context_length":"much"}"#;
        let list = format!(r#"{{"data":[{model},{others}]}}"#);
        let fake = Fake::saying(Reply::json(&*list)).await;
        let provider = fake.provider(Server::VLLM, Dialect::ChatCompletions);
        let known = |model: &str| provider.capabilities(&model.into());
        assert_eq!(known("m").context_window, None);
        provider.models().await.unwrap();
        assert_eq!(known("m").context_window, Some(window), "{model}");
        assert_eq!(known("m").source, CapabilitySource::Provider);
        assert_eq!(known("o").context_window, None);
    }
    // The only model answers by whatever name.
    let list = r#"{"data":[{"id":"/models/tiny.gguf","meta":{"n_ctx":1024}}]}"#;
    let fake = Fake::saying(Reply::json(list)).await;
    let provider = fake.provider(Server::LLAMA_CPP, Dialect::ChatCompletions);
    provider.models().await.unwrap();
    assert_eq!(
        provider.capabilities(&"m".into()).context_window,
        Some(1024)
    );
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
