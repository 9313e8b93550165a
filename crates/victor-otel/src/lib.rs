//! Traces and metrics of turns by the OpenTelemetry conventions for generative AI, sent by OTLP.
//!
//! [`Otel`] is an observer of turns: it makes spans and metrics of the events that every turn yields and of the
//! ledger's entries, so they agree with what front ends and bills show. It sends them by OTLP over HTTP to whatever
//! takes them: a collector, Phoenix, Langfuse, Jaeger.
//!
//! ```no_run
//! use std::sync::Arc;
//! use victor_otel::{Otel, OtelOptions};
//!
//! # fn example() -> Result<(), victor_otel::OtelError> {
//! let options = OtelOptions::default().with_endpoint("http://localhost:6006".to_owned());
//! let otel = Arc::new(Otel::new(options)?);
//! // AgentOrchestrator::builder()
//! //     .turn_observer(otel.clone())
//! //     .custom_coordinator("otel", otel) // its health, and the end of its work
//! # Ok(())
//! # }
//! ```
//!
//! # Spans
//!
//! A turn is one tree: `invoke_agent`, and below it a `chat` for each model call and an `execute_tool` for each tool
//! call. The turn of an agent that is a tool stands below the call of that tool. Where the caller of a turn gives its
//! place in a trace ([`ChatInput::with_trace`](victor_chat_protocol::ChatInput::with_trace)), the tree stands below it,
//! unless the caller does not record its trace: then no spans are made.
//!
//! - Usage stands on the spans of model calls alone, so that a sum over all spans is the ledger's. A `chat` covers its
//!   model call with all attempts; those that failed are events of it, and their tokens are in its usage. Calls that a
//!   turn makes beside its own, such as for the summary of a long context, are spans too.
//! - `session.id`, `user.id` (the fact `user_id` of the request) and `tag.tags` stand on every span. A nested agent has
//!   those of its caller, and its own `gen_ai.conversation.id`.
//! - `victor.cost_usd` is the cost by the ledger; it is left out where a price is unknown.
//! - What was said is left out unless [`OtelOptions::content`] is set. Then the turn has its input and its answer, each
//!   model call what the model wrote, and each tool call its arguments and its result.
//!
//! # Names
//!
//! [`Conventions`] chooses between
//! [v1.41](https://github.com/open-telemetry/semantic-conventions/tree/v1.41.1/docs/gen-ai) of the general conventions,
//! which back ends know, and [v0.1.0](https://github.com/open-telemetry/semantic-conventions-genai) of the ones for
//! generative AI alone. All of it has the status *development*. What neither names begins with `victor.`.
//!
//! # Sending
//!
//! Spans wait in a queue of limited length, and a task sends them in batches. A turn never waits for it. What does not
//! fit in the queue, and what a server does not take after all attempts, is dropped, counted ([`Otel::counts`]) and
//! shown in the health. [`Otel::shutdown`](victor_core::Coordinator::shutdown) sends what waits, within a time limit.

mod attributes;
mod content;
mod error;
mod export;
mod metrics;
mod names;
mod observer;
mod options;
mod trace;

#[doc(no_inline)]
pub use victor_chat_protocol as chat;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_http as http;
#[doc(no_inline)]
pub use victor_provider_protocol as provider;

pub use error::OtelError;
pub use export::ExportCounts;
pub use names::Conventions;
pub use observer::Otel;
pub use options::OtelOptions;
