//! Errors of turns.

use victor_core::{BoxError, ToolResult, Usage, with_causes};
use victor_provider_protocol::{ProviderError, ProviderErrorKind};

use crate::SuspendedTurn;

/// A turn failed. What it had done until then is in the conversation, and where it can be taken up again, the error
/// holds it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// The model could not be asked, or did not answer, after all attempts.
    #[error("the model call failed")]
    Provider {
        /// Error of the provider.
        #[source]
        source: Box<ProviderError>,
        /// The turn, which goes on with the same model call when it is taken up again.
        turn: Box<SuspendedTurn>,
    },
    /// The conversation could not be stored. What the turn had not stored is in `turn`.
    #[error("the conversation could not be stored")]
    Commit {
        /// Why not.
        #[source]
        source: BoxError,
        /// The turn, which stores what is missing when it is taken up again.
        turn: Box<SuspendedTurn>,
    },
    /// Somebody else works on the session, or has written to it meanwhile. If the turn had begun, `turn` holds what it
    /// has done and could not store ([`SuspendedTurn::executed`]); it cannot be taken up again.
    #[error("somebody else has the session: send the message again")]
    Conflict {
        /// Error that names the holder, and since when it holds the session.
        #[source]
        source: BoxError,
        /// The turn, if it had begun.
        turn: Option<Box<SuspendedTurn>>,
    },
    /// The store of the conversation could not be reached for too long. Whether the turn's last write has happened is
    /// unknown; a message that is sent again under the same [key](crate::ChatInput::with_key) is answered once all the
    /// same.
    #[error("the conversation's store cannot be reached: send the message again")]
    Unavailable {
        /// Error of the store.
        #[source]
        source: BoxError,
        /// The turn, if it had begun. It stores what is missing when it is taken up again.
        turn: Option<Box<SuspendedTurn>>,
    },
    /// The conversation cannot be made to fit the model, so no request was sent.
    #[error("the conversation does not fit the model")]
    ContextTooLarge {
        /// Tokens of what may not be left out of the request.
        tokens: u64,
        /// The window of the model in tokens, if it is known.
        limit: Option<u64>,
        /// The largest part, and what would make it smaller.
        #[source]
        source: BoxError,
        /// The turn, which goes on with the same model call when it is resumed.
        turn: Box<SuspendedTurn>,
    },
    /// A coordinator failed before a model call, so no request was sent.
    #[error("the model could not be asked: {coordinator} failed")]
    NotAsked {
        /// The coordinator.
        coordinator: &'static str,
        /// The reason.
        #[source]
        source: BoxError,
        /// The turn, which goes on with the same model call when it is resumed.
        turn: Box<SuspendedTurn>,
    },
    /// A coordinator could not start. No model was asked; the next turn tries again.
    #[error("coordinator `{coordinator}` could not start")]
    Start {
        /// The name of the coordinator.
        coordinator: String,
        /// The reason.
        #[source]
        source: BoxError,
    },
    /// The turn could not begin: a coordinator that it needs does not work. No model was asked.
    #[error("the turn could not begin: {coordinator} failed")]
    Setup {
        /// The coordinator.
        coordinator: &'static str,
        /// The cause.
        #[source]
        source: BoxError,
    },
    /// The user said nothing.
    #[error("the message is empty: send some text, a picture or a document")]
    EmptyInput,
    /// The suspended turn cannot be taken up again.
    #[error("the turn cannot be taken up again: {reason}")]
    Resume {
        /// Why not.
        reason: String,
    },
    /// The orchestrator was shut down.
    #[error("the orchestrator was shut down")]
    ShutDown,
    /// A stream of events ended without a response and without an error.
    #[error("the stream ended before the turn was finished")]
    Incomplete,
    /// Code that should not panic did.
    #[error("the turn broke off")]
    Panicked(#[from] victor_core::Panicked),
}

/// The error of a model call that was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelCallError {
    /// The conversation cannot be made to fit the model.
    #[error("the conversation does not fit the model")]
    ContextTooLarge {
        /// Tokens of what may not be left out of the request.
        tokens: u64,
        /// The window of the model in tokens, if it is known.
        limit: Option<u64>,
        /// The largest part, and what would make it smaller.
        #[source]
        source: BoxError,
    },
    /// A coordinator failed.
    #[error("{coordinator} failed")]
    Coordinator {
        /// The coordinator.
        coordinator: &'static str,
        /// The reason.
        #[source]
        source: BoxError,
    },
    /// The provider took no request.
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

