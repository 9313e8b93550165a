//! The error of operations on a session.

use victor_chat_protocol::ChatError;
use victor_checkpoint_protocol::CheckpointError;
use victor_context_protocol::ContextError;
use victor_core::{BoxError, CheckpointId, CoordinatorError, Panicked, SessionId, with_causes};
use victor_mode_guard::SessionModeError;
use victor_mode_protocol::ModeError;
use victor_session_protocol::SessionError;

/// The error of an operation on a session that is no turn: a checkpoint, an undo, a fork, a compaction, a deletion, a
/// look for open turns. Unless the operation says otherwise, the session is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionOpError {
    /// The orchestrator was built without the coordinator that the operation needs.
    #[error("{what} are not configured: {hint}")]
    NotConfigured {
        /// The missing ability, in the plural.
        what: &'static str,
        /// The call of the builder that adds it.
        hint: &'static str,
    },
    /// The checkpoint belongs to another session.
    #[error(
        "checkpoint `{checkpoint}` is of session `{owner}`, not of `{session}`: fork it into a new session"
    )]
    WrongSession {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// The session that was to go back to it.
        session: SessionId,
        /// The session that it belongs to.
        owner: SessionId,
    },
    /// Another turn or process works on the session, or has written to it meanwhile.
    #[error("the session is in use: try again when the other turn has ended")]
    Conflict {
        /// The other one, and since when.
        #[source]
        source: SessionError,
    },
    /// The session cannot be used, or its store does not work.
    #[error(transparent)]
    Session(SessionError),
    /// The checkpoint cannot be used, or its store does not work.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The context cannot be made to fit.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The session was left in a mode that this orchestrator does not have, so it cannot be held to it.
    #[error(
        "the session was left in mode `{mode}`, and what that denies is not known here: add the mode, or switch the \
         session to another one"
    )]
    UnknownMode {
        /// The mode.
        mode: String,
        /// The modes that there are.
        #[source]
        source: ModeError,
    },
    /// The configuration of a session that begins names a mode that this orchestrator does not have.
    #[error(
        "{origin} has the session begin in mode `{mode}`, which cannot be: add the mode, or name another one"
    )]
    FirstMode {
        /// The mode.
        mode: String,
        /// The source of the setting.
        origin: String,
        /// The modes that there are.
        #[source]
        source: ModeError,
    },
    /// The journal of the session's open turn cannot be read.
    #[error("the open turn of session `{session}` cannot be resumed: its journal cannot be read")]
    OpenTurn {
        /// The session.
        session: SessionId,
        /// The reason.
        #[source]
        source: BoxError,
    },
    /// A coordinator could not start. The next operation tries again.
    #[error(transparent)]
    Start(#[from] CoordinatorError),
    /// The caller runs outside of a tokio runtime, or in one without timers.
    #[error(
        "a tokio runtime with time enabled is needed: build it with `enable_all`, or use `#[tokio::main]`"
    )]
    Runtime,
    /// The orchestrator was shut down.
    #[error("the orchestrator was shut down")]
    ShutDown,
    /// A coordinator panicked.
    #[error("the operation broke off")]
    Panicked(#[from] Panicked),
}

impl SessionOpError {
    /// Returns the error and its causes in one line.
    #[must_use]
    pub fn report(&self) -> String {
        with_causes(self)
    }
}

/// Returns the error of a turn, as a conflict if it could not be stored because somebody else has the session, and as
/// one of a store that cannot be reached where that is so.
#[must_use]
pub fn as_session_error(error: ChatError) -> ChatError {
    let ChatError::Commit { source, turn } = error else {
        return error;
    };
    match source.downcast_ref() {
        Some(SessionError::Unavailable { .. }) => ChatError::Unavailable {
            source,
            turn: Some(turn),
        },
        Some(error) if SessionError::is_conflict(error) => {
            let turn = Some(turn);
            ChatError::Conflict { source, turn }
        }
        _ => ChatError::Commit { source, turn },
    }
}

impl From<SessionError> for SessionOpError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::ShutDown => Self::ShutDown,
            source if source.is_conflict() => Self::Conflict { source },
            error => Self::Session(error),
        }
    }
}

impl From<SessionModeError> for SessionOpError {
    fn from(error: SessionModeError) -> Self {
        match error {
            SessionModeError::Unknown { mode, source } => Self::UnknownMode { mode, source },
            SessionModeError::First {
                mode,
                origin,
                source,
            } => Self::FirstMode {
                mode,
                origin,
                source,
            },
            SessionModeError::Session(error) => error.into(),
            SessionModeError::Panicked(panicked) => panicked.into(),
        }
    }
}

