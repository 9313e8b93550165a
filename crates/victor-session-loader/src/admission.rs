//! The admission of a turn to its session, where an earlier one may have stopped.

use std::sync::Arc;

use victor_chat_protocol::{ChatError, ChatResponse, EventSink, SuspendedTurn, TurnOutcome};
use victor_core::{Message, Role};
use victor_session_protocol::{
    SessionError, SessionManagerExt as _, TurnGrant, TurnInterrupt, TurnLease, TurnPolicy,
    TurnRequest,
};

use crate::{SessionLoader, SessionOpError, TurnTask};

/// The outcome of a request to begin a turn.
#[derive(Debug)]
pub enum Admission {
    /// The turn holds its session.
    Admitted(Arc<TurnLease>),
    /// The turn ended before it began: it was cancelled while it waited, its message was merged into another turn, or
    /// the message came again under its key.
    Ended(Box<ChatResponse>),
}

impl SessionLoader {
    /// Waits for the session of a turn, as the policy says: that of the task, or else the default. Messages that waited
    /// too and were to be merged become part of this one.
    ///
    /// # Errors
    ///
    /// The session has no name, the policy refuses the turn, the turn to be resumed runs at this moment, or the store
    /// failed.
    pub async fn admit(
        &self,
        task: &mut TurnTask,
        default_policy: TurnPolicy,
        events: &EventSink,
    ) -> Result<Admission, ChatError> {
        if events.session().as_str().is_empty() {
            return Err(ChatError::Setup {
                coordinator: "session",
                source: "its name is empty: give the session a name".into(),
            });
        }
        if let TurnTask::Resume { turn, .. } = task {
            check_idle(self, turn).await?;
        }
        let Some(grant) = request_grant(self, task, default_policy, events).await else {
            return Ok(ended(cancelled_in_the_queue(task, events)));
        };
        match grant.map_err(SessionOpError::from)? {
            TurnGrant::Begin { lease, merged } => {
                if let TurnTask::Answer { message, .. } = task
                    && !merged.is_empty()
                {
                    *message = joined(message, &merged);
                }
                if !task.is_keyed() {
                    return Ok(Admission::Admitted(Arc::new(lease)));
                }
                Ok(match self.begun(task, lease, events.turn()).await? {
                    Ok(lease) => Admission::Admitted(Arc::new(lease)),
                    Err(response) => ended(response),
                })
            }
            TurnGrant::Merged { into } => {
                let mut response = empty_response(events, TurnOutcome::Merged);
                response.merged_into = Some(into);
                Ok(ended(response))
            }
            _ => Err(ChatError::Setup {
                coordinator: "session",
                source: "it neither began the turn nor merged it".into(),
            }),
        }
    }

    /// Has a turn that was admitted go on where an earlier one stopped. A suspended turn is claimed, so that no other
    /// process resumes it. If a new turn comes after one that was interrupted, that one is claimed and returned, and
    /// must be closed.
    ///
    /// # Errors
    ///
    /// The conversation has gone on without the suspended turn, or the store failed.
    pub async fn take_over(
        &self,
        task: &TurnTask,
        lease: &TurnLease,
    ) -> Result<Option<SuspendedTurn>, ChatError> {
        match task {
            TurnTask::Resume { turn, .. } => {
                check_fresh(self, turn)?;
                // It may ask the model, or run tools, before it writes.
                self.claim(lease, turn).await?;
                Ok(None)
            }
            TurnTask::Answer { .. } if lease.has_open_turn() => {
                Ok(self.take_interrupted(lease).await?)
            }
            TurnTask::Answer { .. } => Ok(None),
        }
    }

    /// Claims the turn that was interrupted in a session, and returns it. A turn that waits for a person has run
    /// nothing that the conversation does not show; it is given up, as is one that cannot be read or that the
    /// conversation has left behind.
    async fn take_interrupted(
        &self,
        lease: &TurnLease,
    ) -> Result<Option<SuspendedTurn>, SessionOpError> {
        let open = self.manager().open_turn(lease.session()).await?;
        let Some(open) = open.filter(|open| !open.waits) else {
            return Ok(None);
        };
        let Ok(turn) = self.revive(open).await else {
            return Ok(None);
        };
        if !turn.approvals.is_empty() || check_fresh(self, &turn).is_err() {
            return Ok(None);
        }
        self.claim(lease, &turn).await?;
        Ok(Some(turn))
    }

