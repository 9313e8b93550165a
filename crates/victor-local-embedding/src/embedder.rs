//! The embedder.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};
use victor_core::ModelId;
use victor_embedding_protocol::{EmbedError, Embedder, Embedding};

use crate::model::Model;
use crate::work::split;
use crate::{LoadError, LocalEmbedderBuilder};

/// A sentence-transformer model in memory.
///
/// A text that is longer than the model can read is cut; see [`LocalEmbedderBuilder::max_tokens`]. A text without any
/// sign has the vector that the model gives to nothing, which is not zero.
///
/// [`model`](Embedder::model) is the name of the folder and a hash of the files that were read: another set of weights,
/// another tokenizer or another greatest length is another model.
///
/// # Cancel safety
///
/// Of a call that was dropped, no piece of work is begun any more; one that runs comes to its end, which takes some
/// hundred milliseconds at most with a small model.
pub struct LocalEmbedder {
    model: Arc<Model>,
    max_batch: usize,
    threads: usize,
    /// A permit for each thread that may compute.
    permits: Arc<Semaphore>,
}

impl LocalEmbedder {
    /// Reads a model as its files say. See [`LocalEmbedderBuilder::load`] for what else there is to know.
    ///
    /// # Errors
    ///
    /// A file is missing, damaged, or of a kind that is not supported; see [`LoadError`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        Self::builder(path).load()
    }

    /// Settings of an embedder for the model in a folder.
    pub fn builder(path: impl AsRef<Path>) -> LocalEmbedderBuilder {
        LocalEmbedderBuilder::new(path.as_ref().to_owned())
    }

    pub(crate) fn new(builder: &LocalEmbedderBuilder) -> Result<Self, LoadError> {
        let threads = builder.threads.min(Semaphore::MAX_PERMITS);
        Ok(Self {
            model: Arc::new(Model::load(builder)?),
            max_batch: builder.max_batch,
            threads,
            permits: Arc::new(Semaphore::new(threads)),
        })
    }
}

#[async_trait]
impl Embedder for LocalEmbedder {
    fn model(&self) -> &ModelId {
        &self.model.name
    }

    fn dimensions(&self) -> usize {
        self.model.dimensions()
    }

    fn max_batch(&self) -> usize {
        self.max_batch
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        if texts.len() > self.max_batch {
            return Err(EmbedError::BatchTooLarge {
                found: texts.len(),
                max: self.max_batch,
            });
        }
        let mut pieces = Vec::new();
        for piece in split(texts, self.model.max_tokens, self.threads) {
            let permit = Arc::clone(&self.permits).acquire_owned().await;
            let texts: Vec<String> = texts[piece].iter().map(ToString::to_string).collect();
            let model = Arc::clone(&self.model);
            pieces.push(spawn_blocking(move || {
                // Given back at the end, also of a panic; nobody closes the semaphore.
                let _permit = permit;
                model.embed(&texts)
            }));
        }
        let mut vectors = Vec::with_capacity(texts.len());
        for piece in pieces {
            vectors.extend(piece.await.map_err(failed)??);
        }
        Ok(vectors)
    }
}

/// A piece of work has not come to its end: it panicked, or the runtime is shutting down.
fn failed(error: JoinError) -> EmbedError {
    if error.is_panic() {
        EmbedError::Refused {
            message: "the model panicked".into(),
            source: Some(error.into()),
        }
    } else {
        EmbedError::Unavailable {
            message: "the runtime is shutting down".into(),
            retry_after: None,
            source: Some(error.into()),
        }
    }
}

impl fmt::Debug for LocalEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalEmbedder")
            .field("model", &self.model.name)
            .field("dimensions", &self.model.dimensions())
            .field("max_tokens", &self.model.max_tokens)
            .field("max_batch", &self.max_batch)
            .field("threads", &self.threads)
            .finish()
    }
}
