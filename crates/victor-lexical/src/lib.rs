//! Finds texts by their words: terms, BM25 ranking and an embedder without a model.
//!
//! Which messages of a long conversation matter for the current request, and which of a thousand tools: both are
//! answered to a good part by the words that texts share, at once and without a model. Coordinators need this and may
//! not know each other, so it is here, below them.
//!
//! ```
//! use victor_lexical::Bm25;
//!
//! let mut tools = Bm25::default();
//! tools.add("getWeather: the forecast for a city");
//! tools.add("sendMail: sends a mail to people");
//! tools.add("listMails: the mails of an inbox");
//!
//! let found = tools.top("Which mails are in my inbox?", 1);
//! assert_eq!(found[0].document, 2);
//! ```
//!
//! # What is here
//!
//! - [`each_term`] takes a text apart: words and the parts of identifiers, in lower case, without their endings.
//! - [`Bm25`] ranks documents by the terms that they share with a query, and knows how much a term says.
//! - [`LexicalEmbedder`] turns texts into vectors by their terms, where an
//!   [`Embedder`](victor_embedding_protocol::Embedder) is wanted and there is no model.
//! - [`fuse`] makes one ranking from several, as of words and of a model's vectors.
//!
//! To find something, take [`Bm25`]: it knows which words are rare, and an embedder, which sees one text at a time,
//! does not. Its vectors are for comparing texts with each other, and find a little more when they are fused with BM25
//! at a small share. `cargo xtask eval` measures this by the strategies of `victor-tool-selection`.

mod bm25;
mod embedder;
mod fuse;
mod stem;
mod terms;
mod words;

pub use bm25::{Bm25, Bm25Parameters, Hit};
pub use embedder::LexicalEmbedder;
pub use fuse::fuse;
pub use terms::each_term;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_embedding_protocol as embedding;
