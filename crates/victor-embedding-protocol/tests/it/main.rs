//! The contract of embedders through its public API.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use victor_core::ModelId;
use victor_embedding_protocol::{EmbedError, Embedder, Embedding, InvalidEmbedding, embed_all};
use victor_testkit::{check_golden, check_refused};

fn vector(values: &[f32]) -> Embedding {
    Embedding::new(values).unwrap()
}

#[test]
fn a_vector_holds_finite_numbers_only() {
    let check = |values: &[f32], error| assert_eq!(Embedding::new(values).unwrap_err(), error);
    check(&[], InvalidEmbedding::Empty);
    check(&[0.0, f32::NAN], InvalidEmbedding::NotFinite { index: 1 });
    check(&[f32::INFINITY], InvalidEmbedding::NotFinite { index: 0 });
    assert_eq!(
        InvalidEmbedding::NotFinite { index: 1 }.to_string(),
        "number 1 of the vector is not finite"
    );
}

#[test]
fn how_alike_two_vectors_point() {
    #[track_caller]
    fn check(one: &[f32], other: &[f32], expected: Option<f32>) {
        let (one, other) = (vector(one), vector(other));
        for found in [one.cosine(&other), other.cosine(&one)] {
            match (found, expected) {
                (Some(found), Some(expected)) => {
                    assert!((found - expected).abs() < 1e-6, "{found}");
                }
                (found, expected) => assert_eq!(found, expected),
            }
        }
    }
    check(&[1.0, 0.0], &[0.0, 2.0], Some(0.0));
    check(&[1.0, 1.0], &[3.0, 3.0], Some(1.0));
    check(&[1.0, 2.0], &[-1.0, -2.0], Some(-1.0));
    check(&[1.0, 0.0], &[1.0, 1.0], Some(0.5_f32.sqrt()));
    check(&[0.0, 0.0], &[1.0, 1.0], Some(0.0));
    check(&[1.0], &[1.0, 1.0], None);
    // Where single precision overflows or has nothing left.
    check(&[f32::MAX; 20], &[f32::MAX; 20], Some(1.0));
    check(&[f32::MAX, f32::MAX], &[f32::MAX, -f32::MAX], Some(0.0));
    check(&[1e-30; 20], &[1e-30; 20], Some(1.0));
    check(&[f32::from_bits(1)], &[f32::from_bits(1)], Some(1.0));
}

#[test]
fn dot_products_of_every_length() {
    for length in 1..100_u16 {
        let one: Vec<f32> = (0..length).map(f32::from).collect();
        let other = vec![2.0; length.into()];
        let expected = f64::from(u32::from(length) * u32::from(length - 1));
        assert_eq!(vector(&one).dot(&vector(&other)), Some(expected));
        assert_eq!(vector(&one).dimensions(), usize::from(length));
    }
    assert_eq!(vector(&[3.0, 4.0]).norm(), 5.0);
    assert_eq!(vector(&[1.0]).dot(&vector(&[1.0, 1.0])), None);
}

#[test]
fn the_stored_form_is_a_list_of_numbers() {
    check_golden(
        env!("CARGO_MANIFEST_DIR"),
        "embedding",
        &vector(&[0.5, -1.25, 0.1]),
    );
    check_refused::<Embedding>(&json!([]), "a vector needs at least one number");
    check_refused::<Embedding>(&json!([1e300]), "number 0 of the vector is not finite");
}

/// Embeds a text as its length, and notes the sizes of the batches. Breaks its contract on wish.
#[derive(Debug)]
struct Lengths {
    model: ModelId,
    dimensions: usize,
    missing: usize,
    batches: Mutex<Vec<usize>>,
}

impl Lengths {
    fn new(dimensions: usize, missing: usize) -> Self {
        Self {
            model: "lengths-1".into(),
            dimensions,
            missing,
            batches: Mutex::default(),
        }
    }
}

#[async_trait]
impl Embedder for Lengths {
    fn model(&self) -> &ModelId {
        &self.model
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn max_batch(&self) -> usize {
        3
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        if texts.len() > self.max_batch() {
            return Err(EmbedError::BatchTooLarge {
                found: texts.len(),
                max: self.max_batch(),
            });
        }
        self.batches.lock().unwrap().push(texts.len());
        let texts = &texts[..texts.len() - self.missing];
        let embed = |text: &&str| Ok(Embedding::new([text.len() as f32])?);
        texts.iter().map(embed).collect()
    }
}

#[tokio::test]
async fn any_number_of_texts_goes_in_batches_and_keeps_its_order() {
    let embedder = Lengths::new(1, 0);
    let texts = ["", "a", "bb", "ccc", "dddd", "eeeee", "ffffff"];
    assert!(matches!(
        embedder.embed(&texts).await,
        Err(EmbedError::BatchTooLarge { found: 7, max: 3 })
    ));
    let found = embed_all(&embedder, &texts).await.unwrap();
    let lengths: Vec<_> = found
        .iter()
        .map(|embedding| embedding.values()[0] as usize)
        .collect();
    assert_eq!(lengths, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(*embedder.batches.lock().unwrap(), [3, 3, 1]);
    assert!(embed_all(&embedder, &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_that_breaks_the_contract_is_an_error() {
    let check = async |embedder: Lengths, expected: &str| {
        let error = embed_all(&embedder, &["a", "b"]).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(!error.is_transient());
    };
    check(
        Lengths::new(1, 1),
        "the embedder's answer is malformed: 1 vectors for 2 texts",
    )
    .await;
    check(
        Lengths::new(2, 0),
        "the embedder's answer is malformed: a vector of 1 numbers, not 2",
    )
    .await;
}

#[test]
fn errors_say_what_to_do() {
    let check = |error: EmbedError, transient: bool, expected: &str| {
        assert_eq!(
            (error.is_transient(), &*error.to_string()),
            (transient, expected)
        );
    };
    check(
        EmbedError::BatchTooLarge { found: 7, max: 3 },
        false,
        "7 texts are too many for one call: send at most 3",
    );
    check(
        EmbedError::TextTooLong { index: 1 },
        false,
        "text number 1 is longer than the model can read: shorten it or split it",
    );
    check(
        EmbedError::unavailable("no answer"),
        true,
        "the embedder is not available: no answer",
    );
    check(
        EmbedError::refused("no such model"),
        false,
        "the embedder refused: no such model",
    );
    check(
        InvalidEmbedding::Empty.into(),
        false,
        "the embedder's answer is malformed",
    );
    let retry_after = Some(Duration::from_secs(1));
    let busy = EmbedError::Unavailable {
        message: "busy".into(),
        retry_after,
        source: None,
    };
    check(busy, true, "the embedder is not available: busy");
}

#[cfg(feature = "mock")]
#[tokio::test]
async fn a_mock_embeds_as_it_is_told() {
    let mut mock = victor_embedding_protocol::MockEmbedder::new();
    mock.expect_max_batch().return_const(2_usize);
    mock.expect_dimensions().return_const(1_usize);
    mock.expect_embed_texts()
        .times(2)
        .returning(|texts| Ok(texts.iter().map(|_| vector(&[1.0])).collect()));
    assert_eq!(embed_all(&mock, &["a", "b", "c"]).await.unwrap().len(), 3);
}
