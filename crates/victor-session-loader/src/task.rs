//! The work of a turn.

use victor_chat_protocol::{Approval, OutputContract, SuspendedTurn, TurnLimits, TurnStart};
use victor_core::{JsonMap, Message, SessionId, TurnId};
use victor_session_protocol::TurnPolicy;

/// The work of a turn.
#[derive(Debug)]
pub enum TurnTask {
    /// Answers a message.
    Answer {
        /// The message.
        message: Message,
        /// Facts about the request, for prompt contributors and compaction strategies.
        facts: JsonMap,
        /// The form that the answer must have.
        output: Option<OutputContract>,
        /// Whether the turn [follows](crate::turn_of_key) from the message's idempotency key.
        is_keyed: bool,
        /// The policy that the caller has chosen for a session that is busy; otherwise the default.
        policy: Option<TurnPolicy>,
    },
    /// Goes on with a suspended turn.
    Resume {
        /// The turn.
        turn: Box<SuspendedTurn>,
        /// A person's decisions about the calls that wait for approval.
        approvals: Vec<Approval>,
    },
}

impl TurnTask {
    /// Returns the message that it answers.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        match self {
            Self::Answer { message, .. } => Some(message),
            Self::Resume { .. } => None,
        }
    }

    /// Whether it is a message that came under an idempotency key.
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        matches!(self, Self::Answer { is_keyed: true, .. })
    }

    /// Returns the facts about the request.
    #[must_use]
    pub fn facts(&self) -> Option<&JsonMap> {
        match self {
            Self::Answer { facts, .. } => Some(facts),
            Self::Resume { .. } => None,
        }
    }

    /// Returns the start of the turn, for the chat engine.
    #[must_use]
    pub fn into_start(self, session: SessionId, turn: TurnId, limits: TurnLimits) -> TurnStart {
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
