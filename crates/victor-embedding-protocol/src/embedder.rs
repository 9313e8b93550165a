//! The extension point for embeddings.

use std::fmt;

use async_trait::async_trait;
use victor_core::ModelId;

use crate::{EmbedError, Embedding};

/// Turns texts into vectors.
///
/// Implemented by adapters; called by compaction strategies and tool selection, from many tasks at once, usually
/// through [`embed_all`](crate::embed_all). It must not block the thread for long: a model that computes here belongs
/// on `tokio::task::spawn_blocking` or the like. It makes one attempt and reports what came of it; it never retries.
///
/// It is deterministic: while [`model`](Self::model) says the same, so does the vector of a text, within the precision
/// of the arithmetic. Callers keep vectors by the model's name and the text, so another set of weights needs another
/// name.
///
/// # Cancel safety
///
/// Dropping a call ends it, and leaves nothing to be undone.
#[async_trait]
pub trait Embedder: fmt::Debug + Send + Sync + 'static {
    /// The model, by a name that changes whenever its vectors do.
    fn model(&self) -> &ModelId;

    /// Returns the number of dimensions of its vectors, which never changes.
    fn dimensions(&self) -> usize;

    /// Returns the maximum number of texts in one call. Defaults to 64.
    fn max_batch(&self) -> usize {
        64
    }

    /// The vectors of texts: one for each, in their order. The empty text has a vector too, possibly zero. A text
    /// that is longer than the model can read is cut or refused, as the embedder documents.
    ///
    /// # Errors
    ///
    /// None of the texts has a vector; [`EmbedError::is_transient`] says whether to try again.
    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: Embedder + ?Sized> Embedder for std::sync::Arc<T> {
    victor_core::forward! {
        fn model(&self) -> &ModelId;
        fn dimensions(&self) -> usize;
        fn max_batch(&self) -> usize;
        async fn embed<'a, 'b>(&self, texts: &'a [&'b str]) -> Result<Vec<Embedding>, EmbedError>;
    }
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`Embedder`], made by mockall.
    ///
    /// Mockall has no form for a slice of borrowed texts: expectations of [`Embedder::embed`] are put on
    /// `embed_texts`, which is given the texts as strings.
    #[derive(Debug)]
    pub Embedder {
        /// The expectation of [`Embedder::model`].
        pub fn model(&self) -> &ModelId;
        /// The expectation of [`Embedder::dimensions`].
        pub fn dimensions(&self) -> usize;
        /// The expectation of [`Embedder::max_batch`].
        pub fn max_batch(&self) -> usize;
        /// The expectation of [`Embedder::embed`].
        pub fn embed_texts(&self, texts: Vec<String>) -> Result<Vec<Embedding>, EmbedError>;
    }
}

#[cfg(feature = "mock")]
#[async_trait]
impl Embedder for MockEmbedder {
    fn model(&self) -> &ModelId {
        self.model()
    }

    fn dimensions(&self) -> usize {
        self.dimensions()
    }

    fn max_batch(&self) -> usize {
        self.max_batch()
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        self.embed_texts(texts.iter().map(ToString::to_string).collect())
    }
}
