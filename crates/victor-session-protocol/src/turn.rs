//! Policies for a message that comes while a turn runs in its session.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use victor_core::{Message, TurnId};

use crate::TurnLease;

/// Policy for a message that comes while a turn runs in its session. If none runs, its own begins at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TurnPolicy {
    /// It waits for its turn, in the order in which messages came.
    #[default]
    Queue,
    /// It is refused with [`SessionError::Busy`](crate::SessionError::Busy). The session also counts as busy while
    /// others wait, and while it is being reset, closed or deleted.
    Reject,
    /// The turn that runs is cancelled in order, and the message's own begins then, before those of messages that wait
    /// in another way. Where several interrupt, each has its turn in the order in which they came, and the last one
    /// comes to its end. A turn that cannot be interrupted, or takes no notice, is waited for.
    Interrupt,
    /// It waits, and becomes input of the turn of the message before it if that waits in the same way. The first of
    /// them takes them all along, unless it is to be interrupted already. A request without a message waits as with
    /// [`Queue`](Self::Queue).
    Merge,
}

/// A turn that wants to begin.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TurnRequest {
    /// The turn, of which others are told if their messages become its input.
    pub turn: TurnId,
    /// Policy if another turn runs.
    pub policy: TurnPolicy,
    /// By what the turn can be interrupted once it has begun; nothing can if absent.
    pub interrupt: Option<TurnInterrupt>,
    /// Its message, where it may become the input of another turn.
    pub message: Option<Arc<Message>>,
}

impl TurnRequest {
    /// A turn that waits for others in this way, and cannot be interrupted.
    #[must_use]
    pub fn new(turn: TurnId, policy: TurnPolicy) -> Self {
        Self {
            turn,
            policy,
            interrupt: None,
            message: None,
        }
    }

    /// Lets others interrupt the turn.
    #[must_use]
    pub fn with_interrupt(mut self, interrupt: TurnInterrupt) -> Self {
        self.interrupt = Some(interrupt);
        self
    }

    /// Lets the message become the input of another turn.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Arc<Message>>) -> Self {
        self.message = Some(message.into());
        self
    }
}

/// Asks a turn that runs to end in order, soon.
///
/// It is called at most once for a turn, by whoever wants to take its place, and must neither block nor wait. The turn
/// may already be over.
#[derive(Clone)]
pub struct TurnInterrupt(Arc<dyn Fn() + Send + Sync>);

impl TurnInterrupt {
    /// Does this to interrupt a turn.
    pub fn new(interrupt: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(interrupt))
    }

    /// Interrupts the turn.
    pub fn interrupt(&self) {
        (self.0)();
    }
}

impl fmt::Debug for TurnInterrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TurnInterrupt")
    }
}

/// Answer to a turn that wanted to begin.
#[derive(Debug)]
#[must_use = "the session is free again as soon as the lease is dropped"]
#[non_exhaustive]
pub enum TurnGrant {
    /// It begins.
    Begin {
        /// The right to work on the session.
        lease: TurnLease,
        /// The messages that are its input as well, in the order in which they came. Those who sent them are told.
        merged: Vec<Arc<Message>>,
    },
    /// Its message is the input of another turn, which begins now. It has no turn of its own.
    Merged {
        /// The other turn.
        into: TurnId,
    },
}
