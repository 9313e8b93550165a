//! The role of the chat coordinator.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use victor_core::{Coordinator, Message, SessionId, TurnId};

use crate::{
    Approval, ChatError, ChatResponse, EventSink, OutputContract, SuspendedTurn, TurnPorts,
};

/// The role of the coordinator that works a turn: it decides what happens next, and has it done through the ports.
#[async_trait]
pub trait ChatEngine: Coordinator {
    /// Works a turn to its end.
    ///
    /// It emits an event for everything that happens, but neither [`TurnFinished`](crate::TurnFinished) nor
    /// [`TurnFailed`](crate::TurnFailed), which follow from what it returns.
    ///
    /// # Errors
    ///
    /// The turn failed; the error holds the turn where it can be taken up again.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, what the turn had said and done is handed to [`TurnPorts::abandon`], in a form that
    /// leaves a valid conversation. When the sink is cancelled, the turn ends in order, with an outcome that says so.
    async fn run_turn(
        &self,
        start: TurnStart,
        ports: Arc<dyn TurnPorts>,
        events: &EventSink,
    ) -> Result<ChatResponse, ChatError>;
}

/// Beginning of a turn.
#[derive(Debug, Clone)]
pub enum TurnStart {
    /// With a message of the user.
    Begin {
        /// The session.
        session: SessionId,
        /// The new turn's identifier.
        turn: TurnId,
        /// Message of the user.
        input: Message,
        /// Limits of the turn.
        limits: TurnLimits,
        /// The form that the answer must have; any if absent.
        output: Option<OutputContract>,
    },
    /// State in which it was suspended.
    Resume {
        /// The turn.
        turn: Box<SuspendedTurn>,
        /// Decisions of a person about the calls that wait for approval.
        approvals: Vec<Approval>,
    },
}

/// Limits of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TurnLimits {
    /// Number of rounds of tool calls before the model must answer without tools. Defaults to 20.
    pub max_tool_iterations: u32,
    /// Number of calls of the same tool with the same arguments in one turn. Defaults to 3.
    pub max_identical_calls: u32,
    /// Number of times that a model that answers with nothing is asked again. Defaults to 1.
    pub max_empty_answers: u32,
    /// Number of times that a model that pauses on its own side may go on. Defaults to 10.
    pub max_pauses: u32,
    /// Number of tool calls of the turn. The model is told when few are left; calls beyond it are answered without
    /// being run, and then it must answer without tools. Any number by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tool_calls: Option<u32>,
    /// Number of tokens of requests and answers that the turn may use before the model answers without tools. What one
    /// answer uses is known only afterwards, so the last answers may go beyond it. Any number by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self {
            max_tool_iterations: 20,
            max_identical_calls: 3,
            max_empty_answers: 1,
            max_pauses: 10,
            max_tool_calls: None,
            max_tokens: None,
        }
    }
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`ChatEngine`], made by mockall.
    #[derive(Debug)]
    pub ChatEngine {}

    #[async_trait]
    impl Coordinator for ChatEngine {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl ChatEngine for ChatEngine {
        async fn run_turn(
            &self,
            start: TurnStart,
            ports: Arc<dyn TurnPorts>,
            events: &EventSink,
        ) -> Result<ChatResponse, ChatError>;
    }
}
