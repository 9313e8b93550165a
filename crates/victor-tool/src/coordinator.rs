//! The coordinator of tools.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::Value;
use tracing::{Span, debug, warn};
use victor_core::{Coordinator, Health, ToolCall, ToolSpec, contain, contain_sync};
use victor_tool_protocol::{
    ApprovalPolicy, ApprovalRequest, GivenApproval, RegisterError, Tool, ToolExecutor, ToolResults,
    ToolScope, Verdict,
};

use crate::run::Runner;
use crate::{EffectPolicy, ToolCoordinatorBuilder, ToolOptions, arguments, run};

/// The part of the health that speaks of the approval policy.
const POLICY: &str = "approval policy";

/// Holds the tools, decides which calls run, and runs them.
///
/// - **Review.** A call is rejected, with words by which the model can do better, if no tool has its name or its
///   arguments are not JSON or do not fit the schema, which was compiled when the tool was registered. Then the
///   [`ApprovalPolicy`] decides; one that panics or takes too long denies.
/// - **Run.** The calls of one message run in tasks of their own, up to
///   [`max_concurrent_calls`](ToolOptions::max_concurrent_calls) at a time; a single call runs in the caller's task.
///   Each has a time limit. An error is told with everything beneath it, a panic is contained and shown in
///   [`health`](Coordinator::health) until the tool has run without one, and a text that is too long loses its middle.
/// - **Registry.** The [specs](ToolExecutor::specs) are in the order of registration, and are as they were when the
///   tool was registered: a tool that changes its mind later is not believed.
///
/// Running calls needs a tokio runtime with time enabled.
///
/// # Cancel safety
///
/// Nothing runs before the [`ToolResults`] are polled first. Dropping them aborts the calls that run, which then end
/// at their next await point, and the others never start.
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
        Self::from_parts(
            ToolOptions::default(),
            Arc::new(EffectPolicy::run_everything()),
        )
    }

    /// Puts a coordinator together.
    pub fn builder() -> ToolCoordinatorBuilder {
        ToolCoordinatorBuilder::default()
    }

    pub(crate) fn from_parts(options: ToolOptions, policy: Arc<dyn ApprovalPolicy>) -> Self {
        let runner = Runner {
            options,
            ..Runner::default()
        };
        Self {
            runner: Arc::new(runner),
            policy,
        }
    }

    async fn review(&self, call: &ToolCall, scope: &ToolScope) -> Verdict {
        let checked = self.runner.registry.find(&call.name).and_then(|tool| {
            let arguments = Value::Object(arguments::parse(call, &tool.spec)?);
            contain_sync(|| arguments::check(&arguments, &tool)).unwrap_or_else(|panicked| {
                Err(format!(
                    "the arguments of `{}` could not be checked: {panicked}",
                    call.name
                ))
            })?;
            Ok(tool)
        });
        let tool = match checked {
            Ok(tool) => tool,
            Err(reason) => {
                debug!(call = %call.id, %reason, "tool call rejected");
                return Verdict::Reject { reason };
            }
        };
        let request = ApprovalRequest::new(scope.session.clone(), call.clone(), tool.spec.clone());
        let given = scope.approvals.iter().find(|given| given.call == call.id);
        match (self.decide(&request).await, given) {
            (Verdict::Ask { .. }, Some(given)) if is_about(given, &request.spec) => {
                let remembered = contain_sync(|| self.policy.approved(&request, given.scope));
                if let Err(panicked) = remembered {
                    self.runner.problems.report(POLICY, &panicked);
                }
                Verdict::Run
            }
            (Verdict::Ask { question, .. }, given) => {
                let question = match given {
                    Some(_) => format!(
                        "`{}` has become another tool since it was approved: {question}",
                        call.name
                    ),
                    None => question,
                };
                let shown = self.runner.preview(&tool, call, scope).await;
                Verdict::ask(question).with_evidence(shown, tool.spec.clone())
            }
            (verdict, _) => verdict,
        }
    }

    /// What the policy says.
    async fn decide(&self, request: &ApprovalRequest) -> Verdict {
        let call = &request.call;
        let problems = &self.runner.problems;
        let limit = self.runner.options.review_timeout;
        // The block drops the review within the containment, so that a panic of a `Drop` is contained too.
        let review = async {
            let review = async { self.policy.review(request).await };
            tokio::time::timeout(limit, review).await
        };
        let problem = match contain(review).await {
            Ok(Ok(verdict)) => {
                problems.clear(POLICY);
                return verdict;
            }
            Ok(Err(_)) => format!("did not decide within {limit:?}"),
            Err(panicked) => panicked.to_string(),
        };
        warn!(call = %call.id, "approval policy {problem}");
        problems.report(POLICY, &problem);
        Verdict::Deny {
            reason: format!(
                "`{}` was not run, because what decides about it failed: the approval policy {problem}",
                call.name
            ),
        }
    }
}

/// Whether an approval was given for the tool as it is now.
fn is_about(given: &GivenApproval, spec: &ToolSpec) -> bool {
    (given.definition.as_deref()).is_none_or(|definition| definition == spec)
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
}

#[async_trait]
impl ToolExecutor for ToolCoordinator {
    fn register(&self, tool: Arc<dyn Tool>) -> Result<(), RegisterError> {
        self.runner.registry.register(tool)
    }

    fn unregister(&self, name: &str) -> bool {
        self.runner.registry.unregister(name)
    }

    fn specs(&self) -> Arc<[ToolSpec]> {
        self.runner.registry.specs()
    }

    async fn review_tool_calls(&self, calls: &[ToolCall], scope: &ToolScope) -> Vec<Verdict> {
        join_all(calls.iter().map(|call| self.review(call, scope))).await
    }

    fn run_tool_calls(&self, calls: Vec<ToolCall>, scope: &ToolScope) -> ToolResults {
        run::results(
            Arc::clone(&self.runner),
            calls,
            scope.clone(),
            Span::current(),
        )
    }
}
