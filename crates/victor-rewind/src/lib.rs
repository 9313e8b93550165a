//! Takes sessions back: checkpoints of a session and of a turn, undo, and forks.
//!
//! A checkpoint manager keeps states; this crate knows what belongs to the state of a session and puts it back: the
//! context that the model sees, the mode, and the turn that was running.
//!
//! - [`SessionCheckpoints`] makes checkpoints by hand, goes back to one, undoes a turn, forks and deletes sessions.
//! - [`TurnCheckpoints`] makes those of a turn: before a compaction, before calls that destroy, and after every few
//!   calls. The turn goes on if one fails.
//!
//! # Where it belongs
//!
//! It joins the roles of checkpoints, sessions, contexts and modes, and knows no coordinator. The orchestrator composes
//! it.

mod checkpoints;
mod forks;
mod turn_checkpoints;

pub use checkpoints::{Restored, SessionCheckpoints, Undone};
pub use turn_checkpoints::TurnCheckpoints;
