//! Counts tokens as OpenAI models do, with their tokenizers and without a network.
//!
//! A window that is counted exactly is used to its end: the estimate that needs no tokenizer is some percent off, and
//! the margin for that is lost to every conversation. The vocabularies are part of the program, 1.2 MB of it; nothing
//! is downloaded.
//!
//! ```
//! use victor_context_protocol::{TokenCounter, TokenCounterExt};
//! use victor_core::{Message, ModelId, Role};
//! use victor_tiktoken::{Encoding, TiktokenCounter, UnknownModel};
//!
//! # fn main() -> Result<(), UnknownModel> {
//! let counter = TiktokenCounter::for_model(&ModelId::from("gpt-4o"))?;
//! assert_eq!(counter.count_text("What is the capital of France?"), 7);
//!
//! // What the API reports for these two messages: 24 tokens.
//! let messages = [Message::system("You are a helpful assistant."), Message::user("What is the capital of France?")];
//! let tokens: u32 = messages.iter().map(|message| counter.tokens(message)).sum();
//! assert_eq!(tokens + counter.tokens_of_reply(), 24);
//!
//! // A model that is not known says which are; a tokenizer can be chosen all the same.
//! assert!(TiktokenCounter::for_model(&ModelId::from("claude-sonnet-4-5")).is_err());
//! assert_eq!(TiktokenCounter::new(Encoding::Cl100kBase).name(), "tiktoken/cl100k_base");
//! # Ok(())
//! # }
//! ```
//!
//! # How exact it is
//!
//! - **Texts** are counted as OpenAI's own `tiktoken` counts them. What looks like a special token, such as
//!   `<|endoftext|>`, is text. One exception: within a run of more than 12 KiB that has no blank and no line, as in a
//!   binary file, the count is off by one token per 12 KiB at most in practice, so that the time stays in proportion to
//!   the length.
//! - **Messages of text** cost what the API reports.
//! - **Tool calls and their results** cost, within some tokens, what the API reports; OpenAI does not publish how it
//!   writes them down.
//! - **Pictures and documents** have a flat cost, since their size is not known here: a picture the most that GPT-4o
//!   is charged for one, 1,445 tokens; a document that is not text one token per 40 bytes of base64, and at least
//!   1,445; a document of text one token per four bytes.
//! - **Thoughts** cost nothing: OpenAI is not sent them. What goes back instead, sealed in a
//!   [`Part::Opaque`](victor_core::Part::Opaque), is estimated on the high side.
//!
//! The definitions of tools are no messages and are not counted here.
//!
//! # What it costs
//!
//! The first counter of an encoding in a process unpacks its vocabulary, which takes about a tenth of a second; all
//! others share it. Every thread that counts keeps a cache of 1.2 MB. A build without optimisation puts that on the
//! stack for a moment: a thread that counts there needs 1.5 MB of it, and the usual 2 MB will do.
//!
//! # Neighbours
//!
//! `victor-context-protocol` has the contract, [`TokenCounter`](victor_context_protocol::TokenCounter).
//! `victor-context` has an estimate for models whose tokenizer is not public.

mod counter;
mod encoding;
mod pieces;

pub use counter::TiktokenCounter;
pub use encoding::{Encoding, UnknownModel};
#[doc(no_inline)]
pub use victor_context_protocol as protocol;
#[doc(no_inline)]
pub use victor_core as core;
