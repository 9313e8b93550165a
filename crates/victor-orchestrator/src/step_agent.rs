//! The orchestrator as the agent of workflow steps.

use async_trait::async_trait;
use victor_chat_protocol::ChatInput;
use victor_core::BoxError;
use victor_mode_guard::NarrowedMode;
use victor_session_loader::LastTurn;
use victor_workflow_protocol::{AgentRequest, AgentTurn, StepAgent, StepError};

use crate::AgentOrchestrator;

/// Each step is a session. Where a step has tools, a model or a limit of tokens of its own, its session is in a mode
/// made of these and of the mode that the step names, or in which sessions begin: the tools of the step that this mode
/// permits too.
#[async_trait]
impl StepAgent for AgentOrchestrator {
    async fn turn(&self, mut request: AgentRequest) -> Result<AgentTurn, StepError> {
        let session = self.session(request.session.clone());
        if !request.is_plain() {
            let mode = NarrowedMode {
                base: request.mode.as_deref(),
                tools: request.tools.as_deref(),
                model: request.model.as_ref(),
                max_tokens: request.max_tokens,
            };
            let narrowed = self.sessions().modes.narrow(&session.id, &mode);
            let refused = StepError::permanent("the step cannot be in its mode");
            narrowed.map_err(|error| refused.with_source(error))?;
        }
        let resumes = request.resumes.take();
        let begin = || session.stream_chat(ChatInput::from(request.prompt));
        if !request.is_repeated && resumes.is_none() {
            return Ok(AgentTurn::Runs(Box::new(begin())));
        }
        let last = self.sessions().last_turn(&session.id).await;
        let stream = match (last.map_err(failed)?, resumes) {
            (LastTurn::Open(open), Some((turn, approvals)))
                if open.turn == turn.turn && open.approvals == turn.approvals =>
            {
                session.resume(*open, approvals)
            }
            // It asks something else by now, or asks again what nobody has heard.
            (LastTurn::Open(open), _) if !open.approvals.is_empty() => {
                return Ok(AgentTurn::Waits(open));
            }
            (LastTurn::Open(open), _) => session.resume(*open, []),
            (LastTurn::Ended(response), _) => return Ok(AgentTurn::Ended(response)),
            (LastTurn::Unknown, Some((turn, approvals))) => session.resume(turn, approvals),
            (LastTurn::Unknown, None) => begin(),
        };
        Ok(AgentTurn::Runs(Box::new(stream)))
    }
}

fn failed(error: impl Into<BoxError>) -> StepError {
    StepError::new("the conversation of the step cannot be read").with_source(error)
}
