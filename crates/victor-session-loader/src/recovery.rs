//! Turns that were interrupted by the end of their process.

use serde::{Deserialize, Serialize};
use victor_chat_protocol::{ChatError, ChatResponse, SuspendedTurn, TurnOutcome, TurnStream};
use victor_core::{SessionId, TurnId};
use victor_session_protocol::SessionManagerExt as _;
use victor_session_protocol::{OpenTurn, SessionError, SessionLease};

use crate::{SessionLoader, SessionOpError};

/// The treatment of turns that were interrupted by the end of their process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RecoveryPolicy {
    /// They go on at the step at which they were interrupted.
    #[default]
    Resume,
    /// They end there, as if they had been cancelled: every tool call gets a result, and the conversation can go on.
    Close,
}

/// An interrupted turn and its outcome.
#[derive(Debug)]
#[non_exhaustive]
pub struct Recovered {
    /// The session.
    pub session: SessionId,
    /// The turn.
    pub turn: TurnId,
    /// The outcome.
    pub result: RecoveredTurn,
}

/// The outcome of an interrupted turn.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecoveredTurn {
    /// The turn has ended.
    Ended(Box<ChatResponse>),
    /// The turn waits for a person to decide about tool calls, as it did before.
    Waiting(Box<SuspendedTurn>),
    /// The turn runs at this moment, here or in another process, as the lease on its session shows. It was left alone;
    /// if that process ends, it can be recovered then.
    Running(Box<SessionLease>),
    /// The turn could not be resumed. It is unchanged.
    Failed(ChatError),
}

impl SessionLoader {
    /// Finds the turns that have begun and not ended, and has them resumed or closed, one after the other. Turns that
    /// wait for a person are returned and left alone, and so are those that run.
    ///
    /// # Errors
    ///
    /// The store failed. The failure of a single turn is [`RecoveredTurn::Failed`].
    ///
    /// # Cancel safety
    ///
    /// The current turn ends as a dropped turn does, or is unchanged and can be recovered again.
    pub async fn recover(
        &self,
        policy: RecoveryPolicy,
        resume: impl Fn(SuspendedTurn) -> TurnStream,
    ) -> Result<Vec<Recovered>, SessionOpError> {
        let open = self.manager().open_turns().await?;
        let mut recovered = Vec::new();
        for turn in open {
            let (session, id) = (turn.session.clone(), turn.turn);
            let result = match self.interrupted(turn).await? {
                Ok(turn) => rerun(resume(turn), policy).await,
                Err(result) => result,
            };
            recovered.push(Recovered {
                session,
                turn: id,
                result,
            });
        }
        Ok(recovered)
    }

    /// Returns an open turn if it was interrupted, and its outcome if not.
    async fn interrupted(
        &self,
        open: OpenTurn,
    ) -> Result<Result<SuspendedTurn, RecoveredTurn>, SessionOpError> {
        if let Some(lease) = self.lease(&open.session).await? {
            return Ok(Err(RecoveredTurn::Running(Box::new(lease))));
        }
        Ok(match self.revive(open).await {
            Ok(turn) if !turn.approvals.is_empty() => Err(RecoveredTurn::Waiting(Box::new(turn))),
            Ok(turn) => Ok(turn),
            Err(error) => Err(RecoveredTurn::Failed(error.into())),
        })
    }
}

async fn rerun(stream: TurnStream, policy: RecoveryPolicy) -> RecoveredTurn {
    if policy == RecoveryPolicy::Close {
        stream.cancel_handle().cancel();
    }
    let session = stream.session().clone();
    match stream.response().await {
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
    }
}
