//! The Anthropic Messages API, and every server that speaks it, as a [`ChatProvider`].
//!
//! ```no_run
//! use victor_anthropic::AnthropicProvider;
//! use victor_core::{Context, Message};
//! use victor_provider_protocol::{ChatProvider, ChatRequest, ProviderError};
//!
//! # async fn example() -> Result<(), ProviderError> {
//! let provider = AnthropicProvider::from_env()?; // ANTHROPIC_API_KEY
//! let context = Context::from_iter([Message::user("How many cores has this machine?")]);
//! let completion = provider.chat(&ChatRequest::new("claude-sonnet-5-5", context)).await?;
//! println!("{:?}, {:?}", completion.parts, completion.usage);
//! # Ok(())
//! # }
//! ```
//!
//! # How a request becomes one of this API
//!
//! - The system prompt and the messages of the system become `system`. All others become turns of user and assistant,
//!   which alternate: the user begins, neighbours of one role are joined, results of tools come first. What the API
//!   refuses is left out (blank text, thoughts without a seal, what belongs to other providers) or put into the form
//!   that it takes (identifiers of calls, arguments that are no JSON objects; see `victor-model-api`), so that a
//!   history of any origin can be sent.
//! - [`ChatRequest::extra`] holds fields for this API alone, and goes before what is derived:
//!   `{"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}`. Its `tools` are added to the others:
//!   `{"tools": [{"type": "web_search_20250305", "name": "web_search"}]}`.
//! - A part or a tool has fields for this API alone under `anthropic` in its `extra`, for example
//!   `{"anthropic": {"defer_loading": true}}` for a tool, or `{"anthropic": {"citations": {"enabled": true}}}` for a
//!   document. There, too, are the fields of an answer that only this API has: the citations of a text, for example.
//!   Blocks of kinds that are not known here are [`Part::Opaque`](victor_core::Part::Opaque). All go back as they came.
//! - Thoughts and what the API's own tools did go back byte for byte. Thoughts without a seal go back to servers that
//!   are not Anthropic's own, with an empty seal, because those want them.
//! - A call that the model's code made keeps the container in which the code waits, and the next request names it.
//!
//! # Prompt caching
//!
//! Prompts are cached up to three marks: on the last tool, on the last text of the system, and by the field
//! `cache_control` of the request on whatever comes last. The API moves the third by itself as the conversation grows,
//! so no byte of an earlier message changes: the bytes of a request, without its closing brackets, are the beginning of
//! those of the next. Servers that do not know the field ignore it, or want
//! [`prompt_caching(false)`](AnthropicBuilder::prompt_caching).
//!
//! # Servers, and how their answers are read
//!
//! A [`Server`] is data: an address and [`Quirks`]. DeepSeek, Kimi, MiniMax and z.ai speak the dialect too; any other
//! server is [`Server::COMPATIBLE`] at a base URL. What is in another form than the documentation promises is read all
//! the same where it is plain what is meant; see [`victor_model_api::lenient`]. An answer ends with `message_stop`, or
//! with the stream once a reason to stop was named. It is held to [`AnswerLimits`], and a stream of pings alone ends
//! after [`content_timeout`](victor_http::HttpOptions::content_timeout).
//!
//! # What is counted
//!
//! [`Usage`](victor_core::Usage) has the provider's last counts. Those of its own tools and of its own rounds are in
//! its `extra` under their paths, for example `server_tool_use.web_search_requests`. Where the counts are a sum over
//! several rounds, [`Completion::context_tokens`](victor_provider_protocol::Completion::context_tokens) is what the
//! model read in the last.
//!
//! [`ChatProvider`]: victor_provider_protocol::ChatProvider
//! [`ChatRequest::extra`]: victor_provider_protocol::ChatRequest::extra

mod block;
mod builder;
mod capabilities;
mod content;
mod decoder;
mod error;
mod message;
mod provider;
mod request;
mod server;
mod unknown_block;

pub use builder::AnthropicBuilder;
pub use decoder::MessageDecoder;
pub use provider::AnthropicProvider;
pub use server::{Quirks, Server};
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_http as http;
#[doc(no_inline)]
pub use victor_model_api as model_api;
#[doc(no_inline)]
pub use victor_provider_protocol as protocol;

use victor_model_api::AnswerLimits;

/// The provider's name, and that of its dialect in messages.
const DIALECT: &str = "anthropic";

/// The header that names the features that are asked for.
const BETA: &str = "anthropic-beta";

/// The field that names a container, and the kind of a part that keeps it.
const CONTAINER: &str = "container";
