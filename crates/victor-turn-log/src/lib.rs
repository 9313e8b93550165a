//! Records the events of turns into a log, from which other processes follow them live.
//!
//! A turn is worked in one process, and whoever wants its answer may be connected to another one, or come back after the
//! connection was lost. [`TurnRecorder`] observes the turns of an orchestrator and writes their events to a
//! [`TurnEventLog`](protocol::TurnEventLog) in batches; [`TurnFollower`] reads a turn from any number on, and waits for
//! what comes.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use victor_turn_log::core::{Message, SessionId, TurnId};
//! use victor_turn_log::protocol::{
//!     InMemoryEventLog, TurnEvent, TurnEventKind, TurnObserver, TurnOpening,
//! };
//! use victor_turn_log::{TurnFollower, TurnRecorder};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let log = Arc::new(InMemoryEventLog::default()); // or `database.turn_log()`
//! let recorder = TurnRecorder::new(log.clone()); // for `turn_observer` of an orchestrator
//!
//! // What the orchestrator does while it works a turn:
//! let (session, turn) = (SessionId::new("s"), TurnId::generate());
//! let mut observed = recorder.begin(&TurnOpening::new(&session, turn)).unwrap();
//! observed.event(&TurnEvent::new(session.clone(), turn, 0, TurnEventKind::text("Hel")));
//! observed.event(&TurnEvent::new(session, turn, 1, TurnEventKind::text("lo")));
//!
//! // In another process, from any number on:
//! let mut follower = TurnFollower::new(log, turn, 1);
//! let event = follower.next(Duration::from_secs(5)).await?.unwrap();
//! assert_eq!((event.content(), follower.position()), ("lo", 2));
//! # Ok(())
//! # }
//! ```
//!
//! # What it costs
//!
//! A turn waits for nothing: an event is copied into memory, and a task of the recorder writes what has come since the
//! last time, of all turns together, in one write every 50 milliseconds. If the log does not work, events wait in memory,
//! bounded, and the [health](TurnRecorder::health) tells. The last batch before the end of a process is lost with it; the
//! journal and the transcript, which decide about the turn, are not.

mod follower;
mod options;
mod pending;
mod recorder;

pub use follower::TurnFollower;
pub use options::RecorderOptions;
pub use recorder::TurnRecorder;
#[doc(no_inline)]
pub use victor_chat_protocol as protocol;
#[doc(no_inline)]
pub use victor_core as core;
