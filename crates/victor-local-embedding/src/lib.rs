//! Sentence-transformer models of the BERT kind, such as all-MiniLM-L6-v2, as an [`Embedder`] that needs no network.
//!
//! A model is a folder, as the Python library `sentence-transformers` writes it and as model hubs offer it. It is read
//! once and computed on the processor; nothing is ever downloaded.
//!
//! ```no_run
//! use victor_embedding_protocol::Embedder;
//! use victor_local_embedding::LocalEmbedder;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let embedder = LocalEmbedder::load("models/all-MiniLM-L6-v2")?;
//! let vectors = embedder.embed(&["a cat on a mat", "a kitten on a rug", "the stock market"]).await?;
//! assert!(vectors[0].cosine(&vectors[1]) > vectors[0].cosine(&vectors[2]));
//! # Ok(())
//! # }
//! ```
//!
//! # The folder
//!
//! | file | what it says |
//! |---|---|
//! | `config.json` | the sizes of the model; its `model_type` must be `bert` |
//! | `tokenizer.json` | how texts become tokens |
//! | `model.safetensors` | the weights, in 32 or 16 bits |
//! | `modules.json` | optional: where these files are, and whether vectors have the length 1 |
//! | `1_Pooling/config.json` | optional: how the vectors of tokens become one, `mean` (the default) or `cls` |
//! | `sentence_bert_config.json` | optional: how many tokens of a text are read; otherwise 256 |
//!
//! What a model needs beyond that is refused when it is loaded, so that no vector is silently wrong. Some models want
//! their texts to begin with words such as `query: `: these are for the caller to add.
//!
//! # How it computes
//!
//! The texts of a call are split into pieces of work, one for each core, and each piece runs on a blocking thread of
//! tokio, so the call needs a tokio runtime and does not hold it up. All calls together use no more threads than
//! [`LocalEmbedderBuilder::threads`] says. The tokens of several texts lie one after the other without padding, so a
//! short text costs little beside a long one, and the vector of a text does not depend on its neighbours.
//!
//! # Neighbours
//!
//! `victor-openai` has an embedder for models on a server. Both are handed to whoever compares texts through
//! [`victor_embedding_protocol`].
//!
//! [`Embedder`]: victor_embedding_protocol::Embedder

mod attention;
mod bert;
mod builder;
mod config;
mod embedder;
mod error;
mod folder;
mod gelu;
mod layers;
mod model;
mod pooling;
mod tokens;
mod weights;
mod work;

pub use builder::LocalEmbedderBuilder;
pub use embedder::LocalEmbedder;
pub use error::LoadError;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_embedding_protocol as protocol;
