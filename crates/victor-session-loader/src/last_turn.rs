//! The last turn of a session.

use std::time::Duration;

use tokio::time::sleep;
use victor_chat_protocol::{ChatResponse, SuspendedTurn};
use victor_core::{Message, Role, SessionId};
use victor_session_protocol::SessionManagerExt as _;

use crate::{SessionLoader, SessionOpError};

/// Interval at which it is asked whether another process still works on a session.
const POLL: Duration = Duration::from_millis(500);

/// The last turn of a session, as far as its store knows.
#[derive(Debug)]
pub enum LastTurn {
    /// It has begun and not ended: it waits for a person, or was interrupted.
    Open(Box<SuspendedTurn>),
    /// It has ended with this answer.
    Ended(Box<ChatResponse>),
    /// There was none, or it has ended without an answer.
    Unknown,
}

impl SessionLoader {
    /// Waits until nobody works on a session, here or in another process, and returns its last turn. The response of
    /// one that has ended holds no more than its answer.
    ///
    /// # Errors
    ///
    /// The store failed, or the journal cannot be read.
    pub async fn last_turn(&self, session: &SessionId) -> Result<LastTurn, SessionOpError> {
        while self.lease(session).await?.is_some() {
            sleep(POLL).await;
        }
        if let Some(open) = self.open_turn(session).await? {
            return Ok(LastTurn::Open(Box::new(open)));
        }
        let transcript = self.manager().transcript(session).await?;
        let answer = transcript.into_iter().next_back().and_then(|last| {
            let turn = last.turn.filter(|_| is_answer(&last.message))?;
            Some(ChatResponse::new(session.clone(), turn, last.message))
        });
        Ok(answer.map_or(LastTurn::Unknown, |response| {
            LastTurn::Ended(Box::new(response))
        }))
    }
}

fn is_answer(message: &Message) -> bool {
    *message.role() == Role::Assistant
        && !message.text().is_empty()
        && message.tool_calls().next().is_none()
}
