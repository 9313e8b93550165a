//! Turns that were interrupted by the end of their process.

use serde::{Deserialize, Serialize};
use victor_chat_protocol::{ChatError, ChatResponse, SuspendedTurn};
use victor_core::{SessionId, TurnId};
use victor_session_protocol::OpenTurn;

use crate::orchestrator::setup;
use crate::{AgentOrchestrator, Session};

/// What becomes of turns that were interrupted by the end of their process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RecoveryPolicy {
    /// They go on where they were.
    #[default]
    Resume,
    /// They end there, as if they had been cancelled: every tool call gets its result, and the conversation can go on.
    Close,
}

/// What became of a turn that was interrupted.
#[derive(Debug)]
#[non_exhaustive]
pub struct Recovered {
    /// The session.
    pub session: SessionId,
    /// The turn.
    pub turn: TurnId,
    /// What became of it.
    pub result: RecoveredTurn,
}

/// What became of a turn that was interrupted.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecoveredTurn {
    /// It has come to its end.
    Ended(Box<ChatResponse>),
    /// It waits for a person to decide about tool calls, as it did before.
    Waiting(Box<SuspendedTurn>),
    /// It could not be taken up. It is where it was.
    Failed(ChatError),
}

impl AgentOrchestrator {
    /// Finds the turns that have begun and not ended, and resumes or closes them, one after the other. Turns that wait
    /// for a person are told of and left alone.
    ///
    /// To be called when a program starts. A turn that another process is just working on cannot be told from one that
    /// was interrupted: where several processes share a store, leave this to one of them that knows the others are gone.
    /// If it happens all the same, one of the two ends with a conflict, and what it would have written is not kept.
    ///
    /// # Errors
    ///
    /// The store does not work. What goes wrong with a single turn is told in its place.
    ///
    /// # Cancel safety
    ///
    /// The turn that is being worked is interrupted once more, and can be recovered again.
    pub async fn recover(&self, policy: RecoveryPolicy) -> Result<Vec<Recovered>, ChatError> {
        let open = self.session_coordinator().open_turns().await;
        let open = open.map_err(|error| setup("session", error))?;
        let mut recovered = Vec::new();
        for turn in open {
            let (session, id) = (turn.session.clone(), turn.turn);
            let result = match self.inner.revive(turn).await {
                Ok(turn) if !turn.approvals.is_empty() => RecoveredTurn::Waiting(Box::new(turn)),
                Ok(turn) => {
                    let stream = self.resume(turn, []);
                    if policy == RecoveryPolicy::Close {
                        stream.cancel_handle().cancel();
                    }
                    match stream.response().await {
                        Ok(response) => RecoveredTurn::Ended(Box::new(response)),
                        Err(error) => RecoveredTurn::Failed(error),
                    }
                }
                Err(error) => RecoveredTurn::Failed(error),
            };
            recovered.push(Recovered {
                session,
                turn: id,
                result,
            });
        }
        Ok(recovered)
    }
}

impl Session {
    /// The turn that has begun and not ended, where a durable store keeps it: it waits for a person, as its approvals
    /// tell, or was interrupted, or runs at this moment. It can be taken up again with [`resume`](Self::resume).
    ///
    /// # Errors
    ///
    /// The store does not work, or what it holds cannot be read.
    pub async fn open_turn(&self) -> Result<Option<SuspendedTurn>, ChatError> {
        let open = self
            .orchestrator
            .session_coordinator()
            .open_turn(&self.id)
            .await;
        match open.map_err(|error| setup("session", error))? {
            Some(open) => self.orchestrator.inner.revive(open).await.map(Some),
            None => Ok(None),
        }
    }
}

impl crate::orchestrator::Inner {
    /// A turn from the journal, with its messages from the transcript.
    async fn revive(&self, open: OpenTurn) -> Result<SuspendedTurn, ChatError> {
        let turn = serde_json::from_str::<SuspendedTurn>(&open.state);
        let mut turn = turn.map_err(|error| ChatError::Resume {
            reason: format!("its journal cannot be read: {error}"),
        })?;
        let transcript = self.roles.session.transcript(&open.session).await;
        let transcript = transcript.map_err(|error| setup("session", error))?;
        let own = transcript
            .into_iter()
            .filter(|entry| entry.turn == Some(open.turn));
        turn.committed = own.map(|entry| entry.message).collect();
        Ok(turn)
    }
}
