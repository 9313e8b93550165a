//! Turns that somebody asks for.

use std::sync::{Arc, OnceLock};

use victor_chat_protocol::{
    Approval, ChatInput, CheckOutput, OutputContract, SuspendedTurn, TurnOpening,
};
use victor_core::{SessionId, TraceContext, TurnId};
use victor_session_protocol::TurnPolicy;

use crate::{TurnTask, turn_of_key};

/// A turn that somebody asks for.
#[derive(Debug)]
pub struct TurnOrder {
    /// The session.
    pub session: SessionId,
    /// The turn.
    pub turn: TurnId,
    /// The work of the turn.
    pub task: TurnTask,
    /// Checks the answer; without it, an answer that must have a form must be JSON.
    pub check: Option<Arc<dyn CheckOutput>>,
    /// Whether analytics tracks the turn's events, once the session's configuration is known.
    pub is_tracked: Arc<OnceLock<bool>>,
    /// Names to which model calls are charged besides.
    pub tags: Arc<[Arc<str>]>,
    /// The place in a distributed trace: that of the caller, and then that of the turn.
    pub trace: Option<TraceContext>,
}

impl TurnOrder {
    /// Orders an answer to `input`.
    #[must_use]
    pub fn answer(session: SessionId, input: ChatInput, policy: Option<TurnPolicy>) -> Self {
        let trace = input.trace().cloned();
        let turn = input.key().map(|key| turn_of_key(&session, key));
        let task = TurnTask::Answer {
            facts: input.metadata().clone(),
            message: input.into_message(),
            output: None,
            is_keyed: turn.is_some(),
            policy,
        };
        Self {
            trace,
            ..Self::new(session, turn.unwrap_or_else(TurnId::generate), task)
        }
    }

    /// Orders a suspended turn to go on.
    #[must_use]
    pub fn resume(turn: SuspendedTurn, approvals: Vec<Approval>) -> Self {
        let (session, id, turn) = (turn.session.clone(), turn.turn, Box::new(turn));
        Self::new(session, id, TurnTask::Resume { turn, approvals })
    }

    fn new(session: SessionId, turn: TurnId, task: TurnTask) -> Self {
        Self {
            session,
            turn,
            task,
            check: None,
            is_tracked: Arc::default(),
            tags: Arc::default(),
            trace: None,
        }
    }

    /// Returns what observers are told of the turn.
    #[must_use]
    pub fn opening(&self) -> TurnOpening<'_> {
        let mut opening = TurnOpening::new(&self.session, self.turn);
        if let TurnTask::Answer { message, facts, .. } = &self.task {
            (opening.input, opening.facts) = (Some(message), Some(facts));
        }
        opening.tags = &self.tags;
        opening.trace = self.trace.as_ref();
        opening
    }

    /// Charges the model calls to these names besides.
    #[must_use]
    pub fn with_tags(mut self, tags: Arc<[Arc<str>]>) -> Self {
        self.tags = tags;
        self
    }

    /// Demands an answer of a form.
    #[must_use]
    pub fn with_output(mut self, contract: OutputContract) -> Self {
        if let TurnTask::Answer { output, .. } = &mut self.task {
            *output = Some(contract);
        }
        self
    }

    /// Has the answer checked.
    #[must_use]
    pub fn with_check(mut self, check: Arc<dyn CheckOutput>) -> Self {
        self.check = Some(check);
        self
    }
}
