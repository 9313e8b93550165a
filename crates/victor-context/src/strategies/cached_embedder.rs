//! A cache in front of an embedder.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Lock, ModelId, RecentMap};
use victor_embedding_protocol::{EmbedError, Embedder, Embedding};

use super::content_key::{ContentKey, content_key};

/// Remembers the vectors of texts, so that a text that stays in a conversation is embedded once.
///
/// Vectors are found by a hash of the text and the name of the model. It holds so many vectors at most, and forgets
/// those first that were not asked for the longest time. Cloning shares it.
#[derive(Debug, Clone)]
pub struct CachedEmbedder {
    embedder: Arc<dyn Embedder>,
    vectors: Arc<Lock<RecentMap<ContentKey, Embedding>>>,
}

impl CachedEmbedder {
    /// Remembers up to `capacity` vectors of `embedder`. One takes four bytes for each of its numbers.
    #[must_use]
    pub fn new(embedder: Arc<dyn Embedder>, capacity: usize) -> Self {
        Self {
            embedder,
            vectors: Arc::new(Lock::new(RecentMap::new(capacity))),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Embedder for CachedEmbedder {
    fn model(&self) -> &ModelId {
        self.embedder.model()
    }

    fn dimensions(&self) -> usize {
        self.embedder.dimensions()
    }

    fn max_batch(&self) -> usize {
        self.embedder.max_batch()
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        let keys: Vec<_> = texts
            .iter()
            .map(|text| content_key(&(self.model().as_str(), text)))
            .collect();
        let mut found: Vec<_> = {
            let mut vectors = self.vectors.lock();
            keys.iter().map(|key| vectors.get(key).cloned()).collect()
        };
        let missing: Vec<usize> = (0..texts.len()).filter(|at| found[*at].is_none()).collect();
        if !missing.is_empty() {
            let texts: Vec<&str> = missing.iter().map(|at| texts[*at]).collect();
            let vectors = self.embedder.embed(&texts).await?;
            if vectors.len() != texts.len() {
                let message = format!("{} vectors for {} texts", vectors.len(), texts.len());
                return Err(EmbedError::Malformed { message });
            }
            for (at, vector) in missing.into_iter().zip(vectors) {
                // One of another dimension is a fault that must not last.
                if vector.dimensions() == self.dimensions() {
                    self.vectors.lock().insert(keys[at], vector.clone());
                }
                found[at] = Some(vector);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }
}
