//! The vocabulary that every Victor crate shares: messages, contexts, tool calls, usage and identifiers.
//!
//! Everything that crosses from one Victor crate to another is made of these types, so they are few, they hold
//! still, and they do nothing that could be argued about. The crate depends on serde and little else.
//!
//! ```
//! use victor_core::{Context, Message};
//!
//! let mut context = Context::from_iter([Message::user("How many cores has this machine?")]);
//! let before = context.clone(); // shares every message; copies no text
//! context.push(Message::assistant("Two."));
//!
//! assert_eq!(before.messages().len(), 1);
//! assert_eq!(context.messages().last().unwrap().text(), "Two.");
//! context.messages().validate()?; // would every provider accept this history?
//! # Ok::<(), victor_core::InvalidHistory>(())
//! ```
//!
//! # What is here
//!
//! - [`Message`] and its [`Part`]s, what a conversation consists of; [`Messages`], a list of them that grows and is
//!   snapshot in constant time; [`Context`], the messages a model sees with their metadata.
//! - [`ToolSpec`], [`Effect`], [`ToolCall`], [`ToolResult`]: the two sides of a tool call.
//! - [`Usage`], [`StopReason`], and the identifiers [`SessionId`], [`TurnId`], [`MessageId`], [`ModelId`],
//!   [`ToolCallId`].
//! - [`Timestamp`], a point in time; [`TraceContext`], a place in a distributed trace.
//! - [`Coordinator`] and [`Health`], the life cycle of every coordinator; [`NamedCoordinator`], one under another name.
//! - [`wire`], the rules by which stored and sent forms stay readable in both directions.
//! - [`with_causes`], an error in one line; and [`contain`], which turns a panic in somebody else's code into a value.
//! - [`NamePatterns`], a choice of names by patterns, and [`matches_pattern`] behind it; [`UnknownName`], the error
//!   about a name that nothing has, with the [`closest`] one.
//! - [`Lock`] and [`SharedLock`], which outlive a panic; [`RecentMap`], a map of limited size that keeps the values
//!   used last; [`options!`], the one shape of options.

mod contain;
mod context;
mod coordinator;
mod forward;
mod health;
mod id;
mod lock;
mod message;
mod messages;
mod named_coordinator;
mod options;
mod part;
mod pattern;
mod recent_map;
mod report;
mod stop_reason;
mod timestamp;
mod tool;
mod trace_context;
mod unknown_name;
mod usage;
mod validity;
pub mod wire;

pub use contain::{Panicked, contain, contain_sync};
pub use context::Context;
pub use coordinator::{Coordinator, CoordinatorError};
pub use health::{FaultClass, FaultCount, Health, HealthStatus, Problems};
pub use id::{
    AttemptId, CheckpointId, EventId, MessageId, ModelId, ParseIdError, RunId, SessionId,
    ToolCallId, TurnId,
};
pub use lock::{Lock, SharedLock};
pub use message::{Message, Role};
pub use messages::Messages;
pub use named_coordinator::NamedCoordinator;
pub use part::{Document, Image, MediaSource, Opaque, Part, Text, Thinking};
pub use pattern::{NamePatterns, matches_pattern};
pub use recent_map::RecentMap;
pub use report::with_causes;
pub use stop_reason::StopReason;
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use tool::{Effect, ToolCall, ToolOutcome, ToolResult, ToolSpec, text_of};
pub use trace_context::TraceContext;
pub use unknown_name::{UnknownName, closest};
pub use usage::Usage;
pub use validity::InvalidHistory;

/// A JSON object: the form of metadata, configuration and tool arguments.
pub type JsonMap = serde_json::Map<String, serde_json::Value>;

/// An error of unknown type, as it travels inside others as their source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;
