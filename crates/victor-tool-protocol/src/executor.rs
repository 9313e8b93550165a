//! The role of the tool coordinator.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_core::{
    Coordinator, SessionId, ToolCall, ToolCallId, ToolResult, ToolSpec, TraceContext, TurnId,
};

use crate::results::missing_result;
use crate::{GivenApproval, RegisterError, Tool, ToolResults, Verdict};

/// The role of the coordinator that holds the tools and runs the calls.
///
/// Called by the orchestrator, from many tasks at once.
#[async_trait]
pub trait ToolExecutor: Coordinator {
    /// Offers a tool from now on.
    ///
    /// # Errors
    ///
    /// The name or the schema is not fit for use, or the name is taken.
    fn register(&self, tool: Arc<dyn Tool>) -> Result<(), RegisterError>;

    /// Offers the tool of this name no longer, and says whether there was one. Calls that run go on. A tool that is
    /// registered under the name later is another one: what was approved for the old one does not count for it.
    fn unregister(&self, name: &str) -> bool;

    /// Every tool there is, in a stable order, so that the provider's prompt cache holds.
    fn specs(&self) -> Arc<[ToolSpec]>;

    /// Decides what becomes of each call, in the order of the calls. Nothing runs. Calls that a person has approved
    /// are reviewed once more, with the [`approvals`](ToolScope::approvals) as evidence.
    async fn review_tool_calls(&self, calls: &[ToolCall], scope: &ToolScope) -> Vec<Verdict>;

    /// Runs calls that were reviewed, in parallel. Every call has exactly one result; a call that fails, panics or
    /// takes too long has one that says so, and the others are unaffected.
    fn run_tool_calls(&self, calls: Vec<ToolCall>, scope: &ToolScope) -> ToolResults;

    /// Reviews calls and runs them, and returns the results in the order of the calls. A call that a person would
    /// have to be asked about is denied, since nobody is asked here.
    async fn execute_tool_calls(&self, calls: &[ToolCall], scope: &ToolScope) -> Vec<ToolResult> {
        let verdicts = self.review_tool_calls(calls, scope).await;
        let mut results: Vec<Option<ToolResult>> = vec![None; calls.len()];
        let mut cleared: Vec<ToolCall> = Vec::new();
        let mut places = Vec::new();
        for (place, (call, verdict)) in calls.iter().zip(verdicts).enumerate() {
            results[place] = verdict.refusal(call);
            if results[place].is_none() {
                let mut call = call.clone();
                // Results are told apart by their calls, whose identifiers a model may use again.
                while cleared.iter().any(|other| other.id == call.id) {
                    call.id = ToolCallId::new(format!("{}#{place}", call.id));
                }
                cleared.push(call);
                places.push(place);
            }
        }
        let ids: Vec<_> = cleared.iter().map(|call| call.id.clone()).collect();
        let mut finished = self.run_tool_calls(cleared, scope);
        while let Some(mut result) = finished.next_result().await {
            let place = ids.iter().position(|id| *id == result.call_id);
            if let Some(place) = place.map(|place| places[place])
                && results[place].is_none()
            {
                result.call_id.clone_from(&calls[place].id);
                results[place] = Some(result);
            }
        }
        calls
            .iter()
            .zip(results)
            .map(|(call, result)| result.unwrap_or_else(|| missing_result(call)))
            .collect()
    }
}

/// The session and turn of calls, and their limits.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ToolScope {
    /// The session.
    pub session: SessionId,
    /// The turn.
    pub turn: TurnId,
    /// The time limit of one call; that of the executor if absent.
    pub timeout: Option<Duration>,
    /// Approvals that a person has given for the calls under review.
    pub approvals: Vec<GivenApproval>,
    /// The place of the turn in a distributed trace. Each call is given the place below it that has the call's
    /// idempotency key.
    pub trace: Option<TraceContext>,
}

impl ToolScope {
    /// A scope of this turn of this session, within the limits of the executor.
    #[must_use]
    pub fn new(session: SessionId, turn: TurnId) -> Self {
        Self {
            session,
            turn,
            timeout: None,
            approvals: Vec::new(),
            trace: None,
        }
    }
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`ToolExecutor`], made by mockall.
    #[derive(Debug)]
    pub ToolExecutor {}

    #[async_trait]
    impl Coordinator for ToolExecutor {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &victor_core::SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl ToolExecutor for ToolExecutor {
        fn register(&self, tool: Arc<dyn Tool>) -> Result<(), RegisterError>;
        fn unregister(&self, name: &str) -> bool;
        fn specs(&self) -> Arc<[ToolSpec]>;
        async fn review_tool_calls(&self, calls: &[ToolCall], scope: &ToolScope) -> Vec<Verdict>;
        fn run_tool_calls(&self, calls: Vec<ToolCall>, scope: &ToolScope) -> ToolResults;
        async fn execute_tool_calls(&self, calls: &[ToolCall], scope: &ToolScope) -> Vec<ToolResult>;
    }
}
