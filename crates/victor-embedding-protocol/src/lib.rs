//! Contract of embedders, which turn texts into vectors.
//!
//! - [`Embedder`] turns texts into vectors; texts that mean alike have vectors that point alike.
//! - [`Embedding`] is such a vector. It never holds a number that is none.
//! - [`embed_all`] embeds any number of texts, and checks that the embedder keeps its contract.
//!
//! There is no coordinator of embeddings: compaction and tool selection share the embedders.
//!
//! # An embedder
//!
//! ```
//! use async_trait::async_trait;
//! use victor_core::ModelId;
//! use victor_embedding_protocol::{EmbedError, Embedder, Embedding};
//!
//! /// How often each letter occurs: texts of similar letters have similar vectors.
//! #[derive(Debug)]
//! struct Letters(ModelId);
//!
//! #[async_trait]
//! impl Embedder for Letters {
//!     fn model(&self) -> &ModelId {
//!         &self.0
//!     }
//!
//!     fn dimensions(&self) -> usize {
//!         26
//!     }
//!
//!     async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
//!         let count = |text: &&str| {
//!             let mut counts = [0.0; 26];
//!             for byte in text.bytes().filter(u8::is_ascii_alphabetic) {
//!                 counts[usize::from(byte.to_ascii_lowercase() - b'a')] += 1.0;
//!             }
//!             Ok(Embedding::new(counts)?)
//!         };
//!         texts.iter().map(count).collect()
//!     }
//! }
//!
//! # use std::{pin::pin, task::{Context, Poll, Waker}};
//! # let mut run = pin!(async {
//! let vectors = Letters("letters-1".into()).embed(&["listen", "silent", "xyzzy"]).await?;
//! assert!((vectors[0].cosine(&vectors[1]).unwrap() - 1.0).abs() < 1e-6);
//! assert_eq!(vectors[0].cosine(&vectors[2]), Some(0.0));
//! # Ok::<(), EmbedError>(())
//! # });
//! # assert!(matches!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
//! ```

mod batch;
mod embedder;
mod embedding;
mod error;

pub use batch::embed_all;
pub use embedder::Embedder;
#[cfg(feature = "mock")]
pub use embedder::MockEmbedder;
pub use embedding::{Embedding, InvalidEmbedding};
pub use error::EmbedError;
