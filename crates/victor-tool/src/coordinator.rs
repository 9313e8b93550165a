//! The coordinator of tools.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Coordinator, Health, Problems, SessionId, ToolCall, ToolSpec, contain_sync};
use victor_guard::join_all;
use victor_tool_protocol::{
    ApprovalPolicy, RegisterError, Tool, ToolExecutor, ToolResults, ToolScope, Verdict,
};

use crate::registry::Registry;
use crate::results::{Cache, ReadResult, Stores};
use crate::review::{POLICY, Review};
use crate::run::{self, Runner};
use crate::{EffectPolicy, ToolCoordinatorBuilder, ToolOptions};

/// Holds the tools, reviews calls and runs them.
///
/// - **Review.** A call is rejected, with words by which the model can do better, if no tool has its name or its
///   arguments are not JSON or do not fit the schema, which was compiled when the tool was registered. Then the
///   [`ApprovalPolicy`] decides; one that panics or takes too long denies. A call that a person has approved is decided
///   about once more: what is denied by then stays denied, and if the tool has become another one or would do something
///   else than the person was shown, the person is asked again. A preview comes with the question, with hidden
///   characters escaped; of one that has more than 100,000 characters, beginning, end and the number of those between.
/// - **Run.** The calls of one message run in tasks of their own, up to
///   [`max_concurrent_calls`](ToolOptions::max_concurrent_calls) at a time; a single call runs in the caller's task.
///   An error is reported with its causes, and a panic is contained and shown in [`health`](Coordinator::health)
///   until the tool has run without one.
/// - **Limits.** A call of a [sequential](victor_tool_protocol::ToolLimits::sequential) tool runs alone among those of
///   its message. Where a tool [limits](victor_tool_protocol::ToolLimits::max_concurrent) its calls over all sessions,
///   they come in the order in which they asked; that wait is not part of the time that a call may take. A call that is
///   made from within a call of the same tool, by an agent that is itself a tool, runs under the permit of that call.
///   Agents that wait for each other's tools crosswise end at their time limits.
/// - **Time.** A call ends after its time limit without a [sign of life](victor_tool_protocol::ToolContext::heartbeat),
///   and after [`total_timeout`](ToolOptions::total_timeout) in any case. A tool that blocks its thread cannot be
///   ended, and work that a tool has spawned goes on behind its back; the model is told that the call has ended. Of the
///   progress of each call, the newest is reported, four times a second at most.
/// - **Retrying.** As [`ToolRetryOptions`](crate::ToolRetryOptions) say.
/// - **Memory.** The result of a read-only call may be [given again](victor_tool_protocol::ToolLimits::cache_for) in
///   its session, until this coordinator begins a call that may change something, in whatever session: tools act on one
///   world. Errors are not remembered. Of equal calls at the same time, one runs.
/// - **Receipts.** With a [store](ToolCoordinatorBuilder::receipts), a call that may change something runs once.
/// - **Large results.** A text that is too long loses its middle; with a [store](ToolCoordinatorBuilder::results), the
///   model can read it page by page.
/// - **Registry.** The [specs](ToolExecutor::specs) are in the order of registration, and are as they were when the
///   tool was registered: a tool that changes its mind later is not believed.
///
/// Running calls needs a tokio runtime with time enabled.
///
/// # Cancel safety
///
/// Nothing runs before the [`ToolResults`] are polled first. Dropping them aborts the calls that run, which then end
/// at their next await point, and the others never start. A receipt of a call that was aborted says that it has begun.
#[derive(Debug)]
#[doc(alias = "IToolCoordinator")]
pub struct ToolCoordinator {
    runner: Arc<Runner>,
    policy: Arc<dyn ApprovalPolicy>,
}

impl ToolCoordinator {
    /// A coordinator without tools, with the default options, that runs every call.
    #[must_use]
    pub fn new() -> Self {
        let policy = Arc::new(EffectPolicy::run_everything());
        Self::from_parts(ToolOptions::default(), policy, Stores::default())
    }

    /// Begins to build a coordinator.
    pub fn builder() -> ToolCoordinatorBuilder {
        ToolCoordinatorBuilder::default()
    }

    pub(crate) fn from_parts(
        options: ToolOptions,
        policy: Arc<dyn ApprovalPolicy>,
        mut stores: Stores,
    ) -> Self {
        let problems = Arc::new(Problems::default());
        stores.timeout = options.store_timeout;
        stores.problems = Arc::clone(&problems);
        let runner = Runner {
            options,
            registry: Registry::default(),
            problems,
            cache: Cache::default(),
            stores: Arc::new(stores),
        };
        Self {
            runner: Arc::new(runner),
            policy,
        }
    }

    /// Registers the tool by which a model reads results that were too long.
    pub(crate) fn register_read_result(&self) -> Result<(), RegisterError> {
        let stores = Arc::clone(&self.runner.stores);
        let tool = ReadResult::new(stores, self.runner.options.max_output_bytes);
        self.runner.registry.register(Arc::new(tool), true)
    }
}

impl Default for ToolCoordinator {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Coordinator for ToolCoordinator {
    fn name(&self) -> &str {
        "tool"
    }

    fn health(&self) -> Health {
        self.runner.problems.health(self.name())
    }

    fn reset(&self, session: &SessionId) {
        self.runner.cache.forget(session);
        self.runner.stores.forget(session);
        if let Err(panicked) = contain_sync(|| self.policy.forget(session)) {
            self.runner.problems.report(POLICY, &panicked);
        }
    }

    async fn shutdown(&self) {
        self.runner.stores.forgotten().await;
    }
}

#[async_trait]
impl ToolExecutor for ToolCoordinator {
    fn register(&self, tool: Arc<dyn Tool>) -> Result<(), RegisterError> {
        self.runner.registry.register(tool, false)
    }

    fn unregister(&self, name: &str) -> bool {
        let was_there = self.runner.registry.unregister(name);
        // The next tool of the name is another one.
        self.runner.cache.clear();
        was_there
    }

    fn specs(&self) -> Arc<[ToolSpec]> {
        self.runner.registry.specs()
    }

    async fn review_tool_calls(&self, calls: &[ToolCall], scope: &ToolScope) -> Vec<Verdict> {
        let review = Review {
            runner: &self.runner,
            policy: &*self.policy,
            scope,
        };
        join_all(calls.iter().map(|call| review.verdict(call))).await
    }

    fn run_tool_calls(&self, calls: Vec<ToolCall>, scope: &ToolScope) -> ToolResults {
        run::start(Arc::clone(&self.runner), calls, scope)
    }
}
