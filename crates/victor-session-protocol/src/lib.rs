//! Contracts of sessions: the append-only transcript store and the manager of session life.
//!
//! - [`SessionStore`] keeps transcripts: append-only, complete, never rewritten. [`InMemorySessionStore`] keeps them
//!   as long as the process lives.
//! - A store that has leases knows which of the processes that share it works on a session ([`SessionLease`]), and
//!   refuses the writes of the others ([`LeaseChange`]).
//! - [`SessionManager`] is the role of the coordinator that lets one turn at a time work on a session. [`TurnPolicy`]
//!   says what happens to a message that comes meanwhile.
//! - [`ContextView`] is the part of a transcript that the model sees, after going back or an undo.
//! - [`SessionQuery`] finds sessions, [`SessionPatch`] changes what is known of one, [`SessionExport`] carries one
//!   elsewhere as text.
//!
//! ```
//! # use std::{pin::pin, task::{Context, Poll, Waker}};
//! use victor_core::{Message, SessionId};
//! use victor_session_protocol::{InMemorySessionStore, SessionError, SessionStore, TranscriptEntry};
//!
//! # let mut run = pin!(async {
//! let store = InMemorySessionStore::default();
//! let session = SessionId::new("docs-456");
//! let entry = TranscriptEntry::new(None, Message::user("Hello"));
//! let version = store.append(&session, 0, &[entry.clone()]).await?;
//! assert_eq!(version, 1);
//!
//! // Somebody who has not seen the first message cannot write over it.
//! let late = store.append(&session, 0, &[entry]).await;
//! assert!(matches!(late, Err(SessionError::Conflict { expected: 0, found: 1, .. })));
//! # Ok::<(), SessionError>(())
//! # });
//! # assert!(matches!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
//! ```

mod commit;
mod entry;
mod error;
mod export;
mod lease;
mod manager;
mod manager_ext;
mod memory;
mod query;
mod session_lease;
mod store;
mod turn;
mod view;

pub use commit::{OpenTurn, SessionCommit, TurnChange};
pub use entry::{SessionInfo, SessionStatus, TranscriptEntry};
pub use error::SessionError;
pub use export::SessionExport;
pub use lease::TurnLease;
#[cfg(feature = "mock")]
pub use manager::MockSessionManager;
pub use manager::SessionManager;
pub use manager_ext::SessionManagerExt;
pub use memory::InMemorySessionStore;
pub use query::{SessionPatch, SessionPlace, SessionQuery};
pub use session_lease::{LeaseChange, LeaseClaim, LeaseOwner, SessionLease, SessionStanding};
#[cfg(feature = "mock")]
pub use store::MockSessionStore;
pub use store::SessionStore;
pub use turn::{TurnGrant, TurnInterrupt, TurnPolicy, TurnRequest};
pub use view::{ContextView, StoredView};
