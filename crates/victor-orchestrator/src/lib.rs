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
//! let orchestrator = AgentOrchestrator::builder().provider(OfflineModel::new()).build()?;
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
//! #     AgentOrchestrator::builder().provider(victor_offline::OfflineModel::new()).build()?;
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
//! use victor_orchestrator::coordinators::tool::EffectPolicy;
//! use victor_orchestrator::checkpoint::InMemoryCheckpointStore;
//! use victor_orchestrator::core::Effect;
//!
//! let orchestrator = AgentOrchestrator::builder()
//!     .provider(victor_offline::OfflineModel::new())
//!     .approval_policy(EffectPolicy::ask_above(Effect::Write))
//!     .checkpoint_store(InMemoryCheckpointStore::default())
//!     .build()?;
//! let session = orchestrator.session("docs-456");
//! session.switch_mode("plan")?; // nothing that changes anything runs from now on
//! session.chat("What would you do first?").await?;
//! let before = session.checkpoint(Some("before the work")).await?;
//! session.switch_mode("build")?;
//! session.chat("Begin.").await?;
//! session.restore_checkpoint(before.id).await?;
//! assert_eq!(session.mode().as_deref(), Some("plan"));
//! # Ok(())
//! # }
//! ```
//!
//! With durable stores (`victor-sql` has them), a turn commits step by step, and [`AgentOrchestrator::recover`] takes
//! up what the end of a process has interrupted. Several processes may share them: a turn holds its session between
//! them, and who comes meanwhile waits or is refused ([`ChatErrorKind::Conflict`](chat::ChatErrorKind::Conflict)).
//!
//! The other coordinators go on when one fails: a failed prompt contributor is left out, a failed compaction falls
//! back, the model is told of a failed tool, and failed analytics disturb no turn. Only a failed store ends the turn,
//! before the model is paid for messages that would be lost. A call that a mode cannot decide about does not run.
//! [`AgentOrchestrator::health`] lists what is wrong, and [`AgentOrchestrator::metrics`] counts it, with all else that
//! happens.
//!
//! # Where things are
//!
//! This crate is enough in `Cargo.toml`. The contracts are modules, whole: [`session`], [`tool`], [`provider`] and so
//! on hold each extension point with all that its implementation needs, and [`core`] holds the vocabulary that they
//! share. The default coordinators are in [`coordinators`], with the strategies, policies and tools that they bring.
//!
//! # Features
//!
//! Each default coordinator is behind a feature of its name ([`RoleName::feature`]), all on by default. A program that
//! replaces one can leave it out; without a replacement, the builder says which role is missing. The feature `typed`,
//! on by default too, brings [`chat_typed`](AgentOrchestrator::chat_typed): answers as values of a type.
//!
//! Off by default are `evaluation` and `workflow`, with which the orchestrator has a place for a runner of evaluations or
//! of workflows that the program makes, and `yaml`, with which configuration files may be in YAML too.

mod builder;
pub mod coordinators;
mod custom;
mod defaults;
mod error;
mod nested_agent;
mod orchestrator;
mod roles;
mod session_handle;
#[cfg(feature = "workflow")]
mod step_agent;
mod turn;
#[cfg(feature = "typed")]
mod typed;

pub use builder::AgentOrchestratorBuilder;
pub use error::BuildError;
pub use orchestrator::AgentOrchestrator;
pub use roles::RoleName;
pub use session_handle::Session;
#[cfg(feature = "typed")]
pub use victor_structured_output::{Typed, TypedChatError};

pub use victor_rewind::{Restored, Undone};
pub use victor_session_loader::{
    HealthReport, MemoryLimits, Recovered, RecoveredTurn, RecoveryPolicy, SessionOpError,
};

// The contracts, whole: what an extension point or a role needs is reachable from here.
#[doc(no_inline)]
pub use victor_analytics_protocol as analytics;
#[doc(no_inline)]
pub use victor_chat_protocol as chat;
#[doc(no_inline)]
pub use victor_checkpoint_protocol as checkpoint;
#[doc(no_inline)]
pub use victor_config_protocol as config;
#[doc(no_inline)]
pub use victor_context_protocol as context;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_embedding_protocol as embedding;
#[cfg(feature = "evaluation")]
#[doc(no_inline)]
pub use victor_evaluation_protocol as evaluation;
#[doc(no_inline)]
pub use victor_metrics_protocol as metrics;
#[doc(no_inline)]
pub use victor_mode_protocol as mode;
#[doc(no_inline)]
pub use victor_prompt_protocol as prompt;
#[doc(no_inline)]
pub use victor_provider_protocol as provider;
#[doc(no_inline)]
pub use victor_session_protocol as session;
#[doc(no_inline)]
pub use victor_tool_protocol as tool;
#[doc(no_inline)]
pub use victor_tool_selection_protocol as tool_selection;
#[cfg(feature = "workflow")]
#[doc(no_inline)]
pub use victor_workflow_protocol as workflow;

// What implementations of asynchronous traits are written with.
#[doc(no_inline)]
pub use async_trait::async_trait;
#[doc(no_inline)]
pub use serde_json;

// The names that the Python original gave to three extension points.
#[doc(no_inline)]
pub use victor_analytics_protocol::AnalyticsExporter as IAnalyticsExporter;
#[doc(no_inline)]
pub use victor_config_protocol::ConfigProvider as IConfigProvider;
#[doc(no_inline)]
pub use victor_prompt_protocol::PromptContributor as IPromptContributor;
