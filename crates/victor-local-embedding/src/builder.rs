//! Settings of the embedder.

use std::num::NonZero;
use std::path::PathBuf;
use std::thread;

use crate::{LoadError, LocalEmbedder};

/// Settings of a [`LocalEmbedder`]. Made by [`LocalEmbedder::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing is loaded before `load`"]
pub struct LocalEmbedderBuilder {
    pub(crate) path: PathBuf,
    pub(crate) max_tokens: Option<usize>,
    pub(crate) max_batch: usize,
    pub(crate) threads: usize,
}

impl LocalEmbedderBuilder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            max_tokens: None,
            max_batch: 64,
            threads: thread::available_parallelism().map_or(1, NonZero::get),
        }
    }

    /// Sets the maximum number of tokens that are read of a text, with those that begin and end every text; the rest is
    /// cut off. Defaults to the number in the model's files.
    pub fn max_tokens(mut self, max_tokens: usize) -> Self {
        self.max_tokens = Some(max_tokens);
        self
    }

    /// Sets the maximum number of texts in one call. Defaults to 64.
    pub fn max_batch(mut self, max_batch: NonZero<usize>) -> Self {
        self.max_batch = max_batch.get();
        self
    }

    /// On how many threads all calls together compute. As many as there are cores by default.
    pub fn threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = threads.get();
        self
    }

    /// Reads the model.
    ///
    /// It blocks for as long as it takes to read the files: in async code it belongs on `tokio::task::spawn_blocking`,
    /// or before the runtime has work.
    ///
    /// # Errors
    ///
    /// A file is missing, damaged, or of a kind that is not supported; see [`LoadError`].
    pub fn load(self) -> Result<LocalEmbedder, LoadError> {
        LocalEmbedder::new(&self)
    }
}