/// The error of a turn whose session could not be opened.
impl From<SessionOpError> for ChatError {
    fn from(error: SessionOpError) -> Self {
        use SessionOpError as Op;
        let (coordinator, source): (_, BoxError) = match error {
            Op::ShutDown => return Self::ShutDown,
            Op::Panicked(panicked) => return panicked.into(),
            Op::Conflict { source } => {
                let source = source.into();
                return Self::Conflict { source, turn: None };
            }
            Op::Start(CoordinatorError {
                coordinator,
                source,
            }) => {
                return Self::Start {
                    coordinator,
                    source,
                };
            }
            Op::OpenTurn { source, .. } => {
                let reason = format!("its journal cannot be read: {source}");
                return Self::Resume { reason };
            }
            Op::Session(error @ SessionError::Unavailable { .. }) => {
                let source = error.into();
                return Self::Unavailable { source, turn: None };
            }
            Op::Session(error) => ("session", error.into()),
            Op::Context(error) => ("context", error.into()),
            error @ (Op::UnknownMode { .. } | Op::FirstMode { .. }) => ("mode", error.into()),
            error @ Op::Runtime => ("runtime", error.into()),
            error => ("checkpoint", error.into()),
        };
        Self::Setup {
            coordinator,
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use victor_chat_protocol::ChatErrorKind;

    use super::*;

    /// An operation fails with this report, and a turn for the same reason with that one.
    #[track_caller]
    fn check(error: impl Into<SessionOpError>, report: &str, kind: &ChatErrorKind, of_turn: &str) {
        let error = error.into();
        assert_eq!(error.report(), report);
        let error = ChatError::from(error);
        assert_eq!(error.kind(), *kind);
        assert_eq!(error.report(), of_turn);
    }

    #[test]
    fn an_operation_and_a_turn_say_the_same_in_their_own_words() {
        use ChatErrorKind::{Conflict, Coordinator, Fault, Input, ShutDown, Unavailable};
        let session = || SessionId::new("s");
        let restarting = SessionError::Unavailable {
            message: "it restarts".into(),
            source: None,
        };
        check(
            restarting,
            "the session store cannot be reached at this moment: it restarts",
            &Unavailable,
            "the conversation's store cannot be reached: send the message again: the session store cannot be reached at \
             this moment: it restarts",
        );
        check(
            SessionError::Busy(session()),
            "the session is in use: try again when the other turn has ended: session `s` is busy: a turn runs in it",
            &Conflict,
            "somebody else has the session: send the message again: session `s` is busy: a turn runs in it",
        );
        check(
            SessionError::ShutDown,
            "the orchestrator was shut down",
            &ShutDown,
            "the orchestrator was shut down",
        );
        check(
            SessionError::store("disk full"),
            "the session store failed: disk full",
            &Coordinator,
            "the turn could not begin: session failed: the session store failed: disk full",
        );
        check(
            CheckpointError::store("disk full"),
            "the checkpoint store failed: disk full",
            &Coordinator,
            "the turn could not begin: checkpoint failed: the checkpoint store failed: disk full",
        );
        check(
            CoordinatorError {
                coordinator: "prompt".to_owned(),
                source: "no template".into(),
            },
            "coordinator `prompt` could not start: no template",
            &Coordinator,
            "coordinator `prompt` could not start: no template",
        );
        check(
            SessionOpError::UnknownMode {
                mode: "audit".to_owned(),
                source: ModeError::InvalidName("audit".to_owned()),
            },
            "the session was left in mode `audit`, and what that denies is not known here: add the mode, or switch the \
             session to another one: `audit` is no name for a mode: use 1 to 64 ASCII letters, digits, `_` and `-`",
            &Coordinator,
            "the turn could not begin: mode failed: the session was left in mode `audit`, and what that denies is not \
             known here: add the mode, or switch the session to another one: `audit` is no name for a mode: use 1 to \
             64 ASCII letters, digits, `_` and `-`",
        );
        check(
            SessionOpError::OpenTurn {
                session: session(),
                source: "no JSON".into(),
            },
            "the open turn of session `s` cannot be resumed: its journal cannot be read: no JSON",
            &Input,
            "the turn cannot be taken up again: its journal cannot be read: no JSON",
        );
        check(
            Panicked {
                message: "out of cheese".to_owned(),
            },
            "the operation broke off: panicked: out of cheese",
            &Fault,
            "the turn broke off: panicked: out of cheese",
        );
    }
}
