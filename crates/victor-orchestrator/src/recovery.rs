//! Turns that were interrupted by the end of their process.

use serde::{Deserialize, Serialize};
use victor_chat_protocol::{ChatError, ChatResponse, SuspendedTurn, TurnOutcome};
use victor_core::{SessionId, TurnId};
use victor_session_protocol::{OpenTurn, SessionError, SessionLease};

use crate::{AgentOrchestrator, SessionOpError};

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
    pub async fn recover(&self, policy: RecoveryPolicy) -> Result<Vec<Recovered>, SessionOpError> {
        let open = self.session_coordinator().open_turns().await?;
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
    ) -> Result<RecoveredTurn, SessionOpError> {
        let session = open.session.clone();
        if let Some(lease) = self.sessions().lease(&session).await? {
            return Ok(RecoveredTurn::Running(Box::new(lease)));
        }
        let turn = match self.sessions().revive(open).await {
            Ok(turn) if !turn.approvals.is_empty() => {
                return Ok(RecoveredTurn::Waiting(Box::new(turn)));
            }
            Ok(turn) => turn,
            Err(error) => return Ok(RecoveredTurn::Failed(error.into())),
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
