//! One who follows a turn.

use std::collections::VecDeque;
use std::time::Duration;

use victor_chat_protocol::{EventLogError, TurnEvent, TurnEventLog};
use victor_core::TurnId;

/// The number of events that are read at once.
const PAGE: usize = 200;

/// Follows a turn from any event on, whichever process works it.
#[derive(Debug)]
pub struct TurnFollower<L> {
    log: L,
    turn: TurnId,
    position: u64,
    read: VecDeque<TurnEvent>,
    is_over: bool,
}

impl<L: TurnEventLog> TurnFollower<L> {
    /// Follows a turn from the event of this number on. To go on where a connection was lost, take the number behind the
    /// last event that arrived.
    pub fn new(log: L, turn: TurnId, from: u64) -> Self {
        Self {
            log,
            turn,
            position: from,
            read: VecDeque::new(),
            is_over: false,
        }
    }

    /// Returns the number of the event that comes next.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether the last event that came was the turn's last. A turn that is resumed after that goes on behind it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Returns the next event, and waits for it for so long at most; `None` if there is none by then. Whether the turn
    /// still runs is what the lease of its session tells.
    ///
    /// # Errors
    ///
    /// The log does not work. The call can be repeated.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call loses no event.
    pub async fn next(&mut self, time: Duration) -> Result<Option<TurnEvent>, EventLogError> {
        if self.read.is_empty() {
            let position = self.position;
            self.read = (self.log.follow(self.turn, position, PAGE, time).await?).into();
        }
        let event = self.read.pop_front();
        if let Some(event) = &event {
            self.position += 1;
            self.is_over = event.kind.is_end();
        }
        Ok(event)
    }
}
