//! Faults of everything that is not a model.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult};
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointError, CheckpointStore, History, HistoryLink,
};
use victor_config_protocol::{ConfigError, ConfigMap, ConfigProvider};
use victor_context_protocol::{CompactionBudget, CompactionError, CompactionStrategy};
use victor_core::{CheckpointId, Context, Messages, SessionId, ToolSpec};
use victor_prompt_protocol::{Contribution, PromptContext, PromptContributor, PromptError};
use victor_session_protocol::{
    LeaseChange, OpenTurn, SessionCommit, SessionError, SessionInfo, SessionPatch, SessionQuery,
    SessionStanding, SessionStore, TranscriptEntry,
};
use victor_tool_protocol::{
    ApprovalPolicy, ApprovalRequest, ApprovalScope, Preview, Tool, ToolContext, ToolError,
    ToolLimits, ToolOutput, Verdict,
};
use victor_tool_selection_protocol::{SelectionError, SelectionRequest, ToolSelectionStrategy};

use super::{Faulty, INJECTED};

/// Fault in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It fails, and does nothing. A policy, which cannot fail, denies.
    Error,
    /// It panics, and does nothing.
    Panic,
    /// It never returns, and does nothing.
    Hang,
    /// It waits so long, by the clock of tokio, and then does what it should.
    Slow(Duration),
    /// It does what it should, and then fails all the same: the answer got lost.
    ErrorAfterwards,
    /// It does what it should, and then never returns.
    HangAfterwards,
}

