//! Decides what becomes of a call.

use std::sync::Arc;

use serde_json::Value;
use tracing::{debug, warn};
use victor_core::{ToolCall, ToolSpec, contain_sync};
use victor_guard::Fault;
use victor_text::escaped;
use victor_tool_protocol::{
    ApprovalPolicy, ApprovalRequest, GivenApproval, Preview, ShownPreview, ToolScope, Verdict,
};

use crate::arguments;
use crate::registry::Registered;
use crate::run::{Runner, tool_context};

/// The name of the approval policy in the health.
pub(crate) const POLICY: &str = "approval policy";

/// The most characters of a preview that are kept for a person. Nobody reads more.
const PREVIEW_CHARS: usize = 100_000;

/// The review of calls within one scope.
pub(crate) struct Review<'a> {
    pub(crate) runner: &'a Runner,
    pub(crate) policy: &'a dyn ApprovalPolicy,
    pub(crate) scope: &'a ToolScope,
}

impl Review<'_> {
    /// Decides about a call: by its tool and arguments, by the policy, and by the approval that a person has given.
    pub(crate) async fn verdict(&self, call: &ToolCall) -> Verdict {
        let (tool, arguments) = match self.check(call) {
            Ok(checked) => checked,
            Err(reason) => {
                debug!(call = %call.id, %reason, "tool call rejected");
                return Verdict::Reject { reason };
            }
        };
        let session = self.scope.session.clone();
        let request = ApprovalRequest::new(session, call.clone(), tool.spec.clone());
        let verdict = self.decide(&request).await;
        let Verdict::Ask { question, .. } = verdict else {
            return verdict;
        };
        let preview = self.preview(&tool, call, &arguments).await;
        let evidence = preview.as_ref().map(evidence);
        let mut given = self.scope.approvals.iter();
        let question = match given.find(|given| given.call == call.id) {
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
                let remembered = contain_sync(|| self.policy.approved(&request, given.scope));
                if let Err(panicked) = remembered {
                    self.runner.problems.report(POLICY, &panicked);
                }
                return Verdict::Run;
            }
        };
        let shown = preview.map(|preview| shown(&preview.text));
        Verdict::ask(question).with_evidence(shown, evidence, tool.spec.clone())
    }

    /// Returns the tool of a call and its arguments, or an error for the model.
    fn check(&self, call: &ToolCall) -> Result<(Arc<Registered>, Value), String> {
        let tool = self.runner.registry.find(&call.name)?;
        let arguments = Value::Object(arguments::parse(call, &tool.spec)?);
        contain_sync(|| arguments::check(&arguments, &tool)).unwrap_or_else(|panicked| {
            Err(format!(
                "the arguments of `{}` could not be checked: {panicked}",
                call.name
            ))
        })?;
        Ok((tool, arguments))
    }

    /// Asks the policy. One that fails denies.
    async fn decide(&self, request: &ApprovalRequest) -> Verdict {
        let Runner {
            options, problems, ..
        } = self.runner;
        let call = &request.call;
        let review = victor_guard::call(options.review_timeout, || self.policy.review(request));
        let fault = match review.await {
            Ok(verdict) => {
                problems.clear(POLICY);
                return verdict;
            }
            Err(fault) => fault,
        };
        warn!(call = %call.id, "approval policy {fault}");
        problems.report(POLICY, &fault);
        Verdict::Deny {
            reason: format!(
                "`{}` was not run, because the approval policy {fault}",
                call.name
            ),
        }
    }

    /// Makes the preview of a call. A tool that fails to in time has none.
    async fn preview(
        &self,
        tool: &Registered,
        call: &ToolCall,
        arguments: &Value,
    ) -> Option<Preview> {
        let context = tool_context(call, self.scope);
        let limit = self.runner.options.review_timeout;
        let preview = victor_guard::call(limit, || tool.tool.preview(&context, arguments));
        match preview.await {
            Ok(preview) => preview,
            Err(Fault::Panicked(panicked)) => {
                self.runner.problems.report(&*tool.component, &panicked);
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