impl ModelCallError {
    /// Returns the error of the turn, which can be resumed at the same call.
    #[must_use]
    pub fn of_turn(self, turn: SuspendedTurn) -> ChatError {
        let turn = Box::new(turn);
        match self {
            Self::ContextTooLarge {
                tokens,
                limit,
                source,
            } => ChatError::ContextTooLarge {
                tokens,
                limit,
                source,
                turn,
            },
            Self::Coordinator {
                coordinator,
                source,
            } => ChatError::NotAsked {
                coordinator,
                source,
                turn,
            },
            Self::Provider(error) => ChatError::Provider {
                source: Box::new(error),
                turn,
            },
        }
    }
}

/// Kind of an error, for coarse decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChatErrorKind {
    /// The model, with the class of the provider's error.
    Provider(ProviderErrorKind),
    /// A conversation that does not fit the model: a shorter message, fewer tools or a larger window helps.
    ContextTooLarge,
    /// A store or another coordinator.
    Coordinator,
    /// Somebody else who works on the session: it helps to send the message again.
    Conflict,
    /// A store that cannot be reached at this moment: it helps to send the message again later.
    Unavailable,
    /// Input of the caller.
    Input,
    /// The end of the orchestrator's life.
    ShutDown,
    /// A fault in code.
    Fault,
}

impl ChatError {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ChatErrorKind {
        match self {
            Self::Provider { source, .. } => ChatErrorKind::Provider(source.kind.clone()),
            Self::ContextTooLarge { .. } => ChatErrorKind::ContextTooLarge,
            Self::Commit { .. }
            | Self::NotAsked { .. }
            | Self::Start { .. }
            | Self::Setup { .. } => ChatErrorKind::Coordinator,
            Self::Conflict { .. } => ChatErrorKind::Conflict,
            Self::Unavailable { .. } => ChatErrorKind::Unavailable,
            Self::EmptyInput | Self::Resume { .. } => ChatErrorKind::Input,
            Self::ShutDown => ChatErrorKind::ShutDown,
            Self::Incomplete | Self::Panicked(_) => ChatErrorKind::Fault,
        }
    }

    /// Returns the class of the error, one word to count by: the class of the provider's error, such as `rate_limit`,
    /// and otherwise `context_too_large`, `coordinator`, `conflict`, `unavailable`, `input`, `shut_down` or `fault`.
    #[must_use]
    pub fn class(&self) -> &str {
        match self {
            Self::Provider { source, .. } => source.kind.as_str(),
            Self::ContextTooLarge { .. } => "context_too_large",
            Self::Commit { .. }
            | Self::NotAsked { .. }
            | Self::Start { .. }
            | Self::Setup { .. } => "coordinator",
            Self::Conflict { .. } => "conflict",
            Self::Unavailable { .. } => "unavailable",
            Self::EmptyInput | Self::Resume { .. } => "input",
            Self::ShutDown => "shut_down",
            Self::Incomplete | Self::Panicked(_) => "fault",
        }
    }

    /// Returns the name of the coordinator that failed, where one did.
    #[must_use]
    pub fn coordinator(&self) -> Option<&str> {
        match self {
            Self::Provider { .. } => Some("provider"),
            Self::ContextTooLarge { .. } => Some("context"),
            Self::Commit { .. } | Self::Conflict { .. } | Self::Unavailable { .. } => {
                Some("session")
            }
            Self::NotAsked { coordinator, .. } | Self::Setup { coordinator, .. } => {
                Some(coordinator)
            }
            Self::Start { coordinator, .. } => Some(coordinator),
            _ => None,
        }
    }

    /// The turn, where it can be taken up again, or tells what it has done.
    #[must_use]
    pub fn turn(&self) -> Option<&SuspendedTurn> {
        match self {
            Self::Conflict { turn, .. } | Self::Unavailable { turn, .. } => turn.as_deref(),
            Self::Provider { turn, .. }
            | Self::Commit { turn, .. }
            | Self::ContextTooLarge { turn, .. }
            | Self::NotAsked { turn, .. } => Some(turn),
            _ => None,
        }
    }

    /// The turn, to be taken up again.
    #[must_use]
    pub fn into_turn(self) -> Option<SuspendedTurn> {
        match self {
            Self::Provider { turn, .. }
            | Self::Commit { turn, .. }
            | Self::ContextTooLarge { turn, .. }
            | Self::NotAsked { turn, .. } => Some(*turn),
            Self::Unavailable { turn, .. } => turn.map(|turn| *turn),
            _ => None,
        }
    }

    /// Results of the tool calls that have run, or may have, and are not in the conversation.
    #[must_use]
    pub fn executed(&self) -> &[ToolResult] {
        self.turn().map_or(&[], |turn| &turn.executed)
    }

    /// Returns the usage of the turn before it failed, as far as it is known.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.turn()
            .map(|turn| turn.usage.clone())
            .unwrap_or_default()
    }

    /// The error and everything beneath it in one line.
    #[must_use]
    pub fn report(&self) -> String {
        with_causes(self)
    }
}