impl<T> Faulty<T> {
    /// Makes a call, with the fault if it is due.
    pub(super) async fn run<R, E>(
        &self,
        call: impl Future<Output = Result<R, E>>,
        error: impl FnOnce(&'static str) -> E,
    ) -> Result<R, E> {
        match self.strike() {
            None => call.await,
            Some(Fault::Error) => Err(error(INJECTED)),
            Some(Fault::Panic) => panic!("{INJECTED}"),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Slow(delay)) => {
                tokio::time::sleep(*delay).await;
                call.await
            }
            Some(Fault::ErrorAfterwards) => call.await.and(Err(error(INJECTED))),
            Some(Fault::HangAfterwards) => {
                call.await?;
                std::future::pending().await
            }
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Tool> Tool for Faulty<T> {
    fn spec(&self) -> &ToolSpec {
        self.inner.spec()
    }

    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        self.run(self.inner.call(cx, arguments), ToolError::failed)
            .await
    }

    async fn preview(&self, cx: &ToolContext, arguments: &Value) -> Option<Preview> {
        self.inner.preview(cx, arguments).await
    }

    fn limits(&self) -> ToolLimits {
        self.inner.limits()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: ToolSelectionStrategy> ToolSelectionStrategy for Faulty<T> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn score(
        &self,
        request: &SelectionRequest,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<f32>, SelectionError> {
        self.run(self.inner.score(request, tools), SelectionError::new)
            .await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: ApprovalPolicy> ApprovalPolicy for Faulty<T> {
    fn approved(&self, request: &ApprovalRequest, scope: ApprovalScope) {
        self.inner.approved(request, scope);
    }

    fn forget(&self, session: &SessionId) {
        self.inner.forget(session);
    }

    async fn review(&self, request: &ApprovalRequest) -> Verdict {
        let review = async { Ok(self.inner.review(request).await) };
        self.run(review, str::to_owned)
            .await
            .unwrap_or_else(|reason| Verdict::Deny { reason })
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: ConfigProvider> ConfigProvider for Faulty<T> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn priority(&self) -> i32 {
        self.inner.priority()
    }

    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
        self.run(self.inner.get_config(session), |why| {
            ConfigError::new(self.name(), why)
        })
        .await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: PromptContributor> PromptContributor for Faulty<T> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn priority(&self) -> i32 {
        self.inner.priority()
    }

    fn revision(&self) -> u64 {
        self.inner.revision()
    }

    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
        self.run(self.inner.get_contribution(cx), PromptError::new)
            .await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: CompactionStrategy> CompactionStrategy for Faulty<T> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn max_request_tokens(&self) -> Option<u64> {
        self.inner.max_request_tokens()
    }

    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        self.run(self.inner.compact(context, budget), CompactionError::new)
            .await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: AnalyticsExporter> AnalyticsExporter for Faulty<T> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        self.run(self.inner.export(events), ExportError::new).await
    }

    async fn shutdown(&self) {
        let shutdown = async {
            self.inner.shutdown().await;
            Ok(())
        };
        // A shutdown that fails says so to nobody.
        self.run(shutdown, drop).await.unwrap_or_default();
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: SessionStore> SessionStore for Faulty<T> {
    async fn create_with(
        &self,
        session: &SessionInfo,
        entries: &[TranscriptEntry],
    ) -> Result<(), SessionError> {
        self.run(
            self.inner.create_with(session, entries),
            SessionError::store,
        )
        .await
    }

    async fn create(&self, session: &SessionInfo) -> Result<(), SessionError> {
        self.run(self.inner.create(session), SessionError::store)
            .await
    }

    async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        self.run(
            self.inner.commit(session, expected, commit),
            SessionError::store,
        )
        .await
    }

    async fn append(
        &self,
        session: &SessionId,
        expected: u64,
        entries: &[TranscriptEntry],
    ) -> Result<u64, SessionError> {
        self.run(
            self.inner.append(session, expected, entries),
            SessionError::store,
        )
        .await
    }

    fn persists_turns(&self) -> bool {
        self.inner.persists_turns()
    }

    fn leases(&self) -> bool {
        self.inner.leases()
    }

    async fn standing(&self, session: &SessionId) -> Result<Option<SessionStanding>, SessionError> {
        self.run(self.inner.standing(session), SessionError::store)
            .await
    }

    async fn change_lease(
        &self,
        session: &SessionId,
        change: &LeaseChange,
    ) -> Result<(), SessionError> {
        let call = self.inner.change_lease(session, change);
        self.run(call, SessionError::store).await
    }

    async fn wait_in_line(
        &self,
        session: &SessionId,
        waiter: &str,
        time: Duration,
    ) -> Result<bool, SessionError> {
        let call = self.inner.wait_in_line(session, waiter, time);
        self.run(call, SessionError::store).await
    }

    async fn leave_line(&self, session: &SessionId, waiter: &str) -> Result<(), SessionError> {
        let call = self.inner.leave_line(session, waiter);
        self.run(call, SessionError::store).await
    }

    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError> {
        self.run(self.inner.open_turn(session), SessionError::store)
            .await
    }

    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError> {
        self.run(self.inner.open_turns(), SessionError::store).await
    }

    async fn update(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.run(self.inner.update(session, patch), SessionError::store)
            .await
    }

    async fn find(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError> {
        self.run(self.inner.find(query), SessionError::store).await
    }

    async fn load(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Vec<TranscriptEntry>, SessionError> {
        self.run(self.inner.load(session, from), SessionError::store)
            .await
    }

    async fn info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError> {
        self.run(self.inner.info(session), SessionError::store)
            .await
    }

    async fn list(&self) -> Result<Vec<SessionInfo>, SessionError> {
        self.run(self.inner.list(), SessionError::store).await
    }

    async fn clear(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.run(self.inner.clear(session, patch), SessionError::store)
            .await
    }

    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError> {
        self.run(self.inner.delete(session), SessionError::store)
            .await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: CheckpointStore> CheckpointStore for Faulty<T> {
    async fn save(
        &self,
        checkpoint: &Checkpoint,
        links: &[HistoryLink],
    ) -> Result<(), CheckpointError> {
        self.run(self.inner.save(checkpoint, links), CheckpointError::store)
            .await
    }

    async fn load(&self, id: CheckpointId) -> Result<Checkpoint, CheckpointError> {
        self.run(self.inner.load(id), CheckpointError::store).await
    }

    async fn messages(&self, history: &History) -> Result<Messages, CheckpointError> {
        self.run(self.inner.messages(history), CheckpointError::store)
            .await
    }

    async fn list(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError> {
        self.run(self.inner.list(session), CheckpointError::store)
            .await
    }

    async fn delete(&self, ids: &[CheckpointId]) -> Result<usize, CheckpointError> {
        self.run(self.inner.delete(ids), CheckpointError::store)
            .await
    }
}
