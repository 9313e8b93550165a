//! Brings sessions into a process and takes them out again: their context, their mode and what is remembered.
//!
//! A session belongs to its store; a process that works on it has its context, its mode and some numbers in memory.
//! This crate keeps the two in step, whichever coordinators keep sessions, contexts, modes and checkpoints:
//!
//! - [`SessionLoader`] loads a session if this process has not, or if another one has written to it since; it resets,
//!   forgets and evicts sessions, and starts and ends the coordinators.
//! - [`SessionRegistry`] remembers what a turn asks for: the tools that were used, the tokens of the prompt, and which
//!   sessions are idle.
//! - [`TurnWriter`] writes the messages of a turn, its place in the journal and the facts of its session, in one step.
//! - [`SessionOpError`] is the error of all operations on a session that are no turns.
//!
//! # Where it belongs
//!
//! It joins the roles of sessions, contexts, modes and checkpoints, and knows no coordinator. The orchestrator composes
//! it.

mod error;
mod journal;
mod lifecycle;
mod loader;
mod prompts;
mod record;
mod registry;
mod writer;

pub use error::SessionOpError;
pub use loader::{HeldSession, SessionLoader, SessionRoles};
pub use record::{SessionRecord, has_run};
pub use registry::{ActiveSession, MemoryLimits, SessionRegistry};
pub use writer::{TurnWriter, note_facts};
