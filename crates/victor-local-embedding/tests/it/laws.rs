//! The contract of embedders.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use tokio::task::JoinSet;
use victor_embedding_protocol::{EmbedError, Embedder, Embedding, embed_all};
use victor_local_embedding::LocalEmbedder;

use crate::tiny::Tiny;

/// Texts that need several pieces of work, of which each is different.
fn texts() -> Vec<String> {
    let text = |index: usize| "a b c d e ".repeat(index % 5) + &"d b ".repeat(index);
    (0..24).map(text).collect()
}

/// Checks an embedder against the contract.
pub(crate) async fn check(embedder: LocalEmbedder) {
    let embedder = Arc::new(embedder);
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = embedder.embed(&texts).await.unwrap();
    assert_eq!(together.len(), texts.len());
    for (text, vector) in texts.iter().zip(&together) {
        assert_eq!(vector.dimensions(), embedder.dimensions());
        let alone = embedder.embed(&[text]).await.unwrap();
        assert!(
            is_same(&alone[0], vector),
            "{text:?} has another vector in company"
        );
    }
    let first = together[0].cosine(&together[23]).unwrap();
    assert!(first < 0.999, "texts have vectors of their own: {first}");

    assert_eq!(embedder.embed(&[]).await.unwrap(), []);
    assert_eq!(embedder.embed(&[""]).await.unwrap().len(), 1);
    let max = embedder.max_batch();
    let error = embedder.embed(&vec!["a"; max + 1]).await.unwrap_err();
    assert!(
        matches!(error, EmbedError::BatchTooLarge { found, max: m } if m == max && found == max + 1)
    );
    let many = embed_all(&*embedder, &vec!["a"; max + 1]).await.unwrap();
    assert_eq!(many.len(), max + 1);

    drop_calls(&embedder, &texts).await;
    let mut calls = JoinSet::new();
    for _ in 0..4 {
        let (embedder, texts) = (
            Arc::clone(&embedder),
            texts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        );
        calls.spawn(async move {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            embedder.embed(&texts).await.unwrap()
        });
    }
    while let Some(vectors) = calls.join_next().await {
        let vectors = vectors.unwrap();
        assert!(
            vectors
                .iter()
                .zip(&together)
                .all(|(one, other)| is_same(one, other))
        );
    }
}

/// Drops calls before they are polled, after the first poll, and in the middle.
async fn drop_calls(embedder: &LocalEmbedder, texts: &[&str]) {
    for polls in 0..4 {
        let mut call = pin!(embedder.embed(texts));
        for _ in 0..polls {
            let _ = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            tokio::task::yield_now().await;
        }
    }
}

fn is_same(one: &Embedding, other: &Embedding) -> bool {
    one.cosine(other).unwrap() > 0.999_999 && (one.norm() - other.norm()).abs() < 1e-4
}

#[tokio::test]
async fn a_tiny_model_keeps_the_contract() {
    check(Tiny::new().load()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_thread_is_enough() {
    let parent = Tiny::new().write();
    let builder = LocalEmbedder::builder(parent.path().join("tiny"));
    let one = std::num::NonZero::<usize>::MIN;
    check(builder.threads(one).load().unwrap()).await;
}

#[test]
fn embedders_are_shared_between_threads() {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<LocalEmbedder>();
}
