//! An embedder without a model.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::mem;
use std::task::Poll;

use async_trait::async_trait;
use victor_core::ModelId;
use victor_embedding_protocol::{EmbedError, Embedder, Embedding};

use crate::each_term;

/// The number of dimensions of a vector. With half of them, 2 to 5 hundredths less of the sought tools in two
/// catalogues were among the first five; with twice as many, 1 to 2 more.
const DIMENSIONS: usize = 1024;

/// An embedder without a model: the vectors of texts that share terms, or parts of terms, point alike.
///
/// It knows no meaning: *car* and *automobile* are unrelated to it. It is for where there is no model: it needs no
/// file, no network and no time to speak of, and says the same on every machine.
///
/// Every term, and every three neighbouring letters in it, is a feature, which a hash gives a place in the vector and a
/// sign (K. Weinberger and others, "Feature Hashing for Large Scale Multitask Learning", 2009). A term that occurs
/// often counts by the root of how often. Vectors have the length 1; that of a text without terms is zero. Texts of
/// any length are read to their end.
///
/// ```
/// use victor_lexical::LexicalEmbedder;
///
/// let embedder = LexicalEmbedder::default();
/// let likeness = |one, other| embedder.vector(one).cosine(&embedder.vector(other)).unwrap();
/// let request = "Convert these currencies";
/// assert!(likeness(request, "convertCurrency") > likeness(request, "listCountries"));
/// ```
#[derive(Debug, Clone)]
pub struct LexicalEmbedder {
    model: ModelId,
}

impl Default for LexicalEmbedder {
    fn default() -> Self {
        // To be raised with every change of what a text's vector is, also of what its terms are.
        let model = ModelId::from("victor-lexical-1");
        Self { model }
    }
}

impl LexicalEmbedder {
    /// The vector of a text.
    #[must_use]
    pub fn vector(&self, text: &str) -> Embedding {
        // In an order of their own, so that sums come out the same to the last bit.
        let mut terms = BTreeMap::<String, f32>::new();
        each_term(text, |term| match terms.get_mut(term) {
            Some(times) => *times += 1.0,
            None => {
                terms.insert(term.to_owned(), 1.0);
            }
        });
        let mut values = vec![0.0; DIMENSIONS];
        let mut letters = Vec::new();
        for (term, times) in &terms {
            letters.clear();
            letters.extend(['<'].into_iter().chain(term.chars()).chain(['>']));
            let weight = times.sqrt();
            add(&mut values, &letters, weight);
            // All parts together weigh as much as the term.
            let parts = letters.windows(3).skip(usize::from(letters.len() == 3));
            let weight = weight / (parts.len() as f32).sqrt();
            for part in parts {
                add(&mut values, part, weight);
            }
        }
        let norm = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        if norm > 0.0 {
            values.iter_mut().for_each(|value| *value /= norm);
        }
        Embedding::new(values).expect("finite numbers")
    }
}

/// Adds a feature to a vector.
fn add(values: &mut [f32], feature: &[char], weight: f32) {
    // FNV-1a over characters, and a last multiplication that brings what all of them did to the upper bits.
    let hash = feature
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, letter| {
            (hash ^ u64::from(*letter)).wrapping_mul(0x100_0000_01b3)
        });
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let place = (hash >> 1) as usize % values.len();
    values[place] += if hash & 1 == 0 { weight } else { -weight };
}

#[async_trait]
impl Embedder for LexicalEmbedder {
    fn model(&self) -> &ModelId {
        &self.model
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        if texts.len() > self.max_batch() {
            return Err(EmbedError::BatchTooLarge {
                found: texts.len(),
                max: self.max_batch(),
            });
        }
        let mut vectors = Vec::with_capacity(texts.len());
        for text in texts {
            vectors.push(self.vector(text));
            let_others_run().await;
        }
        Ok(vectors)
    }
}

/// Waits until the task is polled again.
async fn let_others_run() {
    let mut waited = false;
    poll_fn(|cx| {
        if mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
