//! Records the answers of a model to a file and replays them strictly, to test agents offline.
//!
//! A [`CassetteRecorder`] stands before a real provider and writes down each exchange. A [`CassettePlayer`] takes the
//! provider's place and answers from the file, as long as the program asks what it asked then.
//!
//! ```
//! use std::sync::Arc;
//!
//! use victor_cassette::{CassettePlayer, CassetteRecorder};
//! use victor_core::{Context, Message};
//! use victor_provider_protocol::{ChatProvider, ChatRequest};
//! # use victor_testkit::ScriptedModel;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("sum.jsonl");
//! # let provider = ScriptedModel::new().says("Four.");
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let request = ChatRequest::new("any", Context::from_iter([Message::user("Two and two?")]));
//!
//! let recorder = CassetteRecorder::new(Arc::new(provider), &path)?.redact("my password");
//! let answer = recorder.chat(&request).await?;
//!
//! let player = CassettePlayer::open(&path)?;
//! assert_eq!(player.chat(&request).await?, answer);
//! player.assert_finished();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is recorded
//!
//! A cassette is a text file of JSON lines: a header, and a line for each exchange, written when the exchange ends.
//!
//! - The request without what Victor makes anew in every run: the identifiers of messages and of the session, and
//!   idempotency keys. Nor are there the fields of messages that no model is sent.
//! - The events of the answer as they came, but not when; or the error. Of an error's source only the words are kept.
//! - A call or stream that was dropped, up to where it was dropped. When it is replayed it ends there with an error of
//!   kind [`Truncated`], which the retry loop takes as it took the silence that made it give up.
//! - What the model can do.
//!
//! Exchanges that ran side by side are in the order in which they began, and are replayed in this order; whose they
//! were is not known. A program with several sessions at once can therefore be replayed only if they always ask in the
//! same order.
//!
//! # What is redacted
//!
//! Whatever was given to [`CassetteRecorder::redact`] becomes `[redacted]` in requests, answers and errors, and so does
//! what looks like a key, also where it came in pieces:
//!
//! - words that begin as keys of well-known services do, for example `sk-`;
//! - what follows `Bearer`;
//! - the value of a name that ends in `api_key`, `password` and the like, for example `OPENAI_API_KEY=...`,
//!   `"x-api-key": "..."`.
//!
//! Such a value has a digit and at least six characters, or sixteen letters and digits in a row, so that
//! `api_key=settings.key` stays what it is. The provider's names for its answers become `response-1` and so on. Seals
//! of thoughts and what only the provider understands ([`Opaque`]) stay byte for byte, so look at what your provider
//! puts there before you show a cassette to others.
//!
//! [`Opaque`]: victor_core::Opaque
//! [`Truncated`]: victor_provider_protocol::ProviderErrorKind::Truncated

mod difference;
mod error;
mod exchange;
mod player;
mod recorder;
mod redactor;
mod request;
mod secret;
mod tape;

pub use error::CassetteError;
pub use player::CassettePlayer;
pub use recorder::CassetteRecorder;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_provider_protocol as protocol;
