//! Messages that come under a key, perhaps more than once.

use victor_chat_protocol::{ChatError, ChatResponse, SuspendedTurn, TurnOutcome};
use victor_checkpoint_protocol::ContentHash;
use victor_core::{Role, SessionId, TurnId};
use victor_session_protocol::{SessionError, SessionManagerExt as _, TranscriptEntry, TurnLease};

use crate::{SessionLoader, SessionOpError, TurnTask};

/// Number of last entries of a transcript in which the turn of a key is looked for.
const REMEMBERED: u64 = 200;

/// Returns the turn of a message that comes to a session under a key: always the same, in whichever process.
#[must_use]
pub fn turn_of_key(session: &SessionId, key: &str) -> TurnId {
    // The length tells the two apart, whatever is in them.
    let name = format!("{} {session} {key}", session.as_str().len());
    let hash = *ContentHash::of(name.as_bytes()).as_bytes();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    // A UUID of a form of its own (RFC 9562, version 8).
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    TurnId::from_u128(u128::from_be_bytes(bytes))
}

impl SessionLoader {
    /// Looks whether the turn of a message that came under a key has begun already, for one who has been given its
    /// session. One that has ended is returned, and one that was interrupted becomes the task. From then on nobody else
    /// can begin it: the session is held between processes.
    pub(crate) async fn begun(
        &self,
        task: &mut TurnTask,
        mut lease: TurnLease,
        turn: TurnId,
    ) -> Result<Result<TurnLease, ChatResponse>, ChatError> {
        let (manager, session) = (self.manager(), lease.session().clone());
        loop {
            match manager.claim(&lease, turn).await {
                Ok(()) => break,
                // Its first message makes it; of several at once, one does.
                Err(SessionError::NotFound(_)) => return Ok(Ok(lease)),
                Err(error) if error.is_conflict() => {
                    let version = manager.catch_up(&lease).await;
                    lease = lease.with_version(version.map_err(SessionOpError::from)?);
                }
                Err(error) => return Err(SessionOpError::from(error).into()),
            }
        }
        let open = manager.open_turn(&session).await;
        let open = open.map_err(SessionOpError::from)?;
        lease = lease.with_open_turn(open.is_some());
        if let Some(open) = open.filter(|open| open.turn == turn) {
            let suspended = Box::new(self.revive(open).await?);
            if !suspended.approvals.is_empty() {
                return Ok(Err(waiting(session, suspended)));
            }
            let approvals = Vec::new();
            *task = TurnTask::Resume {
                turn: suspended,
                approvals,
            };
            return Ok(Ok(lease));
        }
        let from = match lease.version() {
            Some(0) => return Ok(Ok(lease)),
            version => version.unwrap_or_default().saturating_sub(REMEMBERED),
        };
        let entries = match manager.store().load(&session, from).await {
            Err(SessionError::NotFound(_)) => return Ok(Ok(lease)),
            entries => entries.map_err(SessionOpError::from)?,
        };
        Ok(match ended(entries, session, turn)? {
            Some(response) => Err(response),
            None => Ok(lease),
        })
    }
}

/// Returns the response of a turn that waits for a person.
fn waiting(session: SessionId, suspended: Box<SuspendedTurn>) -> ChatResponse {
    let outcome = TurnOutcome::AwaitingApproval;
    let mut response = ChatResponse::ended(session, suspended.turn, outcome);
    response.suspended = Some(suspended);
    response.repeated = true;
    response
}

/// Returns the response of a turn that is in a transcript.
fn ended(
    entries: Vec<TranscriptEntry>,
    session: SessionId,
    turn: TurnId,
) -> Result<Option<ChatResponse>, ChatError> {
    let of_turn = entries.into_iter().filter(|entry| entry.turn == Some(turn));
    let messages: Vec<_> = of_turn.map(|entry| entry.message).collect();
    let Some(last) = messages.last() else {
        return Ok(None);
    };
    let is_answered = *last.role() == Role::Assistant && last.tool_calls().next().is_none();
    if !is_answered {
        return Err(ChatError::Resume {
            reason: "it was interrupted, and what it has done is in the conversation: send the message under another key"
                .to_owned(),
        });
    }
    let mut response = ChatResponse::ended(session, turn, TurnOutcome::Completed);
    response.messages = messages;
    response.repeated = true;
    Ok(Some(response))
}
