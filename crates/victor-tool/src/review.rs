//! Decides what becomes of a call.

use std::sync::Arc;

use serde_json::Value;
use tracing::{debug, warn};
use victor_core::{ToolCall, ToolSpec, contain_sync};
use victor_tool_protocol::{ApprovalPolicy, ApprovalRequest, GivenApproval, ToolScope, Verdict};

use crate::arguments;
use crate::guarded::guard;
use crate::registry::Registered;
use crate::run::{Runner, context};
use crate::words::displayed;

/// The part of the health that speaks of the approval policy.
pub(crate) const POLICY: &str = "approval policy";

/// How many characters of a preview a person is shown.
const PREVIEW_CHARS: usize = 20_000;

impl Runner {
    pub(crate) async fn review(
        &self,
        policy: &dyn ApprovalPolicy,
        call: &ToolCall,
        scope: &ToolScope,
    ) -> Verdict {
        let (tool, arguments) = match self.checked(call) {
            Ok(checked) => checked,
            Err(reason) => {
                debug!(call = %call.id, %reason, "tool call rejected");
                return Verdict::Reject { reason };
            }
        };
        let request = ApprovalRequest::new(scope.session.clone(), call.clone(), tool.spec.clone());
        let given = scope.approvals.iter().find(|given| given.call == call.id);
        match (self.decide(policy, &request).await, given) {
            (Verdict::Ask { .. }, Some(given)) if is_about(given, &request.spec) => {
                let remembered = contain_sync(|| policy.approved(&request, given.scope));
                if let Err(panicked) = remembered {
                    self.problems.report(POLICY, &panicked);
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
                let shown = self.preview(&tool, call, &arguments, scope).await;
                Verdict::ask(question).with_evidence(shown, tool.spec.clone())
            }
            (verdict, _) => verdict,
        }
    }

    /// The tool of a call and arguments that fit, or what the model is told.
    fn checked(&self, call: &ToolCall) -> Result<(Arc<Registered>, Value), String> {
        let tool = self.registry.find(&call.name)?;
        let arguments = Value::Object(arguments::parse(call, &tool.spec)?);
        contain_sync(|| arguments::check(&arguments, &tool)).unwrap_or_else(|panicked| {
            Err(format!(
                "the arguments of `{}` could not be checked: {panicked}",
                call.name
            ))
        })?;
        Ok((tool, arguments))
    }

    /// What the policy says.
    async fn decide(&self, policy: &dyn ApprovalPolicy, request: &ApprovalRequest) -> Verdict {
        let call = &request.call;
        let limit = self.options.review_timeout;
        let review = guard(|| policy.review(request));
        let problem = match tokio::time::timeout(limit, review).await {
            Ok(Ok(verdict)) => {
                self.problems.clear(POLICY);
                return verdict;
            }
            Ok(Err(panicked)) => panicked.to_string(),
            Err(_) => format!("did not decide within {limit:?}"),
        };
        warn!(call = %call.id, "approval policy {problem}");
        self.problems.report(POLICY, &problem);
        Verdict::Deny {
            reason: format!(
                "`{}` was not run, because what decides about it failed: the approval policy {problem}",
                call.name
            ),
        }
    }

    /// What a call would do, as its tool shows it to a person. A tool that cannot tell in time shows nothing.
    async fn preview(
        &self,
        tool: &Registered,
        call: &ToolCall,
        arguments: &Value,
        scope: &ToolScope,
    ) -> Option<String> {
        let cx = context(call, scope);
        let shown = guard(|| tool.tool.preview(&cx, arguments));
        let shown = tokio::time::timeout(self.options.review_timeout, shown).await;
        match shown {
            Ok(Ok(shown)) => Some(displayed(&shown?, PREVIEW_CHARS)),
            Ok(Err(panicked)) => {
                self.problems.report(&*tool.part, &panicked);
                None
            }
            Err(_) => None,
        }
    }
}

/// Whether an approval was given for the tool as it is now.
fn is_about(given: &GivenApproval, spec: &ToolSpec) -> bool {
    (given.definition.as_deref()).is_none_or(|definition| definition == spec)
}
