//! Contracts of checkpoints: saving, listing and restoring states of a session.
//!
//! - [`Checkpoint`] is a state of a session that can be gone back to.
//! - [`CheckpointStore`] keeps checkpoints and their messages; a message is kept once, however many checkpoints hold
//!   it. [`InMemoryCheckpointStore`] keeps them as long as the process lives.
//! - [`CheckpointManager`] is the role of the coordinator that makes, restores, forks, compares and prunes them.
//!
//! # How messages are kept once
//!
//! A [`History`] is a list of messages, named by one [`ContentHash`] that follows from all of them: that of the list
//! without its last message, and that of the last message. A store therefore keeps one [`HistoryLink`] for each
//! message that is new, and a checkpoint names its whole conversation in 32 bytes, whether it has ten messages or ten
//! thousand.
//!
//! ```
//! # use std::{pin::pin, task::{Context, Poll, Waker}};
//! use victor_checkpoint_protocol::{
//!     Checkpoint, CheckpointCause, CheckpointError, CheckpointStore, History, InMemoryCheckpointStore,
//! };
//! use victor_core::{Message, SessionId};
//!
//! # let mut run = pin!(async {
//! let store = InMemoryCheckpointStore::default();
//! let session = SessionId::new("docs-456");
//!
//! let mut history = History::default();
//! let links = [history.push(Message::user("Hello")), history.push(Message::assistant("Hello!"))];
//! let first = Checkpoint::new(session.clone(), history, CheckpointCause::Manual);
//! store.save(&first, &links).await?;
//!
//! // One more message costs one more link.
//! let links = [history.push(Message::user("How are you?"))];
//! store.save(&Checkpoint::new(session.clone(), history, CheckpointCause::Manual), &links).await?;
//!
//! assert_eq!(store.messages(&history).await?.len(), 3);
//! assert_eq!(store.messages(&first.history).await?.len(), 2);
//! # Ok::<(), CheckpointError>(())
//! # });
//! # assert!(matches!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
//! ```

mod checkpoint;
mod error;
mod hash;
mod history;
mod manager;
mod memory;
mod store;

pub use checkpoint::{Checkpoint, CheckpointCause};
pub use error::CheckpointError;
pub use hash::{ContentHash, ParseHashError};
pub use history::{History, HistoryLink};
#[cfg(feature = "mock")]
pub use manager::MockCheckpointManager;
pub use manager::{
    CheckpointDiff, CheckpointDraft, CheckpointManager, CheckpointSnapshot, Retention,
};
pub use memory::InMemoryCheckpointStore;
pub use store::CheckpointStore;
#[cfg(feature = "mock")]
pub use store::MockCheckpointStore;
