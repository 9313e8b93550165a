//! The handler of agent steps.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_chat_protocol::{ChatError, ChatErrorKind, ChatResponse, SuspendedTurn, TurnOutcome};
use victor_core::UnknownName;
use victor_workflow_protocol::{
    AgentRequest, AgentStep, AgentTurn, StepAgent, StepContext, StepError, StepHandler,
    StepOutcome, StepPause, Wait,
};

use crate::answer::Decision;
use crate::output;

/// The name of the handler that `agent` steps call.
pub const AGENT: &str = "agent";

/// Has the turns of agent steps.
///
/// Its input is an [`AgentStep`]. A step that names no agent has its turn with the one that the handler was made with.
#[derive(Debug)]
pub struct AgentHandler {
    default: Box<dyn StepAgent>,
    named: BTreeMap<String, Box<dyn StepAgent>>,
}

impl AgentHandler {
    /// Creates a handler with the agent of steps that name none.
    pub fn new(agent: impl StepAgent) -> Self {
        Self {
            default: Box::new(agent),
            named: BTreeMap::new(),
        }
    }

    /// Adds an agent for the steps that name it, in place of an earlier one.
    #[must_use]
    pub fn agent(mut self, name: impl Into<String>, agent: impl StepAgent) -> Self {
        self.named.insert(name.into(), Box::new(agent));
        self
    }

    fn find(&self, name: Option<&str>) -> Result<&dyn StepAgent, StepError> {
        let Some(name) = name else {
            return Ok(&*self.default);
        };
        let agent = self.named.get(name);
        agent.map(|agent| &**agent).ok_or_else(|| {
            let unknown = UnknownName::new("agent", name, self.named.keys());
            StepError::permanent(unknown.to_string())
        })
    }
}

#[async_trait]
impl StepHandler for AgentHandler {
    async fn call(&self, cx: &StepContext, input: Value) -> Result<StepOutcome, StepError> {
        let step: AgentStep = serde_json::from_value(input).map_err(|error| {
            StepError::permanent(format!("the input is no turn of an agent: {error}"))
        })?;
        let agent = self.find(step.agent.as_deref())?;
        let mut request = AgentRequest::new(cx.idempotency_key.as_str(), step.prompt);
        request.mode = step.mode;
        request.model = step.model.map(Into::into);
        request.tools = step.tools;
        request.max_tokens = step.max_tokens;
        request.is_repeated = cx.attempt > 1;
        if let Some(answer) = &cx.answer {
            let turn: SuspendedTurn =
                serde_json::from_value(answer.state.clone()).map_err(|error| {
                    StepError::permanent(format!(
                        "the turn that has waited cannot be read: {error}"
                    ))
                })?;
            match Decision::read(&answer.answer) {
                Ok(decision) => {
                    let approvals = decision.about(&turn.approvals);
                    request.resumes = Some((turn, approvals));
                }
                Err(problem) => return ask(&turn, Some(&problem)),
            }
        }
        let response = match agent.turn(request).await? {
            AgentTurn::Runs(stream) => stream.response().await.map_err(step_error)?,
            AgentTurn::Ended(response) => *response,
            AgentTurn::Waits(turn) => return ask(&turn, None),
            _ => {
                return Err(StepError::permanent(
                    "the agent is of a later version than the handler",
                ));
            }
        };
        finish(&response)
    }
}

/// The outcome of a step whose turn has ended or waits.
fn finish(response: &ChatResponse) -> Result<StepOutcome, StepError> {
    match (&response.outcome, &response.suspended) {
        (TurnOutcome::AwaitingApproval, Some(turn)) => ask(turn, None),
        (TurnOutcome::Completed | TurnOutcome::ToolLimit, _) => {
            let mut output = output::of_text(&response.content());
            output["outcome"] = json!(response.outcome);
            output["usage"] = json!(response.usage);
            Ok(output.into())
        }
        (outcome, _) => {
            let said = response.content();
            let said: String = said.chars().take(500).collect();
            let said = if said.is_empty() {
                said
            } else {
                format!(": {said}")
            };
            Err(StepError::permanent(format!(
                "the turn of the agent ended as {outcome}{said}"
            )))
        }
    }
}

/// Asks a person about the calls that wait.
fn ask(turn: &SuspendedTurn, problem: Option<&str>) -> Result<StepOutcome, StepError> {
    let questions: Vec<_> = turn
        .approvals
        .iter()
        .map(|asked| asked.question.as_str())
        .collect();
    let prompt: Vec<_> = problem.into_iter().chain(questions).collect();
    let calls = turn.approvals.iter().map(|asked| {
        let mut call = json!({
            "id": asked.call.id,
            "tool": asked.call.name,
            "arguments": asked.call.arguments,
            "question": asked.question,
        });
        if let Some(preview) = &asked.preview {
            call["preview"] = json!(preview);
        }
        call
    });
    let wait = Wait::Answer {
        prompt: prompt.join("\n"),
        show: json!({ "calls": calls.collect::<Vec<_>>() }),
    };
    let state = serde_json::to_value(turn).map_err(|error| {
        StepError::permanent("the turn that waits cannot be kept").with_source(error)
    })?;
    Ok(StepPause::new(wait, state).into())
}

/// The error of a step whose turn has failed.
fn step_error(error: ChatError) -> StepError {
    let may_pass = match error.kind() {
        ChatErrorKind::Provider(kind) => kind.is_transient(),
        ChatErrorKind::Coordinator | ChatErrorKind::Conflict | ChatErrorKind::Fault => true,
        _ => false,
    };
    let message = "the turn of the agent failed";
    match may_pass {
        true => StepError::new(message),
        false => StepError::permanent(message),
    }
    .with_source(error)
}
