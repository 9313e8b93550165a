//! The handler of tool steps.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use victor_core::{SessionId, ToolCall, ToolOutcome, ToolResult, ToolSpec, TurnId};
use victor_tool_protocol::{
    ApprovalScope, GivenApproval, ShownPreview, ToolExecutor, ToolScope, Verdict,
};
use victor_workflow_protocol::{
    StepContext, StepError, StepHandler, StepOutcome, StepPause, ToolStep, Wait,
};

use crate::answer::Decision;
use crate::output;

/// The name of the handler that `tool` steps call.
pub const TOOL: &str = "tool";

/// Identifier of the call. A step makes one call, and is told from others by its idempotency key.
const CALL: &str = "step";

/// Calls the tools of an executor, under its policies and with its receipts.
///
/// Its input is a [`ToolStep`]. The calls of a run belong to one session, which has the name of the run.
#[derive(Debug)]
pub struct ToolHandler {
    tools: Arc<dyn ToolExecutor>,
}

impl ToolHandler {
    /// Creates a handler over an executor, such as that of an orchestrator.
    pub fn new(tools: Arc<dyn ToolExecutor>) -> Self {
        Self { tools }
    }
}

/// The state of a call that waits for a person.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Waiting {
    /// The question, to be asked again if the answer is none.
    prompt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<ShownPreview>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<Arc<ToolSpec>>,
    /// Whether the tool was approved; if not, the question is about that.
    is_approved: bool,
    /// Number of times that a person wanted a call which was cut off to run again.
    reruns: u32,
}

impl Waiting {
    fn ask(&self, call: &ToolCall, problem: Option<&str>) -> Result<StepOutcome, StepError> {
        let prompt: Vec<_> = problem.into_iter().chain([&*self.prompt]).collect();
        let mut shown = json!({ "tool": call.name, "arguments": call.arguments });
        if let Some(preview) = &self.preview {
            shown["preview"] = json!(preview);
        }
        let wait = Wait::Answer {
            prompt: prompt.join("\n"),
            show: json!({ "calls": [shown] }),
        };
        let state = serde_json::to_value(self).map_err(|error| {
            StepError::permanent("the call that waits cannot be kept").with_source(error)
        })?;
        Ok(StepPause::new(wait, state).into())
    }
}

#[async_trait]
impl StepHandler for ToolHandler {
    async fn call(&self, cx: &StepContext, input: Value) -> Result<StepOutcome, StepError> {
        let step: ToolStep = serde_json::from_value(input).map_err(|error| {
            StepError::permanent(format!("the input is no call of a tool: {error}"))
        })?;
        let arguments = match &step.arguments {
            Value::Null => String::new(),
            arguments => arguments.to_string(),
        };
        let mut call = ToolCall::new(CALL, step.name, arguments);
        let mut waiting = Waiting::default();
        if let Some(answer) = &cx.answer {
            waiting = serde_json::from_value(answer.state.clone()).map_err(|error| {
                StepError::permanent(format!("the call that has waited cannot be read: {error}"))
            })?;
            match Decision::read(&answer.answer) {
                Err(problem) => return waiting.ask(&call, Some(&problem)),
                Ok(decision) if !decision.approved => {
                    let message =
                        format!("tool `{}` was not called: {}", call.name, decision.reason());
                    return Err(StepError::permanent(message));
                }
                Ok(_) if waiting.is_approved => waiting.reruns += 1,
                Ok(_) => waiting.is_approved = true,
            }
        }
        call.idempotency_key = key(cx, waiting.reruns);
        let mut scope = ToolScope::new(SessionId::new(cx.run.to_string()), TurnId::generate());
        if waiting.is_approved {
            call.evidence.clone_from(&waiting.evidence);
            let approval =
                GivenApproval::new(CALL, ApprovalScope::Call, waiting.definition.clone());
            scope.approvals = vec![approval.with_evidence(waiting.evidence.clone())];
        }
        let verdicts = self
            .tools
            .review_tool_calls(std::slice::from_ref(&call), &scope)
            .await;
        match verdicts
            .into_iter()
            .next()
            .unwrap_or_else(Verdict::undecided)
        {
            Verdict::Run => {}
            Verdict::Ask {
                question,
                preview,
                evidence,
                definition,
                ..
            } => {
                let asked = Waiting {
                    prompt: question,
                    preview,
                    evidence,
                    definition,
                    is_approved: false,
                    reruns: waiting.reruns,
                };
                return asked.ask(&call, None);
            }
            refused => {
                let reason = refused
                    .refusal(&call)
                    .map(|result| result.text().into_owned());
                let message = format!(
                    "tool `{}` was not called: {}",
                    call.name,
                    reason.unwrap_or_default()
                );
                return Err(StepError::permanent(message));
            }
        }
        let running = self.tools.run_tool_calls(vec![call.clone()], &scope);
        let result = running.result_of(&call, |_| {}).await;
        finish(&call, &result, waiting)
    }
}

/// The idempotency key of a call: the same for attempts that were cut off, and another one for the attempt after a
/// failure, since the receipt of that one says that it failed.
fn key(cx: &StepContext, reruns: u32) -> String {
    match cx.failures + reruns {
        0 => cx.idempotency_key.clone(),
        again => format!("{}#{again}", cx.idempotency_key),
    }
}

/// The outcome of a step whose call has ended.
fn finish(
    call: &ToolCall,
    result: &ToolResult,
    waiting: Waiting,
) -> Result<StepOutcome, StepError> {
    let text = result.text();
    match &result.outcome {
        ToolOutcome::Success => Ok(output::of_parts(&text, &result.content).into()),
        ToolOutcome::Interrupted => {
            let asked = Waiting {
                prompt: format!("{text}. Is it to run again?"),
                is_approved: true,
                ..waiting
            };
            asked.ask(call, None)
        }
        ToolOutcome::Denied | ToolOutcome::Rejected => Err(StepError::permanent(format!(
            "tool `{}` was not called: {text}",
            call.name
        ))),
        _ => Err(StepError::new(format!(
            "tool `{}` failed: {text}",
            call.name
        ))),
    }
}
