//! Runs one turn at a time per session, keeps transcripts and resets or closes sessions.
//!
//! [`SessionCoordinator`] implements the role [`SessionManager`] over any [`SessionStore`]. It is what a program needs
//! in which several tasks, or several processes, may work on the same conversation.
//!
//! ```
//! use victor_session::SessionCoordinator;
//! use victor_session::core::{Message, Part, Role, SessionId, TurnId};
//! use victor_session::protocol::{SessionError, SessionManagerExt};
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
//! use victor_session::SessionCoordinator;
//! use victor_session::core::{Message, SessionId, TurnId};
//! use victor_session::protocol::{
//!     SessionManager, SessionManagerExt, TurnGrant, TurnPolicy, TurnRequest,
//! };
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
//! # Several processes
//!
//! A turn that is journaled holds its session between processes too, if the store has leases. In this example two
//! processes meet, and the second does not wait.
//!
//! ```
//! # use std::sync::Arc;
//! # use std::time::Duration;
//! use victor_session::core::{JsonMap, SessionId, TurnId};
//! use victor_session::protocol::{
//!     InMemorySessionStore, OpenTurn, SessionError, SessionManager, SessionManagerExt, TurnChange,
//! };
//! use victor_session::{SessionCoordinator, SessionOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), SessionError> {
//! let (store, session) = (Arc::new(InMemorySessionStore::default()), SessionId::new("docs-456"));
//! let one = SessionCoordinator::new(store.clone());
//! let mut options = SessionOptions::default();
//! options.wait_timeout = Some(Duration::ZERO);
//! let other = SessionCoordinator::with_options(store, options);
//!
//! let (lease, turn) = (one.begin_turn(&session).await?, TurnId::generate());
//! let begun = TurnChange::Open(OpenTurn::new(session.clone(), turn, "{}"));
//! one.commit(&lease, turn, &[], begun, &JsonMap::new()).await?;
//! assert!(matches!(other.begin_turn(&session).await, Err(SessionError::Held { .. })));
//!
//! one.commit(&lease, turn, &[], TurnChange::Close, &JsonMap::new()).await?;
//! drop(other.begin_turn(&session).await?);
//! # Ok(())
//! # }
//! ```
//!
//! # Contents
//!
//! - [`SessionCoordinator`], with its [`SessionOptions`].
//! - [`protocol`]: the traits [`SessionManager`], [`SessionManagerExt`](protocol::SessionManagerExt) and
//!   [`SessionStore`] with their data; [`core`]: the vocabulary. One dependency on this crate is enough to use and
//!   extend it.
//!
//! [`SessionManager`]: protocol::SessionManager
//! [`SessionStore`]: protocol::SessionStore
//! [`TurnPolicy`]: protocol::TurnPolicy

mod coordinator;
mod free;
mod guarded;
mod inner;
mod lifecycle;
mod line;
mod options;
mod queue;
mod slot;
mod tenure;
mod timer;
mod transcript;
mod watch;

pub use coordinator::SessionCoordinator;
pub use options::SessionOptions;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_session_protocol as protocol;
