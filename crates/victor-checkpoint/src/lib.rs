//! Makes incremental checkpoints of sessions, and restores, forks, compares and prunes them.
//!
//! [`CheckpointCoordinator`] implements the role [`CheckpointManager`] over any [`CheckpointStore`]. It is what a
//! program needs that wants to go back: after a compaction, before a tool that destroys something, or along another
//! way from the same point.
//!
//! ```
//! use victor_checkpoint::CheckpointCoordinator;
//! use victor_checkpoint::protocol::{CheckpointCause, CheckpointDraft, CheckpointError, CheckpointManager};
//! use victor_checkpoint::core::{Context, Message, SessionId};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), CheckpointError> {
//! let checkpoints = CheckpointCoordinator::default(); // in memory; `new` takes any other store
//! let session = SessionId::new("docs-456");
//!
//! let mut context: Context = [Message::user("Rewrite the introduction.")].into_iter().collect();
//! let mut draft = CheckpointDraft::new(session.clone(), context.clone(), CheckpointCause::Manual);
//! draft.label = Some("before the rewrite".into());
//! let before = checkpoints.create_checkpoint(draft).await?;
//!
//! // Only the new message is hashed and stored.
//! context.push(Message::assistant("It is done."));
//! let draft = CheckpointDraft::new(session.clone(), context, CheckpointCause::ToolCalls);
//! let after = checkpoints.create_checkpoint(draft).await?;
//! assert_eq!(after.parent, Some(before.id));
//!
//! let diff = checkpoints.diff_checkpoints(before.id, after.id).await?;
//! assert_eq!((diff.common, diff.added.len()), (1, 1));
//!
//! // The same state twice: to go on with, and as the beginning of another session.
//! let restored = checkpoints.restore_checkpoint(before.id).await?;
//! assert_eq!(restored.context.messages().len(), 1);
//! let fork = checkpoints.fork_checkpoint(before.id, &"another-introduction".into()).await?;
//! assert_eq!(fork.checkpoint.parent, Some(before.id));
//! # Ok(())
//! # }
//! ```
//!
//! # What is here
//!
//! - [`CheckpointCoordinator`], and [`CheckpointOptions`] for when checkpoints are due and which are kept.
//! - [`protocol`] and [`core`], the crates with the contracts and the vocabulary: [`CheckpointManager`],
//!   [`CheckpointStore`], [`InMemoryCheckpointStore`](protocol::InMemoryCheckpointStore) and all that they are about.
//!
//! [`CheckpointManager`]: protocol::CheckpointManager
//! [`CheckpointStore`]: protocol::CheckpointStore

mod coordinator;
mod diff;
mod guarded;
mod hash_chain;
mod options;
mod retention;
mod session;

pub use coordinator::CheckpointCoordinator;
pub use options::CheckpointOptions;
#[doc(no_inline)]
pub use victor_checkpoint_protocol as protocol;
#[doc(no_inline)]
pub use victor_core as core;
