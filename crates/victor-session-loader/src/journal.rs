//! Turns that have begun and not ended, as the store knows them.

use victor_chat_protocol::SuspendedTurn;
use victor_core::SessionId;
use victor_session_protocol::SessionManagerExt as _;
use victor_session_protocol::{OpenTurn, SessionLease};

use crate::{SessionLoader, SessionOpError};

impl SessionLoader {
    /// Returns the lease of whoever works on a session, here or in another process.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn lease(&self, session: &SessionId) -> Result<Option<SessionLease>, SessionOpError> {
        let standing = self.manager().standing(session).await?;
        Ok(standing.and_then(|standing| standing.lease))
    }

    /// Returns the open turn of a session that nobody works on.
    ///
    /// # Errors
    ///
    /// The store failed, or the journal cannot be read.
    pub async fn open_turn(
        &self,
        session: &SessionId,
    ) -> Result<Option<SuspendedTurn>, SessionOpError> {
        if self.lease(session).await?.is_some() {
            return Ok(None);
        }
        match self.manager().open_turn(session).await? {
            Some(open) => self.revive(open).await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads a turn from the journal, with its messages from the transcript.
    ///
    /// # Errors
    ///
    /// The store failed, or the journal cannot be read.
    pub async fn revive(&self, open: OpenTurn) -> Result<SuspendedTurn, SessionOpError> {
        let mut turn: SuspendedTurn =
            serde_json::from_str(&open.state).map_err(|error| SessionOpError::OpenTurn {
                session: open.session.clone(),
                source: error.into(),
            })?;
        let transcript = self.manager().transcript(&open.session).await?;
        turn.committed = transcript
            .into_iter()
            .filter(|entry| entry.turn == Some(open.turn))
            .map(|entry| entry.message)
            .collect();
        Ok(turn)
    }
}
