//! Vectors of texts.

use std::time::Duration;

use serde_json::{Value, json};
use victor_embedding_protocol::{EmbedError, Embedder, embed_all};
use victor_openai::{Dialect, OpenAiProvider, Server};
use victor_testkit::conformance;

use crate::fake::{Asked, Fake, Reply};

fn provider(fake: &Fake) -> OpenAiProvider {
    fake.provider(Server::OLLAMA, Dialect::ChatCompletions)
}

fn texts(asked: &Asked) -> Vec<String> {
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    serde_json::from_value(body["input"].clone()).unwrap()
}

/// A vector of the length of the text, and one.
fn vectors(asked: &Asked) -> Vec<Value> {
    texts(asked)
        .iter()
        .map(|text| json!([text.len(), 1]))
        .collect()
}

/// As OpenAI answers, but in the wrong order, which the indexes set right.
fn openai(asked: &Asked) -> Reply {
    let data: Vec<_> = vectors(asked)
        .into_iter()
        .enumerate()
        .rev()
        .map(|(index, vector)| json!({"index": index, "embedding": vector}))
        .collect();
    Reply::json(json!({ "data": data }).to_string())
}

#[tokio::test]
async fn texts_have_vectors_in_their_order() {
    let fake = Fake::new(openai).await;
    let embedder = provider(&fake).embedder("e", None).await.unwrap();
    assert_eq!((embedder.model().as_str(), embedder.dimensions()), ("e", 2));
    let found: Vec<_> = embedder
        .embed(&["abc", "", "a", " \n"])
        .await
        .unwrap()
        .iter()
        .map(|vector| vector.values().to_vec())
        .collect();
    assert_eq!(found, [[3.0, 1.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]);
    let asked = fake.asked();
    assert_eq!(asked[1].path, "/v1/embeddings");
    assert_eq!(asked[1].body, r#"{"model":"e","input":["abc","a"]}"#);

    assert_eq!(embedder.embed(&[]).await.unwrap(), []);
    assert_eq!(embedder.embed(&[""]).await.unwrap().len(), 1);
    assert_eq!(fake.asked().len(), 2, "nothing needs to be asked for");
    assert_eq!(embed_all(&embedder, &["x"; 65]).await.unwrap().len(), 65);
    let error = embedder.embed(&["x"; 65]).await.unwrap_err();
    assert!(matches!(
        error,
        EmbedError::BatchTooLarge { found: 65, max: 64 }
    ));
}

#[tokio::test]
async fn it_keeps_the_laws_of_embedders() {
    let fake = Fake::new(openai).await;
    let embedder = provider(&fake).embedder("e", None).await.unwrap();
    conformance::embedder(&embedder).await;
}

#[tokio::test]
async fn shortened_vectors_have_a_name_of_their_own() {
    let fake = Fake::new(openai).await;
    let embedder = provider(&fake).embedder("e", Some(2)).await.unwrap();
    assert_eq!(embedder.model().as_str(), "e@2");
    assert_eq!(
        fake.asked()[0].body,
        r#"{"model":"e","input":["dimensions"],"dimensions":2}"#
    );
}

#[tokio::test]
async fn old_versions_of_ollama_are_asked_in_their_own_way() {
    let fake = Fake::new(|asked| match &*asked.path {
        "/api/embed" => Reply::json(json!({"embeddings": vectors(asked)}).to_string()),
        _ => Reply::new(404, "text/plain", "404 page not found"),
    })
    .await;
    let embedder = provider(&fake).embedder("e", None).await.unwrap();
    assert_eq!(
        embedder.embed(&["abc"]).await.unwrap()[0].values(),
        [3.0, 1.0]
    );
    assert_eq!(fake.asked().len(), 3);
}

#[tokio::test]
async fn what_goes_wrong() {
    let fail = async |reply: Reply| {
        let fake = Fake::saying(reply).await;
        provider(&fake).embedder("e", None).await.unwrap_err()
    };
    let error = fail(Reply::new(
        404,
        "application/json",
        r#"{"error":"model e not found"}"#,
    ))
    .await;
    assert!(
        matches!(&error, EmbedError::Refused { message, .. } if message == "model e not found"),
        "{error}"
    );
    // Neither becomes true by asking again.
    let long = "input (6000 tokens) is too large to process. increase the physical batch size";
    for (status, message) in [
        (500, long),
        (501, "This server does not support embeddings."),
    ] {
        let body = format!(r#"{{"error":{{"code":{status},"message":"{message}"}}}}"#);
        let error = fail(Reply::new(status, "application/json", body)).await;
        assert!(matches!(error, EmbedError::Refused { .. }), "{error}");
    }
    let busy =
        Reply::new(429, "application/json", r#"{"error":"busy"}"#).with_header("retry-after", "3");
    let error = fail(busy).await;
    let wait = Some(Duration::from_secs(3));
    assert!(
        matches!(error, EmbedError::Unavailable { retry_after, .. } if retry_after == wait),
        "{error}"
    );
    for body in [
        "{}",
        "[",
        r#"{"data":[{"embedding":[]}]}"#,
        r#"{"data":[{"embedding":["x"]}]}"#,
    ] {
        let error = fail(Reply::json(body)).await;
        assert!(matches!(error, EmbedError::Malformed { .. }), "{error}");
    }
    let fake = Fake::new(|asked| match texts(asked)[0].as_str() {
        "short" => Reply::json(r#"{"data":[{"embedding":[1]}]}"#),
        "large" => Reply::json(r#"{"data":[{"embedding":[1e39, 1]}]}"#),
        _ => openai(asked),
    })
    .await;
    let embedder = provider(&fake).embedder("e", None).await.unwrap();
    let error = embedder.embed(&["short"]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the embedder's answer is malformed: a vector of 1 numbers, not 2"
    );
    let error = embedder.embed(&["large"]).await.unwrap_err();
    assert!(
        matches!(error, EmbedError::Invalid(_) | EmbedError::Malformed { .. }),
        "{error}"
    );
}
