//! Runs one turn at a time per session, keeps transcripts and resets or closes sessions.
//!
//! [`SessionCoordinator`] implements the role [`SessionManager`] over any [`SessionStore`]. It is what a program needs
//! in which several tasks, or several processes, may work on the same conversation.
//!
//! ```
//! use victor_core::{Message, Part, Role, SessionId, TurnId};
//! use victor_session::{SessionCoordinator, SessionError, SessionManager};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), SessionError> {
//! let sessions = SessionCoordinator::default(); // in memory; `new` takes any other store
//! let session = SessionId::new("docs-456");
//!
//! let lease = sessions.begin_turn(&session).await?; // waits for other turns of this session
//! let turn = TurnId::generate();
//! let question = Message::with_id(turn.message_id(0), Role::User, vec![Part::text("What is new?")]);
//! sessions.record(&lease, turn, &[question.into()]).await?;
//! drop(lease); // now the next turn may begin
//!
//! assert_eq!(sessions.transcript(&session).await?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # A message that comes while a turn runs
//!
//! [`TurnPolicy`] says what happens to it: it waits for its turn, is refused, interrupts the turn that runs, or becomes
//! input of the same turn as others that wait.
//!
//! ```
//! use victor_core::{Message, SessionId, TurnId};
//! use victor_session::{SessionCoordinator, SessionManager, TurnGrant, TurnPolicy, TurnRequest};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sessions = SessionCoordinator::default();
//! let session = SessionId::new("docs-456");
//! let running = sessions.begin_turn(&session).await?;
//!
//! let ask = async |text: &str| {
//!     let request = TurnRequest::new(TurnId::generate(), TurnPolicy::Merge);
//!     sessions.begin_turn_with(&session, request.with_message(Message::user(text))).await
//! };
//! let finish = async { drop(running) };
//! let (first, second, ()) = tokio::join!(ask("Find the bug"), ask("It is in main.rs"), finish);
//!
//! let TurnGrant::Begin { merged, .. } = first? else { unreachable!() };
//! assert_eq!(merged[0].text(), "It is in main.rs");
//! assert!(matches!(second?, TurnGrant::Merged { .. })); // it has no turn of its own
//! # Ok(())
//! # }
//! ```
//!
//! # What is here
//!
//! - [`SessionCoordinator`], and [`SessionOptions`] for how it works with its store.
//! - What a user of this crate needs of `victor-session-protocol`, re-exported: [`SessionManager`], [`SessionStore`],
//!   [`InMemorySessionStore`], [`TurnLease`], [`TurnRequest`], [`SessionInfo`], [`SessionQuery`], [`SessionPatch`],
//!   [`SessionExport`], [`TranscriptEntry`], [`SessionError`].

mod coordinator;
mod guarded;
mod inner;
mod life;
mod options;
mod queue;
mod slot;
mod transcript;

pub use coordinator::SessionCoordinator;
pub use options::SessionOptions;
pub use victor_session_protocol::{
    InMemorySessionStore, OpenTurn, SessionCommit, SessionError, SessionExport, SessionInfo,
    SessionManager, SessionPatch, SessionQuery, SessionStatus, SessionStore, TranscriptEntry,
    TurnChange, TurnGrant, TurnInterrupt, TurnLease, TurnPolicy, TurnRequest,
};
