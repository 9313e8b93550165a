//! The orchestrator as the agent of workflow steps.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use victor_chat_protocol::{ChatInput, ChatResponse};
use victor_checkpoint_protocol::ContentHash;
use victor_core::{BoxError, Message, NamePatterns, Role, SessionId, ToolSpec};
use victor_mode_protocol::{Mode, ModeError, ModeManager, ModePolicy, Permission};
use victor_workflow_protocol::{AgentRequest, AgentTurn, StepAgent, StepError};

use crate::{AgentOrchestrator, Session};

/// Interval at which it is asked whether another process still works on a conversation.
const POLL: Duration = Duration::from_millis(500);

/// Each step is a session. Where a step has tools, a model or a limit of tokens of its own, its session is in a mode made
/// of these and of the mode that the step names, or in which sessions begin: the tools of the step that this mode permits
/// too.
#[async_trait]
impl StepAgent for AgentOrchestrator {
    async fn turn(&self, mut request: AgentRequest) -> Result<AgentTurn, StepError> {
        let session = self.session(request.session.clone());
        self.enter_mode(&session, &request)?;
        let resumes = request.resumes.take();
        if !request.is_repeated && resumes.is_none() {
            return Ok(begin(&session, request.prompt));
        }
        while session.running().await.map_err(failed)?.is_some() {
            tokio::time::sleep(POLL).await;
        }
        let open = session.open_turn().await.map_err(failed)?;
        match (open, resumes) {
            (Some(open), Some((turn, approvals)))
                if open.turn == turn.turn && open.approvals == turn.approvals =>
            {
                Ok(AgentTurn::Runs(Box::new(session.resume(open, approvals))))
            }
            // It asks something else by now, or asks again what nobody has heard.
            (Some(open), _) if !open.approvals.is_empty() => Ok(AgentTurn::Waits(Box::new(open))),
            (Some(open), _) => Ok(AgentTurn::Runs(Box::new(session.resume(open, [])))),
            (None, resumes) => match (ended(&session).await?, resumes) {
                (Some(response), _) => Ok(AgentTurn::Ended(Box::new(response))),
                (None, Some((turn, approvals))) => {
                    Ok(AgentTurn::Runs(Box::new(session.resume(turn, approvals))))
                }
                (None, None) => Ok(begin(&session, request.prompt)),
            },
        }
    }
}

impl AgentOrchestrator {
    fn enter_mode(&self, session: &Session, request: &AgentRequest) -> Result<(), StepError> {
        if request.is_plain() {
            return Ok(());
        }
        let refused = |error: ModeError| {
            StepError::permanent("the step cannot be in its mode").with_source(error)
        };
        let Some(modes) = self.mode_coordinator() else {
            let error = ModeError::unknown(request.mode.as_deref().unwrap_or("step"), [""; 0]);
            return Err(refused(error));
        };
        let mode = enter(&**modes, request).map_err(refused)?;
        session.switch_mode(&mode).map_err(refused)?;
        Ok(())
    }
}

/// A mode with the tools, the model and the limit of a step.
#[derive(Debug)]
struct StepMode {
    mode: Mode,
    base: Arc<dyn ModePolicy>,
}

/// Returns the name of the mode of a step, which is there then.
fn enter(modes: &dyn ModeManager, request: &AgentRequest) -> Result<String, ModeError> {
    let base = match &request.mode {
        Some(name) => {
            let known = modes.modes();
            let found = known
                .iter()
                .find(|mode| mode.mode().name.eq_ignore_ascii_case(name));
            let names = known.iter().map(|mode| mode.mode().name.as_str());
            found
                .cloned()
                .ok_or_else(|| ModeError::unknown(name, names))?
        }
        // A session that nobody knows is in the default mode.
        None => modes.mode(&SessionId::generate()),
    };
    let AgentRequest {
        model,
        tools,
        max_tokens,
        ..
    } = request;
    let mut mode = base.mode().clone();
    if tools.is_none() && model.is_none() && max_tokens.is_none() {
        return Ok(mode.name);
    }
    let content = json!([mode.name, model, tools, max_tokens]).to_string();
    let hash = ContentHash::of(content.as_bytes()).to_string();
    mode.name = format!("step-{}", hash.get(..32).unwrap_or(&hash));
    mode.description = format!("a step of a workflow, within `{}`", base.mode().name);
    mode.open_to_model = false;
    if let Some(tools) = tools {
        let mut permitted = NamePatterns::default();
        permitted.allow.clone_from(tools);
        mode.tools = permitted;
    }
    mode.model = model.clone().or(mode.model);
    let limits = [*max_tokens, mode.limits.max_tokens];
    mode.limits.max_tokens = limits.into_iter().flatten().min();
    let name = mode.name.clone();
    match modes.register(Arc::new(StepMode { mode, base })) {
        // The name is made of the content.
        Ok(()) | Err(ModeError::Duplicate(_)) => Ok(name),
        Err(error) => Err(error),
    }
}

impl ModePolicy for StepMode {
    fn mode(&self) -> &Mode {
        &self.mode
    }

    fn permits(&self, tool: &ToolSpec) -> Permission {
        self.base.permits(tool).and(|| self.mode.permits(tool))
    }
}

fn begin(session: &Session, prompt: String) -> AgentTurn {
    AgentTurn::Runs(Box::new(session.stream_chat(ChatInput::from(prompt))))
}

/// The turn of a conversation that has ended with an answer.
async fn ended(session: &Session) -> Result<Option<ChatResponse>, StepError> {
    let transcript = session.transcript().await.map_err(failed)?;
    let last = transcript.into_iter().next_back();
    let is_answer = |message: &Message| {
        *message.role() == Role::Assistant
            && !message.text().is_empty()
            && message.tool_calls().next().is_none()
    };
    Ok(last.and_then(|last| {
        let turn = last.turn.filter(|_| is_answer(&last.message))?;
        Some(ChatResponse::new(session.id().clone(), turn, last.message))
    }))
}

fn failed(error: impl Into<BoxError>) -> StepError {
    StepError::new("the conversation of the step cannot be read").with_source(error)
}
