//! How a turn begins: it takes its session, brings it into the context, and settles what an interrupted turn has left.

use std::sync::{Arc, Mutex, OnceLock};

use victor_chat_protocol::{
    ChatError, ChatResponse, EventSink, SuspendedTurn, TurnEventKind, TurnOutcome, TurnStart,
    TurnStream,
};
use victor_core::{BoxError, JsonMap, Message, Role, SessionId, TurnId};
use victor_session_protocol::{
    SessionError, TurnChange, TurnGrant, TurnInterrupt, TurnLease, TurnPolicy, TurnRequest,
};

use crate::modes::unkept;
use crate::orchestrator::{Inner, setup};
use crate::ports::SessionPorts;

/// How often a turn begins anew behind others that were faster. Each time one of them has got on.
const RACES: u32 = 100;

/// What became of a wish to begin.
pub(crate) enum Opened {
    /// The turn has its session.
    Turn(Arc<TurnLease>),
    /// The turn has ended before it began.
    Ended(Box<ChatResponse>),
}

impl Inner {
    /// Takes the session of a turn.
    pub(crate) async fn open(
        self: &Arc<Self>,
        start: &mut TurnStart,
        policy: Option<TurnPolicy>,
        facts: &JsonMap,
        events: &EventSink,
    ) -> Result<Opened, ChatError> {
        if let TurnStart::Resume { turn, .. } = start {
            self.check_idle(turn).await?;
        }
        let grant = match self.grant(start, policy, events).await {
            Some(grant) => grant.map_err(session_error)?,
            None => {
                let response = cancelled_in_the_queue(start, events);
                return Ok(Opened::Ended(Box::new(response)));
            }
        };
        let lease = match grant {
            TurnGrant::Begin { lease, merged } => {
                if let TurnStart::Begin { input, .. } = start
                    && !merged.is_empty()
                {
                    *input = joined(input, &merged);
                }
                Arc::new(lease)
            }
            TurnGrant::Merged { into } => {
                let (session, turn) = (events.session().clone(), events.turn());
                let mut response = ChatResponse::ended(session, turn, TurnOutcome::Merged);
                response.merged_into = Some(into);
                return Ok(Opened::Ended(Box::new(response)));
            }
            _ => return Err(setup("session", "it neither began the turn nor merged it")),
        };
        let session = lease.session();
        if let Some(lost) = self.restore(session, lease.version()).await? {
            events.emit(TurnEventKind::notice("session", lost)).await;
        }
        match start {
            TurnStart::Resume { turn, .. } => {
                self.check_fresh(turn)?;
                // It may ask the model, or run tools, before it writes.
                let claimed = self.roles.session.claim(&lease, turn.turn).await;
                claimed.map_err(session_error)?;
            }
            TurnStart::Begin { .. } if lease.has_open_turn() => {
                self.settle(&lease, events).await?;
            }
            TurnStart::Begin { .. } => {}
        }
        self.note_facts(session, facts);
        Ok(Opened::Turn(lease))
    }

    /// Waits for the session; none if the turn was cancelled meanwhile.
    async fn grant(
        &self,
        start: &TurnStart,
        policy: Option<TurnPolicy>,
        events: &EventSink,
    ) -> Option<Result<TurnGrant, SessionError>> {
        let sessions = &self.roles.session;
        let request = self.request(start, policy, events);
        let begin = sessions.begin_turn_with(events.session(), request);
        if let Some(grant) = events.until_cancelled(begin).await {
            return Some(grant);
        }
        // A turn that has been journaled is closed by its cancellation, unless another one has the session.
        let TurnStart::Resume { .. } = start else {
            return None;
        };
        let request = TurnRequest::new(events.turn(), TurnPolicy::Reject);
        match sessions.begin_turn_with(events.session(), request).await {
            Err(error) if error.is_conflict() => None,
            grant => Some(grant),
        }
    }

    /// What the session coordinator is asked for.
    fn request(
        &self,
        start: &TurnStart,
        policy: Option<TurnPolicy>,
        events: &EventSink,
    ) -> TurnRequest {
        // A turn that is taken up again is no message that could be refused or merged, and whoever wants an answer of a
        // form wants one of their own.
        let (policy, input) = match start {
            TurnStart::Begin { input, output, .. } => {
                let input = output.is_none().then_some(input);
                (policy.unwrap_or(self.policy), input)
            }
            TurnStart::Resume { .. } => (TurnPolicy::Queue, None),
        };
        let handle = events.cancel_handle();
        let request = TurnRequest::new(events.turn(), policy)
            .with_interrupt(TurnInterrupt::new(move || handle.cancel()));
        match input {
            Some(input) if policy == TurnPolicy::Merge => request.with_message(input.clone()),
            _ => request,
        }
    }

    /// Checks that the conversation has not gone on without a suspended turn.
    fn check_fresh(&self, turn: &SuspendedTurn) -> Result<(), ChatError> {
        let last = self
            .roles
            .context
            .context(&turn.session)
            .messages()
            .last()
            .map(|message| message.id());
        if last == turn.last_message {
            return Ok(());
        }
        Err(ChatError::Resume {
            reason: "the conversation has gone on without it".to_owned(),
        })
    }

