//! OpenAI, and every server that speaks Chat Completions or the Responses API, as a [`ChatProvider`].
//!
//! ```no_run
//! use victor_core::{Context, Message};
//! use victor_openai::{OpenAiProvider, Server};
//! use victor_provider_protocol::{ChatProvider, ChatRequest, ProviderError};
//!
//! # async fn example() -> Result<(), ProviderError> {
//! let provider = OpenAiProvider::builder().server(Server::OLLAMA).build()?;
//! let context = Context::from_iter([Message::user("How many cores has this machine?")]);
//! let completion = provider.chat(&ChatRequest::new("qwen3:8b", context)).await?;
//! println!("{:?}, {:?}", completion.parts, completion.usage);
//! # Ok(())
//! # }
//! ```
//!
//! # Servers and dialects
//!
//! A [`Server`] is data: an address, a [`Dialect`] and [`Quirks`]. Those that are known are constants, and
//! [`Server::at`] finds them by their address, [`Server::named`] by their name; any other one is
//! [`Server::COMPATIBLE`] at a base URL. The address of some tells nothing, as that of vLLM on another machine: take
//! the row and set the base URL.
//! [`OpenAiProvider::from_env`] takes them from the environment. OpenAI itself is spoken to through the Responses API,
//! all others through Chat Completions, unless [`OpenAiBuilder::dialect`] says otherwise.
//!
//! # How a request becomes one of theirs
//!
//! - [`ChatRequest::extra`] holds fields for this provider alone, and takes the place of what would be sent:
//!   `{"reasoning": {"effort": "low", "summary": "auto"}}`. A tool whose schema is to be enforced has
//!   `{"openai": {"strict": true}}` in its `extra`.
//! - Every history is written for the strictest server: see `victor-model-api`. Neighbours of one role are one message.
//!   What a model got wrong goes back in a form that all servers take, arguments that are no JSON object as
//!   `{"invalid_arguments": "..."}`. Unless a server [takes roles in any order](Quirks::strict_roles), instructions
//!   stand at the beginning alone, and what the program says later is said by the user; the user begins; and a short
//!   answer stands between the results of tools and what the user says.
//! - What is only for other providers is left out. In Chat Completions, pictures and documents of a tool's result
//!   follow as a message of the user, since a result there has only text.
//! - Every field of a call, an item or a message that is not known here goes back byte for byte to the server that sent
//!   it, and to no other: signatures, `reasoning_details`, `namespace`, `caller`, `phase`. It is kept in the `extra` of
//!   its part under `openai`, or as a [`Part::Opaque`](victor_core::Part::Opaque) whose kind is `message.` and the
//!   field's name.
//! - Thoughts go back in Chat Completions in the field in which they came ([`Quirks::reasoning_replay`]). In the
//!   Responses API, reasoning and what the API's own tools did are [`Part::Opaque`](victor_core::Part::Opaque) and go
//!   back byte for byte, each followed by what it led to; reasoning without a seal goes back only to servers that think
//!   in the open. Nothing is stored there: `store` is `false`.
//! - The conversation is the last field. The bytes of a request without its closing brackets are the beginning of those
//!   of the next, as long as no message changes, which is what prompt caches live on. OpenAI is also told the session,
//!   as `prompt_cache_key`.
//!
//! # How an answer is read
//!
//! A tool call is released when the answer is whole, so that no fragment can be taken for all. Servers that send wrong
//! indexes or identifiers, or none, merge no calls, and a whole call that is sent again is no second one. Of an answer
//! that was cut, only the calls that are whole are released; of a whole one also those whose arguments are no JSON,
//! because they cannot run, and the model is told why. The call of a custom tool has its text as
//! `{"input": "..."}`. What stands in an answer of status 200 as an error is an error.
//!
//! What is in another form than the documentation promises is read all the same where it is plain what is meant; see
//! [`victor_model_api::lenient`]. Any sign that an API calls an end is enough: a reason to stop, `[DONE]`, or that the
//! answer came as one document. An answer without any is [`Truncated`].
//!
//! An answer is held to [`AnswerLimits`], and what is larger is [`AnswerTooLarge`]. A stream that brings nothing but
//! comments and empty pieces ends after [`content_timeout`].
//!
//! # Texts as vectors
//!
//! [`OpenAiProvider::embedder`] is an [`Embedder`](victor_embedding_protocol::Embedder) of the same server.
//!
//! [`ChatProvider`]: victor_provider_protocol::ChatProvider
//! [`ChatRequest::extra`]: victor_provider_protocol::ChatRequest::extra
//! [`Truncated`]: victor_provider_protocol::ProviderErrorKind::Truncated
//! [`AnswerTooLarge`]: victor_provider_protocol::ProviderErrorKind::AnswerTooLarge
//! [`content_timeout`]: victor_http::HttpOptions::content_timeout

mod body;
mod builder;
mod capabilities;
mod chat;
mod content;
mod decoder;
mod embedder;
mod error;
mod fields;
mod own;
mod provider;
mod quirks;
mod responses;
mod server;
mod servers;
mod usage;
mod windows;

pub use builder::OpenAiBuilder;
pub use decoder::StreamDecoder;
pub use embedder::OpenAiEmbedder;
pub use provider::OpenAiProvider;
pub use quirks::{
    CallIdForm, InstructionRole, MaxTokensField, Quirks, ReasoningField, ReasoningReplay,
};
pub use server::{Dialect, Server};
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_embedding_protocol as embedding;
#[doc(no_inline)]
pub use victor_http as http;
#[doc(no_inline)]
pub use victor_model_api as model_api;
#[doc(no_inline)]
pub use victor_provider_protocol as protocol;

use victor_model_api::AnswerLimits;

/// The field of a part or a tool, in its `extra`, that holds what only these dialects have.
const EXTRA: &str = "openai";
