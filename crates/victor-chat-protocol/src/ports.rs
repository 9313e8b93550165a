//! The ports through which a turn acts.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{BoxError, Message, ToolCall};
use victor_provider_protocol::CompletionStream;
use victor_tool_protocol::{GivenApproval, ToolResults, Verdict};

use crate::{AnyJson, CheckOutput as _, ModelCallError, OutputContract, SuspendedTurn, TooLong};

/// The ports through which a turn acts on the world; one value for each turn.
///
/// Implemented by the orchestrator, which joins the other coordinators behind it; called by the
/// [`ChatEngine`](crate::ChatEngine), one call at a time.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TurnPorts: fmt::Debug + Send + Sync {
    /// Asks the model to go on with the conversation as it is stored.
    ///
    /// # Errors
    ///
    /// No request was made, for a reason that the same call would meet again: the turn fails. A context that cannot be
    /// made to fit is such a reason. What goes wrong with a request that was made is in the stream; where that is too
    /// long, the turn calls again with what was [told](ModelCall::too_long).
    async fn call_model(&self, call: &ModelCall) -> Result<CompletionStream, ModelCallError>;

    /// Decides what becomes of each call, in the order of the calls. Nothing runs. Calls that a person has approved
    /// are reviewed once more, with the approvals as evidence.
    async fn review_tools(&self, calls: &[ToolCall], approvals: &[GivenApproval]) -> Vec<Verdict>;

    /// Runs calls that were cleared. Dropping the results ends the calls that still run.
    fn run_tools(&self, calls: Vec<ToolCall>) -> ToolResults;

    /// Whether an answer has the form that was asked for. By default it is enough that it is JSON.
    ///
    /// # Errors
    ///
    /// Message to a model whose answer does not fit.
    fn check_output(&self, _contract: &OutputContract, text: &str) -> Result<(), String> {
        AnyJson.check(text)
    }

    /// Adds messages to the conversation, all or none. Messages that are already there, by their identifiers, are
    /// not added again, so that a turn can be resumed whatever happened to its last commit.
    ///
    /// In the same step, the turn's place in the journal is taken by `open`, where it can be taken up again after this,
    /// or is empty if the turn has nothing more to do. It is absent where nothing is [journaled](Self::persists_turns).
    ///
    /// # Errors
    ///
    /// They could not be stored; the turn ends, since the model must not be paid for what would be lost.
    async fn commit(
        &self,
        messages: &[Arc<Message>],
        open: Option<SuspendedTurn>,
    ) -> Result<(), BoxError>;

    /// Whether turns are stored between their steps, so that another process can resume them. Defaults to `false`.
    fn persists_turns(&self) -> bool {
        false
    }

    /// Keeps where a turn is that has nothing to commit: before tools run, and when it waits for a person.
    ///
    /// # Errors
    ///
    /// It could not be stored; the turn ends before the tools run, since they would run twice after a crash.
    async fn journal(&self, _open: &SuspendedTurn) -> Result<(), BoxError> {
        Ok(())
    }

    /// Adds messages to the conversation, if there are any, when the turn has been dropped and nothing can be awaited
    /// any more. What is journaled of the turn is gone then.
    fn abandon(&self, messages: Vec<Arc<Message>>);
}

/// A wish to ask the model.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ModelCall {
    /// Number of the call in the turn, from 1.
    pub number: u32,
    /// Whether the model may call tools.
    pub tools: bool,
    /// Notes to the model beside the conversation, this once, without storing them.
    pub note: Option<String>,
    /// The form that the answer must have; any if absent.
    pub output: Option<OutputContract>,
    /// The refusal of the same request, if the provider said that it is too long: the context must shrink before it is
    /// sent again.
    pub too_long: Option<TooLong>,
}