    async fn claim(&self, lease: &TurnLease, turn: &SuspendedTurn) -> Result<(), SessionOpError> {
        Ok(self.manager().claim(lease, turn.turn).await?)
    }
}

/// Waits for the session; `None` if the turn was cancelled meanwhile.
async fn request_grant(
    sessions: &SessionLoader,
    task: &TurnTask,
    default_policy: TurnPolicy,
    events: &EventSink,
) -> Option<Result<TurnGrant, SessionError>> {
    let (manager, session) = (sessions.manager(), events.session());
    let request = turn_request(task, default_policy, events);
    let begin = manager.begin_turn_with(session, request);
    if let Some(grant) = events.until_cancelled(begin).await {
        return Some(grant);
    }
    // Cancelling a turn closes its journal, unless another turn has the session.
    let TurnTask::Resume { .. } = task else {
        return None;
    };
    let request = TurnRequest::new(events.turn(), TurnPolicy::Reject);
    match manager.begin_turn_with(session, request).await {
        Err(error) if error.is_conflict() => None,
        grant => Some(grant),
    }
}

fn turn_request(task: &TurnTask, default_policy: TurnPolicy, events: &EventSink) -> TurnRequest {
    // A resumed turn is no message that could be refused or merged.
    let (policy, message) = match task {
        TurnTask::Answer {
            message,
            output,
            is_keyed,
            policy,
            ..
        } => {
            // Whoever wants an answer of a form, or under a key, wants an answer of their own.
            let message = (output.is_none() && !is_keyed).then_some(message);
            (policy.unwrap_or(default_policy), message)
        }
        TurnTask::Resume { .. } => (TurnPolicy::Queue, None),
    };
    let handle = events.cancel_handle();
    let request = TurnRequest::new(events.turn(), policy)
        .with_interrupt(TurnInterrupt::new(move || handle.cancel()));
    match message {
        Some(message) if policy == TurnPolicy::Merge => request.with_message(message.clone()),
        _ => request,
    }
}

/// Checks that nobody works already on a turn that is to be resumed.
async fn check_idle(sessions: &SessionLoader, turn: &SuspendedTurn) -> Result<(), SessionOpError> {
    let lease = sessions.lease(&turn.session).await?;
    match lease.filter(|lease| lease.turn == turn.turn) {
        Some(lease) => Err(SessionOpError::from(SessionError::Held {
            session: turn.session.clone(),
            lease: Box::new(lease),
        })),
        None => Ok(()),
    }
}

/// Checks that the conversation has not gone on without a suspended turn.
fn check_fresh(sessions: &SessionLoader, turn: &SuspendedTurn) -> Result<(), ChatError> {
    if sessions.ends_with(&turn.session, turn.last_message) {
        return Ok(());
    }
    Err(ChatError::Resume {
        reason: "the conversation has gone on without it".to_owned(),
    })
}

/// Returns a message with the parts of those that were merged into it.
fn joined(message: &Message, merged: &[Arc<Message>]) -> Message {
    let others = merged.iter().flat_map(|message| message.parts());
    let parts = message.parts().iter().chain(others).cloned().collect();
    Message::with_id(message.id(), Role::User, parts)
}

/// Returns the response of a turn that was cancelled while it waited. It has done nothing.
fn cancelled_in_the_queue(task: &TurnTask, events: &EventSink) -> ChatResponse {
    let mut response = empty_response(events, TurnOutcome::Cancelled);
    if let TurnTask::Resume { turn, .. } = task {
        response.usage = turn.usage.clone();
        response.suspended = Some(turn.clone());
    }
    response
}

fn empty_response(events: &EventSink, outcome: TurnOutcome) -> ChatResponse {
    ChatResponse::ended(events.session().clone(), events.turn(), outcome)
}

fn ended(response: ChatResponse) -> Admission {
    Admission::Ended(Box::new(response))
}
