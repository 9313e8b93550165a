//! Drives a conversation turn: a state machine without I/O and the coordinator that performs its effects.
//!
//! A turn is one message of a user, worked until the model is done: model call, tools, model call, and so on. Every
//! decision in it is made by [`Turn`], which is plain data: it says what is to be done next, is told what came of it,
//! and can be stored and taken up again between any two steps. [`ChatCoordinator`] does what the turn says, through
//! the [`TurnPorts`](victor_chat_protocol::TurnPorts) that it is given.
//!
//! # The machine
//!
//! ```
//! use victor_chat::{Step, Turn};
//! use victor_chat_protocol::{TurnLimits, TurnOutcome};
//! use victor_core::{Message, Part, SessionId, TurnId, Usage};
//! use victor_provider_protocol::Completion;
//!
//! let input = Message::user("What is two and two?");
//! let mut turn = Turn::begin(SessionId::default(), TurnId::generate(), input, TurnLimits::default());
//!
//! assert!(matches!(turn.next_step(), Step::Commit(_))); // the user's message is stored first
//! turn.committed();
//!
//! let Step::CallModel(call) = turn.next_step() else { panic!() };
//! assert!(call.tools && call.number == 1);
//! turn.model_answered(Completion::new("m".into(), vec![Part::text("Four.")], Usage::new(9, 2)))?;
//!
//! assert!(matches!(turn.next_step(), Step::Commit(_)));
//! turn.committed();
//! assert_eq!(turn.next_step(), Step::Finish(TurnOutcome::Completed));
//! # Ok::<(), victor_chat::UnexpectedInput>(())
//! ```

mod batch;
mod coordinator;
mod output;
mod step;
mod turn;

pub use coordinator::ChatCoordinator;
pub use step::{Step, UnexpectedInput};
pub use turn::Turn;
#[doc(no_inline)]
pub use victor_chat_protocol as protocol;
#[doc(no_inline)]
pub use victor_core as core;
