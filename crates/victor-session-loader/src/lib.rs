//! Brings sessions into a process and takes them out again: their context, their mode and what is remembered.
//!
//! A session belongs to its store; a process that works on it has its context, its mode and some numbers in memory.
//! This crate keeps the two in step, whichever coordinators keep sessions, contexts, modes and checkpoints:
//!
//! - [`SessionLoader`] loads a session if this process has not, or if another one has written to it since; it resets,
//!   forgets and evicts sessions, and starts and ends the coordinators.
//! - [`SessionRegistry`] remembers what a turn asks for: the tools that were used, the tokens of the prompt, and which
//!   sessions are idle.
//! - [`TurnOrder`] is a turn that somebody asks for, and [`TurnTask`] its work.
//! - [`SessionLoader::admit`] has a turn wait for its session, by its policy, and
//!   [`take_over`](SessionLoader::take_over) has it go on where an interrupted one stopped; [`SessionLoader::recover`]
//!   finds the turns whose process has ended.
//! - [`TurnWriter`] writes the messages of a turn, its place in the journal and the facts of its session, in one step.
//! - [`SessionOpError`] is the error of all operations on a session that are no turns.
//!
//! # Where it belongs
//!
//! It joins the roles of sessions, contexts, modes and checkpoints, and knows no coordinator. The orchestrator composes
//! it.

mod admission;
mod error;
mod health;
mod journal;
mod keyed;
mod last_turn;
mod lifecycle;
mod limits;
mod loader;
mod order;
mod prompts;
mod record;
mod recovery;
mod registry;
mod task;
mod writer;

pub use admission::Admission;
pub use error::{SessionOpError, as_session_error};
pub use health::HealthReport;
pub use keyed::turn_of_key;
pub use last_turn::LastTurn;
pub use loader::{HeldSession, SessionLoader, SessionRoles};
pub use order::TurnOrder;
pub use record::{SessionRecord, has_run};
pub use recovery::{Recovered, RecoveredTurn, RecoveryPolicy};
pub use registry::{ActiveSession, MemoryLimits, SessionRegistry};
pub use task::TurnTask;
pub use writer::{TurnWriter, note_facts};
