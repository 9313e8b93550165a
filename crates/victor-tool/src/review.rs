//! Decides what becomes of a call.

use std::sync::Arc;

use serde_json::Value;
use tracing::{debug, warn};
use victor_core::{ToolCall, ToolSpec, contain_sync};
use victor_text::escaped;
use victor_tool_protocol::{
    ApprovalPolicy, ApprovalRequest, GivenApproval, Preview, ShownPreview, ToolScope, Verdict,
};

use crate::arguments;
use crate::guarded::guard;
use crate::registry::Registered;
use crate::run::{Runner, context};

/// The part of the health that speaks of the approval policy.
pub(crate) const POLICY: &str = "approval policy";

/// The most characters of a preview that are kept for a person. Nobody reads more.
const PREVIEW_CHARS: usize = 100_000;

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
        let verdict = self.decide(policy, &request).await;
        let Verdict::Ask { question, .. } = verdict else {
            return verdict;
        };
        let preview = self.preview(&tool, call, &arguments, scope).await;
        let evidence = preview.as_ref().map(evidence);
        let question = match given {
            None => question,
            Some(given) if !is_about(given, &request.spec) => format!(
                "`{}` has become another tool since it was approved: {question}",
                call.name
            ),
            Some(given) if given.evidence.is_some() && given.evidence != evidence => format!(
                "`{}` would do something else than what was approved, since something has changed: {question}",
                call.name
            ),
            Some(given) => {
                let remembered = contain_sync(|| policy.approved(&request, given.scope));
                if let Err(panicked) = remembered {
                    self.problems.report(POLICY, &panicked);
                }
                return Verdict::Run;
            }
        };
        let shown = preview.map(|preview| shown(&preview.text));
        Verdict::ask(question).with_evidence(shown, evidence, tool.spec.clone())
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
    ) -> Option<Preview> {
        let cx = context(call, scope);
        let shown = guard(|| tool.tool.preview(&cx, arguments));
        let shown = tokio::time::timeout(self.options.review_timeout, shown).await;
        match shown {
            Ok(Ok(shown)) => shown,
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

/// The digest by which two previews are compared.
fn evidence(preview: &Preview) -> String {
    preview.evidence.clone().unwrap_or_else(|| {
        let digest = hmac_sha256::Hash::hash(preview.text.as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    })
}

/// A preview as a person is shown it.
fn shown(text: &str) -> ShownPreview {
    let mut shown = ShownPreview::new(text, PREVIEW_CHARS);
    shown.head = escaped(&shown.head).into_owned();
    shown.tail = escaped(&shown.tail).into_owned();
    shown
}
