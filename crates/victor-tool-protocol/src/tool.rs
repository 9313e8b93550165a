//! The extension point for tools.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;
use victor_core::{Part, SessionId, ToolCallId, ToolSpec, TurnId};

use crate::ToolError;

/// Something that a model can have done.
///
/// Implemented by whoever has something to offer to a model; called by the [`ToolExecutor`](crate::ToolExecutor), from
/// many tasks at once, also twice at the same time with the same arguments.
///
/// A tool need not defend itself: the executor checks the arguments against the schema, ends a call that takes too
/// long, contains a panic and cuts an output that is too large. It must not block the thread for long; blocking work
/// belongs on `tokio::task::spawn_blocking` or the like.
///
/// # Cancel safety
///
/// A call is cancelled by dropping its future, at any await point: at the time limit, or with the turn. A tool that
/// has something to undo undoes it in the `Drop` of a value that the future holds.
#[cfg_attr(not(feature = "mock"), doc(alias = "BaseTool"))]
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Tool: fmt::Debug + Send + Sync + 'static {
    /// What the tool is. Always the same.
    fn spec(&self) -> &ToolSpec;

    /// Does it. `arguments` is a JSON object that fits the schema.
    ///
    /// # Errors
    ///
    /// The model is told every error in words, and the turn goes on.
    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError>;
}

/// On whose behalf a tool is called.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ToolContext {
    /// The session.
    pub session: SessionId,
    /// The turn.
    pub turn: TurnId,
    /// The call.
    pub call: ToolCallId,
    /// The same for every attempt at this call: pass it on to services that know such keys.
    pub idempotency_key: String,
}

impl ToolContext {
    /// The context of a call.
    pub fn new(
        session: SessionId,
        turn: TurnId,
        call: ToolCallId,
        idempotency_key: impl Into<String>,
    ) -> Self {
        Self {
            session,
            turn,
            call,
            idempotency_key: idempotency_key.into(),
        }
    }
}

/// What a tool gives back.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ToolOutput {
    /// What the model is told: text, pictures, documents.
    pub content: Vec<Part>,
}

impl From<Vec<Part>> for ToolOutput {
    fn from(content: Vec<Part>) -> Self {
        Self { content }
    }
}

impl From<String> for ToolOutput {
    fn from(text: String) -> Self {
        vec![Part::text(text)].into()
    }
}

impl From<&str> for ToolOutput {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Value> for ToolOutput {
    /// The JSON as text.
    fn from(value: Value) -> Self {
        value.to_string().into()
    }
}
