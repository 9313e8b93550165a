//! An agent as it is.

use async_trait::async_trait;
use victor_chat_protocol::{Agent, ChatInput};
use victor_workflow_protocol::{AgentRequest, AgentTurn, StepAgent, StepError};

/// An agent as it is, for steps that ask for no mode, model, tools or limit of their own.
///
/// It is sent the prompt, in the one conversation that it has. It cannot be resumed, so a turn in which a person would
/// have to be asked fails.
#[derive(Debug)]
pub struct PlainAgent<A>(A);

impl<A: Agent + 'static> PlainAgent<A> {
    /// Takes an agent as it is.
    pub const fn new(agent: A) -> Self {
        Self(agent)
    }
}

#[async_trait]
impl<A: Agent + 'static> StepAgent for PlainAgent<A> {
    async fn turn(&self, request: AgentRequest) -> Result<AgentTurn, StepError> {
        let name = self.0.name();
        if !request.is_plain() {
            return Err(StepError::permanent(format!(
                "agent `{name}` takes a prompt and no mode, model, tools or limit of tokens: leave them out, or use an \
                 orchestrator"
            )));
        }
        if request.resumes.is_some() {
            return Err(StepError::permanent(format!(
                "agent `{name}` cannot go on with a turn in which a person was asked: use an orchestrator"
            )));
        }
        let input = ChatInput::from(request.prompt);
        Ok(AgentTurn::Runs(Box::new(self.0.stream_chat(input))))
    }
}
