//! The extension point for the agents of steps.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use victor_chat_protocol::{Approval, ChatResponse, SuspendedTurn, TurnStream};
use victor_core::{ModelId, SessionId};

use crate::StepError;

/// Has the turns of `agent` steps.
///
/// Implemented by what composes agents, such as the orchestrator; called by the handler of these steps, for many of
/// them at once. Each step has a conversation of its own, named by [`AgentRequest::session`].
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait StepAgent: fmt::Debug + Send + Sync + 'static {
    /// Begins the turn of a step, or goes on with it: where the process of an earlier attempt has ended, what its turn
    /// has done is not done again, as far as the store of conversations has it.
    ///
    /// # Errors
    ///
    /// The agent cannot have the turn as the request wants it, or the store of conversations failed.
    async fn turn(&self, request: AgentRequest) -> Result<AgentTurn, StepError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: StepAgent + ?Sized> StepAgent for Arc<T> {
    victor_core::forward! {
        async fn turn(&self, request: AgentRequest) -> Result<AgentTurn, StepError>;
    }
}

/// The request of a turn, for the agent of a step. What is absent is as the agent has it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AgentRequest {
    /// The conversation, the same for every attempt at the step.
    pub session: SessionId,
    /// The message.
    pub prompt: String,
    /// The mode.
    pub mode: Option<String>,
    /// The model.
    pub model: Option<ModelId>,
    /// The names of the tools that may be used, or patterns of names.
    pub tools: Option<Vec<String>>,
    /// The largest number of tokens that the turn may use.
    pub max_tokens: Option<u64>,
    /// Whether an earlier attempt may have begun the turn.
    pub is_repeated: bool,
    /// The turn that has waited for a person, with the decisions about its tool calls.
    pub resumes: Option<(SuspendedTurn, Vec<Approval>)>,
}

impl AgentRequest {
    /// Creates the request of a turn in a conversation, with a message.
    pub fn new(session: impl Into<SessionId>, prompt: impl Into<String>) -> Self {
        Self {
            session: session.into(),
            prompt: prompt.into(),
            mode: None,
            model: None,
            tools: None,
            max_tokens: None,
            is_repeated: false,
            resumes: None,
        }
    }

    /// Whether the agent is to be as it is: no mode, model, tools or limit of the step's own.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.mode.is_none()
            && self.model.is_none()
            && self.tools.is_none()
            && self.max_tokens.is_none()
    }
}

/// A turn of a step, as its agent has it.
#[derive(Debug)]
#[non_exhaustive]
pub enum AgentTurn {
    /// It goes on while the stream is polled.
    Runs(Box<TurnStream>),
    /// It has waited for a person already when an earlier attempt ended.
    Waits(Box<SuspendedTurn>),
    /// It had ended already when an earlier attempt did.
    Ended(Box<ChatResponse>),
}