    /// Checks that nobody works on a turn already that is to be taken up.
    async fn check_idle(&self, turn: &SuspendedTurn) -> Result<(), ChatError> {
        let lease = self.lease(&turn.session).await?;
        match lease.filter(|lease| lease.turn == turn.turn) {
            Some(lease) => Err(session_error(SessionError::Held {
                session: turn.session.clone(),
                lease: Box::new(lease),
            })),
            None => Ok(()),
        }
    }

    /// Closes a turn that was interrupted, so that the conversation tells of every call that may have run. One that waits
    /// for a person has run nothing that it does not tell of, and is given up.
    async fn settle(
        self: &Arc<Self>,
        lease: &Arc<TurnLease>,
        events: &EventSink,
    ) -> Result<(), ChatError> {
        let session = lease.session();
        let open = self.roles.session.open_turn(session).await;
        let Some(open) = open.map_err(session_error)?.filter(|open| !open.waits) else {
            return Ok(());
        };
        // One that cannot be read, or that the conversation has left behind, is given up.
        let Ok(turn) = self.revive(open).await else {
            return Ok(());
        };
        if !turn.approvals.is_empty() || self.check_fresh(&turn).is_err() {
            return Ok(());
        }
        let claimed = self.roles.session.claim(lease, turn.turn).await;
        claimed.map_err(session_error)?;
        self.close(Box::new(turn), lease.clone()).await?;
        let told = "the last turn was interrupted; what its tool calls may have done is in the conversation";
        events.emit(TurnEventKind::notice("session", told)).await;
        Ok(())
    }

    /// Closes a turn as if it had been cancelled, for who holds its session.
    async fn close(
        self: &Arc<Self>,
        turn: Box<SuspendedTurn>,
        lease: Arc<TurnLease>,
    ) -> Result<(), ChatError> {
        let (inner, session, id) = (self.clone(), turn.session.clone(), turn.turn);
        let stream = TurnStream::new(session, id, async move |events| {
            let ports = SessionPorts {
                inner: inner.clone(),
                roles: inner.roles.clone(),
                seen: inner.seen.clone(),
                config: inner.roles.config.config(),
                model: None,
                prompt: "".into(),
                turn: id,
                check: None,
                events: events.clone(),
                question: OnceLock::new(),
                open: Mutex::default(),
                unwritten: Mutex::default(),
                lease: Mutex::new(Some(lease)),
            };
            let approvals = Vec::new();
            let start = TurnStart::Resume { turn, approvals };
            let chat = &inner.roles.chat;
            chat.run_turn(start, Arc::new(ports), &events).await
        });
        stream.cancel_handle().cancel();
        stream.response().await.map(drop).map_err(told_apart)
    }

    /// Writes for a turn that holds its session, and keeps the session's mode with it. If somebody else was faster with
    /// the first write, of which these are the facts of the request, the turn begins anew behind that, since nothing was
    /// paid for.
    pub(crate) async fn write(
        &self,
        lease: &TurnLease,
        turn: TurnId,
        messages: &[Arc<Message>],
        journal: TurnChange,
        first: Option<JsonMap>,
    ) -> Result<(), BoxError> {
        let (sessions, session) = (&self.roles.session, lease.session());
        for race in 0.. {
            let kept = unkept(&self.roles, &self.seen, session);
            let written = sessions.commit(lease, turn, messages, journal.clone(), &kept);
            match (written.await, &first) {
                (Ok(()), _) => {
                    self.seen.keeps(session, &kept);
                    break;
                }
                (Err(error), Some(facts)) if error.is_conflict() && race < RACES => {
                    let version = sessions.catch_up(lease).await?;
                    self.restore(session, Some(version)).await?;
                    self.note_facts(session, facts);
                }
                (Err(error), _) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Tells the context what is known of the request, for those who compact it.
    fn note_facts(&self, session: &SessionId, facts: &JsonMap) {
        if facts.is_empty() {
            return;
        }
        let mut context = self.roles.context.context(session);
        for (key, value) in facts {
            context.set_metadata(key, value.clone());
        }
        self.roles.context.set_context(session, context);
    }
}

pub(crate) fn session_error(error: SessionError) -> ChatError {
    match error {
        SessionError::ShutDown => ChatError::ShutDown,
        error if error.is_conflict() => ChatError::Conflict {
            source: error.into(),
            turn: None,
        },
        error => setup("session", error),
    }
}

/// The error of a turn, where those are told apart that could not be stored because somebody else has the session.
pub(crate) fn told_apart(error: ChatError) -> ChatError {
    match error {
        ChatError::Commit { source, turn }
            if (source.downcast_ref()).is_some_and(SessionError::is_conflict) =>
        {
            ChatError::Conflict {
                source,
                turn: Some(turn),
            }
        }
        error => error,
    }
}

/// A message with those that are sent along with it.
fn joined(input: &Message, merged: &[Arc<Message>]) -> Message {
    let others = merged.iter().flat_map(|message| message.parts());
    let parts = input.parts().iter().chain(others).cloned().collect();
    Message::with_id(input.id(), Role::User, parts)
}

/// A turn that was cancelled while it waited for another one to end. It has said and done nothing.
fn cancelled_in_the_queue(start: &TurnStart, events: &EventSink) -> ChatResponse {
    let mut response = ChatResponse::ended(
        events.session().clone(),
        events.turn(),
        TurnOutcome::Cancelled,
    );
    if let TurnStart::Resume { turn, .. } = start {
        response.usage = turn.usage.clone();
        response.suspended = Some(turn.clone());
    }
    response
}
