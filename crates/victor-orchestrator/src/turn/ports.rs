//! The ports of a turn, where coordinators meet that know nothing of each other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_chat_protocol::{
    AnyJson, ChatError, ChatResponse, CheckOutput, ModelCall, ModelCallError, OutputContract,
    SuspendedTurn, TurnPorts, TurnStart,
};
use victor_core::{BoxError, JsonMap, Message, ToolCall, contain};
use victor_provider_protocol::CompletionStream;
use victor_rewind::{SessionCheckpoints, TurnCheckpoints};
use victor_session_loader::{SessionLoader, TurnWriter};
use victor_session_protocol::{SessionManagerExt as _, TurnLease};
use victor_tool_protocol::{GivenApproval, ToolResults, ToolScope, Verdict};
use victor_turn_request::{RequestMaker, TurnRequests, TurnScope};

use crate::roles::Roles;

/// The parts that all turns share.
#[derive(Debug, Clone)]
pub(crate) struct TurnParts {
    pub(crate) roles: Arc<Roles>,
    pub(crate) sessions: Arc<SessionLoader>,
    pub(crate) checkpoints: Arc<SessionCheckpoints>,
    pub(crate) requests: Arc<RequestMaker>,
}

/// The ports of one turn.
#[derive(Debug)]
pub(super) struct SessionPorts {
    roles: Arc<Roles>,
    requests: TurnRequests,
    writer: TurnWriter,
    checkpoints: TurnCheckpoints,
    check: Option<Arc<dyn CheckOutput>>,
}

impl SessionPorts {
    pub(super) fn new(
        parts: &TurnParts,
        requests: TurnRequests,
        lease: Arc<TurnLease>,
        facts: Option<JsonMap>,
        check: Option<Arc<dyn CheckOutput>>,
    ) -> Self {
        let TurnScope { config, events, .. } = &requests.scope;
        Self {
            roles: parts.roles.clone(),
            writer: TurnWriter::new(parts.sessions.clone(), lease, events.turn(), facts),
            checkpoints: TurnCheckpoints::new(parts.checkpoints.clone(), events.clone())
                .enabled(config.settings.enable_checkpoints),
            requests,
            check,
        }
    }

    /// Has the chat engine run a turn through these ports.
    pub(super) async fn run(self, start: TurnStart) -> Result<ChatResponse, ChatError> {
        let (chat, events) = (self.roles.chat.clone(), self.scope().events.clone());
        chat.run_turn(start, Arc::new(self), &events).await
    }

    fn scope(&self) -> &TurnScope {
        &self.requests.scope
    }

    fn tool_scope(&self) -> ToolScope {
        let TurnScope { config, trace, .. } = self.scope();
        let mut scope = ToolScope::new(self.scope().session().clone(), self.scope().turn());
        scope.timeout = config
            .is_set("tool_calling_timeout")
            .then(|| Duration::from_secs(config.settings.tool_calling_timeout));
        scope.trace.clone_from(trace);
        scope
    }

    async fn write(
        &self,
        messages: &[Arc<Message>],
        open: Option<SuspendedTurn>,
    ) -> Result<(), BoxError> {
        let written = self.writer.write(messages, open.as_ref());
        written.await?;
        self.checkpoints.note_open(open);
        Ok(())
    }
}

#[async_trait]
impl TurnPorts for SessionPorts {
    async fn call_model(&self, call: &ModelCall) -> Result<CompletionStream, ModelCallError> {
        // Snapshots share their messages, so this copies some pointers.
        let (context, session) = (&self.roles.context, self.scope().session());
        let has_checkpoints = self.roles.checkpoint.is_some();
        let before = has_checkpoints.then(|| context.context(session));
        let next = self.requests.next(call).await?;
        if let Some(report) = next.compaction {
            if let Some(before) = before {
                self.checkpoints.before_compaction(before).await;
            }
            self.scope().compacted(report).await;
        }
        Ok(self.roles.provider.stream_chat(next.request))
    }

    async fn review_tools(&self, calls: &[ToolCall], approvals: &[GivenApproval]) -> Vec<Verdict> {
        let mut scope = self.tool_scope();
        scope.approvals = approvals.to_vec();
        let tools = &self.roles.tool;
        match contain(tools.review_tool_calls(calls, &scope)).await {
            Ok(verdicts) => {
                self.checkpoints
                    .before_calls(|| tools.specs(), calls, &verdicts)
                    .await;
                verdicts
            }
            Err(panicked) => {
                let reason = format!("the tool executor {panicked}");
                vec![Verdict::Deny { reason }; calls.len()]
            }
        }
    }

    fn run_tools(&self, calls: Vec<ToolCall>) -> ToolResults {
        let tools = &self.roles.tool;
        tools.run_tool_calls(calls, &self.tool_scope())
    }

    fn check_output(&self, _: &OutputContract, text: &str) -> Result<(), String> {
        // Without a check, the turn was resumed by somebody who did not say what the answer is read as.
        self.check.as_deref().unwrap_or(&AnyJson).check(text)
    }

    async fn commit(
        &self,
        messages: &[Arc<Message>],
        open: Option<SuspendedTurn>,
    ) -> Result<(), BoxError> {
        self.write(messages, open).await?;
        self.checkpoints.after_calls(messages).await;
        Ok(())
    }

    fn persists_turns(&self) -> bool {
        let roles = &self.roles;
        roles.session.persists_turns() || roles.checkpoint.is_some()
    }

    async fn journal(&self, open: &SuspendedTurn) -> Result<(), BoxError> {
        self.write(&[], Some(open.clone())).await
    }

    fn abandon(&self, messages: Vec<Arc<Message>>) {
        self.writer.abandon(messages);
    }
}
