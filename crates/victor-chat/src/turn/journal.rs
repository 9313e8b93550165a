//! Turns as a journal keeps them.

use std::sync::Arc;

use victor_chat_protocol::SuspendedTurn;
use victor_core::{Message, TurnId};

use crate::{Step, Turn};

impl Turn {
    /// The turn in the form in which a journal keeps it: without the messages that are in the conversation. None if it
    /// has nothing more to do.
    #[must_use]
    pub fn journal(&self) -> Option<SuspendedTurn> {
        if matches!(self.next_step(), Step::Finish(_)) {
            return None;
        }
        let mut journaled = self.clone();
        if !self.adopted {
            journaled.elided = self.committed;
            journaled.messages.drain(..self.committed);
        }
        let mut suspended = self.suspend_as(&journaled);
        suspended.committed = self.messages[..self.committed].to_vec();
        Some(suspended)
    }

    /// The same as [`journal`](Self::journal), once the messages of [`Step::Commit`] are in the conversation.
    #[must_use]
    pub fn journal_committed(&self) -> Option<SuspendedTurn> {
        let mut next = self.clone();
        next.committed();
        next.journal()
    }

    /// Puts the messages back that a journal has left out.
    pub(crate) fn restore(&mut self, committed: &[Arc<Message>]) {
        if let Some(committed) = committed.get(..self.elided) {
            self.messages.splice(..0, committed.iter().cloned());
            self.elided = 0;
        }
    }

    /// Goes on under another identifier: the turn has been taken up from a place that it had left, and what it says
    /// from now on must not be mistaken for what it said then. Calls that it has made keep their keys.
    pub(crate) fn adopt(&mut self, id: TurnId) {
        if self.id != id {
            self.id = id;
            self.adopted = true;
        }
    }
}
