//! Composes the coordinators into an agent orchestrator.
//!
//! An [`AgentOrchestrator`] takes a message, and has the model and the tools work on it until there is an answer. What
//! there is to do on the way is done by coordinators that know nothing of each other; this crate joins them and adds
//! no behaviour of its own. Each of them can be replaced.
//!
//! # Three lines to a working agent
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use victor_offline::OfflineModel; // or a provider of real models
//! use victor_orchestrator::AgentOrchestrator;
//!
//! let orchestrator = AgentOrchestrator::builder().provider(Arc::new(OfflineModel::new())).build()?;
//! let response = orchestrator.chat("Hello, Victor!").await?;
//! println!("{} ({} tokens)", response.content(), response.usage.total_tokens());
//! # Ok(())
//! # }
//! ```
//!
//! # As it comes
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use std::sync::Arc;
//! # use victor_orchestrator::AgentOrchestrator;
//! # let orchestrator =
//! #     AgentOrchestrator::builder().provider(Arc::new(victor_offline::OfflineModel::new())).build()?;
//! let mut stream = orchestrator.session("docs-456").stream_chat("Who are you?");
//! while let Some(event) = stream.next().await {
//!     print!("{}", event?.content());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a message
//!
//! ```text
//! chat("...") ─► session: take the session's turn, load what is not in memory
//!              ─► config: what is configured for this session ─► prompt: the system prompt
//!              ─► mode: what is permitted ─► tool selection: which tools are shown
//!              ─► context: append, compact if over the threshold, snapshot
//!              ─► provider: ask, retry, stream ─► mode, tool: validate, approve, run, in parallel
//!              ─► commit: session, context, checkpoint ─► analytics hears every event on the way
//! ```
//!
//! # Modes, approvals, and going back
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use victor_orchestrator::AgentOrchestrator;
//! use victor_orchestrator::coordinators::EffectPolicy;
//! use victor_orchestrator::protocols::{Effect, InMemoryCheckpointStore, SwitchedBy};
//!
//! let orchestrator = AgentOrchestrator::builder()
//!     .provider(Arc::new(victor_offline::OfflineModel::new()))
//!     .approval_policy(Arc::new(EffectPolicy::ask_above(Effect::Write)))
//!     .checkpoint_store(Arc::new(InMemoryCheckpointStore::default()))
//!     .build()?;
//! let session = orchestrator.session("docs-456");
//! session.switch_mode("plan", SwitchedBy::Person)?; // nothing that changes anything runs from now on
//! session.chat("What would you do first?").await?;
//! let before = session.checkpoint(Some("before the work")).await?;
//! session.switch_mode("build", SwitchedBy::Person)?;
//! session.chat("Begin.").await?;
//! session.restore_checkpoint(before.id).await?;
//! assert_eq!(session.mode().as_deref(), Some("plan"));
//! # Ok(())
//! # }
//! ```
//!
//! With durable stores (`victor-sql` has them), a turn commits step by step, and [`AgentOrchestrator::recover`] takes up
//! what the end of a process has interrupted. Several processes may share them: a turn holds its session between them, and
//! who comes meanwhile waits or is refused ([`ChatErrorKind::Conflict`]).
//!
//! When a coordinator fails, the others go on: a prompt contributor that fails is left out, a compaction that fails
//! falls back, a tool that fails is answered for, analytics that fail are felt by nobody. Only a store that fails ends
//! the turn, before the model is paid for what would be lost. What a mode cannot decide about does not run.
//! [`AgentOrchestrator::health`] tells.
//!
//! # Features
//!
//! Each coordinator that is composed by default is behind a feature of its name, all on by default. Who replaces one
//! can leave it out; the builder then says which role is missing. The feature `typed`, on by default too, brings
//! [`chat_typed`](AgentOrchestrator::chat_typed): answers as values of a type.

mod builder;
mod checkpoints;
pub mod coordinators;
mod custom;
mod defaults;
mod error;
mod forks;
mod health;
mod orchestrator;
pub mod protocols;
mod recovery;
mod roles;
mod session;
mod sessions;
mod telemetry;
mod tools;
mod turn;
#[cfg(feature = "typed")]
mod typed;

pub use builder::AgentOrchestratorBuilder;
pub use checkpoints::{Restored, Undone};
pub use error::BuildError;
pub use health::HealthReport;
pub use orchestrator::AgentOrchestrator;
pub use recovery::{Recovered, RecoveredTurn, RecoveryPolicy};
pub use roles::RoleName;
pub use session::Session;
pub use sessions::{MemoryLimits, SessionOpError};
#[cfg(feature = "typed")]
pub use typed::{Typed, TypedChatError};

pub use victor_chat_protocol::{
    Agent, Approval, CancelHandle, ChatError, ChatErrorKind, ChatInput, ChatResponse,
    PendingApproval, SuspendedTurn, TurnEvent, TurnEventKind, TurnOutcome, TurnStream,
};
pub use victor_config_protocol::Settings;
