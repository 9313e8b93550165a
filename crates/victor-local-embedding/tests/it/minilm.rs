//! The real all-MiniLM-L6-v2, compared with vectors that numpy computes from the same weights in double precision.

use std::path::PathBuf;

use serde::Deserialize;
use victor_embedding_protocol::{Embedder, Embedding};
use victor_local_embedding::LocalEmbedder;

use crate::laws;

/// A text with the beginning of its vector.
#[derive(Deserialize)]
struct Expected {
    text: String,
    /// The text is this often repeated.
    times: usize,
    first: Vec<f32>,
}

/// Where the model is; none, said loudly, where nobody says so. On a machine that checks changes it must be there.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("VICTOR_MINILM").map(PathBuf::from);
    if folder.is_none() {
        let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(
            !is_ci,
            "VICTOR_MINILM does not name the folder of all-MiniLM-L6-v2"
        );
        #[expect(
            clippy::print_stderr,
            reason = "a test that tests nothing must not pass silently"
        )]
        {
            eprintln!("SKIPPED: VICTOR_MINILM does not name the folder of all-MiniLM-L6-v2");
        }
    }
    folder
}

async fn embed(embedder: &LocalEmbedder, texts: &[&str]) -> Vec<Embedding> {
    embedder.embed(texts).await.unwrap()
}

#[tokio::test]
async fn vectors_are_those_of_the_reference() {
    let Some(folder) = folder() else { return };
    let embedder = LocalEmbedder::load(folder).unwrap();
    assert_eq!(embedder.dimensions(), 384);
    let expected: Vec<Expected> = serde_json::from_str(include_str!("minilm.json")).unwrap();
    assert_eq!(expected.len(), 10);
    let texts: Vec<String> = expected
        .iter()
        .map(|one| one.text.repeat(one.times))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (one, vector) in expected.iter().zip(embed(&embedder, &texts).await) {
        assert!((vector.norm() - 1.0).abs() < 1e-5, "{}", vector.norm());
        let found = &vector.values()[..one.first.len()];
        let is_close = |(a, b): (&f32, &f32)| (a - b).abs() < 2e-6;
        assert!(
            found.iter().zip(&one.first).all(is_close),
            "{:?}: {found:?} instead of {:?}",
            one.text,
            one.first
        );
    }
}

#[tokio::test]
async fn related_texts_are_nearer_than_others() {
    let Some(folder) = folder() else { return };
    let embedder = LocalEmbedder::load(folder).unwrap();
    let related = [
        [
            "How do I retry a failed request?",
            "Repeat the call when the server does not answer.",
        ],
        [
            "The cat sleeps on the sofa.",
            "A kitten is napping on the couch.",
        ],
        [
            "Interest rates were raised again.",
            "The central bank tightens its monetary policy.",
        ],
        [
            "Read the file line by line.",
            "A function that iterates over the lines of a text file.",
        ],
    ];
    let texts: Vec<&str> = related.iter().flatten().copied().collect();
    let vectors = embed(&embedder, &texts).await;
    let cosine = |a: usize, b: usize| vectors[a].cosine(&vectors[b]).unwrap();
    for one in (0..texts.len()).step_by(2) {
        for other in (1..texts.len())
            .step_by(2)
            .filter(|other| *other != one + 1)
        {
            let (near, far) = (cosine(one, one + 1), cosine(one, other));
            assert!(
                near > far + 0.1,
                "{}: {near} and {far} to {}",
                texts[one],
                texts[other]
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_model_keeps_the_contract() {
    let Some(folder) = folder() else { return };
    laws::check(LocalEmbedder::load(folder).unwrap()).await;
}
