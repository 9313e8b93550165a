//! Turns that were interrupted by the end of their process.

use serde::{Deserialize, Serialize};
use victor_chat_protocol::{ChatError, ChatResponse, SuspendedTurn, TurnOutcome};
use victor_core::{SessionId, TurnId};
use victor_session_protocol::{OpenTurn, SessionError, SessionLease};

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
    /// Somebody works on it at this moment, here or in another process, as the lease on its session tells. It was left
    /// alone; should that process end, it can be recovered then.
    Running(Box<SessionLease>),
    /// It could not be taken up. It is where it was.
    Failed(ChatError),
}

impl AgentOrchestrator {
    /// Finds the turns that have begun and not ended, and resumes or closes them, one after the other. Turns that wait
    /// for a person are told of and left alone.
    ///
    /// To be called when a program starts. Where the store has leases, a turn that another process is just working on is
    /// told of and left alone. That a process has ended is seen at once where both run on one machine with Linux, and
    /// otherwise when its lease has run out; until then its turn counts as running. In a store without leases the two
    /// cannot be told apart: where several processes share one, leave this to one of them that knows the others are gone.
    ///
    /// # Errors
    ///
    /// The store does not work. What goes wrong with a single turn is told in its place.
    ///
    /// # Cancel safety
    ///
    /// The turn that is being worked ends there, as a dropped turn does, or is where it was and can be recovered again.
    pub async fn recover(&self, policy: RecoveryPolicy) -> Result<Vec<Recovered>, ChatError> {
        let open = self.session_coordinator().open_turns().await;
        let open = open.map_err(|error| setup("session", error))?;
        let mut recovered = Vec::new();
        for turn in open {
            let (session, id) = (turn.session.clone(), turn.turn);
            let result = self.recover_one(turn, policy).await?;
            recovered.push(Recovered {
                session,
                turn: id,
                result,
            });
        }
        Ok(recovered)
    }

    async fn recover_one(
        &self,
        open: OpenTurn,
        policy: RecoveryPolicy,
    ) -> Result<RecoveredTurn, ChatError> {
        let session = open.session.clone();
        if let Some(lease) = self.inner.lease(&session).await? {
            return Ok(RecoveredTurn::Running(Box::new(lease)));
        }
        let turn = match self.inner.revive(open).await {
            Ok(turn) if !turn.approvals.is_empty() => {
                return Ok(RecoveredTurn::Waiting(Box::new(turn)));
            }
            Ok(turn) => turn,
            Err(error) => return Ok(RecoveredTurn::Failed(error)),
        };
        let stream = self.resume(turn, []);
        if policy == RecoveryPolicy::Close {
            stream.cancel_handle().cancel();
        }
        Ok(match stream.response().await {
            Ok(mut response) => match (&response.outcome, response.suspended.take()) {
                (TurnOutcome::AwaitingApproval, Some(turn)) => RecoveredTurn::Waiting(turn),
                // It was given back, since another turn has the session.
                (TurnOutcome::Cancelled, Some(_)) => RecoveredTurn::Failed(ChatError::Conflict {
                    source: SessionError::Busy(session).into(),
                    turn: None,
                }),
                (_, suspended) => {
                    response.suspended = suspended;
                    RecoveredTurn::Ended(Box::new(response))
                }
            },
            Err(error) => RecoveredTurn::Failed(error),
        })
    }
}

impl Session {
    /// The lease of who works on the conversation at this moment, here or in another process; none if nobody does, or
    /// the store has no leases.
    ///
    /// # Errors
    ///
    /// The store does not work.
    pub async fn running(&self) -> Result<Option<SessionLease>, ChatError> {
        self.orchestrator.inner.lease(&self.id).await
    }

    /// The turn that has begun and not ended, where a durable store keeps it: it waits for a person, as its approvals
    /// tell, or was interrupted. It can be taken up again with [`resume`](Self::resume). None where the turn
    /// [runs](Self::running) at this moment; without leases in the store that cannot be told, and it may do so.
    ///
    /// # Errors
    ///
    /// The store does not work, or what it holds cannot be read.
    pub async fn open_turn(&self) -> Result<Option<SuspendedTurn>, ChatError> {
        if self.running().await?.is_some() {
            return Ok(None);
        }
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
    /// The lease of who works on a session at this moment.
    pub(crate) async fn lease(
        &self,
        session: &SessionId,
    ) -> Result<Option<SessionLease>, ChatError> {
        let standing = self.roles.session.standing(session).await;
        let standing = standing.map_err(|error| setup("session", error))?;
        Ok(standing.and_then(|standing| standing.lease))
    }

    /// A turn from the journal, with its messages from the transcript.
    pub(crate) async fn revive(&self, open: OpenTurn) -> Result<SuspendedTurn, ChatError> {
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
