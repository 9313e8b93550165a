//! Turns that somebody asks for.

use std::sync::{Arc, OnceLock};

use victor_chat_protocol::{
    Approval, ChatInput, CheckOutput, OutputContract, SuspendedTurn, TurnLimits, TurnOpening,
    TurnStart,
};
use victor_core::{JsonMap, Message, SessionId, TraceContext, TurnId};
use victor_session_protocol::TurnPolicy;

/// A turn that somebody asks for.
#[derive(Debug)]
pub(crate) struct TurnOrder {
    pub(crate) session: SessionId,
    pub(crate) turn: TurnId,
    pub(super) task: TurnTask,
    /// Checks the answer; without it, an answer that must have a form must be JSON.
    pub(super) check: Option<Arc<dyn CheckOutput>>,
    /// Whether analytics tracks the turn's events, once the session's configuration is known.
    pub(crate) is_tracked: Arc<OnceLock<bool>>,
    /// Names to which model calls are charged besides.
    pub(crate) tags: Arc<[Arc<str>]>,
    /// The place in a distributed trace: that of the caller, and then that of the turn.
    pub(crate) trace: Option<TraceContext>,
}

/// The work of a turn.
#[derive(Debug)]
pub(super) enum TurnTask {
    /// Answers a message.
    Answer {
        message: Message,
        /// Facts about the request, for prompt contributors and compaction strategies.
        facts: JsonMap,
        output: Option<OutputContract>,
        /// The policy that the caller has chosen; otherwise the orchestrator's.
        policy: Option<TurnPolicy>,
    },
    /// Goes on with a suspended turn.
    Resume {
        turn: Box<SuspendedTurn>,
        approvals: Vec<Approval>,
    },
}

impl TurnOrder {
    /// Orders an answer to `input`.
    pub(crate) fn answer(session: SessionId, input: ChatInput, policy: Option<TurnPolicy>) -> Self {
        Self {
            session,
            turn: TurnId::generate(),
            trace: input.trace().cloned(),
            task: TurnTask::Answer {
                facts: input.metadata().clone(),
                message: input.into_message(),
                output: None,
                policy,
            },
            check: None,
            is_tracked: Arc::default(),
            tags: Arc::default(),
        }
    }

    /// Orders a suspended turn to go on.
    pub(crate) fn resume(turn: SuspendedTurn, approvals: Vec<Approval>) -> Self {
        Self {
            session: turn.session.clone(),
            turn: turn.turn,
            task: TurnTask::Resume {
                turn: Box::new(turn),
                approvals,
            },
            check: None,
            is_tracked: Arc::default(),
            tags: Arc::default(),
            trace: None,
        }
    }

    /// Returns what observers are told of the turn.
    pub(crate) fn opening(&self) -> TurnOpening<'_> {
        let mut opening = TurnOpening::new(&self.session, self.turn);
        if let TurnTask::Answer { message, facts, .. } = &self.task {
            (opening.input, opening.facts) = (Some(message), Some(facts));
        }
        opening.tags = &self.tags;
        opening.trace = self.trace.as_ref();
        opening
    }

    /// Charges the model calls to these names besides.
    pub(crate) fn with_tags(mut self, tags: Arc<[Arc<str>]>) -> Self {
        self.tags = tags;
        self
    }

    /// Demands that the answer has a form.
    #[cfg(feature = "typed")]
    pub(crate) fn with_output(mut self, contract: OutputContract) -> Self {
        if let TurnTask::Answer { output, .. } = &mut self.task {
            *output = Some(contract);
        }
        self
    }

    /// Has the answer checked.
    #[cfg(feature = "typed")]
    pub(crate) fn with_check(mut self, check: Arc<dyn CheckOutput>) -> Self {
        self.check = Some(check);
        self
    }
}

impl TurnTask {
    /// Returns the message that it answers.
    pub(super) fn message(&self) -> Option<&Message> {
        match self {
            Self::Answer { message, .. } => Some(message),
            Self::Resume { .. } => None,
        }
    }

    /// Returns the facts about the request.
    pub(super) fn facts(&self) -> Option<&JsonMap> {
        match self {
            Self::Answer { facts, .. } => Some(facts),
            Self::Resume { .. } => None,
        }
    }

    /// Returns the start of the turn, for the chat engine.
    pub(super) fn into_start(
        self,
        session: SessionId,
        turn: TurnId,
        limits: TurnLimits,
    ) -> TurnStart {
        match self {
            Self::Answer {
                message, output, ..
            } => TurnStart::Begin {
                session,
                turn,
                input: message,
                limits,
                output,
            },
            Self::Resume { turn, approvals } => TurnStart::Resume { turn, approvals },
        }
    }
}
