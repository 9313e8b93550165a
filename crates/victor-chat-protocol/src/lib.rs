//! Contracts of chat: agents, turns, their events and the ports through which a turn acts.
//!
//! - [`Agent`] is anything that one can send a message to: an orchestrator, one session of it, a workflow, a server.
//! - [`TurnStream`] is what comes back: [`TurnEvent`]s, of which the last holds the [`ChatResponse`].
//! - [`ChatEngine`] is the role of the coordinator that works a turn; it acts through [`TurnPorts`], which the
//!   orchestrator implements.
//! - [`TurnEventLog`] keeps the events of turns, so that other processes follow a turn live, from any event on.
//! - [`SuspendedTurn`] is a turn that waits: for a person's approval, or to be taken up again.
//!
//! # An agent
//!
//! ```
//! use victor_chat_protocol::{Agent, ChatInput, ChatResponse, TurnEventKind, TurnStream};
//! use victor_core::{Message, SessionId, TurnId};
//!
//! /// Says everything back.
//! #[derive(Debug)]
//! struct Parrot;
//!
//! impl Agent for Parrot {
//!     fn name(&self) -> &str {
//!         "parrot"
//!     }
//!
//!     fn stream_chat(&self, input: ChatInput) -> TurnStream {
//!         let (session, turn) = (SessionId::default(), TurnId::generate());
//!         TurnStream::new(session.clone(), turn, async move |events| {
//!             events.emit(TurnEventKind::text(input.text())).await;
//!             Ok(ChatResponse::new(session, turn, Message::assistant(input.text()).into()))
//!         })
//!     }
//! }
//! ```

mod agent;
mod engine;
mod error;
mod event;
mod event_log;
mod input;
mod memory_log;
mod observer;
mod output;
mod ports;
mod redacted;
mod response;
mod stream;
mod suspended;
mod too_long;

pub use agent::Agent;
#[cfg(feature = "mock")]
pub use engine::MockChatEngine;
pub use engine::{ChatEngine, TurnLimits, TurnStart};
pub use error::{ChatError, ChatErrorKind, ModelCallError};
pub use event::{
    ApprovalRequested, ContextCompacted, Delta, ModeSwitched, ModelCallFinished, ModelCallStarted,
    Notice, PromptUsed, TextWithdrawn, ThinkingDelta, ToolCallFinished, ToolCallProgressed,
    ToolCallStarted, TurnEvent, TurnEventKind, TurnFailed, TurnFinished, TurnStarted,
};
#[cfg(feature = "mock")]
pub use event_log::MockTurnEventLog;
pub use event_log::{EventBatch, EventLogError, TurnEventLog};
pub use input::ChatInput;
pub use memory_log::InMemoryEventLog;
pub use observer::{ObservedTurn, TurnObserver, TurnOpening, model_call_trace};
pub use output::{AnyJson, CheckOutput, OutputContract};
#[cfg(feature = "mock")]
pub use ports::MockTurnPorts;
pub use ports::{ModelCall, TurnPorts};
pub use redacted::{RedactedBrief, RedactedEvent, RedactedFull};
pub use response::{ChatResponse, TurnOutcome};
pub use stream::{CancelHandle, EventSink, TurnStream};
pub use suspended::{Approval, PendingApproval, SuspendedTurn};
pub use too_long::TooLong;
